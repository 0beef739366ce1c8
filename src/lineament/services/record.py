"""A change and its record share a transaction: no change without an entry, no entry without the change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from lineament.errors import NotAllowed
from lineament.ledger.anchor import read_anchor
from lineament.ledger.entries import LeafStore
from lineament.ledger.log import Ledger
from lineament.model.accounts import Official, Permission, Sight
from lineament.model.cases import Case
from lineament.model.events.base import JSON, Event
from lineament.model.proposals import Signatory
from lineament.services.jobs import deletions
from lineament.services.kept import kept_of
from lineament.store.bound import Digests
from lineament.store.db import Store, Tx
from lineament.store.row_security import EVERYWHERE, Scope

Clock = Callable[[], datetime]
"""The time now, with zone (UTC)."""


class UnrecordedChange(AssertionError):
    """A service changed something without recording it; this is a defect, and the change is rolled back."""


@dataclass(slots=True)
class Change:
    """An open transaction and the record of what it does."""

    tx: Tx
    at: datetime
    _ledger: Ledger
    _official: Official
    entries: int = 0

    def concerns(self, case: Case) -> None:
        """Set the case of the following entries; its timeline shows them."""
        self.tx.ledger.file_under(self._official.agency_id, case.id)

    def in_agency(self, agency_id: str) -> None:
        """Set the agency that the following entries concern; its auditors read them."""
        self.tx.ledger.file_under(agency_id, None)

    @property
    def next_entry(self) -> int:
        """The number that the next entry will have; no other transaction writes until this one ends."""
        return self.tx.ledger.size()

    @property
    def signatory(self) -> Signatory:
        """The official, as who proposes or decides something now."""
        return Signatory(name=self._official.name, account_id=self._official.account_id, at=self.at)

    def record(self, event: Event, ahead: Digests | None = None) -> int:
        """Append an entry and return its number. Details are salted, committed to and sealed, never logged.

        The entry commits to the bound rows that were changed since the last one, and with ``ahead`` to the digests of
        rows that are yet to be added.
        """
        self.entries += 1
        rows: LeafStore = self.tx.ledger
        details = {**event.details(), **self._bound(ahead or {})}
        if self._official.account_id is not None:
            details["account"] = self._official.account_id
        if self._official.key is not None:
            details["key"] = self._official.key.id  # a program acted for the official
        return self._ledger.record(rows, event.action, details, actor=self._official.name, at=self.at)

    def _bound(self, ahead: Digests) -> dict[str, JSON]:
        """Return the digests that the next entry commits to; the first entry commits to all rows that are there."""
        first = dict(self.tx.every_bound_row()) if self.tx.ledger.size() == 0 else {}
        rows: Digests = {**first, **self.tx.unrecorded(), **ahead}
        self.tx.touched.recorded |= rows
        return {"rows": rows} if rows else {}

    def erase_details(self, entries: Collection[int], reason: str) -> None:
        """Erase the details of entries, and record that for the verifier; do nothing for an empty list."""
        if entries:
            self.entries += 1
            self.tx.deletions.note_erased()
            rows: LeafStore = self.tx.ledger
            kept = kept_of(self.tx, entries)
            carried = {**self._bound(kept.digests), **kept.erased}
            self._ledger.erase_details(
                rows, entries, reason=reason, actor=self._official.name, at=self.at, carried=carried
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Opens transactions in an official's name. Services read and change the store only through it."""

    store: Store
    ledger: Ledger
    anchor: Path
    official: Official
    clock: Clock
    whole: bool = False  # its transactions concern every agency, whoever the official is

    @property
    def today(self) -> date:
        """Today's date, UTC."""
        return self.clock().date()

    @property
    def sight(self) -> Sight:
        """What the official may see now."""
        return self.official.sight(self.today)

    def require(self, *permissions: Permission) -> None:
        """Raise NotAllowed unless the official's roles include one of the permissions."""
        if not any(map(self.official.may, permissions)):
            raise NotAllowed(what=" or ".join(permissions))

    @property
    def everywhere(self) -> Record:
        """The same official, with transactions that concern every agency, such as an erasure."""
        return replace(self, whole=True)

    @property
    def scope(self) -> Scope | None:
        """What the official's transactions see in PostgreSQL; the machine's concern every agency."""
        official = self.official
        if self.whole or official.account_id is None:
            return EVERYWHERE
        return Scope(official.agency_id, official.account_id, operates=official.may(Permission.OPERATE))

    def read(self) -> AbstractContextManager[Tx]:
        """Open a read transaction in the official's name."""
        return self.store.read(self.scope)

    def begin(self) -> AbstractContextManager[Tx]:
        """Open a write transaction in the official's name that records nothing: upkeep, and what is no decision."""
        return self.store.begin(self.scope)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Open a write transaction that must record at least one entry; then anchor the checkpoint on disk.

        If it leaves something to delete, a job is added for that. Raises LedgerBroken if the ledger does not continue
        from the checkpoint on disk: the database was rolled back or exchanged.
        """
        with self.begin() as tx:
            self._check_anchor(tx)
            tx.ledger.file_by(self.official.account_id)
            tx.ledger.file_under(self.official.agency_id, None)
            change = Change(tx, self.clock(), self.ledger, self.official)
            yield change
            if not change.entries:
                raise UnrecordedChange
            if unrecorded := tx.unrecorded():
                raise UnrecordedChange(*unrecorded)
            if tx.deletions.added:
                deletions.note(tx, self.official, change.at)
            note = tx.ledger.checkpoint()
        if note is not None:
            self.ledger.anchor(self.anchor, note)

    def _check_anchor(self, tx: Tx) -> None:
        note = read_anchor(self.anchor)
        if note is not None:
            self.ledger.check_kept(tx.ledger, note)
        else:
            self.ledger.check_anchor(tx.ledger, self.anchor, begun=tx.ledger.begun())
            self.ledger.first_anchor(self.anchor)
