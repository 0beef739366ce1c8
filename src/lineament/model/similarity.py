"""The similarity, 0 to 100, that the programs of others expect, made of the score (docs/reference/rekognition.md).

It is a scale for their thresholds and nothing else: no share, and no measure of how likely two faces are one person's.
"""

from __future__ import annotations

from itertools import pairwise

_POINTS = ((-1.0, 0.0), (0.0, 20.0), (0.35, 80.0), (0.45, 90.0), (0.6, 99.0), (1.0, 100.0))
"""Scores (cosine) and their similarities; between two points it is linear. At 80, 90 and 99, which clients use, the
shipped model expects about 110, 4 and 0.01 strangers among a million strong faces (bench/similarity.py)."""


def similarity(score: float) -> float:
    """Return the similarity, 0 to 100, of a score, -1 to 1; a higher score has a higher one."""
    return _along(score, _POINTS)


def score_of(wanted: float) -> float:
    """Return the score, -1 to 1, that has a similarity, 0 to 100."""
    return _along(wanted, tuple((similar, score) for score, similar in _POINTS))


def _along(value: float, points: tuple[tuple[float, float], ...]) -> float:
    for (low, first), (high, last) in pairwise(points):
        if value <= high:
            return first + (last - first) * max(0.0, value - low) / (high - low)
    return points[-1][1]
