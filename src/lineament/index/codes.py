"""Compressed codes of faces with their ids and days of capture, in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged
from lineament.index.among import Among, Days
from lineament.index.native import BLOCK, CodedFaces, CodeScan, columns_of
from lineament.index.turnstile import Turnstile
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

BITS = 4
"""Bits of each dimension in a code."""
SEGMENT = 2**18
"""The most faces in one piece of memory; more take further pieces, so that an index grows without being copied."""
_FIRST_SEGMENT = 2**10
_ALONE = 2**15
"""Up to so many faces one thread compares faster than several, which have to be woken."""
_MANY = 8
"""From so many probes a thread on, threads share the probes and not the faces: less is compared by both codes."""
_FEW = 4
"""The most ids that are compared one by one."""
Wanted = Sequence[tuple[int, Among]]
"""For each probe, how many of the closest faces are wanted, and among which."""
_Best = tuple[FaceIds, Scores]


def damaged(why: str) -> Damaged:
    """Return the error for index files that cannot be used."""
    return Damaged(what="The index", why=why, remedy="it is derived, and is rebuilt from the store")


class Codes:
    """Codes by slot, with the id and the day of each slot. A removal moves the last face into the gap.

    Any number of threads may search; the caller's lock lets one thread change it at a time.
    """

    def __init__(self, dimension: int) -> None:
        """Begin with the codes of no faces, whose vectors have that many dimensions."""
        self.columns = columns_of(dimension)
        self.threads = processors()  # that compare many faces
        self._segments: list[CodedFaces] = []
        self._turnstile = Turnstile()

    @property
    def segments(self) -> Sequence[CodedFaces]:
        """The pieces, all full but the last; to be read by whoever lets no thread change them."""
        return self._segments

    @property
    def ids(self) -> FaceIds:
        """The ids by slot, shape (n,); read-only, and not affected by later changes."""
        with self._turnstile.reading():
            return _joined([segment.ids for segment in self._segments], np.int64)

    @property
    def days(self) -> Days:
        """The days of capture by slot, shape (n,), since 1970-01-01; read-only, and not affected by later changes."""
        with self._turnstile.reading():
            return _joined([segment.days for segment in self._segments], np.int32)

    def __len__(self) -> int:
        return sum(segment.count for segment in self._segments)

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add unit vectors, shape (n, d), under new ids. Searches go on meanwhile."""
        done = 0
        while done < len(ids):
            segment = self.room(len(ids) - done)
            some = slice(done, done + segment.capacity - segment.count)
            segment.add(ids[some], vectors[some], days[some])
            done = some.stop

    def append(self, faces: int) -> CodedFaces:
        """Return a further piece, with room for that many faces; all before it are full, or will be."""
        self._segments.append(CodedFaces(_capacity(faces), self.columns))
        return self._segments[-1]

    def room(self, wanted: int) -> CodedFaces:
        """Return the last piece, with room for at least one more face, and for ``wanted`` if it can be."""
        if not self._segments or self._segments[-1].count == SEGMENT:
            self.append(wanted)
        last = self._segments[-1]
        if last.count == last.capacity:
            larger = last.copied(_capacity(max(2 * last.capacity, last.count + wanted)))
            with self._turnstile.writing():
                self._segments[-1] = larger
        return self._segments[-1]

    def remove(self, ids: FaceIds) -> int:
        """Remove those of ``ids`` that are there; return how many were. Searches wait meanwhile."""
        wanted = np.unique(ids)
        found = [(segment, np.flatnonzero(is_among(segment.ids, wanted))) for segment in self._segments]
        removed = sum(len(slots) for _, slots in found)
        if removed:
            with self._turnstile.writing():
                for segment, slots in reversed(found):
                    for slot in slots[::-1].tolist():
                        segment.take_last(slot, self._segments[-1])
                        if not self._segments[-1].count:
                            self._segments.pop()
        return removed

    def nearest(self, probes: Vectors, wanted: Wanted) -> list[tuple[FaceIds, Scores]]:
        """Return for each probe, shape (m, d), the faces whose codes are closest: ids and approximate scores."""
        with self._turnstile.reading():
            segments = [segment for segment in self._segments if segment.count]
            if self.threads == 1 or not segments or (len(segments) == 1 and segments[0].count <= _ALONE):
                found = [[best] for best in CodeScan(probes, wanted).run(segments).best()]
            elif len(probes) >= _MANY * self.threads:
                found = self._shares_of_probes(probes, wanted, segments)
            else:
                found = self._shares_of_faces(probes, wanted, segments)
        return [_closest(parts, most) for parts, (most, _) in zip(found, wanted, strict=True)]

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        with self._turnstile.reading():
            return sum(segment.within(among) for segment in self._segments)

    def _shares_of_faces(self, probes: Vectors, wanted: Wanted, segments: Sequence[CodedFaces]) -> list[list[_Best]]:
        """Compare with several threads, each with a share of the faces; return what each found for each probe."""
        many = self.threads
        tasks = [_threads().submit(CodeScan(probes, wanted).run, segments, number, many) for number in range(many)]
        return [list(parts) for parts in zip(*(task.result().best() for task in tasks), strict=True)]

    def _shares_of_probes(self, probes: Vectors, wanted: Wanted, segments: Sequence[CodedFaces]) -> list[list[_Best]]:
        """Compare with several threads, each with a share of the probes, whose best so far then come from all faces."""
        size = -(-len(probes) // self.threads)
        shares = [slice(start, start + size) for start in range(0, len(probes), size)]
        tasks = [_threads().submit(CodeScan(probes[share], wanted[share]).run, segments) for share in shares]
        return [[best] for task in tasks for best in task.result().best()]


@cache
def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(processors(), thread_name_prefix="scan")


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    joined = np.concatenate([np.empty(0, dtype=kind), *parts])
    joined.flags.writeable = False
    return joined


def _closest(parts: Sequence[_Best], most: int) -> tuple[FaceIds, Scores]:
    """Return the best of what several threads found, best first."""
    ids, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((ids, -scores))[:most]
    return ids[order], scores[order]


def _capacity(wanted: int) -> int:
    """Return the size of a piece of memory for that many faces."""
    return min(SEGMENT, max(_FIRST_SEGMENT, -(-wanted // BLOCK) * BLOCK))


def is_among(held: FaceIds, wanted: FaceIds) -> NDArray[np.bool_]:
    """Return which of ``held`` are in ``wanted``, which is sorted: by comparison for few, by binary search for many."""
    found = np.zeros(len(held), dtype=np.bool_)
    if len(wanted) <= _FEW:
        for id_ in wanted:
            found |= held == id_
        return found
    places = np.searchsorted(wanted, held)
    np.equal(wanted[np.minimum(places, len(wanted) - 1)], held, out=found)
    return found
