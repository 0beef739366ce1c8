"""The exact score of two faces, identical to the last bit on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Vector, Vectors

Scores = NDArray[np.float32]
"""Cosine similarities, -1 to 1, higher is closer."""


def scores(probe: Vector, vectors: Vectors) -> Scores:
    """Return the scores of ``probe``, shape (d,), with ``vectors``, shape (n, d), all of unit length: shape (n,).

    The product of two float32 numbers is exact in float64, and the sums are taken in a fixed order, so processors,
    libraries and thread counts do not matter: a score in a report can be recomputed to the last digit. Rounding may
    carry the score of a face with itself past 1 by one step, so it is held to -1 … 1.
    """
    products = np.asarray(vectors, dtype=np.float64) * np.asarray(probe, dtype=np.float64)
    return np.clip(sum_by_halves(products), -1.0, 1.0).astype(np.float32)


def score(first: Vector, second: Vector) -> float:
    """Return the score of two faces, each of shape (d,) and unit length."""
    return float(scores(first, second[np.newaxis, :])[0])


def sum_by_halves(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums along the last axis by adding halves, because elementwise additions are exact on every processor."""
    rest: NDArray[Any] = terms
    while (width := rest.shape[-1]) > 1:
        half = width // 2
        halved = rest[..., :half] + rest[..., half : 2 * half]
        rest = np.concatenate([halved, rest[..., 2 * half :]], axis=-1) if width % 2 else halved
    return rest[..., 0] if rest.shape[-1] else np.zeros(rest.shape[:-1])
