"""The index of one source and one model in this process, and how it follows what the source vouches for (ADR 0020)."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged
from lineament.index.among import Days
from lineament.index.base import VectorIndex
from lineament.model.faces import FaceIds, SourceId
from lineament.model.sources import Source
from lineament.services.gallery.answers import Filling
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.tally import Counted, FaceRow, Tally, count_rows, opened_tally

EPOCH = date(1970, 1, 1)
COMPARED_AGAIN = 86_400.0
"""Seconds after which an index is compared with every row of its source again."""
COMPARED_SOON = 60.0
"""The same if faces are damaged, missing or altered: somebody may be restoring them."""
_RESTED = 20
"""How many times as long as the last comparison took the next one waits at least."""
FEW = 100_000
"""Up to so many faces an index is compared with every row whenever it is opened: that takes 0.3 s."""
_AT_ONCE = 4096
"""Templates opened at a time."""
_ROWS = 100_000
"""Rows read at a time."""
_UNCOUNTABLE = Counted(faces=-1)
"""The count of rows that hold what no face ever held; no source vouches for it."""


@dataclass(slots=True, kw_only=True)
class RowsRead:
    """What the rows of a source say, up to a face."""

    version: int = 0  # of the tally when they were read
    counted: Counted = field(default_factory=Counted)
    newest: int = 0  # every row up to this id has been read
    expected: int = 0  # how many of them have a template of the model
    grades: Counter[int] = field(default_factory=Counter)  # how many of these have templates of each grade

    def to_bytes(self, at: float) -> bytes:
        """Return it for sealing; ``at``: when every row was read, in seconds since 1970."""
        grades = sorted(self.grades.items())
        return json.dumps(asdict(self) | {"grades": grades, "at": at}, default=dict).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> tuple[RowsRead, float]:
        """Return what ``to_bytes`` was given."""
        held = json.loads(content)
        at = float(held.pop("at"))
        counted = Counted(**held["counted"] | {"digest": tuple(held["counted"]["digest"])})
        return cls(**held | {"counted": counted, "grades": Counter(dict(held["grades"]))}), at

    def take(self, rows: Sequence[FaceRow], mine: Sequence[FaceRow], key: DataKey) -> None:
        """Take over rows that follow those that were read; ``mine`` have a template of the model."""
        some = _count(rows, key)
        countable = _UNCOUNTABLE not in (some, self.counted)
        self.counted = self.counted.plus(some) if countable else _UNCOUNTABLE
        self.newest = int(rows[-1][0])
        self.expected += len(mine)
        self.grades.update(int(row[4]) for row in mine)

    def drop(self, rows: Sequence[FaceRow], mine: Sequence[FaceRow], key: DataKey) -> None:
        """Leave out rows that were read and have been deleted since."""
        if self.counted != _UNCOUNTABLE:
            self.counted = self.counted.plus(count_rows(rows, key), -1)
        self.expected -= len(mine)
        self.grades.subtract(int(row[4]) for row in mine)


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
    seen: int = 0  # the highest version of it that was seen
    rows: RowsRead | None = None  # what the index was compared with; None: nothing yet
    vouched: int = 0  # faces that a search has to compare
    uncompared: int = 0  # how many of these it cannot: they are damaged or missing, or not read yet
    altered: bool = False  # the rows are not those that the source vouches for
    behind: bool = False  # more was enrolled than has been read
    compared_at: float = 0.0  # when every row was read, by a clock that only goes forward, in seconds
    took: float = 0.0  # seconds that the last comparison took
    filled_from: tuple[float, int] | None = None  # when it began to catch up, and with how many faces
    unwritten: bool = False  # the index and its files differ
    removed: bool = False  # faces were removed since it was written
    overlaps: bool = False  # it may hold faces that are newer than the rows it was compared with
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def grades(self) -> Counter[int]:
        """How many of its faces have templates of each grade."""
        return self.rows.grades if self.rows else Counter()

    def is_current(self, sealed: bytes | None) -> bool:
        """Return whether nothing changed since it last followed the store."""
        return self.rows is not None and sealed == self.sealed

    def is_due(self, now: float) -> bool:
        """Return whether it should be compared with every row again."""
        patience = COMPARED_SOON if self.altered or (self.uncompared and not self.behind) else COMPARED_AGAIN
        return now - self.compared_at >= max(patience, _RESTED * self.took)

    def filling(self, now: float) -> Filling | None:
        """Return how far it is, if more was enrolled than has been read."""
        if not self.behind:
            return None
        held, left = len(self.index), max(0, self.vouched - len(self.index))
        began, had = self.filled_from or (now, held)
        seconds = (now - began) * left / (held - had) if held > had else None
        return Filling(source=self.name, held=held, faces=self.vouched, seconds=seconds)

    def trust(self, now: float, wall: float) -> None:
        """Go on from where whoever wrote the files was, if these say so and hold the index of many faces.

        ``wall``: seconds since 1970. A head of the files that was not written with the source's key is not read at all,
        so what it says was true of these files then. Otherwise ``follow`` compares with every row.
        """
        with suppress(Damaged, ValueError, TypeError, KeyError):
            known, at = RowsRead.from_bytes(self.key.open(self.index.note, self._about()))
            if known.expected > FEW and len(self.index) <= known.expected:
                self.rows = known
                ago = wall - at
                self.compared_at = now - (ago if 0 <= ago < COMPARED_AGAIN else COMPARED_AGAIN)

    def note(self, now: float, wall: float) -> bytes:
        """Return what ``trust`` reads when these files are opened again."""
        if self.rows is None or self.altered or self.overlaps:
            return b""
        return self.key.seal(self.rows.to_bytes(wall - (now - self.compared_at)), self._about())

    def follow(  # noqa: PLR0913 - what it follows
        self, tx: Tx, source: Source, key: DataKey, now: float, older: Callable[[], bool], *, most: int | None = None
    ) -> None:
        """Take over what was enrolled and erased since, and check it against what the source vouches for.

        ``most``: of so many new faces at most; ``behind`` then says that there are more. ``older`` tells whether the
        source is of a version before 0.4 and has never vouched for its faces.
        """
        sealed = tx.tallies.sealed([self.source_id])[self.source_id][1]
        tally = _tally(self.source_id, sealed, key)
        if self.rows is None and tally is not None and not len(self.index):
            self.rows, self.compared_at = RowsRead(version=tally.version), now
        known = self.rows
        if known is None or tally is None or tally.version < known.version:
            self._compare(tx, key, now)
        else:
            self._catch_up(tx, known, tally, key, now, most)
            if not self.behind and known.counted != tally.counted and not self.altered:
                self._compare(tx, key, now)
        self.altered = not older() if tally is None else not self._agrees(source, tally)
        self.sealed = sealed
        self.seen = max(self.seen, 0 if tally is None else tally.version)
        self._count_uncompared(tally)

    def read_every_row(self, tx: Tx, key: DataKey) -> EveryRow:
        """Return what every row of the source says, and the faces that can be compared, ids ascending.

        It needs no lock: nothing is changed.
        """
        tally = _tally(self.source_id, tx.tallies.sealed([self.source_id])[self.source_id][1], key)
        rows = RowsRead(version=0 if tally is None else tally.version)
        ids, days = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
        for some in tx.tallies.batches(self.source_id):
            mine = self._mine(some)
            rows.take(some, mine, key)
            ids.append(_ids(mine))
            days.append(_days(mine))
        return rows, np.concatenate(ids), np.concatenate(days)

    def begin_again(self, index: VectorIndex, key: DataKey) -> None:
        """Take an index under another key of the source; ``follow`` then fills it from the store."""
        self.index, self.key, self.rows = index, key, None

    def derived(self, key: DataKey) -> DataKey:
        """Return the key that the index holds if it is this one, because its subkeys are derived already; else this."""
        return self.key if key == self.key and key.older is None and self.key.older is None else key

    def forget(self, ids: FaceIds) -> None:
        """Remove faces from the index, and from its files when it is next written."""
        if len(ids):
            self.index.remove(ids)
            self.unwritten = self.removed = True

    def set_aside(self, ids: FaceIds) -> None:
        """Leave out faces that cannot be compared; from then on they are counted as such."""
        self.forget(ids)
        self.uncompared = max(0, self.vouched - len(self.index))

    def take_over(self, tx: Tx, key: DataKey, read: EveryRow, began: float) -> None:
        """Let the index hold what ``read_every_row`` said, and what it has of newer faces; ``follow`` does the rest."""
        self.rows, ids, days = read
        self.sealed, self.altered, self.overlaps, self.unwritten = None, False, True, True
        self.compared_at = began
        held, of_held = self.index.ids, self.index.days
        if not np.array_equal(held, ids) or not np.array_equal(of_held, days):
            removed = held[(held <= self.rows.newest) & ~_as_they_are(held, of_held, ids, days)]
            if len(removed):
                self.set_aside(removed)
            self._add(tx, ids, days, key)

    def _agrees(self, source: Source, tally: Tally) -> bool:
        """Return whether the rows and the numbers of the source are those that it vouches for."""
        numbers = (source.faces, source.last_face_id) == (tally.counted.faces, tally.newest)
        same = self.rows is not None and (self.behind or self.rows.counted == tally.counted)
        return numbers and same and tally.version >= self.seen

    def _about(self) -> bytes:
        return b"index|%d|%s" % (int(self.source_id), self.model.encode())

    def _count_uncompared(self, tally: Tally | None) -> None:
        expected = self.rows.expected if self.rows else 0
        self.vouched = expected if tally is None else tally.counted.comparable.get(self.model, 0)
        self.uncompared = max(0, self.vouched - len(self.index))

    def _catch_up(  # noqa: PLR0913, PLR0917 - as of follow
        self, tx: Tx, known: RowsRead, tally: Tally, key: DataKey, now: float, most: int | None
    ) -> None:
        """Take over what was erased and enrolled since the rows were last read."""
        with suppress(Damaged):  # then the rows are not those that the source vouches for, and all are read
            self._drop(known, tx.tallies.removed(self.source_id, known.version, key), key)
        known.version = tally.version
        was_behind, had = self.behind, len(self.index)
        self.behind, at_once = True, most or _ROWS
        while self.behind:
            rows = tx.tallies.rows(self.source_id, known.newest, at_once)
            if rows:
                mine = self._mine(rows)
                known.take(rows, mine, key)
                self._add(tx, _ids(mine), _days(mine), key)
            self.behind = len(rows) == at_once
            if most:
                break
        self.overlaps &= self.behind
        if not was_behind:
            self.filled_from = (now, had)

    def _drop(self, known: RowsRead, erased: Sequence[FaceRow], key: DataKey) -> None:
        """Leave out faces that were erased, whether or not their rows had been read."""
        were_read = [row for row in erased if row[0] <= known.newest]
        if were_read:
            known.drop(were_read, self._mine(were_read), key)
        self.forget(_ids(self._mine(erased)))

    def _compare(self, tx: Tx, key: DataKey, now: float) -> None:
        """Read every row of the source, and let the index hold exactly the faces that can be compared."""
        self.take_over(tx, key, self.read_every_row(tx, key), now)
        self.behind = self.overlaps = False

    def _mine(self, rows: Sequence[FaceRow]) -> list[FaceRow]:
        """Return the rows of faces with templates of this model, except those that no face could have."""
        return [row for row in rows if row[1] == self.model and row[3] and _is_day(row[2]) and _is_day(row[4])]

    def _add(self, tx: Tx, ids: FaceIds, days: Days, key: DataKey) -> None:
        """Add faces, ids ascending, whose templates are there and open."""
        if self.overlaps:
            new = ~np.isin(ids, self.index.ids)
            ids, days = ids[new], days[new]
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            found, vectors = tx.faces.intact(some, self.source_id, self.model, key)
            if len(found):
                self.index.add(found, vectors, days[start : start + _AT_ONCE][np.searchsorted(some, found)])
                self.unwritten = True


EveryRow = tuple[RowsRead, FaceIds, Days]
"""What every row of a source says; the faces that can be compared, ids ascending; and their days of capture."""


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
