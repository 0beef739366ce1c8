"""The port that every index implements whole. One suite of tests (tests/contract/test_index.py) runs on all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import FaceIds, Vectors
from lineament.model.search import Hit

Mask = Callable[[FaceIds], NDArray[np.bool_]]
"""Which faces may be in the answer: ids, shape (n,), to booleans of the same shape."""

ExactVectors = Callable[[FaceIds], tuple[FaceIds, Vectors]]
"""Looks templates up in the store: asked-for ids to the ids still there and their vectors, in the same order."""


@runtime_checkable
class VectorIndex(Protocol):
    """Every face of one source and one model, to be compared with a probe. Derived: it can be rebuilt at any time."""

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
