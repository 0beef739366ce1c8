"""The reference index, compared with the formula."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.support.templates import as_ids, days_of, vectors

from lineament.index.base import best
from lineament.index.exact import ExactIndex
from lineament.model.scores import score, scores, sum_by_halves


def test_the_score_is_the_inner_product() -> None:
    """Compared with rational arithmetic: at most half a step of float32 away."""
    first, second = vectors(2, 4, 128)
    true = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(first, second, strict=True))
    assert (
        abs(Fraction(score(first, second)) - true) <= Fraction(float(np.spacing(np.float32(score(first, second))))) / 2
    )


def test_a_score_lies_between_minus_one_and_one() -> None:
    some = vectors(2000, 5, 128)
    own = np.array([score(vector, vector) for vector in some])
    assert own.max() == 1.0
    assert own.min() > 1 - 1e-6
    assert scores(some[0], -some[:1])[0] >= -1.0


def test_sums_of_any_width() -> None:
    for width in range(20):
        terms = np.arange(3 * width, dtype=np.float64).reshape(3, width)
        assert sum_by_halves(terms).tolist() == terms.sum(axis=1).tolist()


def test_near_ties_are_ordered_by_the_exact_score() -> None:
    """Vectors that differ in one last bit: the float32 product cannot order them, but the answer is ordered."""
    base = vectors(1, 6, 128)[0]
    near = np.repeat(base[np.newaxis], 300, axis=0)
    for at in range(300):
        near[at, at % 128] = np.nextafter(near[at, at % 128], np.float32(at % 3 - 1))
    index = ExactIndex(128)
    index.add(as_ids(range(300)), near, days_of(as_ids(range(300))))
    probe = vectors(1, 7, 128)
    expected = scores(probe[0], near)
    order = np.lexsort((np.arange(300), -expected))[:40]
    [found] = index.search(probe, 40)
    assert [hit.face_id for hit in found] == order.tolist()


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from([0.1, 0.2, 0.3]))))
def test_the_best_do_not_depend_on_the_order_of_the_faces(faces: list[tuple[int, float]]) -> None:
    ids = np.array([face for face, _ in faces], dtype=np.int64)
    given_scores = np.array([score for _, score in faces], dtype=np.float32)
    found = best(ids, given_scores, 10)
    assert found == best(ids[::-1], given_scores[::-1], 10)
    assert found == sorted(found, key=lambda hit: (-hit.score, hit.face_id))
