"""Searches, and their candidates: starting points, never findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lineament.client.answers import BatchedSearches, Beside, Copy, ListedSearch, Search
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import (
    Request,
    act,
    act_for_bytes,
    act_on_bytes,
    act_on_parts,
    fields_of,
    get,
    get_bytes,
    place,
)
from lineament.client.steps import Telling, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a search is made."""

    reason: str | None = None
    """Why it is made, for the record; None: the reason of the key."""
    sources: tuple[str, ...] = ()
    """Only these; empty: all that the key may."""
    since: date | None = None
    """The first day of capture."""
    until: date | None = None
    """The last day of capture."""
    limit: int | None = None
    """Most entries of the list."""
    mode: str | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face of a photograph of the case."""

    probe: str
    face: int | None = None
    """From 1; None: the only one."""


USUAL = Settings()


class Searches(Noun[Transport]):
    """The searches of cases."""

    @told
    def list(self, case: str) -> Telling[ListedSearch]:
        """Yield the searches of a case, the newest first; that is on the record."""
        return pages(get(ListedSearch, place("cases", case, "searches")))

    @asked
    def get(self, search: str) -> Request[Search]:
        """Return a search with its list; that is on the record.

        Where the policy asks for it, ``candidates`` is empty and ``hidden`` has the list, without ranks and scores.
        """
        return get(Search, place("searches", search))

    @asked
    def make(  # noqa: PLR0913 - what a search consists of
        self,
        case: str,
        face: Face,
        settings: Settings = USUAL,
        *,
        others: Sequence[Face] = (),
        people: Sequence[Face] = (),
        together: str | None = None,
        after: str | None = None,
    ) -> Request[Search]:
        """Search with a face of a photograph of the case; it is on the record before the list is returned.

        ``others`` are faces of the same person, ``people`` of other people, of whom pictures are to show “all” or
        “any” (``together``); ``after`` is a search of the case since which the faces were enrolled.
        """
        return act(
            Search,
            place("cases", case, "searches"),
            **fields_of(face),
            others=list(others),
            people=list(people),
            together=together,
            after=after,
            **fields_of(settings),
        )

    @asked
    def photograph(  # noqa: PLR0913 - what a search consists of
        self,
        case: str,
        photograph: bytes,
        settings: Settings = USUAL,
        *,
        kind: str | None = None,
        face: int | None = None,
        part: int | None = None,
    ) -> Request[Search]:
        """Keep a photograph with its case and search with it; nothing is kept if the rules say no."""
        path = place("cases", case, "photographs", "search")
        return act_on_bytes(Search, path, photograph, kind=kind, face=face, part=part, **_in_query(settings))

    @asked
    def batch(self, case: str, faces: Sequence[Face], settings: Settings = USUAL) -> Request[BatchedSearches]:
        """Search with several photographs of the case, each by itself; one that fails does not stop the others."""
        path = place("cases", case, "searches", "batch")
        return act(BatchedSearches, path, faces=list(faces), **fields_of(settings))

    @asked
    def photographs(
        self, case: str, photographs: Mapping[str, bytes], settings: Settings = USUAL, *, kind: str | None = None
    ) -> Request[BatchedSearches]:
        """Keep several photographs, each under its name, and search with each; one that fails stops no other."""
        files = [("photograph", (name, content)) for name, content in photographs.items()]
        path = place("cases", case, "photographs", "batch")
        return act_on_parts(BatchedSearches, path, files, query={"kind": kind, **_in_query(settings)})

    @asked
    def candidate(self, search: str, candidate: int | str) -> Request[Beside]:
        """Return a candidate to compare it with the probe, by its rank, or its name while that is hidden."""
        return get(Beside, _candidate(search, candidate))

    @asked
    def candidate_face(self, search: str, candidate: int | str) -> Request[bytes]:
        """Return the face of a candidate, a JPEG."""
        return get_bytes(_candidate(search, candidate, "crop"))

    @asked
    def candidate_picture(self, search: str, candidate: int | str) -> Request[bytes]:
        """Return the whole picture of a candidate, small and without metadata, a JPEG."""
        return get_bytes(_candidate(search, candidate, "thumbnail"))

    @asked
    def copy_candidate(self, search: str, candidate: int | str) -> Request[Copy]:
        """Make a photograph of a candidate's picture, to search with this face."""
        return act(Copy, _candidate(search, candidate, "probe"))

    @asked
    def original(self, search: str, candidate: int | str) -> Request[bytes]:
        """Return the original of a candidate's picture as it was found, untrusted; the opening is on the record."""
        return act_for_bytes(_candidate(search, candidate, "original"))

    @asked
    def page(self, search: str, candidate: int | str, *, alike: int | None = None) -> Request[bytes]:
        """Return the page that showed a candidate's picture, an untrusted WARC record; the opening is on the record.

        ``alike`` is the number of a nearly identical picture, whose page it is then.
        """
        return act_for_bytes(_candidate(search, candidate, "page"), alike=alike)


def _candidate(search: str, candidate: int | str, *more: str) -> str:
    return place("searches", search, "candidates", candidate, *more)


def _in_query(settings: Settings) -> dict[str, Any]:
    sent = fields_of(settings)
    return {"source": sent.pop("sources")} | sent
