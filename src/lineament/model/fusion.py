"""Several probes of one person, fused into one template (R14, issue 3); bench/fusion.py measures what it gains."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

import numpy as np

from lineament.errors import InvalidValue
from lineament.model.faces import Vector

LEAST_LENGTH = 1e-3
"""Of the mean of unit vectors: below it they contradict each other, and what is left of them is rounding."""


def fused(vectors: Sequence[Vector]) -> Vector:
    """The mean of several unit vectors, of unit length again, shape (d,); one alone comes back to the bit.

    Sums are exact before they are rounded (``math.fsum``), so the order of the vectors plays no part. All are of one
    model; the caller sees to that (R31).

    Raises:
        InvalidValue: There is none, or their mean vanishes.
    """
    if not vectors:
        raise InvalidValue(what="The number of probes to fuse", value=0, why="there must be one")
    if len(vectors) == 1:
        return vectors[0].copy()
    wide = np.stack(vectors).astype(np.float64)
    mean = [fsum(column) / len(vectors) for column in wide.T.tolist()]
    length = sqrt(fsum(value * value for value in mean))
    if not length >= LEAST_LENGTH:
        raise InvalidValue(what="The mean of the templates", value=f"{length:.1e} long", why="they cancel each other")
    return np.array([value / length for value in mean], np.float32)
