"""The port that every index implements; tests/contract/test_index.py runs on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from lineament.index.among import EVERY_FACE, Among, Days
from lineament.index.rotation import Rotation
from lineament.model.faces import FaceId, FaceIds, Vector, Vectors
from lineament.model.scores import Scores, scores
from lineament.model.search import Hit

ExactVectors = Callable[[FaceIds], tuple[FaceIds, Vectors]]
"""Looks up templates in the store: ids, shape (m,), to those that still exist, in that order, (n,), and their vectors,
(n, d)."""

UNIT_TOLERANCE = 1e-3
"""Tolerance for the length of a unit vector; float32 rounding stays below 1e-6."""


class Shortlist(NamedTuple):
    """Faces with the best approximate scores, in any order, and how many faces could not be compared."""

    ids: FaceIds  # shape (n,)
    scores: Scores  # approximate, shape (n,)
    uncompared: int = 0  # faces that might be in the answer and whose shard did not answer


@runtime_checkable
class VectorIndex(Protocol):
    """All faces of one source and one model, to be compared with a probe. Derived: it can be rebuilt at any time.

    Any number of threads may search while one adds or removes.
    """

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add faces, captured on ``days`` since 1970-01-01, shape (n,).

        Raises ValueError, and nothing is added, if an id is already there.
        """

    def remove(self, ids: FaceIds) -> None:
        """Remove faces; ids that are not there are ignored."""

    def search(self, probes: Vectors, k: int, *, among: Among = EVERY_FACE) -> list[list[Hit]]:
        """Return for each probe, shape (m, d), the best ``k`` faces, best first, ties by id; scores are exact."""

    def rescored(self, k: int) -> int:
        """Return of how many faces with the best approximate scores the exact ones are needed, for the best ``k``."""

    def shortlist(self, probe: Vector, most: int, *, among: Among = EVERY_FACE) -> Shortlist:
        """Return the ``most`` faces with the best approximate scores, and how many faces were not compared.

        The approximate scores of all indexes can be compared with each other.
        """

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""

    def sync(self, note: bytes = b"") -> None:
        """Make additions and removals durable, with a note for whoever opens the index again."""

    @property
    def note(self) -> bytes:
        """The note that was written with the faces; empty if there is none, or if nothing outlasts the process."""

    @property
    def ids(self) -> FaceIds:
        """The ids of all faces, shape (n,), in arbitrary order."""

    @property
    def days(self) -> Days:
        """The days of capture of all faces, shape (n,), in the order of ``ids`` if nobody changes anything."""

    def __len__(self) -> int:
        """Return how many faces there are."""


class IndexFactory(Protocol):
    """Opens an index: the port through which the gallery gets another kind of index."""

    def __call__(self, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors) -> VectorIndex:
        """Open the index kept in ``folder``, or an empty one if there is none or it cannot be used.

        Its vectors, of dimension d, were made by ``model``. ``rotation`` has shape (d, d); ``exact`` looks vectors up.
        """


def checked_faces(ids: FaceIds, vectors: Vectors, days: Days, dimension: int) -> tuple[FaceIds, Vectors, Days]:
    """Return distinct ids, unit vectors, shape (n, dimension), and days, shape (n,). Raises ValueError otherwise."""
    ids = np.ascontiguousarray(ids, dtype=np.int64)
    if ids.ndim != 1 or len(ids) != len(vectors) or ids.shape != np.shape(days):
        raise ValueError(f"{ids.shape} ids do not go with {np.shape(vectors)} vectors and {np.shape(days)} days")
    if len(np.unique(ids)) != len(ids):
        raise ValueError("an id is there twice")
    return ids, checked_vectors(vectors, dimension), np.ascontiguousarray(days, dtype=np.int32)


def checked_vectors(vectors: Vectors, dimension: int) -> Vectors:
    """Return unit vectors, shape (n, dimension), contiguous. Raises ValueError if they are anything else."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors of shape {vectors.shape} where (n, {dimension}) is expected")
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    if not np.all(np.abs(lengths - 1) <= 2 * UNIT_TOLERANCE):  # NaN fails too
        raise ValueError("a vector is not of unit length")
    return vectors


def checked_vector(vector: Vector, dimension: int) -> Vectors:
    """Return one unit vector as an array of shape (1, dimension), contiguous. Raises ValueError if it is none."""
    vectors = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
    if vectors.shape[1] != dimension or not abs(float(vectors[0] @ vectors[0]) - 1) <= 2 * UNIT_TOLERANCE:  # NaN too
        raise ValueError(f"a unit vector of {dimension} dimensions is expected")
    return vectors


def rescore(probes: Vectors, shortlists: Sequence[FaceIds], exact: ExactVectors, k: int) -> list[list[Hit]]:
    """Return for each probe, shape (m, d), the best ``k`` of its shortlist, scored exactly."""
    wanted = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *shortlists]))
    if not len(wanted):
        return [[] for _ in probes]
    found, vectors = exact(wanted)
    if not len(found):
        return [[] for _ in probes]
    answers = []
    for probe, shortlist in zip(probes, shortlists, strict=True):
        places = np.minimum(np.searchsorted(found, shortlist), len(found) - 1)
        places = places[found[places] == shortlist]  # those that still exist
        answers.append(best(found[places], scores(probe, vectors[places]), k))
    return answers


def best(ids: FaceIds, scores: Scores, k: int) -> list[Hit]:
    """Return the best ``k``, best first, ties by id."""
    order = np.lexsort((ids, -scores))[:k]
    found = zip(ids[order].tolist(), scores[order].tolist(), strict=True)
    return [Hit(face_id=FaceId(face_id), score=score) for face_id, score in found]
