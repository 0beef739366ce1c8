"""Error rates by groups that the user names, and how far they differ (R27; ISO/IEC 19795-10, NISTIR 8429)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lineament.model.evaluation.identification import Identification, Threshold
from lineament.model.evaluation.resampling import Estimate, Insufficient, Measured
from lineament.model.evaluation.samples import Rows

LEAST_PEOPLE = 30
"""A group with fewer people has insufficient data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """The error rates of one group at the threshold in use."""

    group: str
    fpir: Measured
    fnir: Measured  # R = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far the rates of groups differ; None if there are fewer than two groups or a rate is 0."""

    worst_over_best: float | None
    worst_over_geometric_mean: float | None
    gini: float | None  # 0 if all are equal, 1 if one group has all errors; None with fewer than two groups
    groups: int  # with sufficient data


def spread(rates: Sequence[float]) -> Spread:
    """Return how far rates, 0 to 1, differ.

    The Gini coefficient is that of NISTIR 8429 with its correction for few groups, n / (n − 1).
    """
    count = len(rates)
    if count < 2:
        return Spread(worst_over_best=None, worst_over_geometric_mean=None, gini=None, groups=count)
    values = np.array(rates, np.float64)
    mean = float(values.mean())
    differences = float(np.abs(values[:, None] - values[None, :]).sum())
    gini = 0.0 if mean == 0 else differences / (2 * count**2 * mean) * count / (count - 1)
    if values.min() == 0:
        return Spread(worst_over_best=None, worst_over_geometric_mean=None, gini=gini, groups=count)
    worst, best = float(values.max()), float(values.min())
    geometric = float(np.exp(np.log(values).mean()))
    return Spread(worst_over_best=worst / best, worst_over_geometric_mean=worst / geometric, gini=gini, groups=count)


def rates_by_group(
    found: Identification, names: Sequence[str], groups: Rows, threshold: Threshold, *, least_people: int = LEAST_PEOPLE
) -> tuple[GroupRates, ...]:
    """Return the rates of each group at ``threshold``; a search belongs to the group of its probe.

    Args:
        found: The searches.
        names: The groups, by number.
        groups: The group of each picture.
        threshold: The score in use, or one for each picture.
        least_people: With fewer people of a group the rate is not given.
    """
    mated, nonmated = groups[found.mated.probes], groups[found.nonmated.probes]
    rates = []
    for number, name in enumerate(names):
        searched = np.flatnonzero(mated == number)
        absent = np.flatnonzero((nonmated == number) & found.nonmated.answered)
        searched_people = len(np.unique(found.mated.people[searched]))
        absent_people = len(np.unique(found.nonmated.people[absent]))
        fnir: Measured = Insufficient(what="people who are enrolled", found=searched_people, needed=least_people)
        fpir: Measured = Insufficient(what="people who are not enrolled", found=absent_people, needed=least_people)
        if searched_people >= least_people:
            fnir = found.fnir(threshold, 1, searched)
        if absent_people >= least_people:
            fpir = found.fpir(threshold, absent)
        rates.append(GroupRates(group=name, fpir=fpir, fnir=fnir))
    return tuple(rates)


def spread_of(rates: Sequence[Measured]) -> Spread:
    """Return how far those rates differ that have sufficient data."""
    return spread([rate.value for rate in rates if isinstance(rate, Estimate)])
