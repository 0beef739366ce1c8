"""The ledger's rows. They only grow: triggers refuse to change or delete entries and nodes, on either database.

The details of an entry are sealed, because they name people (R46); its agency and its case stand beside them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged, LedgerBroken
from lineament.model.actions import Action
from lineament.store.columns import among
from lineament.store.keys import Vault
from lineament.store.ledger_parts import LedgerPart, Seqs
from lineament.store.ledger_tables import (
    CHANGE_MADE,
    STOPS,
    WITNESSES_CHANGED,
    ledger_checkpoint,
    ledger_details,
    ledger_entries,
    ledger_nodes,
)
from lineament.store.people_tables import accounts
from lineament.store.raw import BINARY, batched, fetched
from lineament.store.tables import cases, sources

_PAGE = 1000
"""Most rows in one query."""

_KEPT = [
    action.value
    for action in (
        Action.DETAILS_ERASED,
        Action.ROWS_BOUND,
        Action.AGENCY_STOPPED,
        Action.AGENCY_RESUMED,
        Action.ALL_STOPPED,
        Action.ALL_RESUMED,
    )
]
"""Actions whose details are never too old: they explain other entries, or say that searching is stopped."""

_COLUMNS = sa.select(ledger_entries, ledger_details.c.salt, ledger_details.c.sealed, ledger_details.c.case_id)
_ENTRIES = _COLUMNS.outerjoin(ledger_details, ledger_details.c.seq == ledger_entries.c.seq)
# Built once, because building one takes three times as long as running it, and a search makes dozens of these.
_LAST = sa.select(sa.func.max(ledger_entries.c.seq))
_LAST_CHANGE = _LAST.where(sa.text(CHANGE_MADE))
_LAST_WITNESSES = _LAST.where(sa.text(WITNESSES_CHANGED))
_NEWEST_AT = sa.select(ledger_entries.c.at).order_by(ledger_entries.c.seq.desc()).limit(1)
_STOPS = _ENTRIES.where(sa.text(STOPS)).order_by(ledger_entries.c.seq.desc())
_HOST = sa.select(cases.c.agency_id).where(cases.c.id == sa.bindparam("case"))
_NODE = sa.select(ledger_nodes.c.hash).where(
    ledger_nodes.c.level == sa.bindparam("at_level"), ledger_nodes.c.position == sa.bindparam("at_position")
)
_CHECKPOINT = sa.select(ledger_checkpoint.c.note)
_ADD_ENTRY, _ADD_DETAILS, _ADD_NODES = (sa.insert(table) for table in (ledger_entries, ledger_details, ledger_nodes))
_SET_CHECKPOINT = sa.update(ledger_checkpoint).values(
    {name: sa.bindparam(f"new_{name}") for name in ("size", "root", "note")}
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
    case_id: int | None = None  # in which it was done


class LedgerRows:
    """Entries, details, the nodes of the tree, and the newest checkpoint."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._filing: dict[str, str | int | None] = {"agency_id": None, "case_id": None, "host_id": None}
        self._account_id: str | None = None

    def file_under(self, agency_id: str | None, case_id: int | None) -> None:
        """File the entries that this transaction appends from now on under that agency and, if given, that case."""
        host = None
        if case_id is not None:
            host = self._connection.scalar(_HOST, {"case": case_id})
        elsewhere = host if host != agency_id else None
        self._filing = {"agency_id": agency_id, "case_id": case_id, "host_id": elsewhere}

    def file_by(self, account_id: str | None) -> None:
        """File the entries that this transaction appends from now on under whoever makes them."""
        self._account_id = account_id

    def size(self) -> int:
        """Return how many entries there are."""
        last = self._connection.scalar(_LAST)
        return 0 if last is None else int(last) + 1

    def newest_at(self) -> datetime | None:
        """Return when the newest entry was recorded, UTC; None if there is no entry."""
        found = self._connection.scalar(_NEWEST_AT)
        return None if found is None else datetime.fromisoformat(found)

    def accepted_clocks(self) -> list[int]:
        """Return the numbers of the entries that accept a clock that was set back."""
        query = sa.select(ledger_entries.c.seq).where(ledger_entries.c.action == Action.CLOCK_ACCEPTED.value)
        return [int(seq) for seq in self._connection.scalars(query.order_by(ledger_entries.c.seq))]

    def begun(self) -> bool:
        """Return whether there are rows whose creation the ledger records, so that it cannot be empty."""
        kept = (sa.exists(sa.select(table.c.id)) for table in (accounts, cases, sources))
        return bool(self._connection.scalar(sa.select(sa.or_(*kept))))

    def newest_change(self) -> int | None:
        """Return the number of the newest entry that says that a change of threshold or model took effect."""
        found = self._connection.scalar(_LAST_CHANGE)
        return None if found is None else int(found)

    def stopped(self, agency_id: str) -> list[str]:
        """Return which stops for that agency stand by the ledger: “everything”, the id of the agency, both or none."""
        stands: dict[str, bool] = {}
        for row in fetched(self._connection.execute(_STOPS, execution_options={BINARY: True})):
            if len(stands) == 2:
                break
            entry = self._entry(row)
            whose = "everything" if entry.action.startswith("all_") else json.loads(entry.details or "{}").get("agency")
            if whose in {"everything", agency_id}:
                stands.setdefault(whose, entry.action.endswith("_stopped"))
        return [whose for whose, stopped in stands.items() if stopped]

    def newest_witnesses(self) -> int | None:
        """Return the number of the newest entry that says that a policy of who witnesses the ledger took effect."""
        found = self._connection.scalar(_LAST_WITNESSES)
        return None if found is None else int(found)

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
        """Append the entry ``seq``, its details and the nodes it completes. Raises Refused unless ``seq`` is next."""
        entry = {"seq": seq, "at": at.isoformat(), "action": action, "commitment": commitment, "leaf": leaf}
        self._connection.execute(_ADD_ENTRY, entry)
        sealed = self._vault.seal(details.encode(), _associated_data(seq))
        row = {"seq": seq, "salt": salt, "sealed": sealed, "account_id": self._account_id, "entry_action": action}
        self._connection.execute(_ADD_DETAILS, row | self._filing)
        if nodes:
            rows = [{"level": level, "position": position, "hash": hash_} for level, position, hash_ in nodes]
            self._connection.execute(_ADD_NODES, rows)

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree. Raises KeyError if it is not stored."""
        found = self._connection.scalar(_NODE, {"at_level": level, "at_position": position})
        if found is None:
            raise KeyError((level, position))
        return bytes(found)

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Yield position and hash of the stored nodes of one level, ``start`` to ``stop`` (exclusive), ascending."""
        columns = ledger_nodes.c
        query = sa.select(columns.position, columns.hash).where(columns.level == level, columns.position < stop)
        query = query.order_by(columns.position).limit(_PAGE)
        while page := fetched(self._connection.execute(query.where(columns.position >= start))):
            yield from ((position, hash_) for position, hash_ in page)
            start = page[-1][0] + 1

    def entries(self, start: int, stop: int) -> Iterator[LedgerRow]:
        """Yield the stored entries from ``start`` to ``stop`` (exclusive), ascending.

        Raises LedgerBroken if the details of an entry do not open: they were altered, or belong to another entry.
        """
        seq = ledger_entries.c.seq
        query = _ENTRIES.where(seq < stop).order_by(seq).limit(_PAGE)
        while page := fetched(self._connection.execute(query.where(seq >= start), execution_options={BINARY: True})):
            yield from map(self._entry, page)
            start = page[-1][0] + 1

    def several(self, seqs: Iterable[int]) -> Iterator[LedgerRow]:
        """Yield the stored entries with these numbers, in no order; missing ones are left out.

        Raises LedgerBroken if the details of an entry do not open.
        """
        for some in batched(seqs, _PAGE):
            query = _ENTRIES.where(among(ledger_entries.c.seq, some))
            yield from map(self._entry, fetched(self._connection.execute(query, execution_options={BINARY: True})))

    def of_actions(self, actions: Collection[str], after: int) -> Iterator[LedgerRow]:
        """Yield the entries after an entry that record one of these actions, ascending; erased details are None."""
        seq, action = ledger_entries.c.seq, ledger_entries.c.action
        while True:  # a query for each action, because the index has each in order
            parts = [
                sa.select(seq).where(action == each, seq > after).order_by(seq).limit(_PAGE).subquery()
                for each in sorted(actions)
            ]
            found = sa.union_all(*(sa.select(part.c.seq) for part in parts))
            page = self._read_rows(found, _PAGE, newest_first=False)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].seq

    def part(self, part: LedgerPart, limit: int | None) -> list[LedgerRow]:
        """Return the newest entries of a part of the ledger, newest first."""
        return self._read_rows(part.newest(limit), limit)

    def of_cases(self, agency_id: str, case_ids: Iterable[int], action: str) -> Iterator[LedgerRow]:
        """Yield an agency's entries of one action in any of these cases."""
        columns = ledger_details.c
        own = sa.or_(columns.agency_id == agency_id, columns.host_id == agency_id)
        for some in batched(case_ids, _PAGE):
            wanted = sa.select(columns.seq).where(among(columns.case_id, some), columns.entry_action == action, own)
            yield from self._read_rows(wanted, None, newest_first=False)

    def count(self, part: LedgerPart) -> int:
        """Return how many entries a part of the ledger has; an index is counted, and no entry is read."""
        return int(self._connection.scalar(sa.select(sa.func.count()).select_from(part.newest(None).subquery())) or 0)

    def between(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Return the first entry from ``since`` on and the first after those before ``until``; (0, 0) if there is none.

        Entries of other times are among them if the clock was set back in between.
        """
        at, seq = ledger_entries.c.at, ledger_entries.c.seq
        low, high = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") for moment in (since, until))
        query = sa.select(sa.func.min(seq), sa.func.max(seq)).where(at >= low, at < high)
        first, last = self._connection.execute(query).one()
        return (0, 0) if first is None else (int(first), int(last) + 1)

    def of_case(self, case_id: int, before: int | None, limit: int | None) -> list[LedgerRow]:
        """Return the newest entries filed under a case, newest first; ``before``: only those before that entry.

        Entries whose details were erased are missing: their case was erased too.
        """
        return self.part(LedgerPart(case_id=case_id, stop=before), limit)

    def of_agency(self, agency_id: str, before: int | None, limit: int | None) -> list[LedgerRow]:
        """Return the newest entries of an agency's people, and of others in its cases, newest first."""
        return self.part(LedgerPart(agency_id=agency_id, stop=before), limit)

    def place(self, case_id: int, commitment: bytes) -> int | None:
        """Return the entry with that commitment if it is filed under that case."""
        query = sa.select(ledger_details.c.seq).join(ledger_entries, ledger_entries.c.seq == ledger_details.c.seq)
        query = query.where(ledger_details.c.case_id == case_id, ledger_entries.c.commitment == commitment)
        found: int | None = self._connection.scalar(query)
        return found

    def filed(self, agency_id: str) -> set[int]:
        """Return the numbers of the entries that ``of_agency`` would return, without opening them."""
        columns = ledger_details.c
        query = sa.select(columns.seq).where(sa.or_(columns.agency_id == agency_id, columns.host_id == agency_id))
        return set(self._connection.scalars(query))

    def older(self, agency_id: str, before: datetime) -> list[int]:
        """Return the entries of an agency's people before that time whose details are still there, ascending.

        Leaves out those that are always kept, and those filed under an open or closed case, which stay as long as the
        case.
        """
        kept = sa.select(cases.c.id).where(cases.c.state.in_(("open", "closed")))
        query = sa.select(ledger_details.c.seq).join(ledger_entries, ledger_entries.c.seq == ledger_details.c.seq)
        query = query.where(
            ledger_details.c.agency_id == agency_id,
            ledger_entries.c.at < before.astimezone(UTC).isoformat(),
            ledger_entries.c.action.not_in(_KEPT),
            sa.or_(ledger_details.c.case_id.is_(None), ledger_details.c.case_id.not_in(kept)),
        )
        return list(self._connection.scalars(query.order_by(ledger_details.c.seq)))

    def _read_rows(self, wanted: Seqs, limit: int | None, *, newest_first: bool = True) -> list[LedgerRow]:
        seq = ledger_entries.c.seq
        query = _ENTRIES.where(seq.in_(wanted)).order_by(seq.desc() if newest_first else seq).limit(limit)
        return [self._entry(row) for row in fetched(self._connection.execute(query, execution_options={BINARY: True}))]

    def checkpoint(self) -> str | None:
        """Return the newest signed checkpoint, None before the first entry."""
        note: str | None = self._connection.scalar(_CHECKPOINT)
        return note

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Replace the checkpoint with a newer one."""
        row = {"size": size, "root": root, "note": note}
        if self._connection.execute(_SET_CHECKPOINT, {f"new_{name}": row[name] for name in row}).rowcount == 0:
            self._connection.execute(sa.insert(ledger_checkpoint).values(id=1, **row))

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of an entry, if they are there; its commitment stays."""
        self._connection.execute(sa.delete(ledger_details).where(ledger_details.c.seq == seq))

    def _entry(self, row: tuple[Any, ...]) -> LedgerRow:
        seq, at, action, commitment, leaf, salt, sealed, case_id = row
        return LedgerRow(
            seq=seq,
            at=datetime.fromisoformat(at),
            action=action,
            commitment=commitment,
            leaf=leaf,
            salt=salt,
            details=None if sealed is None else self._open_details(seq, sealed),
            case_id=case_id,
        )

    def _open_details(self, seq: int, sealed: bytes) -> str:
        try:
            return self._vault.open(sealed, _associated_data(seq)).decode()
        except (Damaged, TypeError):  # SQLite's columns may hold anything
            raise LedgerBroken(why="the details are not those that were sealed", entry=seq) from None


def _associated_data(seq: int) -> str:
    return f"ledger|{seq}"
