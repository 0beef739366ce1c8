"""The gallery: one index a source, opened when first searched, caught up with the store before it answers."""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged, MixedModels
from lineament.index.base import ExactVectors, Mask
from lineament.index.rotation import rotation
from lineament.index.scan import ScanIndex
from lineament.model.faces import FaceId, FaceIds, SourceId, Vector, Vectors
from lineament.model.search import Hit, merged
from lineament.model.sources import Source
from lineament.services.keyholder import source_key
from lineament.store.db import Store, Tx
from lineament.store.keys import KeyRing

EPOCH = date(1970, 1, 1)
NEVER = np.iinfo(np.int32).min
"""The day of a face that is not there."""
_NO_IDS: FaceIds = np.empty(0, dtype=np.int64)

Days = tuple[date | None, date | None]
"""First and last day of capture; None leaves that end open."""
Told = Callable[[int, int], None]
"""Told how many faces of how many an index has taken in while it catches up."""


@dataclass(slots=True)
class _Held:
    """One source's index in this process."""

    index: ScanIndex
    owner: IO[bytes] | None  # the lock that lets this process write the files; None where another has it
    newest: int = 0  # every face up to this id has been seen
    first_day_id: int = 0
    days: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def close(self) -> None:
        if self.owner is not None:
            self.owner.close()


@dataclass(frozen=True, slots=True)
class Compared:
    """What a search of the gallery found."""

    hits: list[Hit]
    faces: int  # that were compared


class Gallery:
    """The indexes of all sources for one model.

    Derived from the store (D2): any file below ``folder`` may be deleted at any time. Of several processes on one
    workspace the first to open a source writes its files; the others keep what they learn in memory.
    """

    def __init__(self, store: Store, keys: KeyRing, folder: Path, *, model: str, dimension: int) -> None:
        self._store = store
        self._keys = keys
        self._folder = folder
        self._model = model
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
                self._catch_up(held, source)
                mask = self._mask(held, source, days) if any(days) else None
                compared += int(mask(held.index.ids).sum()) if mask else len(held.index)
                found.extend(held.index.search(probe[np.newaxis, :], k, among=mask))
        return Compared(merged(found, k), compared)

    def open(self, sources: Iterable[Source], told: Told | None = None) -> int:
        """Open and catch up without searching; how many faces there are."""
        total = 0
        for source in sources:
            held = self._opened(source)
            with held.lock:
                self._catch_up(held, source, told)
                total += len(held.index)
        return total

    def sync(self) -> None:
        """Write what this process has learnt, where it is the one that writes."""
        for held in list(self._held.values()):
            with held.lock:
                if held.owner is not None:
                    held.index.sync()

    def forget(self, source: Source, ids: FaceIds) -> None:
        """Take erased faces out of the index and out of its files."""
        held = self._opened(source)
        with held.lock:
            held.index.remove(ids)
            self._catch_up(held, source)
            if held.owner is not None:
                held.index.sync()

    def destroy(self, source_id: SourceId) -> None:
        """Forget a whole source and delete its files."""
        with self._lock:
            held = self._held.pop(source_id, None)
            if held is not None:
                held.close()
            shutil.rmtree(self._folder / str(source_id), ignore_errors=True)

    def close(self) -> None:
        """Write and let go of everything."""
        self.sync()
        with self._lock:
            for held in self._held.values():
                held.close()
            self._held.clear()

    # ------------------------------------------------------------ opening

    def _opened(self, source: Source) -> _Held:
        with self._lock:
            if source.id not in self._held:
                self._held[source.id] = self._load(source)
            return self._held[source.id]

    def _load(self, source: Source) -> _Held:
        folder = self._folder / str(source.id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._store.read() as tx:
            key = source_key(tx, self._keys, source)
        turn = rotation(key.derive("rotation"), self._dimension)
        owner = _owned(folder / "owner")
        exact = self._exact(source)
        try:
            with _shared(folder / "files"):
                index = ScanIndex.load(folder, model=self._model, rotation=turn, exact=exact)
        except (FileNotFoundError, Damaged):
            index = ScanIndex(folder, model=self._model, rotation=turn, exact=exact)
        held = _Held(index, owner)
        held.newest = int(index.ids.max()) if len(index) else 0
        return held

    def _exact(self, source: Source) -> ExactVectors:
        def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            with self._store.read() as tx:
                return tx.faces.vectors(ids, source_key(tx, self._keys, source))

        return look_up

    # ------------------------------------------------------------ catching up

    def _catch_up(self, held: _Held, source: Source, told: Told | None = None) -> None:
        with self._store.read() as tx:
            now = tx.sources.by_id(source.id)
            if now.last_face_id > held.newest:
                for ids, vectors in tx.faces.after(now.id, self._model, held.newest, source_key(tx, self._keys, now)):
                    held.index.add(ids, vectors)
                    if told is not None:
                        told(len(held.index), now.faces)
                held.newest = now.last_face_id
            if len(held.index) != now.faces:
                self._compare_all(held, now, tx)

    def _compare_all(self, held: _Held, source: Source, tx: Tx) -> None:
        there = tx.faces.ids(source.id, self._model)
        if len(there) != source.faces:
            raise MixedModels(one=self._model, other=f"older faces of {source.name}")
        held.index.remove(np.setdiff1d(held.index.ids, there))
        missing = np.setdiff1d(there, held.index.ids)
        if len(missing):
            held.index.add(*tx.faces.vectors(missing, source_key(tx, self._keys, source)))

    def _mask(self, held: _Held, source: Source, days: Days) -> Mask:
        """Faces by their day of capture: a table from id to day, filled once and topped up."""
        with self._store.read() as tx:
            after = held.first_day_id + len(held.days) - 1 if len(held.days) else 0
            ids, new = tx.faces.days(source.id, after)
        if len(ids):
            first = held.first_day_id if len(held.days) else int(ids[0])
            table = np.full(int(ids[-1]) - first + 1, NEVER, dtype=np.int32)
            table[: len(held.days)] = held.days
            table[ids - first] = new
            held.first_day_id, held.days = first, table
        low = (days[0] - EPOCH).days if days[0] else NEVER + 1
        high = (days[1] - EPOCH).days if days[1] else np.iinfo(np.int32).max
        first, table = held.first_day_id, held.days

        def among(ids: FaceIds) -> NDArray[np.bool_]:
            day = table[ids - first]
            return (day >= low) & (day <= high)

        return among


def _owned(path: Path) -> IO[bytes] | None:
    """The lock file held open for as long as this process lives, or None where another process has it."""
    handle = path.open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


@contextmanager
def _shared(path: Path) -> Iterator[None]:
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def as_ids(ids: Iterable[FaceId]) -> FaceIds:
    """Face ids as an array, shape (n,)."""
    listed = list(ids)
    return np.array(listed, dtype=np.int64) if listed else _NO_IDS
