"""The secret rotation of vectors."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tests.support.templates import vectors

from lineament.index.rotation import rotation

SEED = b"sixteen bytes at least"


@pytest.mark.parametrize("dimension", [8, 17, 128])
def test_orthogonal(dimension: int) -> None:
    turn = rotation(SEED, dimension).astype(np.float64)
    assert np.abs(turn @ turn.T - np.eye(dimension)).max() < 2e-7
    assert turn.shape == (dimension, dimension)


def test_inner_products_are_unchanged() -> None:
    turn = rotation(SEED, 128)
    some = vectors(300, 1, 128)
    turned = (some @ turn).astype(np.float64)
    assert np.abs(turned @ turned.T - some.astype(np.float64) @ some.T).max() < 1e-6


def test_the_same_seed_the_same_matrix() -> None:
    """The digest is fixed: if the matrix changed, every index would have to be rebuilt."""
    turn = rotation(SEED, 128)
    assert turn.dtype == np.float32
    digest = hashlib.sha256(turn.astype("<f4").tobytes()).hexdigest()
    assert digest == "f11a78d999dce4c18c25dcf31282b786b56f4f3a8f7d2ac0a8f0223a00adbc21"


def test_another_seed_or_dimension_another_matrix() -> None:
    turn = rotation(SEED, 32)
    assert not np.allclose(turn, rotation(SEED + b".", 32), atol=0.1)
    assert not np.allclose(turn[:16, :16], rotation(SEED, 16), atol=0.1)


def test_a_seed_that_can_be_guessed() -> None:
    with pytest.raises(ValueError, match="guessed"):
        rotation(b"short", 8)


def test_evenly_over_all_rotations() -> None:
    """Haar: each entry has mean 0 and variance 1/d, the determinant has either sign, and entries are uncorrelated."""
    dimension, many = 8, 2000
    drawn = np.stack([rotation(SEED + number.to_bytes(4, "big"), dimension) for number in range(many)]).astype(
        np.float64
    )
    entries = drawn.reshape(many, -1)
    sigma = np.sqrt(1 / dimension / many)
    assert np.abs(entries.mean(axis=0)).max() < 4.5 * sigma
    assert np.abs((entries**2).mean(axis=0) * dimension - 1).max() < 0.15
    positive = (np.linalg.det(drawn) > 0).mean()
    assert abs(positive - 0.5) < 4.5 * 0.5 / np.sqrt(many)
    together = np.corrcoef(entries.T) - np.eye(dimension * dimension)
    assert np.abs(together).max() < 5 / np.sqrt(many)
