"""Which faces of a list are alike enough to share an entry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.templates import vectors

from lineament.model.faces import Vector
from lineament.model.grouping import group_faces, join, margins
from lineament.model.rates import ErrorRates, FalseMatchCurve

STRICT = FalseMatchCurve(comparisons=1000, measured_to=0.9, scores=(-1.0, 0.5, 0.9), rates=(1.0, 1e-6, 1e-9), slope=-9)
LAX = replace(STRICT, scores=(-1.0, 0.2, 0.9))
RATES = ErrorRates(model="m", origin="o", grades=(7.0, 9.0), false_matches=((STRICT, STRICT), (STRICT, LAX)), misses=())
"""A millionth of strangers reaches 0.5 if one template is weak, and 0.2 if both are strong."""


def near(first: Vector, score: float, seed: int) -> Vector:
    """Return a unit vector with that score to ``first``."""
    other = vectors(1, seed)[0]
    across = other - (other @ first) * first
    across /= np.linalg.norm(across)
    made: Vector = (score * first + np.sqrt(1 - score**2) * across).astype(np.float32)
    return made


def test_faces_beyond_the_limit_are_grouped_and_numbered_in_the_order_of_the_list() -> None:
    first, second = np.eye(16, dtype=np.float32)[:2]
    faces = np.stack([first, second, near(first, 0.8, 1), near(second, 0.8, 2), -first])
    assert group_faces(faces, [1] * 5, RATES) == [0, 1, 0, 1, 2]


def test_a_weak_template_needs_a_higher_score() -> None:
    first = np.eye(16, dtype=np.float32)[0]
    faces = np.stack([first, near(first, 0.35, 3)])
    assert group_faces(faces, [1, 1], RATES) == [0, 0]
    assert group_faces(faces, [1, 0], RATES) == [0, 1]


def test_the_limit_is_the_score_that_the_share_of_strangers_reaches() -> None:
    first = np.eye(16, dtype=np.float32)[0]
    exceeding = margins(np.stack([first, near(first, 0.5, 4)]), [0, 1], RATES, 1e-6)
    assert exceeding[0, 1] == pytest.approx(0, abs=1e-6)
    assert exceeding[0, 1] == exceeding[1, 0]


def test_groups_are_joined_by_the_mean_so_that_one_link_does_not_chain_two_people() -> None:
    alike = np.full((4, 4), -0.2)
    alike[0, 1] = alike[1, 0] = alike[2, 3] = alike[3, 2] = 0.3
    alike[1, 2] = alike[2, 1] = 0.1
    assert join(alike) == [0, 0, 1, 1]


def test_a_model_that_nobody_measured_groups_nothing() -> None:
    faces = np.repeat(np.eye(16, dtype=np.float32)[:1], 2, axis=0)
    turned = np.stack([faces[0], near(faces[0], 0.99, 5)])
    assert group_faces(turned, [0, 0], ErrorRates.unmeasured("m")) == [0, 1]


def test_no_face_has_no_group() -> None:
    assert group_faces(np.empty((0, 16), np.float32), [], RATES) == []


def test_joining_agrees_with_a_slow_average_linkage() -> None:
    drawn = np.random.default_rng(1).normal(-0.05, 0.3, (12, 12))
    alike = (drawn + drawn.T) / 2
    groups = [[row] for row in range(12)]
    while True:
        means = [
            (np.mean([alike[a, b] for a in one for b in other]), at, to)
            for at, one in enumerate(groups)
            for to, other in enumerate(groups[at + 1 :], at + 1)
        ]
        best, at, to = max(means)
        if best < 0:
            break
        groups[at] += groups.pop(to)
    joined = join(alike)
    assert {frozenset(group) for group in groups} == {
        frozenset(row for row in range(12) if joined[row] == number) for number in set(joined)
    }
    assert len(groups) < 12
