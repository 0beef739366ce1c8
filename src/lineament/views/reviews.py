"""Reviews as JSON and in words, as far as their reader may know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.model.review import checklist_to
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.review import CandidateDecision
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
        "candidates": [_standing_json(entry) for entry in review.entries],
    }


def _standing_json(entry: EntryStanding) -> dict[str, Any]:
    excluded = entry.excluded
    return {
        "name": entry.name,
        "names": list(entry.names),
        "outcome": None if entry.outcome is None else entry.outcome.value,
        "own": None if entry.own is None else decision_json(entry.own),
        "decisions": [] if entry.review is None else [decision_json(each) for each in entry.review.decisions],
        "excluded_before": None if excluded is None else {"search_id": excluded.search_id, "at": iso(excluded.at)},
        "notes": [{"author": note.author, "at": iso(note.at), "text": note.text} for note in entry.notes],
    }


def waiting_json(waiting: Iterable[WaitingReview]) -> dict[str, Any]:
    """Return the lists that wait for somebody as JSON."""
    return {
        "waiting": [
            {
                "search_id": each.search_id,
                "case": each.case.ref,
                "since": iso(each.since),
                "asked_by": each.asked_by or None,
                "left": each.left,
                "listed": each.listed,
            }
            for each in waiting
        ]
    }


def standing_words(entry: EntryStanding) -> str:
    """Return how the review of an entry stands, in a few words."""
    if entry.outcome is not None:
        return entry.outcome.value
    if entry.own is not None:
        return "waits for a second person"
    return "to decide" if entry.excluded is None else f"excluded before, on {entry.excluded.at.date()}"
