"""Events of reviews: decisions, notes and requests. ``case`` is the agency's own reference."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class CandidateDecided(Event, action=Action.CANDIDATE_DECIDED):
    """Somebody decided about a candidate. What they found is in the row that the entry commits to."""

    case: str
    search: str
    entry: int  # of the list
    decision: str
    outcome: str
    seat: int  # of two people: 1 for whoever decided first
    changed: bool = False  # it replaces an earlier decision of the same person


class CandidateNoted(Event, action=Action.CANDIDATE_NOTED):
    """Somebody wrote a note on a candidate."""

    case: str
    search: str
    entry: int
    note: str


class ReviewAsked(Event, action=Action.REVIEW_ASKED):
    """Somebody was asked to review a list."""

    case: str
    search: str
    of: str  # name


class PairsKnown(Event, action=Action.PAIRS_KNOWN):
    """A supervisor recorded which candidates of a list are the person of the probe, to measure reviewers (R23)."""

    case: str
    search: str
    pairs: int
