"""What bench/search.py compares, and Lineament among it; bench/libraries.py and bench/databases.py have the others.

Each keeps its files in a folder of its own, so that it is built in one process and measured in another. Ids count from
1 in the order of the gallery, and the day of capture of a face is the rest of its id divided by 2000.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench import templates

K = 50
AT_ONCE = 65_536
"""Faces that are added at a time."""
Range = tuple[int, int]
"""The first and the last day of capture that are permitted."""
Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


class NotOffered(Exception):
    """A library has no way to do what is measured."""


def days_of(ids: Ids) -> NDArray[np.int32]:
    """Return the days of capture of faces."""
    return (ids % templates.DAYS).astype(np.int32)


def pieces(gallery: Vectors, at_once: int = AT_ONCE) -> Iterable[tuple[Ids, Vectors]]:
    """Yield the ids and vectors of a gallery, which may be a file, in pieces that fit into memory."""
    for start in range(0, len(gallery), at_once):
        vectors = np.array(gallery[start : start + at_once])
        yield np.arange(start + 1, start + 1 + len(vectors)), vectors


class Contender:
    """One index over vectors with ids and days."""

    package: ClassVar[str] = "numpy"
    """Its name in the registry of packages."""
    module: ClassVar[str] = "numpy"
    beside: ClassVar[Sequence[str]] = ()
    """Files beside its folder that a change of it changes."""
    server: int | None = None
    """The process that keeps the vectors, if it is another."""

    def __init__(self, folder: Path, faces: int) -> None:
        self.folder, self.faces = folder, faces

    @property
    def efforts(self) -> Sequence[Any]:
        """How thoroughly it can search, of which the fastest that finds enough is taken; one if there is no choice."""
        return (None,)

    def start(self) -> None:
        """Load whatever takes memory without any faces."""

    def build(self, gallery: Vectors) -> None:
        """Add all faces and write the files."""
        raise NotImplementedError

    def open(self) -> None:
        """Load what was built."""
        raise NotImplementedError

    def search(self, probe: Vectors, effort: Any, among: Range | None = None) -> Iterable[int]:
        """Return the ids of the best 50. Raises NotOffered if it cannot be told which days are permitted."""
        raise NotImplementedError

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add faces, so that the next search finds them."""
        raise NotImplementedError

    def remove(self, ids: Ids) -> None:
        """Remove faces, so that the next search does not find them. Raises NotOffered."""
        raise NotImplementedError

    def save(self) -> None:
        """Write all changes to the files."""

    def traces(self, ids: Ids, vectors: Vectors) -> list[bytes]:  # noqa: ARG002 - some keep them by their ids
        """Return bytes of each face that are in the files as long as they have its template; none if it is coded."""
        return [vector[:16].tobytes() for vector in vectors]

    def how(self, effort: Any) -> str:
        """Say in a few words how it was built and searched."""
        raise NotImplementedError

    def details(self, probes: Vectors) -> dict[str, float]:  # noqa: ARG002 - only ours has any
        """Return figures that only this one has."""
        return {}

    def close(self) -> None:
        """Stop what was started."""


# ---------------------------------------------------------------- Lineament


class Lineament(Contender):
    """Codes of all faces, then exact scores with templates from the encrypted SQLite store."""

    beside = ("store.db", "kek", "ring", "wrapped")

    def start(self) -> None:
        from lineament.index.rotation import rotation

        self.store, self.key = templates.opened(self.folder.parent)
        self.how_made: dict[str, Any] = {
            "model": templates.MODEL,
            "rotation": rotation(self.key.derive("rotation"), templates.DIMENSION),
            "exact": self._templates,
        }
        self.reads = True

    def _templates(self, ids: Ids) -> tuple[Ids, Vectors]:
        if not self.reads:
            return ids[:0], np.empty((0, 0), dtype=np.float32)
        with self.store.read() as tx:
            return tx.faces.vectors(ids, self.key)

    def build(self, gallery: Vectors) -> None:
        from lineament.index.scan import ScanIndex

        self.index = ScanIndex(self.folder, **self.how_made)
        for ids, vectors in pieces(gallery):
            self.index.add(ids, vectors, days_of(ids))
        self.index.sync()

    def open(self) -> None:
        from lineament.index.scan import ScanIndex

        self.index = ScanIndex.load(self.folder, **self.how_made)

    def search(self, probe: Vectors, effort: Any, among: Range | None = None) -> Iterable[int]:  # noqa: ARG002
        from lineament.index.among import EVERY_FACE, Among

        days = EVERY_FACE if among is None else Among(first_day=among[0], last_day=among[1])
        return [hit.face_id for hit in self.index.search(probe[np.newaxis], K, among=days)[0]]

    def add(self, ids: Ids, vectors: Vectors) -> None:
        from bench.whole import faces
        from lineament.model.faces import CaptureId, SourceId, Template

        made = faces([CaptureId(1)] * len(ids), np.random.default_rng(1), templates.MODEL)
        owned = [
            (capture, int(day), [replace(new, face=replace(new.face, template=Template(templates.MODEL, vector)))])
            for (capture, _, (new,)), day, vector in zip(made, days_of(ids), vectors, strict=True)
        ]
        with self.store.begin() as tx:
            given = tx.faces.add_all(SourceId(1), owned, self.key)
        if given != ids.tolist():
            raise RuntimeError("the store gave other ids")
        self.index.add(ids, vectors, days_of(ids))

    def remove(self, ids: Ids) -> None:
        from lineament.model.faces import SourceId

        with self.store.begin() as tx:
            tx.faces.erase(SourceId(1), ids.tolist(), self.key)
        self.index.remove(ids)

    def save(self) -> None:
        self.index.sync()
        self.store.scrub()

    def traces(self, ids: Ids, vectors: Vectors) -> list[bytes]:  # noqa: ARG002
        import sqlite3

        raw = sqlite3.connect(self.folder.parent / "store.db")
        query = "SELECT sealed FROM templates WHERE face_id = ?"
        found = [raw.execute(query, (int(face_id),)).fetchone()[0][-64:] for face_id in ids]
        raw.close()
        return found

    def how(self, effort: Any) -> str:  # noqa: ARG002
        return "every code, exact scores from the encrypted store"

    def details(self, probes: Vectors) -> dict[str, float]:
        """Return the milliseconds of the scan and of the look-up in the store, and the bytes a face of the index."""

        def median(act: Any) -> float:
            taken = []
            for probe in probes:
                began = time.perf_counter()
                act(probe)
                taken.append(time.perf_counter() - began)
            return 1000 * float(np.median(taken))

        self.reads = False
        scanning = median(lambda probe: self.search(probe, None))
        self.reads = True
        wanted = np.random.default_rng(1).permutation(self.faces)[: self.index.rescored(K)] + 1
        looking_up = median(lambda _: self._templates(np.sort(wanted)))
        size = sum(path.stat().st_size for path in self.folder.iterdir()) / self.faces
        return {"scan_p50": scanning, "look_up_p50": looking_up, "index_bytes": size}

    def close(self) -> None:
        self.store.close()
