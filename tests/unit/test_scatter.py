"""The simulation of a search of many shards (bench/scatter.py), on times of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from bench.scatter import Circumstances, gather, joined, stretched, uncovered

CALM = Circumstances(delay=0.0, slow=0.0, call=0.0, load=0.0, deadline=2.0)
ALIKE = np.ones(5)


def test_without_delays_a_search_takes_what_a_scan_takes() -> None:
    found = gather(0.1, ALIKE, 8, 2, 100, CALM)
    assert found.at(99.9) == pytest.approx(0.1)
    assert (found.asked_twice, found.incomplete, found.uncovered) == (0, 0, 0)


def test_a_lost_machine_is_asked_about_again_after_a_quarter_of_the_deadline() -> None:
    found = gather(0.1, ALIKE, 8, 2, 100, CALM, lost=0.25)
    assert found.at(50) == pytest.approx(0.5 + 0.1)
    assert (found.asked_twice, found.incomplete) == (1, 0)


def test_without_a_second_copy_its_faces_are_missing_at_the_deadline() -> None:
    found = gather(0.1, ALIKE, 8, 1, 100, CALM, lost=0.25)
    assert found.at(50) == pytest.approx(2.0)
    assert (found.asked_twice, found.incomplete, found.uncovered) == (0, 1, 0.25)


def test_delays_of_a_long_scan_even_out_unless_they_are_stretched() -> None:
    measured = np.array([0.001] * 99 + [0.011])
    assert stretched(measured).max() == pytest.approx(11)
    assert joined(measured, 0.5).max() < 1.5
    assert joined(measured, 0.001).max() == pytest.approx(11)


@pytest.mark.parametrize(
    ("copies", "lost", "share"), [(1, 1, 1 / 10), (2, 1, 0), (2, 2, 1 / 45), (1, 2, 2 / 10), (2, 10, 1)]
)
def test_the_share_that_nobody_has(copies: int, lost: int, share: float) -> None:
    assert uncovered(10, copies, lost) == pytest.approx(share)
