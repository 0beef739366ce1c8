"""Templates for tests of indexes: unit vectors, and a lookup like that of the store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lineament.index.among import Among, Days
from lineament.index.rotation import Rotation, rotation
from lineament.index.scan import RESCORED, ScanIndex
from lineament.model.faces import FaceIds, Vectors

DIMENSION = 16
TURN: Rotation = rotation(b"a secret of the tests", DIMENSION)


def vectors(count: int, seed: int = 0, dimension: int = DIMENSION) -> Vectors:
    """Return unit vectors, distributed evenly over the sphere."""
    drawn = np.random.default_rng(seed).standard_normal((count, dimension))
    unit: Vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return unit


def as_ids(ids: Iterable[int]) -> FaceIds:
    """Return face ids as an array."""
    return np.array(list(ids), dtype=np.int64)


def days_of(ids: FaceIds) -> Days:
    """Return the day of capture of each face: 0 for even ids, 1 for odd ones."""
    return (ids % 2).astype(np.int32)


EVEN = Among(first_day=0, last_day=0)


class Templates:
    """A store of templates by id."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self.held: dict[int, Vectors] = {}
        self.dimension = dimension

    def add(self, ids: FaceIds, some: Vectors) -> None:
        self.held.update(zip(ids.tolist(), some, strict=True))

    def erase(self, ids: FaceIds) -> None:
        for face_id in ids.tolist():
            self.held.pop(face_id, None)

    def faces(self, ids: FaceIds) -> tuple[FaceIds, Vectors, Days]:
        """Return faces as an index takes them."""
        return *self(ids), days_of(ids)

    def __call__(self, ids: FaceIds) -> tuple[FaceIds, Vectors]:
        found = [face_id for face_id in ids.tolist() if face_id in self.held]
        if not found:
            return as_ids([]), np.empty((0, 0), dtype=np.float32)  # as the store answers
        return as_ids(found), np.stack([self.held[face_id] for face_id in found])


def scan(folder: Path, templates: Templates, *, load: bool = False, rescored: int = RESCORED) -> ScanIndex:
    """Return a scan index over these templates, new or loaded from its folder."""
    make = ScanIndex.load if load else ScanIndex
    turn = TURN if templates.dimension == DIMENSION else rotation(b"a secret of the tests", templates.dimension)
    return make(folder, model="test/1", rotation=turn, exact=templates, rescored=rescored)
