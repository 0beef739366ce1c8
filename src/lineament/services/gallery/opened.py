"""The index of one source and one model in this process, and how it follows what the source vouches for (ADR 0020)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged
from lineament.index.among import Days
from lineament.index.base import VectorIndex
from lineament.model.faces import FaceIds, SourceId
from lineament.model.sources import Source
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.tally import Counted, FaceRow, Tally, count_rows, opened_tally

EPOCH = date(1970, 1, 1)
COMPARED_AGAIN = 86_400.0
"""Seconds after which an open index is compared with every row of its source again."""
COMPARED_SOON = 60.0
"""The same if faces are damaged, missing or altered: somebody may be restoring them."""
_AT_ONCE = 4096
"""Templates opened at a time."""
_UNCOUNTABLE = Counted(faces=-1)
"""The count of rows that hold what no face ever held; no source vouches for it."""


@dataclass(slots=True)
class OpenIndex:
    """The index of one source and one model, and what the store said when it was last compared.

    Whoever uses it holds its lock.
    """

    index: VectorIndex
    key: DataKey  # of the source; the rotation of the index follows from it
    source_id: SourceId
    name: str  # of the source
    model: str
    sealed: bytes | None = None  # the tally, as it was stored
    version: int = 0  # of that tally
    counted: Counted | None = None  # the rows of the source; None: they were never read
    vouched: int = 0  # faces that a search has to compare
    uncompared: int = 0  # how many of these it cannot: they are damaged or missing
    altered: bool = False  # the rows are not those that the source vouches for
    newest: int = 0  # every row up to this id has been read
    compared_at: float = 0.0  # when every row was read, by a clock that only goes forward, in seconds
    unwritten: bool = False  # the index and its files differ
    expected: int = 0  # how many faces should be in it
    grades: Counter[int] = field(default_factory=Counter)  # how many of these faces have templates of each grade
    lock: threading.RLock = field(default_factory=threading.RLock)

    def is_current(self, sealed: bytes | None, now: float) -> bool:
        """Return whether nothing changed since the last comparison, and that was not long ago."""
        patience = COMPARED_SOON if self.altered or self.uncompared else COMPARED_AGAIN
        return self.counted is not None and sealed == self.sealed and now - self.compared_at < patience

    def follow(self, tx: Tx, source: Source, key: DataKey, now: float, older: Callable[[], bool]) -> None:
        """Take over what was enrolled and erased since, and check it against what the source vouches for.

        ``older`` tells whether the source is of a version before 0.4 and has never vouched for its faces.
        """
        sealed = tx.tallies.sealed([self.source_id])[self.source_id][1]
        tally = _tally(self.source_id, sealed, key)
        due = not self.is_current(self.sealed, now)
        if tally is not None and not due:
            self._add_new(tx, key)
        if tally is None or due or self.counted != tally.counted or tally.version < self.version:
            self._compare_all(tx, key, now)
        self.altered = not older() if tally is None else not self._agrees(source, tally)
        self.sealed = sealed
        self.version = max(self.version, 0 if tally is None else tally.version)
        self.vouched = self.expected if tally is None else tally.counted.comparable.get(self.model, 0)
        self.uncompared = max(0, self.vouched - len(self.index))

    def begin_again(self, index: VectorIndex, key: DataKey) -> None:
        """Take an index under another key of the source; ``follow`` then fills it from the store."""
        self.index, self.key, self.counted = index, key, None

    def derived(self, key: DataKey) -> DataKey:
        """Return the key that the index holds if it is this one, because its subkeys are derived already; else this."""
        return self.key if key == self.key and key.older is None and self.key.older is None else key

    def set_aside(self, ids: FaceIds) -> None:
        """Leave out faces that cannot be compared; from then on they are counted as such."""
        self.index.remove(ids)
        self.unwritten = True
        self.uncompared = max(0, self.vouched - len(self.index))

    def _agrees(self, source: Source, tally: Tally) -> bool:
        """Return whether the rows and the numbers of the source are those that it vouches for now, and not before."""
        numbers = (source.faces, source.last_face_id) == (tally.counted.faces, tally.newest)
        return numbers and self.counted == tally.counted and tally.version >= self.version

    def _add_new(self, tx: Tx, key: DataKey) -> None:
        """Add what was enrolled since the rows were last read."""
        rows = tx.tallies.rows(self.source_id, self.newest)
        if not rows or self.counted is None:
            return
        self.counted = self.counted.plus(_count(rows, key))
        self.newest = int(rows[-1][0])
        mine = self._mine(rows)
        self._remember(mine)
        self._add(tx, _ids(mine), _days(mine), key)

    def _compare_all(self, tx: Tx, key: DataKey, now: float) -> None:
        """Read every row of the source, and let the index hold exactly the faces that can be compared."""
        self.counted, self.compared_at, self.newest = Counted(), now, 0
        self.expected, self.grades = 0, Counter()
        every_id, every_day = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
        for rows in tx.tallies.batches(self.source_id):
            some = _count(rows, key)
            countable = _UNCOUNTABLE not in (some, self.counted)
            self.counted = self.counted.plus(some) if countable else _UNCOUNTABLE
            self.newest = int(rows[-1][0])
            mine = self._mine(rows)
            self._remember(mine)
            every_id.append(_ids(mine))
            every_day.append(_days(mine))
        ids, days = np.concatenate(every_id), np.concatenate(every_day)
        held, of_held = self.index.ids, self.index.days
        if not np.array_equal(held, ids) or not np.array_equal(of_held, days):
            removed = held[~_as_they_are(held, of_held, ids, days)]
            if len(removed):
                self.set_aside(removed)
            missing = ~np.isin(ids, self.index.ids)
            self._add(tx, ids[missing], days[missing], key)

    def _mine(self, rows: Sequence[FaceRow]) -> list[FaceRow]:
        """Return the rows of faces with templates of this model, except those that no face could have."""
        return [row for row in rows if row[1] == self.model and row[3] and _is_day(row[2]) and _is_day(row[4])]

    def _remember(self, mine: Sequence[FaceRow]) -> None:
        self.expected += len(mine)
        self.grades.update(Counter(int(row[4]) for row in mine))

    def _add(self, tx: Tx, ids: FaceIds, days: Days, key: DataKey) -> None:
        """Add faces, ids ascending, whose templates are there and open."""
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            found, vectors = tx.faces.intact(some, self.source_id, self.model, key)
            if len(found):
                self.index.add(found, vectors, days[start : start + _AT_ONCE][np.searchsorted(some, found)])
                self.unwritten = True


def _tally(source_id: SourceId, sealed: bytes | None, key: DataKey) -> Tally | None:
    try:
        return opened_tally(source_id, sealed, key)
    except Damaged:
        return None


def _count(rows: Sequence[FaceRow], key: DataKey) -> Counted:
    try:
        return count_rows(rows, key)
    except Damaged:
        return _UNCOUNTABLE


def _is_day(value: object) -> bool:
    return isinstance(value, int) and -(2**31) <= value < 2**31


def _ids(rows: Sequence[FaceRow]) -> FaceIds:
    return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))


def _days(rows: Sequence[FaceRow]) -> Days:
    return np.fromiter((row[2] for row in rows), dtype=np.int32, count=len(rows))


def _as_they_are(held: FaceIds, of_held: Days, ids: FaceIds, days: Days) -> NDArray[np.bool_]:
    """Return which faces of an index are among these, ids ascending, with the same day of capture."""
    if not len(ids):
        return np.zeros(len(held), dtype=np.bool_)
    places = np.minimum(np.searchsorted(ids, held), len(ids) - 1)
    same: NDArray[np.bool_] = (ids[places] == held) & (days[places] == of_held)
    return same
