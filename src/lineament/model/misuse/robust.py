"""What is ordinary, told by medians, which a few odd weeks do not move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

FAR = 5.0
"""Spreads above the median from which something stands out."""
_NORMAL = 1.4826
"""The spread of a normal distribution as a multiple of its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Ordinary:
    """The middle and the spread of counts."""

    middle: float
    spread: float
    counted: int

    def far(self, count: float) -> float:
        """Return by how many spreads a count is above the middle."""
        return (count - self.middle) / self.spread


def ordinary(counts: Sequence[float]) -> Ordinary:
    """Return what is ordinary among counts; the spread is at least that of a Poisson count, and 1."""
    return _ordinary(counts, lambda middle: max(sqrt(middle), 1.0))


def ordinary_share(shares: Sequence[float]) -> Ordinary:
    """Return what is ordinary among shares, 0 to 1; the spread is at least 0.1."""
    return _ordinary(shares, lambda _: 0.1)


def _ordinary(counts: Sequence[float], floor: Callable[[float], float]) -> Ordinary:
    middle = float(median(counts)) if counts else 0.0
    deviation = float(median(abs(count - middle) for count in counts)) if counts else 0.0
    return Ordinary(middle, max(_NORMAL * deviation, floor(middle)), len(counts))
