"""Faces of collections: enrolled, listed and erased, with what programs say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, FaceSubject, Indexed, KnownCollection, checked_called
from lineament.model.events.collections import CollectionRead, FacesNamed
from lineament.model.faces import FaceId, Provenance
from lineament.services.collections.keys import FACE, PICTURE, key_of, number_in
from lineament.services.gallery.enrol import Enrol, SentPicture
from lineament.services.gallery.erase import Erase
from lineament.services.gallery.items import IngestOutcome
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.collections import SaidOfFace
from lineament.store.db import Tx
from lineament.store.faces import DescribedFace

_DELETED = "a program deleted the face"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureToIndex:
    """A picture that a program enrols."""

    untrusted: bytes
    called: str | None = None  # the program's own name for its faces
    most_faces: int | None = None  # only the largest are enrolled; None: all
    uri: str | None = None  # where it was fetched; None: the program sent it


class CollectionFaces:
    """Enrols, lists and erases the faces of collections, in an official's name."""

    def __init__(self, record: Record, enrol: Enrol, erase: Erase) -> None:
        self._record = record
        self._enrol = enrol
        self._erase = erase

    @needs(Permission.MANAGE_SOURCES)
    def index(self, collection: KnownCollection, picture: PictureToIndex) -> Indexed:
        """Enrol the faces of a picture. What was enrolled before keeps what was said of it. Raises as ``Enrol.run``."""
        if picture.called is not None:
            checked_called(picture.called, "The name of a face", "external_id")
        digest = hashlib.sha256(picture.untrusted).hexdigest()
        # not by the program's name, which may be that of a person
        found_at = Provenance(uri=picture.uri or f"api:{digest}")
        sent = SentPicture(name=digest, untrusted=picture.untrusted, provenance=found_at)
        (enrolled,) = self._enrol.run(collection.source, [sent], picture.most_faces)
        ids = [face.id for face in enrolled.faces]
        if ids and picture.called is not None:
            self._name(collection, ids, picture.called)
        with self._record.read() as tx:
            faces = self._several(tx, ids)
        return Indexed(
            faces=tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height)),
            left_out=enrolled.left_out,
            outcome=enrolled.outcome.value,
            refused=enrolled.why if enrolled.outcome is IngestOutcome.REFUSED else "",
        )

    def _name(self, collection: KnownCollection, ids: Sequence[FaceId], called: str) -> None:
        with self._record.read() as tx:
            if not [id_ for id_ in ids if id_ not in tx.collection_faces.said_of(ids)]:
                return
        with self._record.change() as change:
            said = change.tx.collection_faces.said_of(ids)
            new = [id_ for id_ in ids if id_ not in said]
            change.tx.collection_faces.add(collection.source_id, new, called, None)
            change.record(FacesNamed(source=collection.source, faces=tuple(map(int, new)), subject=None))

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def page(
        self,
        collection: KnownCollection,
        *,
        after: str = "",
        limit: int = 1000,
        subject: FaceSubject | None = None,
        keys: Sequence[str] | None = None,
    ) -> list[CollectionFace]:
        """Return faces of a collection in the order of their enrolment, and record that they were read.

        ``after``: only those that follow the face with this name for programs, which may be erased. ``subject`` and
        ``keys``: only the faces of that subject, or those with these names. Raises InvalidValue for another ``after``.
        """
        with self._record.change() as change:
            last = _number_of(change.tx, after)
            if keys is not None:
                its = set(self.ids(change.tx, collection, keys).values())
                if subject is not None:
                    its &= set(change.tx.collection_faces.of_subject(subject.id))
                ids = sorted(face_id for face_id in its if face_id > last)[:limit]
            elif subject is None:
                ids = change.tx.collection_faces.ids_of(collection.source_id, last, limit)
            else:
                ids = sorted(id_ for id_ in change.tx.collection_faces.of_subject(subject.id) if id_ > last)[:limit]
            change.record(CollectionRead(source=collection.source, faces=len(ids)))
            return self._several(change.tx, ids)

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def get(self, collection: KnownCollection, key: str) -> CollectionFace:
        """Return a face by its name for programs. Raises NotFound unless the collection has it."""
        with self._record.read() as tx:
            faces = self._several(tx, self.ids(tx, collection, [key]).values())
        if not faces:
            raise NotFound(what="face", name=key[:40], hint="the list of the faces of the collection")
        return faces[0]

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def of_keys(self, collection: KnownCollection, keys: Sequence[str]) -> list[CollectionFace]:
        """Return faces of the collection by their names for programs, in that order; others are left out."""
        with self._record.read() as tx:
            return self._several(tx, self.ids(tx, collection, keys).values())

    @needs(Permission.MANAGE_SOURCES, Permission.SEARCH)
    def of_ids(self, ids: Iterable[FaceId]) -> dict[FaceId, CollectionFace]:
        """Return faces that were found, by their numbers; those that were erased are left out."""
        with self._record.read() as tx:
            return {face.id: face for face in self._several(tx, list(ids))}

    @needs(Permission.MANAGE_SOURCES)
    def delete(self, collection: KnownCollection, keys: Sequence[str]) -> tuple[list[str], list[str]]:
        """Erase faces, and every picture that shows them; return those that were there, and those that were not."""
        with self._record.read() as tx:
            found = self.ids(tx, collection, keys)
        for face_id in found.values():
            self._erase.face(face_id, _DELETED)
        return list(found), [key for key in keys if key not in found]

    @staticmethod
    def ids(tx: Tx, collection: KnownCollection, keys: Iterable[str]) -> dict[str, FaceId]:
        """Return the numbers of those of these faces that the collection has, by their names for programs."""
        numbers = {key: number_in(tx.vault, FACE, key) for key in dict.fromkeys(keys)}
        wanted = [number for number in numbers.values() if number is not None]
        there = {int(id_) for id_ in tx.faces.graded(wanted).get(collection.source_id, {})}
        return {key: FaceId(number) for key, number in numbers.items() if number is not None and number in there}

    @staticmethod
    def _several(tx: Tx, ids: Iterable[FaceId]) -> list[CollectionFace]:
        wanted = list(dict.fromkeys(ids))
        described, said = tx.faces.describe(wanted), tx.collection_faces.said_of(wanted)
        return [_face(tx, described[face_id], said.get(face_id)) for face_id in wanted if face_id in described]


def _number_of(tx: Tx, after: str) -> int:
    """Return the number of the face after which a part of a list begins; 0: it begins with the first."""
    number = number_in(tx.vault, FACE, after) if after else 0
    if number is None:
        why = "it is no place in this list; leave it out to begin"
        raise InvalidValue(what="The cursor", value="…", why=why, field="after")
    return number


def _face(tx: Tx, described: DescribedFace, said: SaidOfFace | None) -> CollectionFace:
    face, capture = described.face, described.capture
    return CollectionFace(
        id=face.id,
        capture_id=capture.id,
        box=face.box,
        landmarks=face.landmarks,
        quality=face.quality,
        width=capture.width,
        height=capture.height,
        comparable=face.comparable,
        key=key_of(tx.vault, FACE, int(face.id)),
        picture_key=key_of(tx.vault, PICTURE, int(capture.id)),
        called=None if said is None else said.called,
        subject=None if said is None else said.subject,
        enrolled_at=capture.enrolled_at,
    )
