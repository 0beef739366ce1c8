"""The pictures of an evaluation, and how they are divided into a gallery and probes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Vectors

Rows = NDArray[np.int64]
"""Numbers of pictures, or of people, shape (n,)."""
Bools = NDArray[np.bool_]

NO_GROUP = -1
NO_LENGTH = 1e-6
"""A shorter vector, before normalisation, is no template."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Pictures, each with the number of the person on it and, if a face was found, its template.

    All arrays have one row for each picture, in the order in which the pictures are enrolled.
    """

    vectors: Vectors  # (n, d); anything if ``failed``
    people: Rows  # (n,), 0 and up
    failed: Bools  # (n,), no template, so the picture cannot be searched with
    unenrolled: Bools  # (n,), too poor to be enrolled; includes those that failed
    groups: Rows | None = None  # (n,), the group of each picture, NO_GROUP if it has none
    norms: NDArray[np.float32] | None = None  # (n,), length of each embedding before normalisation, if it is known

    @classmethod
    def of_vectors(cls, vectors: Vectors, people: Rows, groups: Rows | None = None) -> Samples:
        """Return samples of vectors of any length, which are scaled in place; zeros stand for no face."""
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        failed = lengths < NO_LENGTH
        vectors /= np.where(failed, np.float32(1), lengths)[:, None]
        return cls(vectors=vectors, people=people, failed=failed, unenrolled=failed, groups=groups)

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """The rows of the pictures by their part in the 1:N test."""

    enrolled: Rows  # the gallery of the identification: the first pictures of the people searched for
    others: Rows  # the first pictures of everybody else, who are in the gallery of the investigation too
    mated: Rows  # the probes of people who are enrolled
    nonmated: Rows  # the probes of people who are not
    mated_of: int  # how many mated probes there are, if only a sample is searched
    nonmated_of: int


def places_within(people: Rows) -> Rows:
    """Return for each row how many earlier rows have the same number."""
    order = np.argsort(people, kind="stable")
    ordered = people[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(people) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[begins, len(people)])
    places = np.empty(len(people), np.int64)
    places[order] = np.arange(len(people)) - np.repeat(begins, lengths)
    return places


def divide(people: Rows, *, enrol: int, left_out: float, most: int, seed: int) -> Division:
    """Divide pictures into a gallery and probes.

    The first ``enrol`` pictures of each person who has more are enrolled, and the rest are the mated probes. People who
    have no more, and a share of the others drawn at random, are not enrolled; all their pictures are non-mated probes.

    Args:
        people: The person on each picture.
        enrol: Pictures enrolled of each person, 1 and up.
        left_out: Share, 0 to 1, of the people with more pictures who are not enrolled.
        most: Most mated, and most non-mated probes; if there are more, as many are drawn at random.
        seed: Of both draws.
    """
    counts = np.bincount(people)
    random = np.random.default_rng([seed, 1])
    several = np.flatnonzero(counts > enrol)
    absent = counts <= enrol
    absent[random.choice(several, round(left_out * len(several)), replace=False)] = True
    first = places_within(people) < enrol
    outside = absent[people]
    mated, nonmated = np.flatnonzero(~first & ~outside), np.flatnonzero(outside)
    return Division(
        enrolled=np.flatnonzero(first & ~outside),
        others=np.flatnonzero(first & outside),
        mated=_drawn(mated, most, random),
        nonmated=_drawn(nonmated, most, random),
        mated_of=len(mated),
        nonmated_of=len(nonmated),
    )


def _drawn(rows: Rows, most: int, random: np.random.Generator) -> Rows:
    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))
