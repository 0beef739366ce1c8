"""Everything that an evaluation measures, from labelled templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lineament.errors import InvalidValue
from lineament.model.evaluation.groups import GroupRates, Spread, rates_by_group, spread_of
from lineament.model.evaluation.identification import TARGETS, AtRate, AtThreshold, Identification, Threshold
from lineament.model.evaluation.resampling import Estimate
from lineament.model.evaluation.samples import Division, Samples, divide
from lineament.model.evaluation.searching import Enrolment, Gallery1N, SearchScores, enrol, search
from lineament.model.evaluation.verification import (
    AtFalseMatchRate,
    AtScore,
    PairRates,
    PairScores,
    compare_pairs,
    sampled_rows,
)

MOST_ENROLLED = 20
"""Most pictures of one person in the gallery."""
SEARCHES = 10_000
"""Mated, and non-mated searches, if there could be more."""
LEFT_OUT = 1 / 3
"""Share of the people who are not enrolled, if everybody has several pictures."""

Curve = tuple[tuple[float, float, float], ...]
"""Points of a DET plot: score, false positives, misses (both 0 to 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How the pictures are used; the same protocol and data give the same result."""

    enrol: int = 1  # pictures enrolled of each person, in the order of their names
    enrolment: Enrolment = Enrolment.BEST
    left_out: float | None = None  # share of the people who are not enrolled; None: LEFT_OUT if nobody would be
    searches: int = SEARCHES
    seed: int = 1
    thresholds: tuple[float, ...] = ()  # at which the error rates are reported too

    def __post_init__(self) -> None:
        if not 1 <= self.enrol <= MOST_ENROLLED:
            raise InvalidValue(what="--enrol", value=self.enrol, why=f"it is 1 to {MOST_ENROLLED}")
        if self.left_out is not None and not 0 <= self.left_out < 1:
            raise InvalidValue(what="--left-out", value=self.left_out, why="it is a share from 0 to below 1")
        if any(not -1 <= threshold <= 1 for threshold in self.thresholds):
            raise InvalidValue(what="--threshold", value=self.thresholds, why="a score lies between -1 and 1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurements:
    """What was measured, and on how many."""

    pictures: int
    people: int
    failed: int  # pictures without a template
    unenrolled: int  # pictures chosen for the gallery that could not be enrolled
    left_out: float  # share of the people with several pictures who were not enrolled
    division: Division
    gallery_people: int  # N of the identification, failures to enrol included
    gallery_faces: int  # templates in it
    everybody: int  # N of the investigation
    mated: SearchScores
    nonmated: SearchScores
    investigated: SearchScores  # the mated searches among everybody
    rank_curve: tuple[Estimate, ...]  # FNIR(N, R, no threshold), R from 1
    at_rates: tuple[AtRate, ...]
    in_use: AtThreshold | None  # at the threshold in use, if it is known
    at_thresholds: tuple[AtThreshold, ...]
    searches_curve: Curve
    pairs: PairScores
    pairs_at_rates: tuple[AtFalseMatchRate, ...]
    pairs_at_thresholds: tuple[AtScore, ...]  # the threshold in use first
    pairs_curve: Curve
    groups: tuple[GroupRates, ...]
    fpir_spread: Spread | None
    fnir_spread: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The searches with probes that were degraded; the gallery is unchanged."""

    name: str
    failed: int  # probes in which no face was found, mated and non-mated
    rank_1: Estimate  # FNIR(N, 1, no threshold) among everybody
    at_rate: AtRate  # at the score that these non-mated searches need for FPIR 0.01
    unchanged: AtThreshold | None  # at the score that the undegraded non-mated searches need for it


COLUMN_RATE = 0.01


@dataclass(frozen=True, eq=False)
class OpenSetTest:
    """The galleries and probes of one protocol, with which degraded probes are searched too."""

    samples: Samples
    protocol: Protocol
    division: Division
    left_out: float
    gallery: Gallery1N
    others: Gallery1N

    @classmethod
    def of(cls, samples: Samples, protocol: Protocol) -> OpenSetTest:
        """Divide the pictures and enrol. Raises InvalidValue if there would be no mated search."""
        counts = np.bincount(samples.people)
        left_out = protocol.left_out
        if left_out is None:
            left_out = 0.0 if (counts[counts > 0] <= protocol.enrol).any() else LEFT_OUT
        division = divide(
            samples.people, enrol=protocol.enrol, left_out=left_out, most=protocol.searches, seed=protocol.seed
        )
        if not len(division.mated):
            why = (
                f"nobody has a picture to be searched with besides the {protocol.enrol} to be enrolled; "
                "give more pictures of the same people, or a smaller number"
            )
            raise InvalidValue(what="--enrol", value=protocol.enrol, why=why)
        return cls(
            samples=samples,
            protocol=protocol,
            division=division,
            left_out=left_out,
            gallery=enrol(samples, division.enrolled, protocol.enrolment),
            others=enrol(samples, division.others, protocol.enrolment),
        )

    @property
    def gallery_people(self) -> int:
        """N of the identification: who was to be enrolled."""
        return len(np.unique(self.samples.people[self.division.enrolled]))

    def searched(self, samples: Samples, mated: np.ndarray, nonmated: np.ndarray) -> Identification:
        """Return the searches with the rows ``mated`` and ``nonmated`` of ``samples`` as probes."""
        found = search(samples, self.gallery, mated)
        return Identification(found, search(samples, self.gallery, nonmated), self.protocol.seed)

    def investigated(self, samples: Samples, found: Identification) -> Identification:
        """Return the mated searches among everybody."""
        among_all = search(samples, self.others, found.mated.probes, found.mated)
        return Identification(among_all, found.nonmated, self.protocol.seed)

    def degraded(self, name: str, probes: Samples, unchanged: float | None) -> Column:
        """Return the error rates with degraded probes.

        Args:
            name: Of the degradation.
            probes: The degraded probes: the mated ones of the division, then the non-mated.
            unchanged: The threshold of the undegraded searches, if there is one.
        """
        mated = len(self.division.mated)
        found = self.searched(probes, np.arange(mated), np.arange(mated, len(probes)))
        return Column(
            name=name,
            failed=int(probes.failed.sum()),
            rank_1=self.investigated(probes, found).rank_curve()[0],
            at_rate=found.at_rate(COLUMN_RATE),
            unchanged=None if unchanged is None else found.at_threshold(unchanged),
        )


def threshold_at(rates: Sequence[AtRate], target: float) -> float | None:
    """Return the score at which FPIR is ``target``, one of TARGETS; None if the data do not support it."""
    at = next(rate.at for rate in rates if rate.target == target)
    return at.threshold if isinstance(at, AtThreshold) else None


def measure(test: OpenSetTest, groups: Sequence[str], in_use: Threshold | None) -> Measurements:
    """Measure everything.

    Args:
        test: The pictures and the protocol.
        groups: The names of the groups, by number; may be empty.
        in_use: The threshold in use, a score or one for each picture; None takes that at which FPIR is COLUMN_RATE
            here, if the data support it.
    """
    samples, protocol, division = test.samples, test.protocol, test.division
    found = test.searched(samples, division.mated, division.nonmated)
    among_all = test.investigated(samples, found)
    pairs = compare_pairs(samples, sampled_rows(samples, protocol.seed))
    verified = PairRates(pairs, protocol.seed)
    at_rates = tuple(found.at_rate(target) for target in TARGETS)
    if in_use is None:
        in_use = threshold_at(at_rates, COLUMN_RATE)
    thresholds = ((found.median(in_use),) if in_use is not None else ()) + protocol.thresholds
    by_group: tuple[GroupRates, ...] = ()
    if groups and samples.groups is not None and in_use is not None:
        by_group = rates_by_group(found, groups, samples.groups, in_use)
    chosen = np.r_[division.enrolled, division.others]
    return Measurements(
        pictures=len(samples),
        people=len(np.unique(samples.people)),
        failed=int(samples.failed.sum()),
        unenrolled=int(samples.unenrolled[chosen].sum()),
        left_out=test.left_out,
        division=division,
        gallery_people=test.gallery_people,
        gallery_faces=len(test.gallery.vectors),
        everybody=len(np.unique(samples.people[chosen])),
        mated=found.mated,
        nonmated=found.nonmated,
        investigated=among_all.mated,
        rank_curve=among_all.rank_curve(),
        at_rates=at_rates,
        in_use=None if in_use is None else found.at_threshold(in_use),
        at_thresholds=tuple(found.at_threshold(threshold) for threshold in protocol.thresholds),
        searches_curve=found.curve(),
        pairs=pairs,
        pairs_at_rates=verified.at_rates(),
        pairs_at_thresholds=verified.at_thresholds(thresholds),
        pairs_curve=verified.curve(),
        groups=by_group,
        fpir_spread=spread_of([rates.fpir for rates in by_group]) if by_group else None,
        fnir_spread=spread_of([rates.fnir for rates in by_group]) if by_group else None,
    )
