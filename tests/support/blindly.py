"""What a hidden list must not tell, and decisions in JSON."""

from __future__ import annotations

from typing import Any

from tests.support.reviewing import draft

from lineament.model.review import ReviewOutcome
from lineament.model.search import SearchResult


def secrets_of(found: SearchResult) -> list[str]:
    """Return what tells a candidate of a list, as it would stand in JSON: scores, addresses, digests and titles."""
    told = []
    for candidate in found.candidates:
        told += [str(candidate.score), str(candidate.expected_false), candidate.uri, candidate.sha256]
        told += [text for text in (candidate.page_uri, candidate.page_title) if text]
    assert len(told) >= 4
    return told


def decision(outcome: ReviewOutcome) -> dict[str, Any]:
    """Return a complete decision as a program sends it, from what the nose shows."""
    made = draft(outcome)
    checklist = {feature.value: assessment.value for feature, assessment in made.checklist.items()}
    return {"outcome": outcome.value, "checklist": checklist, "grounds": made.grounds}
