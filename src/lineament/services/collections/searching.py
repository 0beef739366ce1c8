"""Searches in a collection for a program: in the case of its key, through the gate, on the record."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass

from lineament.errors import InvalidValue, NoFace, ReviewedBlind
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, FaceSubject, KnownCollection
from lineament.model.faces import Box, FaceId, Quality
from lineament.model.search import MOST_CANDIDATES, Mode, Probe, ProbeFace, ProbeKind, SearchRequest, SearchResult
from lineament.services.collections.faces import CollectionFaces
from lineament.services.collections.subjects import Subjects
from lineament.services.copies import Copies
from lineament.services.needs import needs
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.search import MOST_FUSED, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSearch:
    """How a program searches a collection."""

    case: str  # that of its key
    reason: str
    min_score: float
    most: int = MOST_CANDIDATES  # faces


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedFace:
    """A face that reaches the score of a search: a candidate."""

    face: CollectionFace
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInCollection:
    """The list of a search, as a program may see it."""

    search_id: str
    box: Box  # of the face searched for
    quality: Quality
    width: int  # of its picture, pixels
    height: int
    found: tuple[RankedFace, ...]  # best first

    def by_subject(self) -> list[tuple[FaceSubject, RankedFace]]:
        """Return the subjects of the faces, each with its best face, best first; faces without one are left out."""
        best: dict[str, tuple[FaceSubject, RankedFace]] = {}
        for each in self.found:
            if each.face.subject is not None:
                best.setdefault(each.face.subject.id, (each.face.subject, each))
        return list(best.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchServices:
    """The services that a search for a program uses."""

    probes: Probes
    search: Search
    copies: Copies
    faces: CollectionFaces
    subjects: Subjects


class CollectionSearch:
    """Searches collections, in an official's name. Lists that are reviewed blind are kept from programs."""

    def __init__(self, record: Record, services: SearchServices) -> None:
        self._record = record
        self._services = services

    @needs(Permission.SEARCH, in_case=True)
    def by_picture(self, collection: KnownCollection, untrusted: bytes, wanted: ProgramSearch) -> FoundInCollection:
        """Search for the largest face of a picture, which becomes a photograph of the case.

        Raises NoFace, and keeps nothing then; ReviewedBlind, whose search is on record; and as ``Search.run``.
        """
        request = _request(collection, wanted)
        self._services.search.admit(request)
        probe = self._services.probes.take_face(wanted.case, untrusted, ProbeKind.OTHER)
        return self._found(probe, self._services.search.run(probe.id, request, 1), wanted, ())

    @needs(Permission.SEARCH, in_case=True)
    def by_probe(
        self, collection: KnownCollection, probe: Probe, face: int, wanted: ProgramSearch
    ) -> FoundInCollection:
        """Search for a face of a photograph of the case, counted from 1. Raises as ``by_picture``."""
        return self._found(probe, self._services.search.run(probe.id, _request(collection, wanted), face), wanted, ())

    @needs(Permission.SEARCH, in_case=True)
    def admit(self, collection: KnownCollection, wanted: ProgramSearch) -> None:
        """Raise Refused if the gate would stop a search; to be called before a photograph is added for it."""
        self._services.search.admit(_request(collection, wanted))

    @needs(Permission.SEARCH, in_case=True)
    def by_face(self, collection: KnownCollection, face: CollectionFace, wanted: ProgramSearch) -> FoundInCollection:
        """Search for an enrolled face, without listing that. Its picture is copied into the case.

        Raises as ``by_picture``, and Refused if the original is not kept any more.
        """
        return self._by_faces(collection, [face.id], wanted)

    @needs(Permission.SEARCH, in_case=True)
    def by_subject(self, collection: KnownCollection, subject: FaceSubject, wanted: ProgramSearch) -> FoundInCollection:
        """Search for the newest faces of a subject, fused, without listing them. Raises NoFace if it has none."""
        ids = self._services.subjects.faces(subject)
        known = self._services.faces.of_ids(ids)
        by_picture = {known[id_].capture_id: id_ for id_ in reversed(ids) if id_ in known and known[id_].comparable}
        chosen = sorted(by_picture.values(), reverse=True)[:MOST_FUSED]
        if not chosen:
            raise NoFace(looked="the subject has no face that can be compared")
        return self._by_faces(collection, chosen, wanted, leave_out=ids)

    def _by_faces(
        self, collection: KnownCollection, ids: Sequence[FaceId], wanted: ProgramSearch, leave_out: Several[FaceId] = ()
    ) -> FoundInCollection:
        request = _request(collection, wanted)
        self._services.search.admit(request)
        first, *others = [self._services.copies.of_face(wanted.case, face_id) for face_id in ids]
        fused = tuple(ProbeFace(probe_id=copy.probe.id, face=copy.face) for copy in others)
        request = _request(collection, wanted, fused)
        result = self._services.search.run(first.probe.id, request, first.face)
        return self._found(first.probe, result, wanted, leave_out or ids)

    def _found(
        self, probe: Probe, result: SearchResult, wanted: ProgramSearch, leave_out: Several[FaceId]
    ) -> FoundInCollection:
        if result.hidden:
            raise ReviewedBlind(search=result.search_id, left=len(result.hidden))
        scores = {
            candidate.face_id: candidate.score
            for candidate in result.candidates
            if candidate.face_id is not None and candidate.face_id not in leave_out
        }
        known = self._services.faces.of_ids(scores)
        found = [RankedFace(face=known[face_id], score=scores[face_id]) for face_id in scores if face_id in known]
        return FoundInCollection(
            search_id=result.search_id,
            box=result.face_box,
            quality=result.quality,
            width=probe.width,
            height=probe.height,
            found=tuple(sorted(found, key=lambda each: -each.score)[: wanted.most]),
        )


def _request(collection: KnownCollection, wanted: ProgramSearch, others: tuple[ProbeFace, ...] = ()) -> SearchRequest:
    if wanted.most < 1:
        raise InvalidValue(what="The most faces of a list", value=wanted.most, why="it is at least 1", field="limit")
    return SearchRequest(
        case=wanted.case,
        reason=wanted.reason,
        sources=(collection.source,),
        limit=min(wanted.most + 1, MOST_CANDIDATES),  # one of them may be the face searched for
        mode=Mode.MANUAL,
        min_score=wanted.min_score,
        others=others,
    )
