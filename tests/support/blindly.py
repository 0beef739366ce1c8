"""What a hidden list must not tell, and decisions in JSON."""

from __future__ import annotations

from typing import Any

from lineament.model.review import Assessment, Feature, ReviewOutcome
from lineament.model.search import SearchResult

_NOSE = {ReviewOutcome.LEAD: Assessment.SIMILAR, ReviewOutcome.EXCLUDED: Assessment.DIFFERENT}


def secrets_of(found: SearchResult) -> list[str]:
    """Return what tells a candidate of a list, as it would stand in JSON: scores, addresses, digests and titles."""
    told = []
    for candidate in found.candidates:
        told += [str(candidate.score), str(candidate.expected_false), candidate.uri, candidate.sha256]
        told += [text for text in (candidate.page_uri, candidate.page_title) if text]
    assert len(told) >= 4
    return told


def decision(outcome: ReviewOutcome, **more: str) -> dict[str, Any]:
    """Return a complete decision as a program sends it, from what the nose shows."""
    checklist = {feature.value: Assessment.NOT_VISIBLE.value for feature in Feature}
    checklist[Feature.NOSE.value] = _NOSE[outcome].value
    return {"outcome": outcome.value, "checklist": checklist, "grounds": "The tip of the nose.", **more}
