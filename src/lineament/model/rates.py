"""Error rates: the share of strangers that reaches a score, and the share of mated faces that does not.

Both depend on how strong the two templates are. A template's grade is told from the length of its embedding before
normalisation: weak templates have something in common, so weak strangers score higher with each other, and weak mated
faces lower.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt
from typing import Any

_Z = 1.959964
"""Standard deviations of 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseMatchCurve:
    """FMR by score, for templates of two grades.

    ``scores`` rise, ``rates`` fall. Between two points log FMR is linear in the score; beyond ``measured_to``, the last
    score whose rate was counted, the rate is extrapolated with the slope that extreme-value theory gives for light
    tails, and ``steepest`` and ``flattest`` are the ends of its 95 % interval (people resampled).
    """

    comparisons: int  # non-mated pairs
    measured_to: float
    scores: tuple[float, ...]
    rates: tuple[float, ...]
    slope: float = -1.0  # d log FMR / d score beyond ``measured_to``
    steepest: float = -1.0
    flattest: float = -1.0

    def __post_init__(self) -> None:
        """Refuse a curve that cannot be read off. Raises ValueError."""
        _check_rising(self.scores)
        if len(self.rates) != len(self.scores) or not all(0 < rate <= 1 for rate in self.rates):
            raise ValueError("each score of a curve has a rate above 0, at most 1")
        if list(self.rates) != sorted(self.rates, reverse=True) or max(self.slope, self.flattest, self.steepest) > 0:
            raise ValueError("the rates of a curve fall")

    def rate_at(self, score: float, slope: float | None = None) -> float:
        """Return the share of strangers that reaches ``score`` (cosine, -1 to 1)."""
        if score <= self.scores[0]:
            return self.rates[0]
        if score >= self.scores[-1]:
            return self.rates[-1] * exp((self.slope if slope is None else slope) * (score - self.scores[-1]))
        upper = bisect_left(self.scores, score)
        lower = upper - 1
        steepness = (log(self.rates[upper]) - log(self.rates[lower])) / (self.scores[upper] - self.scores[lower])
        return exp(log(self.rates[lower]) + steepness * (score - self.scores[lower]))

    def interval_at(self, score: float) -> tuple[float, float]:
        """Return the ends of the 95 % interval of the rate; where it was counted, both are the rate."""
        return self.rate_at(score, self.steepest), self.rate_at(score, self.flattest)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissCurve:
    """FNMR by score, for probes of one grade: the share of mated faces below the score. Both rise."""

    comparisons: int  # mated pairs
    people: int
    scores: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a curve that cannot be read off. Raises ValueError."""
        _check_rising(self.scores)
        if len(self.shares) != len(self.scores) or not all(0 <= share <= 1 for share in self.shares):
            raise ValueError("each score of a curve has a share from 0 to 1")

    def interval_at(self, score: float) -> tuple[float, float]:
        """Return the ends of the 95 % interval of the share below ``score`` (Wilson), with each person counted once.

        Pairs of one person depend on each other, so that the interval is rather too wide than too narrow.
        """
        return wilson(self.share_at(score), self.people)

    def share_at(self, score: float) -> float:
        """Return the share of mated faces below ``score``, linear between two points."""
        if score <= self.scores[0]:
            return self.shares[0]
        if score >= self.scores[-1]:
            return self.shares[-1]
        upper = bisect_left(self.scores, score)
        lower = upper - 1
        along = (score - self.scores[lower]) / (self.scores[upper] - self.scores[lower])
        return self.shares[lower] + along * (self.shares[upper] - self.shares[lower])


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """The error rates of one model, as measured on ``origin``."""

    model: str
    origin: str
    grades: tuple[float, ...]  # the least norm of each grade, rising; a template below the first cannot be compared
    false_matches: tuple[tuple[FalseMatchCurve, ...], ...]  # by the grades of both templates: symmetric
    misses: tuple[MissCurve, ...]  # by the grade of the probe

    @classmethod
    def unmeasured(cls, model: str) -> ErrorRates:
        """Return the rates of a model that nobody measured: every stranger is expected at every score."""
        curve = FalseMatchCurve(comparisons=0, measured_to=-1.0, scores=(-1.0, 1.0), rates=(1.0, 1.0), slope=0.0)
        return cls(model=model, origin="never measured", grades=(0.0,), false_matches=((curve,),), misses=())

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ErrorRates:
        """Return what ``bench/error_rates.py`` wrote. Raises KeyError, TypeError or ValueError if it is not that."""
        curves: dict[tuple[int, int], FalseMatchCurve] = {}
        for entry in facts["false_matches"]:
            first, second = entry["grades"]
            values: dict[str, Any] = {name: _frozen(value) for name, value in entry.items() if name != "grades"}
            curves[first, second] = curves[second, first] = FalseMatchCurve(**values)
        misses: list[dict[str, Any]] = [
            {name: _frozen(value) for name, value in entry.items()} for entry in facts["misses"]
        ]
        grades = range(len(facts["grades"]))
        return cls(
            model=facts["model"],
            origin=facts["origin"],
            grades=tuple(map(float, facts["grades"])),
            false_matches=tuple(tuple(curves[first, second] for second in grades) for first in grades),
            misses=tuple(MissCurve(**entry) for entry in misses),
        )

    def grade(self, norm: float) -> int:
        """Return the grade of a template, from 0, by its embedding's norm; NO_GRADE if it is too weak to compare."""
        return bisect_right(self.grades, norm) - 1

    def rate_at(self, score: float, first: int, second: int) -> float:
        """Return the share of pairs of strangers of these grades that reaches ``score`` (cosine, -1 to 1)."""
        return self._curve(first, second).rate_at(score)

    def expected_false(self, score: float, grade: int, gallery: Sequence[float]) -> float:
        """Return how many strangers are expected to reach ``score``.

        Args:
            score: Of a probe.
            grade: Of the probe; the weakest stands in for NO_GRADE.
            gallery: How many faces it was compared with, by their grade.
        """
        return sum(faces * self.rate_at(score, grade, other) for other, faces in enumerate(gallery) if faces)

    def extrapolated_false(self, score: float, grade: int, gallery: Sequence[float]) -> tuple[float, float] | None:
        """Return the 95 % interval of the strangers expected if that is beyond what was counted for any grade.

        None: their rate was counted for every grade in the gallery. The ends are equal if no interval was measured.
        """
        low, high, beyond = 0.0, 0.0, False
        for other, faces in enumerate(gallery):
            if faces:
                curve = self._curve(grade, other)
                beyond |= score > curve.measured_to
                least, most = curve.interval_at(score)
                low, high = low + faces * least, high + faces * most
        return (low, high) if beyond else None

    def score_for(self, expected_false: float, grade: int, gallery: Sequence[float]) -> float:
        """Return the score that ``expected_false`` strangers are expected to reach; at most 1."""
        low, high = -1.0, 1.0
        if not sum(gallery) or self.expected_false(low, grade, gallery) <= expected_false:
            return low
        for _ in range(60):
            middle = (low + high) / 2
            if self.expected_false(middle, grade, gallery) > expected_false:
                low = middle
            else:
                high = middle
        return high

    def missed(self, score: float, grade: int) -> float | None:
        """Return the share of mated faces below ``score`` for a probe of that grade; None if it was not measured."""
        if not self.misses:
            return None
        return self.misses[min(max(grade, 0), len(self.misses) - 1)].share_at(score)

    def _curve(self, first: int, second: int) -> FalseMatchCurve:
        most = len(self.grades) - 1
        return self.false_matches[min(max(first, 0), most)][min(max(second, 0), most)]


def wilson(share: float, counted: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a share (0 to 1) of ``counted`` things, after Wilson (1927)."""
    of = max(counted, 1)
    spread = _Z * sqrt(share * (1 - share) / of + (_Z / of) ** 2 / 4)
    centre, whole = share + _Z**2 / (2 * of), 1 + _Z**2 / of
    return max(0.0, min(share, (centre - spread) / whole)), min(1.0, max(share, (centre + spread) / whole))


def _check_rising(scores: Sequence[float]) -> None:
    if not scores or any(not low < high for low, high in pairwise(scores)):
        raise ValueError("the scores of a curve rise")


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
