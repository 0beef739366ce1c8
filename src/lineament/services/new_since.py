"""What is new since an earlier search (ADR 0033)."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.errors import NotFound, Refused
from lineament.model.cases import Case
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeFace, SearchRequest, SearchResult
from lineament.model.together import EnrolledSince
from lineament.store.db import Tx

MANY = 1_000_000
"""Most new faces of a source that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRepeat:
    """A search that may be made again for what is new."""

    search: SearchResult  # without its candidates
    new_faces: int | None  # enrolled in its sources since; None: it does not tell which there were


def enrolled_since(tx: Tx, case: Case, search_id: str) -> EnrolledSince:
    """Return the earlier search of this case. Raises NotFound, or Refused if it does not tell which faces it had.

    Faces get their numbers in the order in which they are committed, and a search takes down the highest number before
    it begins to compare. So every face with a higher number may have been missed by it, and no face with a lower one.
    """
    stored = tx.searches.compared([tx.searches.stored(search_id)])[0].result
    if stored.case_key != case.key:
        raise NotFound(what="search", name=search_id, hint="lineament case show")
    if stored.newest_face is None:
        raise Refused(ReasonCode.NOT_RECORDED_THEN.reason())
    return EnrolledSince(search_id=search_id, at=stored.made_at, face=stored.newest_face)


def request_again(earlier: SearchResult, reason: str) -> SearchRequest:
    """Return the request of a search again, for what is new since it: the same faces, sources and settings."""
    return SearchRequest(
        case=earlier.case_key,
        reason=reason,
        sources=earlier.sources,
        since=earlier.since,
        until=earlier.until,
        limit=earlier.limit,
        mode=earlier.mode,
        min_score=earlier.threshold if earlier.mode is Mode.MANUAL else None,
        others=earlier.others,
        people=tuple(ProbeFace(probe_id=person.probe_id, face=person.face) for person in earlier.people),
        together=earlier.together,
        after=earlier.search_id,
    )


def is_as_asked(made: SearchResult, request: SearchRequest, face: int | None, part: int | None) -> bool:
    """Return whether a search was made with the settings of a request, apart from its sources."""
    if made.others or made.people or made.after is not None or request.after is not None:
        return False
    settings = (made.reason, made.mode, made.since, made.until, made.limit)
    asked = (request.reason, request.mode, request.since, request.until, request.limit)
    by_hand = request.mode is not Mode.MANUAL or made.threshold == request.min_score
    return settings == asked and by_hand and face in {None, made.face} and part in {None, made.probe_part}
