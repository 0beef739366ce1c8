"""Error rates of searches, 1:N: FNIR(N, R, T) and FPIR(N, T), as in NIST FRTE 1:N and ISO/IEC 19795-1.

A mated search misses if the person is not among the first R, scores below T, was not enrolled, or if the probe shows
no face. Non-mated searches are those whose probe has a face: without one no list could come, and the rate would look
better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lineament.model.evaluation.resampling import (
    Estimate,
    Insufficient,
    Measured,
    Weights,
    draw_people,
    share,
    with_interval,
)
from lineament.model.evaluation.samples import Rows
from lineament.model.evaluation.searching import NEVER, Scores, SearchScores

TARGETS = (0.003, 0.01, 0.03, 0.1)
"""The false positive identification rates at which FNIR is reported (R25)."""
LEAST_RATE = 3
"""No FPIR below LEAST_RATE / non-mated searches is reported (R26)."""
MOST_RANKS = 50
CURVE_POINTS = 100

Threshold = float | Scores
"""One score, or a score for each picture, shape (pictures,), which counts if it is the probe."""

_MATED, _NONMATED = 11, 12  # purposes of the draws


@dataclass(frozen=True, slots=True, kw_only=True)
class AtThreshold:
    """The error rates of the identification at one score, or at a score for each probe."""

    threshold: float  # the median, if each probe has its own
    fpir: Measured
    fnir: Estimate  # R = 1: the person has to come first
    fnir_listed: Estimate  # R = MOST_RANKS: anywhere in the longest list


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRate:
    """FNIR at the lowest score at which FPIR does not exceed a target."""

    target: float
    at: AtThreshold | Insufficient


@dataclass(frozen=True, eq=False)
class Identification:
    """Mated and non-mated searches in one gallery, with their people resampled once for all rates."""

    mated: SearchScores
    nonmated: SearchScores
    seed: int

    @cached_property
    def strangers(self) -> Scores:
        """The highest score of each answered non-mated search, descending; −1 if the gallery is empty."""
        return np.maximum(self.nonmated.best[self._order], np.float32(-1))

    @cached_property
    def _order(self) -> Rows:
        """The non-mated searches that were answered, the highest score first."""
        answered = np.flatnonzero(self.nonmated.answered)
        return answered[np.argsort(-self.nonmated.best[answered], kind="stable")]

    @cached_property
    def _whose(self) -> Rows:
        """The person of each mated search, as a column of the weights."""
        return np.unique(self.mated.people, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _whose_strangers(self) -> Rows:
        """The person of each non-mated search, in the order of ``strangers``."""
        return np.unique(self.nonmated.people[self._order], return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _weights(self) -> Weights:
        return draw_people(int(self._whose.max()) + 1, self.seed, _MATED)

    @cached_property
    def _stranger_weights(self) -> Weights:
        return draw_people(int(self._whose_strangers.max()) + 1, self.seed, _NONMATED)

    def scores_of_mates(self, ranks: int) -> Scores:
        """Return the score of the mate of each mated search, NEVER if it is not among the first ``ranks``."""
        return np.where(self.mated.rank <= ranks, self.mated.own, NEVER)

    def rank_curve(self) -> tuple[Estimate, ...]:
        """Return FNIR(N, R, no threshold) for R from 1 to MOST_RANKS: the misses of an investigation."""
        never = self.mated.own == NEVER
        return tuple(
            share(never | (self.mated.rank > ranks), self._whose, self._weights) for ranks in range(1, MOST_RANKS + 1)
        )

    def fnir(self, threshold: Threshold, ranks: int, rows: Rows | None = None) -> Estimate:
        """Return FNIR(N, ``ranks``, ``threshold``), of the mated searches ``rows`` alone if they are given."""
        missed = self.scores_of_mates(ranks) < _of_searches(threshold, self.mated)
        if rows is None:
            return share(missed, self._whose, self._weights)
        people, whose = np.unique(self._whose[rows], return_inverse=True)
        return share(missed[rows], whose, draw_people(len(people), self.seed, _MATED))

    def fpir(self, threshold: Threshold, rows: Rows | None = None) -> Estimate:
        """Return FPIR(N, ``threshold``), of the non-mated searches ``rows`` alone if they are given."""
        false = self.nonmated.best >= _of_searches(threshold, self.nonmated)
        if rows is None:
            return share(false[self._order], self._whose_strangers, self._stranger_weights)
        people, whose = np.unique(self.nonmated.people[rows], return_inverse=True)
        return share(false[rows], whose, draw_people(len(people), self.seed, _NONMATED))

    def at_threshold(self, threshold: Threshold) -> AtThreshold:
        """Return the error rates at a score that does not come from these searches."""
        return AtThreshold(
            threshold=self.median(threshold),
            fpir=self.fpir(threshold) if len(self.strangers) else Insufficient(what=SEARCHES, found=0, needed=1),
            fnir=self.fnir(threshold, 1),
            fnir_listed=self.fnir(threshold, MOST_RANKS),
        )

    def median(self, threshold: Threshold) -> float:
        """Return the score itself, or the median of those of all probes."""
        if isinstance(threshold, float):
            return threshold
        return float(np.median(threshold[np.r_[self.mated.probes, self.nonmated.probes]]))

    def at_rate(self, target: float) -> AtRate:
        """Return FNIR at the lowest score at which FPIR is at most ``target``, 0 to 1, if the data support it (R26).

        In each resampling the score is found afresh, so that the interval covers its uncertainty too.
        """
        needed = math.ceil(round(LEAST_RATE / target, 6))
        if len(self.strangers) < needed:
            return AtRate(target=target, at=Insufficient(what=SEARCHES, found=len(self.strangers), needed=needed))
        threshold = threshold_for(self.strangers, target)
        drawn = self._thresholds(target)
        at = AtThreshold(
            threshold=threshold,
            fpir=self.fpir(threshold),
            fnir=self._fnir_at(threshold, drawn, 1),
            fnir_listed=self._fnir_at(threshold, drawn, MOST_RANKS),
        )
        return AtRate(target=target, at=at)

    def _thresholds(self, target: float) -> Scores:
        """Return the threshold for ``target`` in each resampling of the non-mated people."""
        running = np.cumsum(self._stranger_weights[:, self._whose_strangers], axis=1, dtype=np.float64)
        allowed = np.floor(target * running[:, -1] + 1e-9)
        beyond = (running <= allowed[:, None]).sum(axis=1)
        return _just_above(self.strangers[np.minimum(beyond, len(self.strangers) - 1)])

    def _fnir_at(self, threshold: float, drawn: Scores, ranks: int) -> Estimate:
        scores = self.scores_of_mates(ranks)
        weights = self._weights[:, self._whose]
        missed = np.einsum("bm,bm->b", weights, (scores[None, :] < drawn[:, None]).astype(np.float32))
        value = float((scores < np.float32(threshold)).mean())
        return with_interval(value, missed / weights.sum(axis=1), len(scores), self._weights.shape[1])

    def curve(self) -> tuple[tuple[float, float, float], ...]:
        """Return (score, FPIR, FNIR with R = 1) for a DET plot, FPIR rising from LEAST_RATE / searches to 1."""
        searches = len(self.strangers)
        if searches < LEAST_RATE:
            return ()
        mates = np.sort(self.scores_of_mates(1))
        counts = np.unique(np.geomspace(LEAST_RATE, searches, CURVE_POINTS).round().astype(int))
        points = []
        for count in counts.tolist():
            threshold = threshold_for(self.strangers, count / searches)
            fpir = float((self.strangers >= np.float32(threshold)).mean())
            fnir = float(np.searchsorted(mates, np.float32(threshold))) / len(mates)
            points.append((threshold, fpir, fnir))
        return tuple(points)


SEARCHES = "non-mated searches"


def _of_searches(threshold: Threshold, searches: SearchScores) -> Scores | np.float32:
    """Return the threshold of each search."""
    return np.float32(threshold) if isinstance(threshold, float) else threshold[searches.probes]


def threshold_for(strangers: Scores, target: float) -> float:
    """Return the lowest score that at most the share ``target`` of ``strangers``, which fall, reaches."""
    allowed = math.floor(target * len(strangers) + 1e-9)
    if allowed >= len(strangers):
        return float(strangers[-1])
    return float(_just_above(strangers[allowed]))


def _just_above(scores: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    above: NDArray[np.float32] = np.nextafter(scores, np.float32(np.inf))
    return above
