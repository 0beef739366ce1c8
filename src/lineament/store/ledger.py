"""The ledger's rows. They only grow: triggers refuse to change or delete entries and nodes, on either database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.raw import fetched
from lineament.store.tables import ledger_checkpoint, ledger_details, ledger_entries, ledger_nodes

_PAGE = 1000
"""Rows read at once."""

_ENTRIES = sa.select(ledger_entries, ledger_details.c.salt, ledger_details.c.details).outerjoin(
    ledger_details, ledger_details.c.seq == ledger_entries.c.seq
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """An entry as stored."""

    seq: int
    at: datetime
    action: str
    commitment: bytes
    leaf: bytes
    salt: bytes | None  # None once the details are erased
    details: str | None


class LedgerRows:
    """Entries, details, the nodes of the tree, and the newest checkpoint."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def size(self) -> int:
        """How many entries there are."""
        last = self._connection.scalar(sa.select(sa.func.max(ledger_entries.c.seq)))
        return 0 if last is None else int(last) + 1

    def append(  # noqa: PLR0913, PLR0917 - one row, column by column
        self,
        seq: int,
        at: datetime,
        action: str,
        commitment: bytes,
        leaf: bytes,
        salt: bytes,
        details: str,
        nodes: Sequence[tuple[int, int, bytes]],
    ) -> None:
        """Add the entry ``seq``, its details, and the tree nodes that it completes; Refused unless ``seq`` is next."""
        entry = {"seq": seq, "at": at.isoformat(), "action": action, "commitment": commitment, "leaf": leaf}
        self._connection.execute(sa.insert(ledger_entries), entry)
        self._connection.execute(sa.insert(ledger_details), {"seq": seq, "salt": salt, "details": details})
        if nodes:
            rows = [{"level": level, "position": position, "hash": hash_} for level, position, hash_ in nodes]
            self._connection.execute(sa.insert(ledger_nodes), rows)

    def node(self, level: int, position: int) -> bytes:
        """The hash of one complete subtree; KeyError where it is not stored."""
        columns = ledger_nodes.c
        query = sa.select(columns.hash).where(columns.level == level, columns.position == position)
        found = self._connection.scalar(query)
        if found is None:
            raise KeyError((level, position))
        return bytes(found)

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Position and hash of the stored nodes of one level, ``start`` to ``stop`` (exclusive), ascending."""
        columns = ledger_nodes.c
        query = sa.select(columns.position, columns.hash).where(columns.level == level, columns.position < stop)
        query = query.order_by(columns.position).limit(_PAGE)
        while page := fetched(self._connection.execute(query.where(columns.position >= start))):
            yield from ((position, hash_) for position, hash_ in page)
            start = page[-1][0] + 1

    def entries(self, start: int, stop: int) -> Iterator[LedgerRow]:
        """The stored entries from ``start`` to ``stop`` (exclusive), ascending."""
        seq = ledger_entries.c.seq
        query = _ENTRIES.where(seq < stop).order_by(seq).limit(_PAGE)
        while page := fetched(self._connection.execute(query.where(seq >= start))):
            yield from map(_entry, page)
            start = page[-1][0] + 1

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint, None before the first entry."""
        note: str | None = self._connection.scalar(sa.select(ledger_checkpoint.c.note))
        return note

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Put a newer checkpoint in place of the last."""
        row = {"size": size, "root": root, "note": note}
        if self._connection.execute(sa.update(ledger_checkpoint).values(**row)).rowcount == 0:
            self._connection.execute(sa.insert(ledger_checkpoint).values(id=1, **row))

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of one entry; its commitment stays. Nothing to do where they are gone."""
        self._connection.execute(sa.delete(ledger_details).where(ledger_details.c.seq == seq))


def _entry(row: tuple[Any, ...]) -> LedgerRow:
    seq, at, action, commitment, leaf, salt, details = row
    return LedgerRow(
        seq=seq,
        at=datetime.fromisoformat(at),
        action=action,
        commitment=commitment,
        leaf=leaf,
        salt=salt,
        details=details,
    )
