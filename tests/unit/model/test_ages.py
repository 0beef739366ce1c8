"""What is told of errors with children and with pictures taken many years apart (R24)."""

from __future__ import annotations

from typing import Any

from lineament.model.ages import UNMEASURED, rates_of_age, words_of_age

RATE = {"value": 0.12345, "low": 0.1, "high": 0.15}
EVIDENCE: dict[str, Any] = {
    "after": {
        "groups": [
            {"group": "Children under 12", "fnir": RATE, "fpir": "insufficient data"},
            {"group": "10 years apart", "fnir": RATE, "fpir": RATE},
            {"group": "CCTV", "fnir": RATE, "fpir": RATE},
        ]
    }
}


def test_groups_of_age_are_told_with_their_intervals_and_others_are_not() -> None:
    assert rates_of_age(EVIDENCE) == (
        ("Children under 12", "FNIR 0.1235 (0.1 to 0.15), FPIR insufficient data"),
        ("10 years apart", "FNIR 0.1235 (0.1 to 0.15), FPIR 0.1235 (0.1 to 0.15)"),
    )
    assert words_of_age(rates_of_age(EVIDENCE)).startswith("Errors measured by age: Children under 12: FNIR 0.1235")


def test_that_nothing_is_measured_is_told() -> None:
    empty: tuple[dict[str, Any] | None, ...] = (None, {}, {"after": {"groups": []}})
    for nothing in empty:
        assert rates_of_age(nothing) == ()
    assert words_of_age(()) == UNMEASURED
