"""Error rates of comparisons, 1:1: FMR and FNMR of pairs of pictures (ISO/IEC 19795-1).

Every person has the same weight in FNMR, however many pictures there are. A mated pair with a picture without a face
is a non-match at every threshold; pairs of different people are counted if both pictures have a face.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lineament.model.evaluation.resampling import (
    TIMES,
    Estimate,
    Insufficient,
    Measured,
    Weights,
    draw_people,
    with_interval,
)
from lineament.model.evaluation.samples import Rows, Samples
from lineament.model.evaluation.searching import NEVER, Scores

STEPS = 10_000
"""Scores of different people are counted in steps of 1 / STEPS, and thresholds are rounded to them."""
MOST_PICTURES = 20_000
"""If there are more pictures, people are drawn until there are as many."""
MOST_OF_A_PERSON = 1_000
"""Most pictures of one person, if people are drawn."""
RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""The false match rates at which FNMR is reported."""
LEAST_PAIRS = 30
"""A false match rate needs as many pairs that reach the score (the “rule of 30”)."""
RESAMPLED_PAIRS = 300_000
"""Most pairs whose people are resampled for the interval of a false match rate."""
MOST_ALIKE = 500
ROWS_AT_ONCE = 512

_PEOPLE, _DRAW = 21, 22  # purposes of the draws

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikePair:
    """Two pictures of different names with a score as high as that of one person."""

    first: int  # row of the picture
    second: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AtScore:
    """The error rates of comparisons at one score."""

    threshold: float
    fmr: Measured
    fnmr: Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class AtFalseMatchRate:
    """FNMR at the lowest threshold at which FMR does not exceed a target."""

    target: float
    at: AtScore | Insufficient


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairScores:
    """All pairs of pictures, or of those of a sample of people."""

    pictures: int  # compared with each other
    people: int
    mated: Scores  # of pairs of one person; NEVER if a picture has no face
    mated_people: Rows  # the person of each pair, from 0
    mated_rows: Rows  # (pairs, 2)
    nonmated: Counts  # pairs of different people by score, from −1, in steps of 1 / STEPS
    top: Scores  # the highest scores of pairs of different people, descending
    top_people: Rows  # (len(top), 2), numbered as in ``mated_people``
    alike: tuple[AlikePair, ...]  # highest score first
    alike_from: float  # the median of the mated scores


def sampled_rows(samples: Samples, seed: int, most: int = MOST_PICTURES) -> Rows:
    """Return the rows to compare with each other: all, or those of people drawn at random until there are ``most``."""
    if len(samples) <= most:
        return np.arange(len(samples))
    random = np.random.default_rng([seed, _DRAW])
    order = np.argsort(samples.people, kind="stable")
    begins = np.r_[np.flatnonzero(np.diff(samples.people[order], prepend=-1)), len(order)]
    chosen: list[Rows] = []
    taken = 0
    for person in random.permutation(len(begins) - 1).tolist():
        rows = order[begins[person] : begins[person + 1]][:MOST_OF_A_PERSON]
        if taken + len(rows) > most:
            break
        chosen.append(rows)
        taken += len(rows)
    return np.sort(np.concatenate(chosen))


def compare_pairs(samples: Samples, rows: Rows) -> PairScores:
    """Compare all pairs of the pictures ``rows``, in a bounded memory."""
    rows = rows[np.argsort(samples.people[rows], kind="stable")]
    names, people = np.unique(samples.people[rows], return_inverse=True)
    with threadpool_limits(1, user_api="blas"):
        mated, whose, which = _mated(samples, rows, people)
        usable = ~samples.failed[rows]
        faces = _Faces(samples.vectors[rows[usable]], people[usable], rows[usable])
        found = mated[mated != NEVER]
        median = float(np.median(found)) if len(found) else 1.0
        nonmated = faces.counts()
        top, top_people, alike = faces.above(_top_score(nonmated), median)
    return PairScores(
        pictures=len(rows),
        people=len(names),
        mated=mated,
        mated_people=whose,
        mated_rows=which,
        nonmated=nonmated,
        top=top,
        top_people=top_people,
        alike=alike,
        alike_from=median,
    )


def _mated(samples: Samples, rows: Rows, people: Rows) -> tuple[Scores, Rows, Rows]:
    """Return the scores of the pairs of one person, the person of each, and both pictures; ``people`` rise."""
    begins = np.r_[np.flatnonzero(np.diff(people, prepend=-1)), len(people)]
    scores: list[Scores] = [np.empty(0, np.float32)]
    whose: list[Rows] = [np.empty(0, np.int64)]
    which: list[Rows] = [np.empty((0, 2), np.int64)]
    for person, (begin, end) in enumerate(pairwise(begins)):
        if end - begin < 2:
            continue
        of = rows[begin:end]
        first, second = np.triu_indices(end - begin, 1)
        product = samples.vectors[of] @ samples.vectors[of].T
        failed = samples.failed[of]
        scores.append(np.where(failed[first] | failed[second], NEVER, product[first, second]))
        whose.append(np.full(len(first), person))
        which.append(np.stack([of[first], of[second]], axis=1))
    return np.concatenate(scores).astype(np.float32), np.concatenate(whose), np.concatenate(which)


class _Faces:
    """Faces in order of people, each compared with those of later people."""

    def __init__(self, vectors: NDArray[np.float32], people: Rows, rows: Rows) -> None:
        self._vectors = vectors
        self._people = people
        self._rows = rows
        self._ends = np.searchsorted(people, people, side="right")  # where the faces of later people begin

    def _blocks(self) -> Iterator[tuple[int, Scores]]:
        """Yield the first row of a block, and its scores with all rows from there on."""
        for begin in range(0, len(self._vectors), ROWS_AT_ONCE):
            yield begin, self._vectors[begin : begin + ROWS_AT_ONCE] @ self._vectors[begin:].T

    def counts(self) -> Counts:
        """Return how many pairs have each score; see ``PairScores.nonmated``."""
        counts = np.zeros(2 * STEPS + 1, np.int64)
        for begin, scores in self._blocks():
            steps = step_of(scores)
            for at in range(len(scores)):
                counts += np.bincount(steps[at, self._ends[begin + at] - begin :], minlength=len(counts))
        return counts

    def above(self, top_from: float, alike_from: float) -> tuple[Scores, Rows, tuple[AlikePair, ...]]:
        """Return the pairs that score at least ``top_from`` with their people, and the most alike pictures."""
        low = min(top_from, alike_from)
        scores: list[Scores] = [np.empty(0, np.float32)]
        pairs: list[Rows] = [np.empty((0, 2), np.int64)]
        for begin, block in self._blocks():
            first, second = np.nonzero(block >= np.float32(low))
            later = second + begin >= self._ends[first + begin]
            first, second = first[later], second[later]
            scores.append(block[first, second])
            pairs.append(np.stack([first, second], axis=1) + begin)
        joined, which = np.concatenate(scores), np.concatenate(pairs)
        order = np.argsort(-joined, kind="stable")
        joined, which = joined[order], which[order]
        top = int(np.count_nonzero(step_of(joined) >= step_of(np.float32(top_from))))
        alike = np.flatnonzero(joined >= np.float32(alike_from))[:MOST_ALIKE]
        rows = self._rows[which[alike]]
        return (
            joined[:top],
            self._people[which[:top]],
            tuple(
                AlikePair(first=int(pair[0]), second=int(pair[1]), score=float(score))
                for pair, score in zip(rows, joined[alike], strict=True)
            ),
        )


def step_of(scores: NDArray[np.float32] | np.float32) -> NDArray[np.int32]:
    """Return the step of each score, 0 to 2 · STEPS; the scores of step k and up reach a threshold of step k."""
    steps = np.floor((np.asarray(scores, np.float32) + np.float32(1)) * np.float32(STEPS) + np.float32(0.01))
    clipped: NDArray[np.int32] = np.clip(steps, 0, 2 * STEPS).astype(np.int32)
    return clipped


def score_of(step: int) -> float:
    """Return the lowest score of a step."""
    return round(step / STEPS - 1, 4)


def _top_score(nonmated: Counts) -> float:
    """Return the score that at most RESAMPLED_PAIRS pairs reach."""
    reached = np.cumsum(nonmated[::-1])[::-1]
    beyond = np.flatnonzero(reached <= RESAMPLED_PAIRS)
    return score_of(int(beyond[0])) if len(beyond) else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PairRates:
    """FMR and FNMR of ``pairs``."""

    pairs: PairScores
    seed: int

    @property
    def comparisons(self) -> int:
        """Pairs of different people."""
        return int(self.pairs.nonmated.sum())

    def false_matches(self, step: int) -> int:
        """Return how many pairs of different people reach a step."""
        return int(self.pairs.nonmated[step:].sum())

    def _reached(self) -> Counts:
        """Return how many pairs of different people reach each step, and one step beyond, which none does."""
        reached: Counts = np.append(np.cumsum(self.pairs.nonmated[::-1])[::-1], 0)
        return reached

    def at_thresholds(self, thresholds: Sequence[float]) -> tuple[AtScore, ...]:
        """Return the error rates at these scores, each rounded up to a step."""
        steps = [math.ceil(round((score + 1) * STEPS, 3)) for score in thresholds]
        return self._at(steps)

    def at_rates(self) -> tuple[AtFalseMatchRate, ...]:
        """Return FNMR at each of RATES that the data support."""
        reached = self._reached()
        steps, found = [], {}
        for target in RATES:
            if self.comparisons * target >= LEAST_PAIRS:
                step = int(np.flatnonzero(reached <= target * self.comparisons)[0])
                steps.append(step)
                found[target] = step
        at = dict(zip(found, self._at(steps), strict=True))
        missing = "pairs of different people"
        return tuple(
            AtFalseMatchRate(
                target=target,
                at=at.get(target)
                or Insufficient(what=missing, found=self.comparisons, needed=round(LEAST_PAIRS / target)),
            )
            for target in RATES
        )

    def _at(self, steps: Sequence[int]) -> tuple[AtScore, ...]:
        weights = draw_people(self.pairs.people, self.seed, _PEOPLE)
        matched = self._resampled_matches(weights, [self.false_matches(step) for step in steps])
        return tuple(
            AtScore(threshold=score_of(step), fmr=fmr, fnmr=self._fnmr(step, weights))
            for step, fmr in zip(steps, matched, strict=True)
        )

    def _fnmr(self, step: int, weights: Weights) -> Measured:
        whose = self.pairs.mated_people
        if not len(whose):  # a sample of many people who have one picture each may hold no pair
            return Insufficient(what="mated pairs", found=0, needed=1)
        missed = (self.pairs.mated == NEVER) | (step_of(self.pairs.mated) < step)
        tried = np.bincount(whose, minlength=self.pairs.people)
        shares = np.bincount(whose, missed, minlength=self.pairs.people) / np.maximum(tried, 1)
        several = tried > 0
        drawn = (weights @ shares.astype(np.float32)) / np.maximum(weights @ several.astype(np.float32), 1)
        return with_interval(float(shares[several].mean()), drawn, len(missed), int(several.sum()))

    def _resampled_matches(self, weights: Weights, counts: Sequence[int]) -> list[Measured]:
        """Return FMR for the highest ``counts`` pairs each; a pair counts as often as both its people are drawn."""
        if not self.comparisons:
            return [Insufficient(what="pairs of different people", found=0, needed=1)] * len(counts)
        most = min(max(counts, default=0), len(self.pairs.top))
        first, second = self.pairs.top_people[:most].T
        drawn = np.zeros((len(counts), TIMES))
        for at, row in enumerate(weights):
            running = np.r_[0.0, np.cumsum(row[first] * row[second], dtype=np.float64)]
            drawn[:, at] = [running[min(count, most)] for count in counts]
        found: list[Measured] = []
        for count, sums in zip(counts, drawn, strict=True):
            value = count / self.comparisons
            if count <= most:
                found.append(with_interval(value, sums / self.comparisons, self.comparisons, self.pairs.people))
            else:  # so many pairs that their number is certain
                found.append(
                    Estimate(value=value, low=value, high=value, trials=self.comparisons, people=self.pairs.people)
                )
        return found

    def curve(self, points: int = 100) -> tuple[tuple[float, float, float], ...]:
        """Return (score, FMR, FNMR) for a DET plot, FMR rising from LEAST_PAIRS / comparisons to 1."""
        if self.comparisons < LEAST_PAIRS or not len(self.pairs.mated):
            return ()
        reached = self._reached()
        wanted = np.geomspace(LEAST_PAIRS, self.comparisons, points)
        steps = np.unique([int(np.flatnonzero(reached <= most)[0]) for most in wanted])[::-1]
        whose = self.pairs.mated_people
        weights = 1 / np.bincount(whose)[whose]
        order = np.argsort(self.pairs.mated, kind="stable")
        missed = np.r_[0.0, np.cumsum(weights[order])] / weights.sum()
        mated = np.where(self.pairs.mated == NEVER, -1, step_of(self.pairs.mated))[order]
        return tuple(
            (
                score_of(int(step)),
                float(reached[step] / self.comparisons),
                float(missed[np.searchsorted(mated, step)]),
            )
            for step in steps
        )
