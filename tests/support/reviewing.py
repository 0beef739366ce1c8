"""Decisions for tests of reviews."""

from __future__ import annotations

from lineament.model.review import Assessment, CandidateDecision, Draft, Feature, ReviewOutcome
from lineament.workspace import Desk

FOUND = {
    ReviewOutcome.LEAD: Assessment.SIMILAR,
    ReviewOutcome.EXCLUDED: Assessment.DIFFERENT,
    ReviewOutcome.INCONCLUSIVE: Assessment.UNCLEAR,
    ReviewOutcome.NOT_COMPARABLE: Assessment.NOT_VISIBLE,
}


def draft(outcome: ReviewOutcome, because: str = "") -> Draft:
    """Return a complete decision; every feature is found as the outcome says."""
    checklist = dict.fromkeys(Feature, FOUND[outcome])
    return Draft(outcome=outcome, checklist=checklist, grounds="the ears and the brows", because=because)


def decide_all(desk: Desk, search_id: str, outcome: ReviewOutcome = ReviewOutcome.EXCLUDED) -> list[CandidateDecision]:
    """Decide about every candidate that is left, in the reader's own order."""
    left = [entry.name for entry in desk.reviews.of_search(search_id).entries if entry.is_left]
    return [desk.reviews.decide(search_id, name, draft(outcome)) for name in left]
