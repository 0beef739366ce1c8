"""Reviews as JSON and in words, as far as their reader may know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.model.review import checklist_to
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.review import CandidateDecision, Note
    from lineament.services.review.reviews import EntryStanding, ListReview, WaitingReview


def decision_json(decision: CandidateDecision) -> dict[str, Any]:
    """Return a decision about a candidate as JSON."""
    return {
        "reviewer": decision.reviewer,
        "at": iso(decision.at),
        "outcome": decision.outcome.value,
        "checklist": checklist_to(decision.checklist),
        "grounds": decision.grounds,
        "number": decision.number,
        "because": decision.because,
        "informed": decision.informed,
    }


def review_json(review: ListReview) -> dict[str, Any]:
    """Return the review of a list as JSON, in the order in which its reader sees the candidates."""
    return {
        "search_id": review.stored.result.search_id,
        "hidden": review.hidden,
        "left": review.left,
        "candidates": [standing_json(entry) for entry in review.entries],
    }


def listed_review_json(review: ListReview) -> dict[str, Any]:
    """Return the review of a list as JSON, with whether its reader may decide."""
    may = {"may_decide": review.may_decide, "why_not": review.why_not or None, "reviewers": review.reviewers}
    return review_json(review) | may


def standing_json(entry: EntryStanding) -> dict[str, Any]:
    """Return how the review of one candidate stands as JSON."""
    excluded = entry.excluded
    return {
        "name": entry.name,
        "names": list(entry.names),
        "outcome": None if entry.outcome is None else entry.outcome.value,
        "own": None if entry.own is None else decision_json(entry.own),
        "decisions": [] if entry.review is None else [decision_json(each) for each in entry.review.decisions],
        "excluded_before": None if excluded is None else {"search_id": excluded.search_id, "at": iso(excluded.at)},
        "notes": [note_json(note) for note in entry.notes],
    }


def note_json(note: Note) -> dict[str, Any]:
    """Return a note on a candidate as JSON."""
    return {"author": note.author, "at": iso(note.at), "text": note.text}


def waiting_json(waiting: Iterable[WaitingReview]) -> dict[str, Any]:
    """Return the lists that wait for somebody as JSON."""
    return {"waiting": [waiting_list_json(each) for each in waiting]}


def waiting_list_json(waiting: WaitingReview) -> dict[str, Any]:
    """Return a list that waits for somebody as JSON."""
    return {
        "search_id": waiting.search_id,
        "case": waiting.case.ref,
        "since": iso(waiting.since),
        "asked_by": waiting.asked_by or None,
        "left": waiting.left,
        "listed": waiting.listed,
    }


def standing_words(entry: EntryStanding) -> str:
    """Return how the review of an entry stands, in a few words."""
    if entry.outcome is not None:
        return entry.outcome.value
    if entry.own is not None:
        return "waits for a second person"
    return "to decide" if entry.excluded is None else f"excluded before, on {entry.excluded.at.date()}"
