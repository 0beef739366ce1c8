"""Fuses several probes of one person into one template (R14, issue 3); bench/fusion.py measures the gain."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

import numpy as np

from lineament.errors import InvalidValue
from lineament.model.faces import Vector

LEAST_LENGTH = 1e-3
"""Least length of the mean of unit vectors; below it they cancel each other, and the rest is rounding."""


def fuse(vectors: Sequence[Vector]) -> Vector:
    """Return the mean of unit vectors, normalised, shape (d,); a single vector is returned bit for bit.

    Sums are exact before they are rounded (``math.fsum``), so the order of the vectors does not matter. All are of one
    model; the caller sees to that (R31).

    Raises:
        InvalidValue: There is none, or their mean vanishes.
    """
    mean, length = _mean(vectors)
    if len(vectors) == 1:
        return vectors[0].copy()
    return np.array([value / length for value in mean], np.float32)


def damping(vectors: Sequence[Vector]) -> float:
    """Return the factor, 0 to 1, for scores of the fused template before false match rates are looked up.

    Only templates that are not centred need it: of centred ones, fused probes bring no more strangers than single ones
    (docs/reference/accuracy.md).

    The table is counted with one probe a search. Averaging takes out what pose and light did to the probes, and what
    is left lies nearer to everybody: on LFW twice as many strangers reach a score with three probes as with one. The
    root of the length of the mean makes up for it and leaves most of the gain. It is 1 for one probe, and near it for
    probes that say the same, such as frames of one camera.

    So ``rate_at(score * damping)`` is a score's rate, and ``score_for(…) / damping`` the threshold, at most 1.

    Raises:
        InvalidValue: There is none, or their mean vanishes.
    """
    return 1.0 if len(vectors) == 1 else min(1.0, sqrt(_mean(vectors)[1]))


def _mean(vectors: Sequence[Vector]) -> tuple[list[float], float]:
    """Return the mean and its length."""
    if not vectors:
        raise InvalidValue(what="The number of probes to fuse", value=0, why="give at least one")
    columns = np.stack(vectors).astype(np.float64).T.tolist()
    mean = [fsum(column) / len(vectors) for column in columns]
    length = sqrt(fsum(value * value for value in mean))
    if not length >= LEAST_LENGTH:
        raise InvalidValue(what="The mean of the templates", value=f"{length:.1e} long", why="they cancel each other")
    return mean, length
