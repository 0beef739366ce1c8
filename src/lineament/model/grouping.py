"""Groups faces of a candidate list that are alike, so that the list shows each person once, with further pictures.

A convenience for whoever reads the list: a group says that the pictures resemble each other, not who they show. It is
computed at each search and stored with its list only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Vectors
from lineament.model.rates import ErrorRates

GROUPING_RATE = 1e-6
"""Groups are joined up to the score that this share of strangers reaches (docs/reference/grouping.md)."""

Margins = NDArray[np.float64]
"""By how much each pair exceeds the score at which two faces count as alike, shape (n, n), symmetric."""


def group_faces(vectors: Vectors, grades: Sequence[int], rates: ErrorRates, rate: float = GROUPING_RATE) -> list[int]:
    """Return a number for each face, from 0 in the order of the groups' first faces; equal means alike.

    ``vectors`` has shape (n, d); all are of the model of ``rates``, and of one source. ``grades`` are those of the
    templates. ``rate`` is a false match rate, 0 to 1.
    """
    if not len(vectors):
        return []
    return join(margins(vectors, grades, rates, rate))


def margins(vectors: Vectors, grades: Sequence[int], rates: ErrorRates, rate: float) -> Margins:
    """Return by how much the score of each pair exceeds the score that the share ``rate`` of strangers reaches."""
    most = len(rates.grades) - 1
    limits = np.array(_limits(rates, rate))
    of = np.clip(np.asarray(grades), 0, most)
    exact = vectors.astype(np.float64)
    alike = np.round(exact @ exact.T, 9)  # what libraries and processors make of the last digits groups no one
    exceeding: Margins = alike - limits[of[:, np.newaxis], of[np.newaxis, :]]
    return exceeding


@lru_cache(maxsize=8)
def _limits(rates: ErrorRates, rate: float) -> tuple[tuple[float, ...], ...]:
    """Return the score that the share ``rate`` of strangers reaches, by the grades of both templates."""
    grades = range(len(rates.grades))
    single = [[float(other == grade) for other in grades] for grade in grades]
    return tuple(tuple(rates.score_for(rate, first, single[second]) for second in grades) for first in grades)


def join(alike: Margins) -> list[int]:
    """Return a number for each row, from 0 in the order of the groups' first rows (average linkage).

    The two groups whose pairs exceed the limit most, on average, are joined, until no mean is 0 or more. Ties go to the
    first rows, so that the same faces in the same order are always grouped in the same way.
    """
    count = len(alike)
    left = alike.copy()
    np.fill_diagonal(left, -np.inf)
    sizes = np.ones(count)
    group_of = np.arange(count)
    nearest = left.argmax(axis=1)
    closest = left[np.arange(count), nearest]
    while closest[(at := int(closest.argmax()))] >= 0:
        kept, joined = sorted((at, int(nearest[at])))
        mean = (sizes[kept] * left[kept] + sizes[joined] * left[joined]) / (sizes[kept] + sizes[joined])
        left[kept] = left[:, kept] = mean
        left[joined] = left[:, joined] = -np.inf
        sizes[kept] += sizes[joined]
        group_of[group_of == joined] = kept
        changed = np.flatnonzero((nearest == kept) | (nearest == joined))
        changed = np.union1d(changed, [kept, joined])
        nearest[changed] = left[changed].argmax(axis=1)
        closest[changed] = left[changed, nearest[changed]]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(int(first), len(numbers)) for first in group_of]
