"""The secret rotation of vectors before they are coded (D4), so that codes of two sources cannot be compared."""

from __future__ import annotations

import hashlib
from math import cos, log, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from lineament.model.scores import sum_by_halves

Rotation = NDArray[np.float32]
"""An orthogonal matrix, shape (d, d); ``vectors @ rotation`` rotates vectors of shape (n, d)."""

SHORTEST_SEED = 16
"""Least bytes of a seed; a shorter one could be guessed."""
_GRID = 2.0**32


def rotation(seed: bytes, dimension: int) -> Rotation:
    """Return a random orthogonal matrix, shape (dimension, dimension), that depends only on ``seed``.

    SHAKE-256 of the seed gives uniform numbers, Box-Muller makes them normal, and Gram-Schmidt (twice, so that the
    rows are orthogonal to the last bit) makes a matrix that is uniform over all rotations (Haar; Stewart 1980). Inner
    products change by less than 1e-6. The arithmetic is elementwise in a fixed order and the normal numbers are
    rounded to a grid, so every machine computes the same matrix.
    """
    if len(seed) < SHORTEST_SEED:
        raise ValueError(f"a seed of {len(seed)} bytes can be guessed; at least {SHORTEST_SEED} are needed")
    rows = _normal(seed, dimension)
    for at in range(dimension):
        for _ in range(2):
            along = sum_by_halves(rows[:at] * rows[at])
            rows[at] -= sum_by_halves((rows[:at] * along[:, np.newaxis]).T)
        rows[at] /= sqrt(sum_by_halves(rows[at] * rows[at]))
    return rows.astype(np.float32)


def _normal(seed: bytes, dimension: int) -> NDArray[np.float64]:
    count = (dimension * dimension + 1) // 2 * 2
    stretched = hashlib.shake_256(b"lineament rotation 1\0" + dimension.to_bytes(4, "big") + seed).digest(8 * count)
    uniform = ((np.frombuffer(stretched, dtype="<u8") >> 11) + 0.5) / 2.0**53  # within 0 … 1
    normal: list[float] = []
    for radius, angle in zip(uniform[0::2].tolist(), uniform[1::2].tolist(), strict=True):
        length = sqrt(-2 * log(radius))
        normal += [length * cos(2 * pi * angle), length * sin(2 * pi * angle)]
    grid = np.rint(np.array(normal[: dimension * dimension]) * _GRID) / _GRID
    return grid.reshape(dimension, dimension)
