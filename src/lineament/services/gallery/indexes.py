"""The gallery: one index for each source and model, opened at its first search and synced before each search."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from lineament.errors import MixedModels
from lineament.index.base import ExactVectors, IndexFactory, VectorIndex
from lineament.index.rotation import rotation
from lineament.model.faces import FaceIds, SourceId, Template, Vectors
from lineament.model.search import Hit, merge_hits
from lineament.model.sources import Source
from lineament.services.keyholder import source_key
from lineament.store.db import Store, Tx
from lineament.store.ring import KeyRing

EPOCH = date(1970, 1, 1)
NEVER = np.iinfo(np.int32).min
"""The day of an id without a face."""

Days = tuple[date | None, date | None]
"""First and last day of capture; None means no limit."""


@dataclass(slots=True)
class _OpenIndex:
    """The index of one source and one model in this process."""

    index: VectorIndex
    source_id: SourceId
    model: str
    newest: int  # every face up to this id has been read
    others: int  # faces of the source that other models described, when the store was last read
    changes: int = 0  # the changes of the source that are in the index
    grades: dict[int, int] | None = None  # how many faces have templates of each grade; None: count them
    unwritten: bool = False  # the index and its files differ
    first_id: int = 0  # the id of days[0]
    days: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(slots=True)
class _WithinDays:
    """A mask: the faces captured from one day to another, and how many it last let through."""

    days: NDArray[np.int32]  # by id
    first_id: int  # the id of days[0]
    low: int  # days since EPOCH, both ends included
    high: int
    faces: int = 0

    def __call__(self, ids: FaceIds) -> NDArray[np.bool_]:
        day = self.days[ids - self.first_id]
        allowed = (day >= self.low) & (day <= self.high)
        self.faces = int(allowed.sum())
        return allowed


@dataclass(frozen=True, slots=True)
class GallerySearch:
    """The result of a search of the gallery."""

    hits: list[Hit]
    faces: int  # number of faces compared
    grades: tuple[int, ...] = ()  # of all faces of the sources, how many have templates of each grade

    @property
    def compared_by_grade(self) -> list[float]:
        """How many faces of each grade were compared; with days of capture, in proportion to the faces within them."""
        total = sum(self.grades)
        return [self.faces * many / total for many in self.grades] if total else [float(self.faces)]


class Gallery:
    """The indexes of all sources, one for each model that described faces of the source.

    Derived from the store (D2): any file below ``folder`` may be deleted at any time. Several processes may have the
    same source open: each catches up with the store before it answers and before it writes.
    """

    def __init__(
        self, store: Store, keys: KeyRing, folder: Path, *, models: Mapping[str, int], open_index: IndexFactory
    ) -> None:
        """``models`` gives the dimension of each model in use, by name."""
        self._store = store
        self._keys = keys
        self._folder = folder
        self._models = models
        self._open_index = open_index
        self._opened: dict[tuple[SourceId, str], _OpenIndex] = {}
        self._lock = threading.Lock()

    def search(
        self, sources: Sequence[Source], probe: Template, k: int, today: date, days: Days = (None, None)
    ) -> GallerySearch:
        """Return the best ``k`` faces of all ``sources`` captured within ``days``, and how many were compared.

        Faces whose retention has run out by ``today`` are left out, whether or not a sweep has erased them yet, and
        so are those of other models than the probe's (R31). Raises MixedModels if its model has no index here.
        """
        found: list[list[Hit]] = []
        compared = 0
        grades: Counter[int] = Counter()
        for source in sources:
            opened = self._index(source, probe.model)
            with opened.lock:
                self._catch_up(opened)
                within = _kept(source, today, days)
                mask = self._mask(opened, within) if any(within) else None
                found.extend(opened.index.search(probe.vector[np.newaxis, :], k, among=mask))
                compared += mask.faces if mask else len(opened.index)
                grades.update(self._grades(opened))
        by_grade = tuple(grades[grade] for grade in range(max(grades, default=0) + 1))
        return GallerySearch(merge_hits(found, k), compared, by_grade)

    def open(self, sources: Iterable[Source], models: Collection[str] | None = None) -> int:
        """Open the indexes of these models (all, unless named) and catch up; return how many faces they hold."""
        total = 0
        for source in sources:
            for model in self._models if models is None else models:
                opened = self._index(source, model)
                with opened.lock:
                    self._catch_up(opened)
                    total += len(opened.index)
        return total

    def sync(self) -> None:
        """Write what this process added and removed to disk."""
        with self._lock:
            indexes = list(self._opened.values())
        for opened in indexes:
            with opened.lock:
                self._write(opened)

    def forget(self, source: Source) -> None:
        """Remove the erased faces of a source from its indexes and from their files."""
        folder = self._folder / str(source.id)
        known = {_folder_name(model) for model in self._models}
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and path.name not in known:  # of a model that is not in use: rebuilt if it ever is
                shutil.rmtree(path, ignore_errors=True)
        for model in self._models:
            opened = self._index(source, model)
            with opened.lock:
                self._catch_up(opened)
                self._write(opened)

    def destroy(self, source_id: SourceId) -> None:
        """Close the indexes of a source and delete their files."""
        with self._lock:
            for key in [key for key in self._opened if key[0] == source_id]:
                del self._opened[key]
            shutil.rmtree(self._folder / str(source_id), ignore_errors=True)

    def holds(self, source_id: SourceId) -> bool:
        """Return whether the source has any index file."""
        return (self._folder / str(source_id)).exists()

    def close(self) -> None:
        """Write and close every index."""
        self.sync()
        with self._lock:
            self._opened.clear()

    def _write(self, opened: _OpenIndex) -> None:
        """Write until the files equal the store, so that faces erased by another process are not written back."""
        while opened.unwritten:
            self._catch_up(opened)
            opened.unwritten = False
            opened.index.sync()
            self._catch_up(opened)

    # ------------------------------------------------------------ opening

    def _index(self, source: Source, model: str) -> _OpenIndex:
        if model not in self._models:
            raise MixedModels(first=" and ".join(self._models), second=model)
        with self._lock:
            if (source.id, model) not in self._opened:
                self._opened[source.id, model] = self._load(source, model)
            return self._opened[source.id, model]

    def _load(self, source: Source, model: str) -> _OpenIndex:
        folder = self._folder / str(source.id)
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file():  # releases before 0.2.0 kept the only index of a source here
                path.unlink(missing_ok=True)
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            key = source_key(tx, self._keys, source)
        turn = rotation(key.derive("rotation"), self._models[model])
        index = self._open_index(folder / _folder_name(model), model=model, rotation=turn, exact=self._exact(source))
        newest = int(index.ids.max(initial=0))
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            others = tx.faces.count_others(source.id, model, up_to=newest)
            changes = tx.sources.by_id(source.id).changes
        return _OpenIndex(index, source.id, model, newest, others, changes)

    def _exact(self, source: Source) -> ExactVectors:
        def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
            with self._store.read() as tx:  # upkeep: an index follows its store for every caller
                return tx.faces.vectors(ids, source_key(tx, self._keys, source))

        return look_up

    # ------------------------------------------------------------ catching up

    def _catch_up(self, opened: _OpenIndex) -> None:
        """Sync the index with the store; if nothing changed, this reads only two counters."""
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            source = tx.sources.by_id(opened.source_id)
            if source.last_face_id > opened.newest:
                key = source_key(tx, self._keys, source)
                for ids, vectors in tx.faces.after(source.id, opened.model, opened.newest, key):
                    opened.index.add(ids, vectors)
                    opened.unwritten = True
                opened.others += tx.faces.count_others(source.id, opened.model, after=opened.newest)
                opened.newest = source.last_face_id
            if len(opened.index) + opened.others != source.faces or opened.changes != source.changes:
                self._compare_all(opened, source, tx)
                opened.grades = None
                opened.changes, opened.first_id, opened.days = source.changes, 0, np.empty(0, dtype=np.int32)

    def _compare_all(self, opened: _OpenIndex, source: Source, tx: Tx) -> None:
        stored = tx.faces.ids(source.id, opened.model)
        removed = np.setdiff1d(opened.index.ids, stored)
        missing = np.setdiff1d(stored, opened.index.ids)
        opened.unwritten |= bool(len(removed) or len(missing))
        opened.index.remove(removed)
        if len(missing):
            opened.index.add(*tx.faces.vectors(missing, source_key(tx, self._keys, source)))
        opened.others = source.faces - len(stored)

    def _grades(self, opened: _OpenIndex) -> dict[int, int]:
        """Return how many faces have templates of each grade; counted when the index has changed."""
        if opened.grades is None or sum(opened.grades.values()) != len(opened.index):
            with self._store.read() as tx:  # upkeep: an index follows its store for every caller
                opened.grades = tx.faces.grades(opened.source_id, opened.model)
        return opened.grades

    def _mask(self, opened: _OpenIndex, days: Days) -> _WithinDays:
        """Return a mask for days of capture; its table from id to day is filled once and topped up."""
        with self._store.read() as tx:  # upkeep: an index follows its store for every caller
            after = opened.first_id + len(opened.days) - 1 if len(opened.days) else 0
            ids, new = tx.faces.days(opened.source_id, after)
        if len(ids):
            first = opened.first_id if len(opened.days) else int(ids[0])
            table = np.full(int(ids[-1]) - first + 1, NEVER, dtype=np.int32)
            table[: len(opened.days)] = opened.days
            table[ids - first] = new
            opened.first_id, opened.days = first, table
        low = (days[0] - EPOCH).days if days[0] else NEVER + 1
        high = (days[1] - EPOCH).days if days[1] else np.iinfo(np.int32).max
        return _WithinDays(opened.days, opened.first_id, low, high)


def _kept(source: Source, today: date, days: Days) -> Days:
    """Return ``days`` without those whose pictures the source no longer keeps."""
    since = source.kept_since(today)
    return (max(since, days[0] or since), days[1]) if since else days


def _folder_name(model: str) -> str:
    return quote(model, safe="")
