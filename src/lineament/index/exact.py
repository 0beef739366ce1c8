"""All vectors in memory in full precision: the reference that other indexes are compared with."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from lineament.index.among import EVERY_FACE, Among, Days
from lineament.index.base import Shortlist, best, checked_faces, checked_vector, checked_vectors
from lineament.model.faces import FaceIds, Vector, Vectors
from lineament.model.scores import Scores, scores
from lineament.model.search import Hit

MARGIN = np.float32(1e-4)
"""How far a float32 product may be from the exact score. Its rounding error is at most d · 2⁻²⁴ for unit vectors
(Higham, Accuracy and Stability of Numerical Algorithms, 3.1; Cauchy-Schwarz): 3.1e-5 for 512 dimensions."""


class ExactIndex:
    """Compares a probe with every vector, 4 · dimension bytes for each face. It is not stored: ``sync`` does nothing.

    A float32 product over all faces selects those that can be among the best, whatever the rounding; only these are
    scored exactly. The result is the same as if all were.
    """

    def __init__(self, dimension: int) -> None:
        self._ids: FaceIds = np.empty(0, dtype=np.int64)
        self._vectors: Vectors = np.empty((0, dimension), dtype=np.float32)
        self._days: Days = np.empty(0, dtype=np.int32)
        self._changing = threading.Lock()

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add faces. Raises ValueError, and nothing is added, if an id is already there."""
        ids, vectors, days = checked_faces(ids, vectors, days, self._vectors.shape[1])
        with self._changing:
            if np.isin(ids, self._ids).any():
                raise ValueError("an id is already there")
            self._hold(
                np.concatenate([self._ids, ids]),
                np.concatenate([self._vectors, vectors]),
                np.concatenate([self._days, days]),
            )

    def remove(self, ids: FaceIds) -> None:
        """Remove faces; ids that are not there are ignored."""
        with self._changing:
            stay = ~np.isin(self._ids, ids)
            self._hold(self._ids[stay], self._vectors[stay], self._days[stay])

    def search(self, probes: Vectors, k: int, *, among: Among = EVERY_FACE) -> list[list[Hit]]:
        """Return for each probe, shape (m, d), the best ``k`` faces, best first, ties by id; scores are exact."""
        if k < 1:
            raise ValueError(f"the best {k} are nothing")
        probes = checked_vectors(probes, self._vectors.shape[1])
        with self._changing:
            ids, vectors, allowed = self._ids, self._vectors, among.allows(self._ids, self._days)
        return [_search_one(probe, ids, vectors, k, allowed) for probe in probes]

    def rescored(self, k: int) -> int:
        """Return ``k``."""
        return k

    def shortlist(self, probe: Vector, most: int, *, among: Among = EVERY_FACE) -> Shortlist:
        """Return the best ``most`` faces and those that rounding may have put behind them, with float32 products."""
        [probe] = checked_vector(probe, self._vectors.shape[1])
        with self._changing:
            ids, vectors, allowed = self._ids, self._vectors, among.allows(self._ids, self._days)
        rough = np.where(allowed, vectors @ probe, np.float32(-2.0))
        near = _near(rough, allowed, most)
        return Shortlist(ids[near], rough[near])

    def sync(self, note: bytes = b"") -> None:
        """Do nothing: it is not stored."""

    @property
    def note(self) -> bytes:
        """Empty."""
        return b""

    @property
    def ids(self) -> FaceIds:
        """The ids of all faces, shape (n,)."""
        return self._ids.copy()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def days(self) -> Days:
        """The days of capture of all faces, shape (n,), in the order of ``ids`` if nobody changes anything."""
        return self._days.copy()

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        with self._changing:
            return among.count(self._ids, self._days)

    def _hold(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Replace all arrays; a running search keeps those that it started with."""
        self._ids, self._vectors, self._days = ids, vectors, days


def _search_one(probe: Vector, ids: FaceIds, vectors: Vectors, k: int, allowed: NDArray[np.bool_]) -> list[Hit]:
    near = _near(np.where(allowed, vectors @ probe, np.float32(-2.0)), allowed, k)
    return best(ids[near], scores(probe, vectors[near]), k)


def _near(rough: Scores, allowed: NDArray[np.bool_], k: int) -> NDArray[np.intp]:
    """Return where those are that can be among the best ``k``, whatever the rounding."""
    if k >= len(rough):
        return np.flatnonzero(allowed)
    lowest = np.partition(rough, len(rough) - k)[len(rough) - k]
    return np.flatnonzero(allowed & (rough >= lowest - 2 * MARGIN))
