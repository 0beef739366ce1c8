"""Verifies the ledger from its first entry, exports it, and reads its entries."""

from __future__ import annotations

import hmac
import io
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import AccessAltered
from lineament.ledger.anchor import read_anchor
from lineament.ledger.entries import StoredEntry
from lineament.ledger.export import export
from lineament.model.accounts import Permission
from lineament.model.events.ledger import LedgerExported, LedgerRead, RowsBound
from lineament.services.cases.access import seen_case
from lineament.services.needs import needs, open_to_all
from lineament.services.people.policies import require_step_up
from lineament.services.record import Record
from lineament.services.stored_rows import RowCheck, older_rows
from lineament.store.db import TO_BIND
from lineament.store.durable import private_file

if TYPE_CHECKING:
    from lineament.ledger import verify as verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A ledger entry with its details, as an auditor reads it."""

    seq: int
    at: datetime
    action: str
    commitment: bytes
    details: str | None  # canonical JSON, or None if it was lawfully erased


class Audit:
    """Verifies and reads the ledger."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.READ_LEDGER, Permission.MACHINE)
    def verify(self) -> verifier.Verification:
        """Recompute the whole ledger and compare the rows of the database with it.

        Raises LedgerBroken with the first entry that does not match, or RowsAltered with the first row.
        """
        from lineament.ledger import verify as verifier

        anchored = read_anchor(self._record.anchor)
        with self._record.read() as tx:
            rows = RowCheck(tx)
            found = verifier.verify(tx.ledger, self._record.ledger.public_key, anchored, rows.take)
            return replace(found, rows=rows.finish())

    @open_to_all("a workspace is checked as it is opened, whoever opens it")
    def check_anchor(self) -> None:
        """Raise LedgerBroken if the ledger does not extend the checkpoint that is anchored on disk."""
        with self._record.read() as tx:
            self._record.ledger.check_anchor(tx.ledger, self._record.anchor)

    @open_to_all("a workspace is upgraded as it is opened, whoever opens it")
    def bind_rows(self) -> None:
        """Commit to the rows that a version without digests stored, once, as they are found.

        Raises AccessAltered if it was not an upgrade that asks for it.
        """
        with self._record.read() as tx:
            if tx.meta.get(TO_BIND) is None:
                return
        with self._record.change() as change:
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
        with self._record.change() as change:
            require_step_up(change.tx, official, change.at)
            case = None if case_ref is None else seen_case(change.tx, self._record, case_ref)
            if case is not None:
                change.concerns(case)
            change.record(LedgerExported(case=None if case is None else case.ref))
        with self._record.read() as tx, private_file(path) as file, io.TextIOWrapper(file, encoding="utf-8") as out:
            shown = None if case is None else {row.seq for row in tx.ledger.of_case(case.id, None, None)}
            listed = None if official.solo else tx.ledger.filed(official.agency_id)
            return export(tx.ledger, out, self._record.ledger.public_key, opened=shown, listed=listed)

    @needs(Permission.READ_LEDGER)
    def entries(self, start: int, stop: int) -> list[LedgerEntry]:
        """Return entries ``start`` to ``stop`` (from 0, ``stop`` excluded), in order, of every agency."""
        with self._record.read() as tx:
            return [_read(row) for row in tx.ledger.entries(start, stop)]

    @needs(Permission.READ_LEDGER)
    def page(self, before: int | None = None, limit: int = 50) -> list[LedgerEntry]:
        """Return the newest entries before the entry ``before`` that the official may read.

        In a solo workspace that is everything. Elsewhere it is what the official's agency did, and what was done in its
        cases (R46); the reading is recorded (R44).
        """
        official = self._record.official
        if official.solo:
            with self._record.read() as tx:
                stop = tx.ledger.size() if before is None else max(0, min(before, tx.ledger.size()))
                return [_read(row) for row in tx.ledger.entries(max(0, stop - limit), stop)][::-1]
        with self._record.change() as change:
            change.record(LedgerRead(before=before))
            return [_read(row) for row in change.tx.ledger.of_agency(official.agency_id, before, limit)]

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


def _read(row: StoredEntry) -> LedgerEntry:
    return LedgerEntry(seq=row.seq, at=row.at, action=row.action, commitment=row.commitment, details=row.details)
