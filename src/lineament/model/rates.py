"""False match rates: the share of strangers that reaches a score."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseMatchTable:
    """FMR by score for one model, as measured on ``origin``.

    ``scores`` rise, ``rates`` fall. Between two points log FMR is linear in the score; beyond the last point, where
    too few strangers were compared to count, the last slope continues. Below the first point the rate is the first.
    """

    model: str
    origin: str
    comparisons: int  # non-mated pairs measured
    measured_to: float  # the highest score whose rate was counted, not extrapolated
    scores: tuple[float, ...]
    rates: tuple[float, ...]

    def rate_at(self, score: float) -> float:
        """Return the share of strangers that reaches ``score`` (cosine, -1 to 1)."""
        if score <= self.scores[0]:
            return self.rates[0]
        upper = min(bisect_left(self.scores, score), len(self.scores) - 1)
        lower = upper - 1
        slope = (log(self.rates[upper]) - log(self.rates[lower])) / (self.scores[upper] - self.scores[lower])
        return exp(log(self.rates[lower]) + slope * (score - self.scores[lower]))

    def expected_false(self, score: float, gallery_faces: int) -> float:
        """Return how many strangers are expected to reach ``score`` in a gallery of that size."""
        return gallery_faces * self.rate_at(score)

    def score_for(self, expected_false: float, gallery_faces: int) -> float:
        """Return the score that ``expected_false`` strangers are expected to reach; at most 1."""
        low, high = -1.0, 1.0
        if gallery_faces == 0 or self.expected_false(low, gallery_faces) <= expected_false:
            return low
        for _ in range(60):
            middle = (low + high) / 2
            if self.expected_false(middle, gallery_faces) > expected_false:
                low = middle
            else:
                high = middle
        return high
