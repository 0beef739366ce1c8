"""A change and its record share a transaction: no change without an entry, no entry without the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineament.ledger.log import JSON, Action, LeafStore, Ledger
from lineament.store.db import Store, Tx

Clock = Callable[[], datetime]
"""The time now, with zone (UTC)."""


class Unrecorded(AssertionError):
    """A service changed something and did not say so; a defect of ours, and the change is undone."""


@dataclass(slots=True)
class Change:
    """An open transaction and the record of what it does."""

    tx: Tx
    at: datetime
    _ledger: Ledger
    _actor: str
    entries: int = 0

    def record(self, action: Action, **details: JSON) -> int:
        """Append an entry and return its number. Details are salted and committed to, never logged."""
        self.entries += 1
        rows: LeafStore = self.tx.ledger
        return self._ledger.record(rows, action, details, actor=self._actor, at=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The only way in which services change anything."""

    store: Store
    ledger: Ledger
    anchor: Path
    actor: str
    clock: Clock

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A write transaction that must record at least one entry; afterwards the checkpoint is anchored on disk."""
        with self.store.begin() as tx:
            change = Change(tx, self.clock(), self.ledger, self.actor)
            yield change
            if not change.entries:
                raise Unrecorded
            note = tx.ledger.checkpoint()
        if note is not None:
            self.ledger.anchor(self.anchor, note)
