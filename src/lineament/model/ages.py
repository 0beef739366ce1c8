"""What is measured of errors with children and with pictures taken many years apart, where most go wrong (R24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNMEASURED = "No error is measured for children and for pictures taken many years apart; expect more errors there."
_OF_AGE = ("child", "minor", "young", "age", "year", "under ")


def rates_of_age(evidence: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return the groups by age of a measurement, each with its error rates at the threshold in use, in words.

    Args:
        evidence: What the threshold in force rests on, as ``services/threshold/evidence.py`` writes it.
    """
    groups = (evidence or {}).get("after", {}).get("groups", ())
    return tuple(
        (str(each["group"]), ", ".join(f"{name.upper()} {_rate(each.get(name))}" for name in ("fnir", "fpir")))
        for each in groups
        if any(word in each["group"].casefold() for word in _OF_AGE)
    )


def words_of_age(rates: Sequence[tuple[str, str]]) -> str:
    """Return the error rates by age as a sentence, or that none is measured."""
    if not rates:
        return UNMEASURED
    return f"Errors measured by age: {'; '.join(f'{group}: {rate}' for group, rate in rates)}."


def _rate(rate: Any) -> str:
    if not isinstance(rate, Mapping) or "value" not in rate:
        return "insufficient data"
    return f"{rate['value']:.4g} ({rate['low']:.4g} to {rate['high']:.4g})"
