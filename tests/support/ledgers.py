"""Entries for a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lineament.ledger.log import Ledger
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.testing import MemoryLeafStore

NOW = datetime(2026, 1, 31, 23, 59, 59, 7, tzinfo=UTC)


def fill(ledger: Ledger, rows: MemoryLeafStore, entries: int, *, reason: str = "why") -> None:
    """Record so many searches, one second after another."""
    for number in range(entries):
        details: dict[str, JSON] = {
            "case": f"K-{number}",
            "faces": [number, number + 1],
            "reason": f"{reason} {number} é",
        }
        ledger.record(rows, Action.SEARCH, details, actor="examiner-a", at=NOW + timedelta(seconds=number))
