"""Searches of probes in a gallery: every face compared, block by block, so that memory does not grow with either."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lineament.model.evaluation.samples import Rows, Samples
from lineament.model.faces import Vectors

PROBES_AT_ONCE = 256
FACES_AT_ONCE = 8192
EQUAL = 1e-6
"""Scores that differ by less are equal: another block of a product may round the last bit of a 32-bit sum otherwise."""
NEVER = np.float32(-np.inf)
"""The score of a face that was not enrolled, or of a probe without a face."""

Scores = NDArray[np.float32]


class Enrolment(StrEnum):
    """How several pictures of one person stand in the gallery."""

    BEST = "best"  # each is a face of its own, and the best score of a person counts, as in a gallery of Lineament
    MEAN = "mean"  # their templates are averaged into one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery1N:
    """Enrolled templates, grouped by person."""

    vectors: Vectors  # (faces, d)
    people: Rows  # the person of each entry, ascending, shape (people,)
    begins: Rows  # the first row in ``vectors`` of each person
    rows: Rows  # the picture of each row in ``vectors``; the first of the person if they are averaged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchScores:
    """What the searches found; all arrays have one row for each probe."""

    probes: Rows  # the pictures
    people: Rows  # who is on them
    own: Scores  # the best score of the probe's own person; NEVER if that is not enrolled
    own_row: Rows  # the picture with that score, -1 if there is none
    best: Scores  # the highest score of anybody else; NEVER if there is nobody
    best_row: Rows  # the picture with that score, -1 if there is none
    above: Rows  # how many other people have at least the score of the probe's own person
    answered: NDArray[np.bool_]  # whether the probe has a template

    @property
    def rank(self) -> Rows:
        """The rank of the probe's own person, from 1; equal scores count against it. Meaningless if it is NEVER."""
        return self.above + 1


def enrol(samples: Samples, rows: Rows, how: Enrolment) -> Gallery1N:
    """Return the gallery of the pictures ``rows`` without those that cannot be enrolled."""
    usable = rows[~samples.unenrolled[rows]]
    usable = usable[np.argsort(samples.people[usable], kind="stable")]
    people, begins = np.unique(samples.people[usable], return_index=True)
    vectors = samples.vectors[usable]
    if how is Enrolment.MEAN and len(people) < len(usable):
        sums = np.add.reduceat(vectors, begins, axis=0)
        lengths = np.sqrt(np.einsum("nd,nd->n", sums, sums))
        vectors = sums / np.maximum(lengths, np.float32(1e-9))[:, None]
        usable, begins = usable[begins], np.arange(len(people))
    return Gallery1N(vectors=vectors, people=people, begins=begins, rows=usable)


def search(samples: Samples, gallery: Gallery1N, probes: Rows, own: SearchScores | None = None) -> SearchScores:
    """Compare each probe with every face of the gallery.

    Args:
        samples: All pictures.
        gallery: What is searched.
        probes: Rows of ``samples``.
        own: Earlier searches with the same probes, whose mates are kept: the result is that of both galleries together,
            which share no person.
    """
    found = _with_mates(samples, gallery, probes) if own is None else own
    best, best_row, above = found.best.copy(), found.best_row.copy(), found.above.copy()
    order = np.flatnonzero(found.answered)
    parts = [order[at : at + PROBES_AT_ONCE] for at in range(0, len(order), PROBES_AT_ONCE)]
    threads = len(os.sched_getaffinity(0))

    def compare(part: Rows) -> None:
        scan = _scan(samples.vectors[probes[part]], found.people[part], found.own[part], gallery)
        better = scan.best > best[part]
        best[part] = np.where(better, scan.best, best[part])
        best_row[part] = np.where(better, scan.best_row, best_row[part])
        above[part] += scan.above

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(compare, parts))  # raises what a thread raised
    return SearchScores(
        probes=probes,
        people=found.people,
        own=found.own,
        own_row=found.own_row,
        best=best,
        best_row=best_row,
        above=above,
        answered=found.answered,
    )


def _with_mates(samples: Samples, gallery: Gallery1N, probes: Rows) -> SearchScores:
    """Return searches that have seen the mates alone."""
    people = samples.people[probes]
    answered = ~samples.failed[probes]
    at = np.searchsorted(gallery.people, people)
    at[at == len(gallery.people)] = 0
    mated = np.zeros(len(probes), np.bool_)
    if len(gallery.people):
        mated = (gallery.people[at] == people) & answered
    own = np.full(len(probes), NEVER)
    own_row = np.full(len(probes), -1)
    ends = np.r_[gallery.begins[1:], len(gallery.vectors)]
    for probe in np.flatnonzero(mated):
        faces = slice(gallery.begins[at[probe]], ends[at[probe]])
        scores = gallery.vectors[faces] @ samples.vectors[probes[probe]]
        own[probe], own_row[probe] = scores.max(), gallery.rows[faces][scores.argmax()]
    return SearchScores(
        probes=probes,
        people=people,
        own=own,
        own_row=own_row,
        best=np.full(len(probes), NEVER),
        best_row=np.full(len(probes), -1),
        above=np.zeros(len(probes), np.int64),
        answered=answered,
    )


@dataclass(frozen=True, slots=True)
class _Scan:
    best: Scores
    best_row: Rows
    above: Rows


def _scan(probes: Vectors, people: Rows, own: Scores, gallery: Gallery1N) -> _Scan:
    """Return the best score of others, where it is, and how many people reach ``own``, for each of ``probes``."""
    best = np.full(len(probes), NEVER)
    best_row = np.full(len(probes), -1)
    above = np.zeros(len(probes), np.int64)
    floor = (own - np.float32(EQUAL))[:, None]
    each = np.arange(len(probes))
    for first, last in _tiles(gallery.begins, len(gallery.vectors)):
        begins = gallery.begins[first:last]
        end = gallery.begins[last] if last < len(gallery.begins) else len(gallery.vectors)
        faces = slice(begins[0], end)
        scores = probes @ gallery.vectors[faces].T
        persons = gallery.people[first:last]
        per_person = scores
        if scores.shape[1] > len(persons):
            per_person = np.maximum.reduceat(scores, begins - begins[0], axis=1)
        mate = np.searchsorted(persons, people)
        mate[mate == len(persons)] = 0
        mated = persons[mate] == people
        per_person[each[mated], mate[mated]] = NEVER
        above += np.count_nonzero(per_person >= floor, axis=1)
        top = per_person.argmax(axis=1)
        score = per_person[each, top]
        better = np.flatnonzero(score > best)
        best[better] = score[better]
        for probe in better if scores is not per_person else ():
            of = slice(begins[top[probe]], begins[top[probe] + 1] if top[probe] + 1 < len(begins) else end)
            best_row[probe] = gallery.rows[of][scores[probe, of.start - begins[0] : of.stop - begins[0]].argmax()]
        if scores is per_person:
            best_row[better] = gallery.rows[faces][top[better]]
    above[own == NEVER] = 0  # nobody is sought
    return _Scan(best, best_row, above)


def _tiles(begins: Rows, faces: int) -> list[tuple[int, int]]:
    """Return ranges of people of about FACES_AT_ONCE faces each."""
    edges = np.unique(np.searchsorted(begins, np.arange(0, faces, FACES_AT_ONCE)))
    bounds = [*edges.tolist(), len(begins)]
    return [(first, last) for first, last in pairwise(bounds) if first < last]
