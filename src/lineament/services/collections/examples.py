"""Examples: faces of subjects, each enrolled from a picture that shows it alone, as programs of CompreFace add them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from lineament.errors import InvalidValue, NoFace, NotFound, Refused, SeveralFaces, WrongState
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, Indexed, KnownCollection, checked_called
from lineament.model.edits import face_at
from lineament.model.events.collections import CollectionRead
from lineament.model.events.sources import SourcePicturesRead
from lineament.model.faces import Face
from lineament.model.reasons import ReasonCode
from lineament.services.collections.faces import CollectionFaces, PictureToIndex
from lineament.services.collections.looking import LookAtPictures, SeenPicture
from lineament.services.collections.subjects import Subjects
from lineament.services.gallery.items import IngestOutcome
from lineament.services.needs import needs
from lineament.services.probes import face_of
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures

_AT_ONCE = 500
FACE, SUBJECT = "face", "subject"
"""The fields of what is wrong about an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExample:
    """A picture of a subject, as a program sends it."""

    untrusted: bytes
    subject: str
    least_score: float = 0.0  # of the detector, 0 to 1: what has a lower one does not count as a face
    alone: bool = True  # it must show one face; else the largest is enrolled
    good: bool = False  # nothing may be against comparing it

    @property
    def name(self) -> str:
        """The beginning of the SHA-256 of its bytes, by which messages name it."""
        return hashlib.sha256(self.untrusted).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplePart:
    """A part of the list of examples."""

    examples: tuple[CollectionFace, ...]  # in the order of their enrolment
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleServices:
    """The services that examples are made of."""

    faces: CollectionFaces
    subjects: Subjects
    looking: LookAtPictures
    stored: StoredPictures


class Examples:
    """Adds, lists and erases examples of subjects, in an official's name."""

    def __init__(self, record: Record, services: ExampleServices) -> None:
        self._record = record
        self._services = services

    @needs(Permission.MANAGE_SOURCES)
    def add(self, collection: KnownCollection, wanted: WantedExample) -> CollectionFace:
        """Enrol a face of a picture as one of a subject, who is added if they are new.

        Raises NoFace, SeveralFaces, InvalidValue for a file of several pictures, for a face that cannot be compared
        well (its field is FACE) or is enrolled as somebody else's (SUBJECT), WrongState for a picture that was erased
        before, and as ``Enrol.run``.
        """
        checked_called(wanted.subject, "The name of a subject", "subject")
        shown = _face_to_enrol(self._services.looking.detect(wanted.untrusted), wanted)
        picture = PictureToIndex(untrusted=wanted.untrusted, most_faces=1)
        face = _enrolled(self._services.faces.index(collection, picture), shown, wanted)
        if face.subject is None:
            self._services.subjects.assign(collection, wanted.subject, [face.key], add=True)
            face = self._services.faces.get(collection, face.key)
        if face.subject is None or face.subject.called != wanted.subject:
            why = "it is enrolled as one of another subject; delete that first"
            raise InvalidValue(what="The picture", value=wanted.name, why=why, field=SUBJECT)
        return face

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def part(self, collection: KnownCollection, *, first: int, limit: int, subject: str | None) -> ExamplePart:
        """Return examples from number ``first`` (from 0), of all subjects or of one, and record that they were read.

        There are none of a subject that does not exist.
        """
        with self._record.change() as change:
            its = None if subject is None else change.tx.subjects.find(collection.source_id, subject)
            ids, total = [], 0
            if subject is None or its is not None:
                ids = change.tx.collection_faces.shown(collection.source_id, its, first, limit)
                total = change.tx.collection_faces.count_shown(collection.source_id, its)
            change.record(CollectionRead(source=collection.source, faces=len(ids)))
        known = self._services.faces.of_ids(ids)
        return ExamplePart(examples=tuple(known[id_] for id_ in ids if id_ in known), total=total)

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def subjects(self, collection: KnownCollection) -> list[str]:
        """Return the names of all subjects, sorted, and record that they were read."""
        return sorted(self._every_subject(collection))

    @needs(Permission.MANAGE_SOURCES)
    def erase_of(self, collection: KnownCollection, subject: str | None) -> int:
        """Erase the examples of a subject and the subject, or of every one; return how many examples there were.

        Faces of which no program says whom they show stay. A subject that does not exist has none.
        """
        if subject is not None:
            return self._erase(collection, subject)
        return sum(self._erase(collection, called) for called in self._every_subject(collection))

    @needs(Permission.MANAGE_SOURCES)
    def erase_subjects(self, collection: KnownCollection) -> int:
        """Erase every subject with their examples; return how many subjects there were."""
        called = self._every_subject(collection)
        for each in called:
            self._erase(collection, each)
        return len(called)

    @needs(Permission.MANAGE_SOURCES)
    def erase_subject(self, collection: KnownCollection, subject: str) -> None:
        """Erase a subject with their examples. Raises NotFound."""
        self._services.subjects.get(collection, subject)
        self._erase(collection, subject)

    @needs(Permission.MANAGE_SOURCES)
    def picture(self, collection: KnownCollection, key: str) -> bytes:
        """Return an example as JPEG: the face, as it is enrolled. Raises NotFound, or Refused for known abuse."""
        face = self._services.faces.get(collection, key)
        with self._record.change() as change:
            enrolled, capture = change.tx.faces.get(face.id), change.tx.captures.get(face.capture_id)
            if capture.barred:
                raise Refused(ReasonCode.KNOWN_ABUSE.reason())
            read = (int(capture.id), int(capture.id))
            change.record(SourcePicturesRead(source=collection.source, which="one picture", captures=read))
            return self._services.stored.face(change.tx, enrolled, capture)

    def _every_subject(self, collection: KnownCollection) -> list[str]:
        found: list[str] = []
        after = ""
        while True:
            part = self._services.subjects.page(collection, after=after, limit=_AT_ONCE)
            found += [subject.called for subject in part]
            if len(part) < _AT_ONCE:
                return found
            after = part[-1].id

    def _erase(self, collection: KnownCollection, called: str) -> int:
        """Erase the examples of a subject first, so that whoever is interrupted can do it again by the name."""
        erased = 0
        while part := self.part(collection, first=0, limit=_AT_ONCE, subject=called).examples:
            self._services.faces.delete(collection, [face.key for face in part])
            erased += len(part)
        with suppress(NotFound):  # there was none of that name, or somebody else removed it
            self._services.subjects.remove(collection, called)
        return erased


def _face_to_enrol(seen: SeenPicture, wanted: WantedExample) -> Face:
    """Return the face of a picture that is to be enrolled. Raises the error that tells why none can be."""
    if seen.parts > 1:  # the faces of all of them would be enrolled as those of the subject
        why = f"its file holds {seen.parts} pictures, and the others may show somebody else; send one of them"
        raise InvalidValue(what="The picture", value=wanted.name, why=why, field="file")
    sure = tuple(face for face in seen.faces if face.quality.detector_score >= wanted.least_score)
    number = None if wanted.alone else 1 if sure else None
    face = face_of(sure, number, width=seen.width, height=seen.height)
    if face is not seen.faces[0]:  # the largest would be enrolled, which does not count as one
        raise SeveralFaces(count=len(seen.faces), boxes=tuple(each.box for each in seen.faces))
    if not face.comparable:
        why = "its face is too weak to compare; use a sharper or larger picture"
        raise InvalidValue(what="The picture", value=wanted.name, why=why, field=FACE)
    if wanted.good and not face.quality.reliable:
        raise InvalidValue(what="The picture", value=wanted.name, why="; ".join(face.quality.reasons), field=FACE)
    return face


def _enrolled(indexed: Indexed, shown: Face, wanted: WantedExample) -> CollectionFace:
    """Return that face as it is enrolled. Raises the error that tells why it is not."""
    if number := face_at([face.box for face in indexed.faces], shown.box):
        return indexed.faces[number - 1]
    if indexed.faces:
        why = "it was enrolled before without this face, or the face was erased"
        raise InvalidValue(what="The picture", value=wanted.name, why=why, field="file")
    if indexed.outcome == IngestOutcome.ERASED_BEFORE.value:
        raise WrongState(what="picture", name=wanted.name, state="erased", event="enrolled again")
    if indexed.refused:
        raise InvalidValue(what="The picture", value=wanted.name, why=indexed.refused, field="file")
    raise NoFace(looked="no face of it can be enrolled")
