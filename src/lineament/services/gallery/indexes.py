"""The gallery: one index a source, opened when first searched, caught up with the store before it answers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged, MixedModels
from lineament.index.base import ExactVectors
from lineament.index.rotation import rotation
from lineament.index.scan import ScanIndex
from lineament.model.faces import FaceIds, SourceId, Vector, Vectors
from lineament.model.search import Hit, merged
from lineament.model.sources import Source
from lineament.services.keyholder import source_key
from lineament.store.db import Store, Tx
from lineament.store.keys import KeyRing

EPOCH = date(1970, 1, 1)
NEVER = np.iinfo(np.int32).min
"""The day of a face that is not there."""

Days = tuple[date | None, date | None]
"""First and last day of capture; None leaves that end open."""
Told = Callable[[int, int], None]
"""Told how many faces of how many an index has taken in while it catches up."""


@dataclass(slots=True)
class _Held:
    """One source's index in this process."""

    index: ScanIndex
    newest: int  # every face up to this id has been seen
    unwritten: bool = False  # the index knows more, or less, than its files
    first_id: int = 0  # the id of days[0]
    days: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(slots=True)
class _Within:
    """A mask: the faces captured from one day to another, and how many it last let through."""

    days: NDArray[np.int32]  # by id
    first_id: int  # the id of days[0]
    low: int  # days since EPOCH, the last one included
    high: int
    faces: int = 0

    def __call__(self, ids: FaceIds) -> NDArray[np.bool_]:
        day = self.days[ids - self.first_id]
        allowed = (day >= self.low) & (day <= self.high)
        self.faces = int(allowed.sum())
        return allowed


@dataclass(frozen=True, slots=True)
class Compared:
    """What a search of the gallery found."""

    hits: list[Hit]
    faces: int  # that were compared


class Gallery:
    """The indexes of all sources for one model.

    Derived from the store (D2): any file below ``folder`` may be deleted at any time. Several processes may have the
    same source open: each catches up with the store before it answers and before it writes.
    """

    def __init__(self, store: Store, keys: KeyRing, folder: Path, *, model: str, dimension: int) -> None:
        self._store = store
        self._keys = keys
        self._folder = folder
        self.model = model
        self._dimension = dimension
        self._held: dict[SourceId, _Held] = {}
        self._lock = threading.Lock()

    def search(self, sources: Sequence[Source], probe: Vector, k: int, days: Days = (None, None)) -> Compared:
        """The best ``k`` faces of all ``sources`` captured within ``days``, and how many were compared."""
        found: list[list[Hit]] = []
        compared = 0
        for source in sources:
            held = self._opened(source)
            with held.lock:
                self._catch_up(held, source.id)
                mask = self._mask(held, source, days) if any(days) else None
                found.extend(held.index.search(probe[np.newaxis, :], k, among=mask))
                compared += mask.faces if mask else len(held.index)
        return Compared(merged(found, k), compared)

    def open(self, sources: Iterable[Source], told: Told | None = None) -> int:
        """Open and catch up without searching; how many faces there are."""
        total = 0
        for source in sources:
            held = self._opened(source)
            with held.lock:
                self._catch_up(held, source.id, told)
                total += len(held.index)
        return total

    def sync(self) -> None:
        """Write what this process has learnt."""
        with self._lock:
            opened = list(self._held.items())
        for source_id, held in opened:
            with held.lock:
                self._write(held, source_id)

    def forget(self, source: Source) -> None:
        """Take what was erased from a source out of its index and out of the index's files."""
        held = self._opened(source)
        with held.lock:
            self._catch_up(held, source.id)
            self._write(held, source.id)

    def destroy(self, source_id: SourceId) -> None:
        """Forget a whole source and delete its files."""
        with self._lock:
            self._held.pop(source_id, None)
            shutil.rmtree(self._folder / str(source_id), ignore_errors=True)

    def holds(self, source_id: SourceId) -> bool:
        """Whether there is any file of that source."""
        return (self._folder / str(source_id)).exists()

    def close(self) -> None:
        """Write, and let go of everything."""
        self.sync()
        with self._lock:
            self._held.clear()

    def _write(self, held: _Held, source_id: SourceId) -> None:
        """Write until the files hold what the store holds, lest what another process erased be written back."""
        while held.unwritten:
            self._catch_up(held, source_id)
            held.unwritten = False
            held.index.sync()
            self._catch_up(held, source_id)

    # ------------------------------------------------------------ opening

    def _opened(self, source: Source) -> _Held:
        with self._lock:
            if source.id not in self._held:
                self._held[source.id] = self._load(source)
            return self._held[source.id]

    def _load(self, source: Source) -> _Held:
        folder = self._folder / str(source.id)
        with self._store.read() as tx:
            key = source_key(tx, self._keys, source)
        turn = rotation(key.derive("rotation"), self._dimension)
        exact = self._exact(source)
        try:
            index = ScanIndex.load(folder, model=self.model, rotation=turn, exact=exact)
        except (FileNotFoundError, Damaged):
            index = ScanIndex(folder, model=self.model, rotation=turn, exact=exact)
        return _Held(index, newest=int(index.ids.max(initial=0)))

    def _exact(self, source: Source) -> ExactVectors:
        def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            with self._store.read() as tx:
                return tx.faces.vectors(ids, source_key(tx, self._keys, source))

        return look_up

    # ------------------------------------------------------------ catching up

    def _catch_up(self, held: _Held, source_id: SourceId, told: Told | None = None) -> None:
        """Make the index hold what the store holds now; cheap where nothing changed (two counters)."""
        with self._store.read() as tx:
            now = tx.sources.by_id(source_id)
            if now.last_face_id > held.newest:
                key = source_key(tx, self._keys, now)
                for ids, vectors in tx.faces.after(now.id, self.model, held.newest, key):
                    held.index.add(ids, vectors)
                    held.unwritten = True
                    if told is not None:
                        told(len(held.index), now.faces)
                held.newest = now.last_face_id
            if len(held.index) != now.faces:
                self._compare_all(held, now, tx)

    def _compare_all(self, held: _Held, source: Source, tx: Tx) -> None:
        there = tx.faces.ids(source.id, self.model)
        if len(there) != source.faces:
            raise MixedModels(one=self.model, other=f"older faces of {source.name}")
        held.unwritten = True
        held.index.remove(np.setdiff1d(held.index.ids, there))
        missing = np.setdiff1d(there, held.index.ids)
        if len(missing):
            held.index.add(*tx.faces.vectors(missing, source_key(tx, self._keys, source)))

    def _mask(self, held: _Held, source: Source, days: Days) -> _Within:
        """Faces by their day of capture: a table from id to day, filled once and topped up."""
        with self._store.read() as tx:
            after = held.first_id + len(held.days) - 1 if len(held.days) else 0
            ids, new = tx.faces.days(source.id, after)
        if len(ids):
            first = held.first_id if len(held.days) else int(ids[0])
            table = np.full(int(ids[-1]) - first + 1, NEVER, dtype=np.int32)
            table[: len(held.days)] = held.days
            table[ids - first] = new
            held.first_id, held.days = first, table
        low = (days[0] - EPOCH).days if days[0] else NEVER + 1
        high = (days[1] - EPOCH).days if days[1] else np.iinfo(np.int32).max
        return _Within(held.days, held.first_id, low, high)
