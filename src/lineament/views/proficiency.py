"""How often reviewers were right about known pairs, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.model.proficiency import LEAST_PAIRS
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.proficiency import Decided, Proficiency


def decided_words(decided: Decided) -> str:
    """Return the share of known pairs that somebody was wrong about, with its interval, or why it is not told."""
    if decided.rate is None or decided.interval is None:
        return f"{decided.pairs} of {LEAST_PAIRS} pairs" if decided.pairs else "none"
    low, high = decided.interval
    return f"{decided.rate:.1%} ({low:.1%} to {high:.1%})"


def proficiency_json(reviewers: Iterable[Proficiency]) -> dict[str, Any]:
    """Return how often reviewers were right about known pairs as JSON; rates from 0 to 1, null if too few pairs."""
    return {
        "reviewers": [
            {
                "reviewer": each.reviewer,
                "mated": _decided_json(each.mated),
                "non_mated": _decided_json(each.others),
                "last_at": iso(each.last_at),
            }
            for each in reviewers
        ]
    }


def _decided_json(decided: Decided) -> dict[str, Any]:
    return {
        "pairs": decided.pairs,
        "right": decided.right,
        "wrong": decided.wrong,
        "rate": decided.rate,
        "interval": None if decided.interval is None else list(decided.interval),
    }
