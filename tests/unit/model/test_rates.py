from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.rates import FalseMatchTable

TABLE = FalseMatchTable(
    model="m",
    origin="made by hand",
    comparisons=1000,
    measured_to=0.4,
    scores=(0.0, 0.2, 0.4),
    rates=(0.5, 0.05, 0.0005),
)


def test_the_rate_at_a_counted_point_is_the_count() -> None:
    assert TABLE.rate_at(0.2) == pytest.approx(0.05)
    assert TABLE.rate_at(0.4) == pytest.approx(0.0005)


def test_between_points_the_logarithm_is_linear() -> None:
    assert TABLE.rate_at(0.1) == pytest.approx((0.5 * 0.05) ** 0.5)


def test_beyond_the_last_point_the_last_slope_continues() -> None:
    assert TABLE.rate_at(0.6) == pytest.approx(0.0005 * 0.01)


def test_below_the_first_point_the_rate_is_the_first() -> None:
    assert TABLE.rate_at(-1.0) == 0.5


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_score_is_never_reached_by_more_strangers(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert TABLE.rate_at(low) >= TABLE.rate_at(high)


@given(st.integers(1, 10**10))
def test_the_threshold_lets_so_many_strangers_through(faces: int) -> None:
    score = TABLE.score_for(0.1, faces)
    assert -1 <= score <= 1
    at_an_end = score in {-1, 1}
    assert at_an_end or TABLE.expected_false(score, faces) == pytest.approx(0.1, rel=1e-6)


def test_an_empty_gallery_has_no_threshold() -> None:
    assert TABLE.score_for(0.1, 0) == -1.0
