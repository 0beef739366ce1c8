"""The port that every index implements whole. One suite of tests (tests/contract/test_index.py) runs on all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lineament.index.rotation import Rotation
from lineament.model.faces import FaceId, FaceIds, Vectors
from lineament.model.scores import Scores
from lineament.model.search import Hit

Mask = Callable[[FaceIds], NDArray[np.bool_]]
"""Which faces may be in the answer: ids, shape (n,), to booleans of the same shape."""

ExactVectors = Callable[[FaceIds], tuple[FaceIds, Vectors]]
"""Looks templates up in the store: asked-for ids to the ids still there and their vectors, in the same order."""

UNIT_TOLERANCE = 1e-3
"""How far the length of a vector may be from 1; float32 rounding stays below 1e-6."""


@runtime_checkable
class VectorIndex(Protocol):
    """Every face of one source and one model, to be compared with a probe. Derived: it can be rebuilt at any time.

    Any number of threads may search while one adds or removes.
    """

    def add(self, ids: FaceIds, vectors: Vectors) -> None:
        """Take in faces; ids that are already there are an error (ValueError), and then nothing is taken in."""

    def remove(self, ids: FaceIds) -> None:
        """Forget faces; ids that are not there are passed over."""

    def search(self, probes: Vectors, k: int, *, among: Mask | None = None) -> list[list[Hit]]:
        """For each probe the best ``k`` faces, best first; equal scores in the order of ids; scores are exact."""

    def sync(self) -> None:
        """Make what was added and removed last beyond a crash."""

    @property
    def ids(self) -> FaceIds:
        """The ids of all faces, shape (n,), in no order that means anything."""

    def __len__(self) -> int:
        """How many faces there are."""


class IndexFactory(Protocol):
    """What opens an index: the port by which another kind of index is plugged into the gallery."""

    def __call__(self, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors) -> VectorIndex:
        """Open the index kept in ``folder``, or an empty one if there is none or it cannot be used.

        Its vectors, of dimension d, were made by ``model``. ``rotation`` has shape (d, d); ``exact`` looks vectors up.
        """


def checked_faces(ids: FaceIds, vectors: Vectors, dimension: int) -> tuple[FaceIds, Vectors]:
    """Ids, shape (n,), each once, and unit vectors, shape (n, dimension); ValueError otherwise."""
    ids = np.ascontiguousarray(ids, dtype=np.int64)
    if ids.ndim != 1 or len(ids) != len(vectors):
        raise ValueError(f"{ids.shape} ids do not go with {np.shape(vectors)} vectors")
    if len(np.unique(ids)) != len(ids):
        raise ValueError("an id is there twice")
    return ids, checked_vectors(vectors, dimension)


def checked_vectors(vectors: Vectors, dimension: int) -> Vectors:
    """Unit vectors, shape (n, dimension), contiguous; ValueError if they are anything else."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors of shape {vectors.shape} where (n, {dimension}) is expected")
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    if not np.all(np.abs(lengths - 1) <= 2 * UNIT_TOLERANCE):  # NaN fails too
        raise ValueError("a vector is not of unit length")
    return vectors


def best(ids: FaceIds, scores: Scores, k: int) -> list[Hit]:
    """The best ``k``, best first, equal scores in the order of ids."""
    order = np.lexsort((ids, -scores))[:k]
    found = zip(ids[order].tolist(), scores[order].tolist(), strict=True)
    return [Hit(face_id=FaceId(face_id), score=score) for face_id, score in found]
