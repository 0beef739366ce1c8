"""Searches with photographs that are not in a case yet: each is added as a probe, and then searched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from lineament.errors import InvalidValue, LineamentError
from lineament.model.accounts import Permission
from lineament.model.search import Probe, ProbeFace, ProbeKind, SearchRequest, SearchResult
from lineament.model.together import Together
from lineament.services.needs import needs
from lineament.services.probes import Probes, chosen_face
from lineament.services.record import Record
from lineament.services.search import Search

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A photograph that has not been read yet."""

    name: str  # such as its path
    read: Callable[[], bytes]  # returns its untrusted bytes; raises NoSuchFile or FileTooLarge


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPhotograph:
    """One of several photographs that could not be searched, and why."""

    name: str
    error: LineamentError


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPhotograph(Photograph):
    """A photograph of a batch; what is None is as the request says."""

    face: int | None = None
    part: int | None = None
    kind: ProbeKind | None = None
    reason: str | None = None
    line: int | None = None  # of the table that names it


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFace:
    """A face of a probe of the case."""

    probe_id: str
    face: int | None = None  # from 1; None: the only one


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedBefore:
    """A photograph of a batch that was left out, because a search of the case was made of it with these settings."""

    name: str
    search_id: str


class Photographs:
    """Adds photographs to a case and searches with them."""

    def __init__(self, record: Record, probes: Probes, search: Search) -> None:
        self._record = record
        self._probes = probes
        self._search = search

    @needs(Permission.SEARCH, in_case=True)
    def search(
        self,
        photograph: Photograph,
        request: SearchRequest,
        *,
        kind: ProbeKind | None = None,
        face: int | None = None,
        part: int | None = None,
    ) -> SearchResult:
        """Search with a photograph; store nothing if the gate refuses. Raises errors of ``Probes`` and ``Search``.

        ``part``: which picture of the file, as in ``Probes.take``.
        """
        untrusted = photograph.read()
        self._search.admit(request)
        probe = self._probes.take(request.case, untrusted, kind=kind, part=part)
        return self._search.run(probe.id, request, face)

    @needs(Permission.SEARCH, in_case=True)
    def search_each(
        self, photographs: Sequence[Photograph], request: SearchRequest, *, kind: ProbeKind | None = None
    ) -> Iterator[SearchResult | FailedPhotograph]:
        """Search with each photograph by itself, in order; one that fails does not stop the others.

        Raises Refused before any is read if the gate would stop them all.
        """
        self._search.admit(request)
        for photograph in photographs:
            yield _answer(photograph.name, partial(self.search, photograph, request, kind=kind))

    @needs(Permission.SEARCH, in_case=True)
    def search_probes(
        self, faces: Sequence[ChosenFace], request: SearchRequest
    ) -> Iterator[SearchResult | FailedPhotograph]:
        """Search with each face of probes of the case by itself, in order; one that fails does not stop the others.

        Raises Refused before any if the gate would stop them all.
        """
        self._search.admit(request)
        for chosen in faces:
            yield _answer(chosen.probe_id, partial(self._search.run, chosen.probe_id, request, chosen.face))

    @needs(Permission.SEARCH, in_case=True)
    def search_batch(
        self, photographs: Sequence[BatchPhotograph], request: SearchRequest, *, again: bool = False
    ) -> Iterator[tuple[BatchPhotograph, SearchResult | SearchedBefore | FailedPhotograph]]:
        """Search with each photograph by itself, in order; the gate is asked before each.

        Unless ``again``, a photograph is left out if the case has a search of the same bytes with the same settings: so
        a batch that was interrupted resumes where it stopped. Raises Refused as soon as the gate stops the rest.
        """
        for photograph in photographs:
            asked = request if photograph.reason is None else replace(request, reason=photograph.reason)
            self._search.admit(asked)
            yield photograph, _answer(photograph.name, partial(self._of_batch, photograph, asked, again=again))

    def _of_batch(
        self, photograph: BatchPhotograph, request: SearchRequest, *, again: bool
    ) -> SearchResult | SearchedBefore:
        untrusted = photograph.read()
        face, part = photograph.face, photograph.part
        if not again:
            sha256 = hashlib.sha256(untrusted).hexdigest()
            if (made := self._search.made(request, sha256, face=face, part=part)) is not None:
                return SearchedBefore(name=photograph.name, search_id=made)
        probe = self._probes.take(request.case, untrusted, kind=photograph.kind, part=part)
        return self._search.run(probe.id, request, face)

    @needs(Permission.SEARCH, in_case=True)
    def search_fused(
        self,
        photographs: Sequence[Photograph],
        request: SearchRequest,
        *,
        kind: ProbeKind | None = None,
        face: int | None = None,
        part: int | None = None,
    ) -> SearchResult | FailedPhotograph:
        """Search once with all photographs, which show one person; or return the first that cannot be used.

        ``face`` and ``part`` are those of the first photograph; each of the others must show exactly one face.
        """
        taken = self._take(photographs, request, kind, part)
        if isinstance(taken, FailedPhotograph):
            return taken
        first, others = taken
        return self._search.run(first.id, replace(request, others=others), face)

    @needs(Permission.SEARCH, in_case=True)
    def search_together(  # noqa: PLR0913 - as search_fused
        self,
        photographs: Sequence[Photograph],
        request: SearchRequest,
        together: Together,
        *,
        kind: ProbeKind | None = None,
        face: int | None = None,
        part: int | None = None,
    ) -> SearchResult | FailedPhotograph:
        """Search for several people at once; or return the first photograph that cannot be used.

        Each photograph shows another person, chosen as in ``search_fused``. A single one shows all of them: ``face`` is
        the first person then, and its other faces are the others. Raises InvalidValue if it shows one face only.
        """
        taken = self._take(photographs, request, kind, part)
        if isinstance(taken, FailedPhotograph):
            return taken
        first, people = taken
        if len(photographs) == 1:
            face = face or 1
            numbers = range(1, len(first.faces) + 1)
            people = tuple(ProbeFace(probe_id=first.id, face=number) for number in numbers if number != face)
        if not people:
            why = f"it shows {len(first.faces)}; several people need another photograph, or one that shows them all"
            raise InvalidValue(what="The number of faces", value=photographs[0].name, why=why)
        return self._search.run(first.id, replace(request, people=people, together=together), face)

    def _take(
        self, photographs: Sequence[Photograph], request: SearchRequest, kind: ProbeKind | None, part: int | None
    ) -> tuple[Probe, tuple[ProbeFace, ...]] | FailedPhotograph:
        """Add the photographs as probes; return the first, and the only face of each of the others.

        ``part`` is that of the first. Nothing is stored if one cannot be opened or the gate refuses.
        """
        untrusted: list[bytes] = []
        probes: list[Probe] = []
        others: list[ProbeFace] = []
        for photograph in photographs:
            try:
                untrusted.append(photograph.read())
            except LineamentError as error:
                return FailedPhotograph(name=photograph.name, error=error)
        self._search.admit(request)
        for photograph, content in zip(photographs, untrusted, strict=True):
            try:
                probe = self._probes.take(request.case, content, kind=kind, part=None if probes else part)
                if probes:
                    others.append(_only_face(probe))
            except LineamentError as error:
                return FailedPhotograph(name=photograph.name, error=error)
            probes.append(probe)
        return probes[0], tuple(others)


def _answer(name: str, search: Callable[[], Answer]) -> Answer | FailedPhotograph:
    """Search with one of several photographs, or return why that failed."""
    try:
        return search()
    except LineamentError as error:
        return FailedPhotograph(name=name, error=error)


def _only_face(probe: Probe) -> ProbeFace:
    """Return the only face of a probe. Raises SeveralFaces or NoFace if there is not exactly one."""
    return ProbeFace(probe_id=probe.id, face=probe.faces.index(chosen_face(probe, None)) + 1)
