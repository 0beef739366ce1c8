"""The audit: the ledger recomputed from its first entry, and its entries read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineament.errors import LedgerBroken
from lineament.ledger import verify as verifier
from lineament.services.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """An entry as an auditor reads it."""

    seq: int
    at: datetime
    action: str
    commitment: bytes
    details: str | None  # canonical JSON, or None where it was lawfully erased


class Audit:
    """Verifies and reads the ledger."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def verify(self) -> verifier.Verification:
        """Recompute everything; LedgerBroken names the first entry that does not fit."""
        anchored = _read(self._record.anchor)
        with self._record.store.read() as tx:
            found = verifier.verify(tx.ledger, self._record.ledger.public_key, anchored)
            for search_id, entry in tx.searches.ledger_entries():
                if not 0 <= entry < found.size:
                    raise LedgerBroken(why=f"the search {search_id} has no entry", entry=entry)
        return found

    def entries(self, start: int, stop: int) -> list[LedgerEntry]:
        """Entries ``start`` to ``stop`` (from 0, the last not included), in their order."""
        with self._record.store.read() as tx:
            return [
                LedgerEntry(
                    seq=entry.seq,
                    at=entry.at,
                    action=entry.action,
                    commitment=entry.commitment,
                    details=entry.details,
                )
                for entry in tx.ledger.entries(start, stop)
            ]

    def size(self) -> int:
        """How many entries there are."""
        with self._record.store.read() as tx:
            return tx.ledger.size()

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint (C2SP), or None before the first entry."""
        with self._record.store.read() as tx:
            return tx.ledger.checkpoint()


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
