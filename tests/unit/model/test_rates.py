from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.faces import NO_GRADE
from lineament.model.rates import ErrorRates, FalseMatchCurve, MissCurve

CURVE = FalseMatchCurve(
    comparisons=1000,
    measured_to=0.4,
    scores=(0.0, 0.2, 0.4),
    rates=(0.5, 0.05, 0.0005),
    slope=-20.0,
    steepest=-30.0,
    flattest=-10.0,
)
WEAK = FalseMatchCurve(comparisons=10, measured_to=0.4, scores=(0.0, 0.4), rates=(0.5, 0.05), slope=-5.0)
RATES = ErrorRates(
    model="m",
    origin="made by hand",
    grades=(7.0, 9.0),
    false_matches=((WEAK, WEAK), (WEAK, CURVE)),
    misses=(
        MissCurve(comparisons=2, people=2, scores=(0.0, 1.0), shares=(0.5, 1.0)),
        MissCurve(comparisons=9, people=3, scores=(0.0, 0.4, 1.0), shares=(0.0, 0.1, 1.0)),
    ),
)
scores = st.floats(-1, 1)


def test_the_rate_at_a_counted_point_is_the_count() -> None:
    assert CURVE.rate_at(0.2) == pytest.approx(0.05)
    assert CURVE.rate_at(0.4) == pytest.approx(0.0005)


def test_between_points_the_logarithm_is_linear() -> None:
    assert CURVE.rate_at(0.1) == pytest.approx((0.5 * 0.05) ** 0.5)


def test_beyond_the_last_point_the_measured_slope_is_used() -> None:
    assert CURVE.rate_at(0.5) == pytest.approx(0.0005 * 0.1353, rel=1e-3)
    low, high = CURVE.interval_at(0.5)
    assert low < CURVE.rate_at(0.5) < high
    assert CURVE.interval_at(0.3) == (CURVE.rate_at(0.3), CURVE.rate_at(0.3))


def test_below_the_first_point_the_rate_is_the_first() -> None:
    assert CURVE.rate_at(-1.0) == 0.5


@given(scores, scores)
def test_a_higher_score_is_never_reached_by_more_strangers(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert CURVE.rate_at(low) >= CURVE.rate_at(high)


@pytest.mark.parametrize(("norm", "grade"), [(6.9, NO_GRADE), (7.0, 0), (8.9, 0), (9.0, 1), (40.0, 1)])
def test_the_norm_tells_the_grade(norm: float, grade: int) -> None:
    assert RATES.grade(norm) == grade


def test_strangers_are_expected_by_the_grades_of_both_templates() -> None:
    assert RATES.expected_false(0.4, 1, [0, 1000]) == pytest.approx(0.5)
    assert RATES.expected_false(0.4, 1, [10, 1000]) == pytest.approx(0.5 + 10 * 0.05)
    assert RATES.expected_false(0.4, 0, [0, 1000]) == pytest.approx(50)
    assert RATES.expected_false(0.4, NO_GRADE, [0, 1000]) == RATES.expected_false(0.4, 0, [0, 1000])


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 1))
def test_the_threshold_lets_so_many_strangers_through(weak: int, strong: int, grade: int) -> None:
    score = RATES.score_for(0.1, grade, [weak, strong])
    assert -1 <= score <= 1
    at_an_end = score in {-1, 1}
    assert at_an_end or RATES.expected_false(score, grade, [weak, strong]) == pytest.approx(0.1, rel=1e-6)


def test_an_empty_gallery_has_no_threshold() -> None:
    assert RATES.score_for(0.1, 1, [0, 0]) == -1.0


def test_the_weaker_the_probe_the_more_mates_are_missed() -> None:
    assert RATES.missed(0.4, 1) == pytest.approx(0.1)
    assert RATES.missed(0.2, 1) == pytest.approx(0.05)
    assert RATES.missed(0.4, 0) == pytest.approx(0.7)
    assert RATES.missed(0.4, NO_GRADE) == RATES.missed(0.4, 0)
    assert RATES.missed(-1.0, 0) == 0.5


def test_unmeasured_rates_expect_every_stranger_and_tell_no_misses() -> None:
    rates = ErrorRates.unmeasured("m")
    assert rates.expected_false(0.9, 0, [1000]) == 1000
    assert rates.score_for(0.1, 0, [1000]) == 1
    assert rates.missed(0.5, 0) is None


def test_the_file_that_the_benchmark_writes() -> None:
    facts = {
        "model": "m",
        "origin": "made by hand",
        "grades": [7.0, 9.0],
        "false_matches": [
            {"grades": [0, 0]} | asdict(WEAK),
            {"grades": [0, 1]} | asdict(WEAK),
            {"grades": [1, 1]} | asdict(CURVE),
        ],
        "misses": [asdict(curve) for curve in RATES.misses],
    }
    assert ErrorRates.from_json(facts) == RATES
    with pytest.raises(KeyError):
        ErrorRates.from_json(facts | {"false_matches": facts["false_matches"][:2]})


def test_strangers_have_an_interval_beyond_what_was_counted_and_only_there() -> None:
    assert RATES.extrapolated_false(0.4, 1, [0, 1000]) is None
    ends = RATES.extrapolated_false(0.5, 1, [0, 1000])
    assert ends is not None
    low, high = ends
    assert pytest.approx(low, rel=1e-2) == 1000 * 0.0005 * 0.0497
    assert pytest.approx(high, rel=1e-2) == 1000 * 0.0005 * 0.3679
    assert low < RATES.expected_false(0.5, 1, [0, 1000]) < high
    assert RATES.extrapolated_false(0.3, 0, [0, 0]) is None


@pytest.mark.parametrize(("score", "low", "high"), [(0.0, 0.0, 0.0370), (0.4, 0.0552, 0.1744), (1.0, 0.9630, 1.0)])
def test_the_interval_of_missed_faces_counts_each_person_once(score: float, low: float, high: float) -> None:
    """The values are those that Wilson's formula gives for 0, 10 and 100 of 100 people."""
    misses = MissCurve(comparisons=9000, people=100, scores=(0.0, 0.4, 1.0), shares=(0.0, 0.1, 1.0))
    assert misses.interval_at(score) == pytest.approx((low, high), abs=1e-4)
