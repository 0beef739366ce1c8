"""Verifies the ledger from its first entry, exports it, and reads its entries."""

from __future__ import annotations

import hmac
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import AccessAltered, AnchorMissing, InvalidValue, LedgerBroken, NotFound
from lineament.ledger.anchor import read_anchor
from lineament.ledger.checkpoint import Checkpoint
from lineament.ledger.entries import StoredEntry
from lineament.ledger.export import export
from lineament.ledger.proofs import consistency_file, entry_proof
from lineament.model.accounts import Permission
from lineament.model.actions import VIEW_ACTIONS
from lineament.model.cases import Case
from lineament.model.events.kinds import KINDS, EntryKind
from lineament.model.events.ledger import EntryProven, LedgerExported, LedgerRead, RowsBound
from lineament.model.reasons import Reason
from lineament.services.cases.access import seen_case
from lineament.services.needs import needs, open_to_all
from lineament.services.people.policies import require_step_up
from lineament.services.record import Record
from lineament.services.stored_rows import RowCheck, older_rows
from lineament.services.witnessing.in_force import (
    kept_folder,
    kept_seen,
    policy_in_force,
    reason_not_witnessed,
)
from lineament.store.db import TO_BIND, Tx
from lineament.store.durable import private_file
from lineament.store.ledger import LedgerRow
from lineament.store.ledger_parts import LedgerPart

if TYPE_CHECKING:
    from lineament.ledger import verify as verifier


AT_OPENING = 3
"""How many of the largest checkpoints that others saw are compared when a workspace is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A ledger entry with its details, as an auditor reads it."""

    seq: int
    at: datetime
    action: str
    commitment: bytes
    details: str | None  # canonical JSON, or None if it was lawfully erased
    case: Case | None = None  # in which it was done, if the auditor may read that


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEntries:
    """Which entries an auditor wants to read: those that fulfil all that is given."""

    person: str | None = None  # the id of an account
    case: str | None = None  # its reference or key
    kind: EntryKind | None = None
    day: tuple[datetime, datetime] | None = None  # its beginning and end
    views: bool = True  # also those of people who only looked


EVERYTHING = WantedEntries()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Entries, newest first."""

    entries: list[LedgerEntry]
    older: int | None  # the entry before which the next page begins; None: this is the last
    hidden: int  # how many are left out here because somebody only looked


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProof:
    """The proof that the ledger has an entry."""

    entry: LedgerEntry
    leaf: bytes  # the leaf hash, 32 bytes
    path: list[bytes]  # the hashes from beside the leaf up to below the root
    note: str  # the checkpoint that it leads to
    file: str  # the proof as a file, c2sp.org/tlog-proof


class Audit:
    """Verifies and reads the ledger."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.READ_LEDGER, Permission.MACHINE)
    def verify(self) -> verifier.Verification:
        """Recompute the whole ledger, and compare it with the rows of the database and with what others saw.

        Raises LedgerBroken with the first entry that does not match, or with who saw another ledger and when;
        RowsAltered with the first row; AnchorMissing, WitnessesUntrusted, or Damaged if what is kept was altered.
        """
        from lineament.ledger import verify as verifier

        anchored = read_anchor(self._record.anchor)
        with self._record.everywhere.read() as tx:
            policy = policy_in_force(tx, self._record)
        seen = kept_seen(self._record, policy)  # before the snapshot below, which is at least as new
        with self._record.everywhere.read() as tx:
            rows = RowCheck(tx)
            found = verifier.verify(tx.ledger, self._record.ledger.public_key, anchored, rows.take, seen)
            if anchored is None and (found.entries or tx.ledger.begun()):
                raise AnchorMissing(path=self._record.anchor, entry=found.entries)
            return replace(found, rows=rows.finish())

    @open_to_all("a workspace is checked as it is opened, whoever opens it")
    def check_anchor(self) -> None:
        """Raise LedgerBroken if the ledger does not extend the checkpoint that is anchored on disk."""
        ledger, note = self._record.ledger, read_anchor(self._record.anchor)
        witnessed = list(kept_folder(self._record).newest(AT_OPENING))
        with self._record.everywhere.read() as tx:
            if note is not None:
                ledger.check_kept(tx.ledger, note)
            elif tx.ledger.size() or tx.ledger.begun():
                raise AnchorMissing(path=self._record.anchor, entry=tx.ledger.size())
            for kept in witnessed:
                ledger.check_witnessed(tx.ledger, kept.note)

    @open_to_all("whoever searches is told whether the record is witnessed from outside")
    def not_witnessed(self) -> Reason | None:
        """Return why the record is not witnessed as the policy asks; None if it is. Raises WitnessesUntrusted."""
        with self._record.read() as tx:
            return reason_not_witnessed(tx, self._record)

    @open_to_all("a workspace is upgraded as it is opened, whoever opens it")
    def bind_rows(self) -> None:
        """Commit to the rows that a version without digests stored, once, as they are found.

        Raises AccessAltered if it was not an upgrade that asks for it.
        """
        with self._record.everywhere.read() as tx:
            if tx.meta.get(TO_BIND) is None:
                return
        with self._record.everywhere.change() as change:
            tx = change.tx
            asked = tx.meta.get(TO_BIND) or ""
            if not hmac.compare_digest(asked, tx.vault.mac(f"{TO_BIND} at {tx.ledger.size()}").hex()):
                raise AccessAltered(row=f"meta/{TO_BIND}")
            for rows, lists in older_rows(tx):
                change.record(RowsBound(lists=lists), rows)
            tx.meta.forget(TO_BIND)

    @property
    @open_to_all("it is for everybody who checks a signature")
    def public_key(self) -> str:
        """Return the key that verifies the signatures, as C2SP vkey text."""
        return str(self._record.ledger.public_key)

    @needs(Permission.READ_LEDGER)
    def export(self, path: Path, case_ref: str | None = None) -> int:
        """Write the ledger to a file for a stand-alone check; return the number of entries.

        With ``case_ref`` only that case's entries show their details. Entries of other agencies appear in an auditor's
        export only as leaves (R46). The export is recorded before it is written.

        Raises NotFound if there is no such case, or StepUpNeeded if the second factor was not shown recently (R49).
        """
        official = self._record.official
        with self._record.everywhere.change() as change:
            require_step_up(change.tx, official, change.at)
            case = None if case_ref is None else seen_case(change.tx, self._record, case_ref)
            if case is not None:
                change.concerns(case)
            change.record(LedgerExported(case=None if case is None else case.ref))
        with (
            self._record.everywhere.read() as tx,
            private_file(path) as file,
            io.TextIOWrapper(file, encoding="utf-8") as out,
        ):
            shown = None if case is None else {row.seq for row in tx.ledger.of_case(case.id, None, None)}
            listed = None if official.solo else tx.ledger.filed(official.agency_id)
            key, witnessed = self._record.ledger.public_key, kept_folder(self._record).newest()
            return export(tx.ledger, out, key, opened=shown, listed=listed, witnessed=witnessed)

    @needs(Permission.READ_LEDGER)
    def entries(self, start: int, stop: int) -> list[LedgerEntry]:
        """Return entries ``start`` to ``stop`` (from 0, ``stop`` excluded), in order, of every agency."""
        with self._record.everywhere.read() as tx:
            return [_read(row) for row in tx.ledger.entries(start, stop)]

    @needs(Permission.READ_LEDGER)
    def page(self, before: int | None = None, limit: int = 50, wanted: WantedEntries = EVERYTHING) -> EntryPage:
        """Return the newest entries before the entry ``before`` that the official may read, of those wanted.

        In a solo workspace that is everything. Elsewhere it is what the official's agency did, and what was done in its
        cases (R46); the reading is recorded with what was wanted (R44). Raises NotFound if there is no such case.
        """
        if self._record.official.solo:
            with self._record.read() as tx:
                return self._page(tx, self._part(tx, before, wanted), limit, wanted)
        with self._record.change() as change:
            change.record(self._read_as(change.tx, before, wanted))
            return self._page(change.tx, self._part(change.tx, before, wanted), limit, wanted)

    def _read_as(self, tx: Tx, before: int | None, wanted: WantedEntries) -> LedgerRead:
        """Return the event of reading a page, with the filter, so that a reading can be audited in its turn (R44)."""
        known = tx.accounts.several([] if wanted.person is None else [wanted.person]).get(wanted.person or "")
        since, until = wanted.day or (None, None)
        return LedgerRead(
            before=before,
            person=wanted.person,
            named=known.name if known is not None and known.agency_id == self._record.official.agency_id else None,
            case=None if wanted.case is None else seen_case(tx, self._record, wanted.case).ref,
            kind=None if wanted.kind is None else wanted.kind.value,
            since=since,
            until=until,
            views=wanted.views,
        )

    def _part(self, tx: Tx, before: int | None, wanted: WantedEntries) -> LedgerPart:
        """Return the part of the ledger that is wanted, with those who only looked."""
        official, size = self._record.official, tx.ledger.size()
        first, stop = (0, size) if wanted.day is None else tx.ledger.between(*wanted.day)
        return LedgerPart(
            agency_id=None if official.solo else official.agency_id,
            case_id=None if wanted.case is None else seen_case(tx, self._record, wanted.case).id,
            account_id=wanted.person,
            actions=None if wanted.kind is None else frozenset(action.value for action in KINDS[wanted.kind]),
            first=first,
            stop=stop if before is None else max(0, min(before, stop)),
        )

    def _page(self, tx: Tx, part: LedgerPart, limit: int, wanted: WantedEntries) -> EntryPage:
        rows = tx.ledger.part(part if wanted.views else _without_views(part), limit + 1)
        older = rows[limit - 1].seq if len(rows) > limit else None
        hidden = 0 if wanted.views else tx.ledger.count(_only_views(part, older))
        return EntryPage(entries=self._with_cases(tx, rows[:limit]), older=older, hidden=hidden)

    @needs(Permission.READ_LEDGER)
    def people(self) -> dict[str, str]:
        """Return the names of the people of the official's agency by their accounts, in the order of the names."""
        with self._record.read() as tx:
            known = {account.id: account.name for account in tx.accounts.of_agency(self._record.official.agency_id)}
        return dict(sorted(known.items(), key=lambda item: item[1].casefold()))

    def _with_cases(self, tx: Tx, rows: Sequence[LedgerRow]) -> list[LedgerEntry]:
        """Return entries with the cases of the auditor's own agency that they are about."""
        try:
            found = tx.cases.of_ids({row.case_id for row in rows if row.case_id is not None})
        except AccessAltered:  # an auditor reads the ledger whatever was done to the cases
            found = {}
        own = {number: case for number, case in found.items() if case.agency_id == self._record.official.agency_id}
        return [replace(_read(row), case=None if row.case_id is None else own.get(row.case_id)) for row in rows]

    @needs(Permission.READ_LEDGER)
    def prove(self, seq: int) -> EntryProof:
        """Return the proof that the ledger has an entry which the official may read; that it was made is recorded.

        Raises NotFound for any other entry.
        """
        official, ledger = self._record.official, self._record.ledger
        with self._record.everywhere.change() as change:
            tx = change.tx
            if not official.solo and seq not in tx.ledger.filed(official.agency_id):
                raise no_such_entry(seq)
            note, size = self._best_note(tx, seq)
            entry = next(tx.ledger.entries(seq, seq + 1), None)
            if entry is None or note is None:
                raise no_such_entry(seq)
            path = ledger.prove(tx.ledger, seq, size)
            (shown,) = self._with_cases(tx, [entry])
            change.record(EntryProven(entry=seq))
        return EntryProof(entry=shown, leaf=entry.leaf, path=path, note=note, file=entry_proof(entry, path, note))

    @needs(Permission.READ_LEDGER)
    def prove_consistency(self, old_note: str) -> str:
        """Return the proof that the ledger continues from a checkpoint that was kept elsewhere, as a file.

        Raises InvalidValue if it is no checkpoint of this ledger, or LedgerBroken if the ledger does not begin with it.
        """
        ledger = self._record.ledger
        try:
            old = Checkpoint.parse(old_note, ledger.public_key)
        except InvalidValue as error:
            raise InvalidValue(**error.details, field="checkpoint") from error
        with self._record.everywhere.change() as change:
            note, size = change.tx.ledger.checkpoint(), change.tx.ledger.size()
            if note is None or not ledger.extends(change.tx.ledger, old):
                raise LedgerBroken(why=f"it does not begin with the {old.size} entries of that checkpoint", entry=0)
            path = ledger.prove_consistency(change.tx.ledger, old.size, size) if old.size else []
            change.record(EntryProven(old=old.size))
        return consistency_file(old_note, note, path)

    def _best_note(self, tx: Tx, seq: int) -> tuple[str | None, int]:
        """Return the newest checkpoint that others saw if it covers the entry, else the newest of all; and its size."""
        key = self._record.ledger.public_key
        for kept in kept_folder(self._record).newest(1):
            with suppress(InvalidValue):
                seen = Checkpoint.parse(kept.note, key)
                if seq < seen.size and self._record.ledger.extends(tx.ledger, seen):
                    return kept.note, seen.size
        return tx.ledger.checkpoint(), tx.ledger.size()

    @needs(Permission.READ_LEDGER, Permission.MACHINE)
    def size(self) -> int:
        """Return the number of entries."""
        with self._record.read() as tx:
            return tx.ledger.size()

    @needs(Permission.READ_LEDGER, Permission.MACHINE)
    def checkpoint(self) -> str | None:
        """Return the newest signed checkpoint (C2SP), or None before the first entry."""
        with self._record.read() as tx:
            return tx.ledger.checkpoint()


def no_such_entry(seq: int) -> NotFound:
    """Return the error for an entry that does not exist, or that the official may not read."""
    return NotFound(what="entry", name=seq, hint="lineament ledger export FILE")


def _without_views(part: LedgerPart) -> LedgerPart:
    """Return the part without those who only looked."""
    if part.actions is None:
        return replace(part, without=VIEW_ACTIONS)
    return replace(part, actions=part.actions - VIEW_ACTIONS)


def _only_views(part: LedgerPart, first: int | None) -> LedgerPart:
    """Return only those who looked, from the entry ``first`` on; None: from the beginning of the part."""
    actions = VIEW_ACTIONS if part.actions is None else part.actions & VIEW_ACTIONS
    return replace(part, actions=actions, first=part.first if first is None else max(first, part.first))


def _read(row: StoredEntry) -> LedgerEntry:
    return LedgerEntry(seq=row.seq, at=row.at, action=row.action, commitment=row.commitment, details=row.details)
