from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import InvalidValue
from lineament.model.faces import Vector
from lineament.model.fusion import damping, fuse


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def drawn(seed: int, count: int, dimension: int = 128) -> list[Vector]:
    """Vectors of one person: around a middle, with a cosine of about a half."""
    random = np.random.default_rng(seed)
    middle = random.standard_normal(dimension)
    return [unit(*(middle + random.standard_normal(dimension))) for _ in range(count)]


def test_the_mean_lies_between_them_and_has_unit_length() -> None:
    assert fuse([unit(1, 0), unit(0, 1)]).tolist() == pytest.approx([0.5**0.5, 0.5**0.5], abs=1e-7)
    assert fuse([unit(1, 0), unit(1, 0), unit(0, 1)]).tolist() == pytest.approx([0.8**0.5, 0.2**0.5], abs=1e-7)


def test_one_comes_back_to_the_bit_and_can_be_changed_alone() -> None:
    (vector,) = drawn(1, 1)
    got = fuse([vector])
    assert got.tobytes() == vector.tobytes()
    got[0] = 5
    assert vector[0] != 5


def test_order_plays_no_part() -> None:
    vectors = drawn(2, 4)
    seen = {fuse(order).tobytes() for order in permutations(vectors)}
    assert len(seen) == 1


def test_order_plays_no_part_where_sums_in_turn_would_differ() -> None:
    """Floats added in turn lose the small one or not, as it comes; exact sums do not."""
    far = [np.array([1, 2e-9], np.float32), np.array([-1, 1e-20], np.float32), np.array([1e-20, 1], np.float32)]
    assert len({fuse(order).tobytes() for order in permutations(far)}) == 1
    assert fuse(far)[0] == np.float32(1e-20)


@given(st.integers(0, 10**6), st.integers(2, 8))
def test_it_is_a_unit_vector_nearer_to_the_person_than_each_of_them(seed: int, count: int) -> None:
    vectors = drawn(seed, count)
    got = fuse(vectors)
    assert got.dtype == np.float32
    assert got.shape == (128,)
    assert float(np.linalg.norm(got.astype(np.float64))) == pytest.approx(1, abs=1e-6)
    between = np.mean([vectors[0] @ other for other in vectors[1:]])
    assert float(got @ vectors[0]) > between


@pytest.mark.parametrize("vectors", [[], [unit(1, 0), unit(-1, 0)], [unit(1, 0), unit(-1, 1e-4)]])
def test_nothing_and_what_cancels_out_is_refused(vectors: list[Vector]) -> None:
    with pytest.raises(InvalidValue):
        fuse(vectors)
    with pytest.raises(InvalidValue):
        damping(vectors)


def test_damping_is_the_root_of_the_length_of_the_mean_and_none_for_one() -> None:
    assert damping([unit(1, 0), unit(0, 1)]) == pytest.approx(0.5**0.25)
    assert damping([unit(1, 0), unit(1, 0), unit(0, 1)]) == pytest.approx((5**0.5 / 3) ** 0.5)
    (vector,) = drawn(3, 1)
    assert damping([vector]) == 1
    assert damping([vector, vector, vector]) == pytest.approx(1, abs=1e-6)
    assert damping([vector, vector, vector]) <= 1


@given(st.integers(0, 10**6), st.integers(2, 8))
def test_damped_a_score_lies_between_that_of_the_fused_and_the_mean_of_the_single_ones(seed: int, count: int) -> None:
    vectors = drawn(seed, count)
    other = drawn(seed + 1, 1)[0] if seed % 2 else vectors[0]
    got = float(fuse(vectors) @ other)
    mean = float(np.mean([vector @ other for vector in vectors]))
    low, high = sorted((got, mean))
    assert low - 1e-6 <= got * damping(vectors) <= high + 1e-6


def test_values_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InvalidValue):
        fuse([unit(1, 0), np.array([np.nan, 1], np.float32)])
