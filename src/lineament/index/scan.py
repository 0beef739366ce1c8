"""The default index: scans every compressed code and re-scores the best exactly (docs/adr/0001)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

import numpy as np

from lineament.errors import Damaged
from lineament.index.among import EVERY_FACE, Among, Days
from lineament.index.base import ExactVectors, Shortlist, checked_faces, checked_vector, checked_vectors, rescore
from lineament.index.codes import Codes, Wanted
from lineament.index.folder import Coding, IndexFolder, head_key
from lineament.index.joining import Joined
from lineament.index.rotation import Rotation
from lineament.model.faces import FaceIds, Vector, Vectors
from lineament.model.scores import Scores
from lineament.model.search import Hit

RESCORED = 200
"""Faces whose exact scores are computed, at least."""
RESCORED_EACH = 4
"""Faces re-scored for each face requested, if that is more. Of the exact best 200 of a million faces the 600 best codes
miss 0.02 %, the 800 best none in 60 searches (bench/shortlist.py)."""
_PIECE = 4096
"""Faces added at a time, between which searches can run."""


class ScanIndex:
    """Compares a probe with every face: first by 4-bit codes, then the best exactly with their templates.

    It takes 80 bytes for each face of 128 dimensions. A code gives a score to within some 0.01, which affects only the
    shortlist; the scores in the answer are exact. Faces that the store no longer has are left out. A secret rotation is
    applied to vectors before they are coded (D4).

    Any number of threads may search while others add, remove and sync. Probes that arrive while others are being
    compared are compared together next, which costs less than one by one.
    """

    def __init__(
        self, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors, rescored: int = RESCORED
    ) -> None:
        """Start an empty index; the first ``sync`` replaces what is in ``folder``."""
        dimension = rotation.shape[0]
        self._codes = Codes(dimension)
        self._joined = Joined(self._compare)
        self._rotation = np.ascontiguousarray(rotation, dtype=np.float32)
        self._exact = exact
        self._rescored = rescored
        self._folder = IndexFolder(folder, Coding(model=model, dimension=dimension), head_key(self._rotation))
        self._change_lock = threading.Lock()
        self._highest = -1  # the highest id that was added
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @classmethod
    def open(cls, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors) -> Self:
        """Return the index that was synced to ``folder``, or an empty one if there is none or it cannot be used."""
        try:
            return cls.load(folder, model=model, rotation=rotation, exact=exact)
        except (FileNotFoundError, Damaged):
            return cls(folder, model=model, rotation=rotation, exact=exact)

    @classmethod
    def load(
        cls, folder: Path, *, model: str, rotation: Rotation, exact: ExactVectors, rescored: int = RESCORED
    ) -> Self:
        """Return the index that was synced to ``folder``.

        Raises:
            FileNotFoundError: Nothing was synced there yet.
            Damaged: The files are incomplete, or of another model, rotation or version. Rebuild the index.
        """
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        index = cls(folder, model=model, rotation=rotation, exact=exact, rescored=rescored)
        index._codes = index._folder.read()
        index._highest = int(index.ids.max(initial=-1))
        return index

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add faces. Raises ValueError, and nothing is added, if an id is already there."""
        ids, vectors, days = checked_faces(ids, vectors, days, len(self._rotation))
        if not len(ids):
            return
        with self._change_lock:
            if ids.min() <= self._highest and np.isin(ids, self._codes.ids).any():
                raise ValueError("an id is already there")
            for start in range(0, len(ids), _PIECE):
                piece = slice(start, start + _PIECE)
                self._codes.add(ids[piece], self._rotate(vectors[piece]), days[piece])
            self._highest = max(self._highest, int(ids.max()))

    def remove(self, ids: FaceIds) -> None:
        """Remove faces; ids that are not there are ignored. The next ``sync`` rewrites the files that had them."""
        with self._change_lock:
            self._codes.remove(np.asarray(ids, dtype=np.int64))

    def search(self, probes: Vectors, k: int, *, among: Among = EVERY_FACE) -> list[list[Hit]]:
        """Return for each probe, shape (m, d), the best ``k`` faces, best first, ties by id; scores are exact."""
        if k < 1:
            raise ValueError(f"the best {k} are nothing")
        probes = checked_vectors(probes, len(self._rotation))
        nearest = self._codes.nearest(self._rotate(probes), [(self.rescored(k), among)] * len(probes))
        return rescore(probes, [ids for ids, _ in nearest], self._exact, k)

    def shortlist(self, probe: Vector, most: int, *, among: Among = EVERY_FACE) -> Shortlist:
        """Return the ``most`` faces whose codes are closest, with the scores of their codes."""
        probes = checked_vector(probe, len(self._rotation))
        return Shortlist(*self._joined.nearest(self._rotate(probes), most, among))

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        return self._codes.within(among)

    def sync(self, note: bytes = b"") -> None:
        """Make additions and removals durable, with a note. Raises StorageFull or IndexUnwritable if that fails.

        Additions are appended; what lost a face is rewritten. Does nothing if the folder is gone.
        """
        with self._change_lock:
            self._folder.write(self._codes, note)

    @property
    def note(self) -> bytes:
        """The note of the last ``sync``, also by the process that wrote the files; empty if there was none."""
        return self._folder.note

    @property
    def ids(self) -> FaceIds:
        """The ids of all faces, shape (n,), read-only, in arbitrary order."""
        return self._codes.ids

    @property
    def days(self) -> Days:
        """The days of capture of all faces, shape (n,), in the order of ``ids`` if nobody changes anything."""
        return self._codes.days

    def __len__(self) -> int:
        return len(self._codes)

    def rescored(self, k: int) -> int:
        """Return how many faces are re-scored for the best ``k``."""
        return max(self._rescored, RESCORED_EACH * k)

    def _compare(self, probes: Vectors, wanted: Wanted) -> list[tuple[FaceIds, Scores]]:
        return self._codes.nearest(probes, wanted)

    def _rotate(self, vectors: Vectors) -> Vectors:
        rotated: Vectors = vectors @ self._rotation
        return rotated
