"""Measures a ledger of 20,000 entries: verifying it from an export, from memory and from SQLite, and appending.

    python -m bench.ledger [--entries 20000]

docs/adr/0007-the-ledger-is-a-merkle-log.md has the figures. They are CPU times, as other work may run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from lineament.ledger.entries import LeafStore
from lineament.ledger.export import export
from lineament.ledger.log import Ledger
from lineament.ledger.verify import verify, verify_export
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.store.db import Store
from lineament.testing import VAULT, MemoryLeafStore

ROUNDS = 3
APPENDS = 300
LEDGER = Ledger(origin="lineament/bench", signing_seed=bytes(32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=20_000)
    entries: int = parser.parse_args().entries
    print(machine.line("sqlalchemy", "cryptography"))
    print(f"load before: {os.getloadavg()[0]:.1f}; a ledger of {entries:,} entries, in CPU time")
    memory = MemoryLeafStore()
    for number in range(entries):
        append(memory, number)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        path = Path(name) / "export.jsonl"
        with path.open("w", encoding="utf-8") as out:
            export(memory, out, LEDGER.public_key)
        measure_verification("an export", entries, lambda: verify_export(path, LEDGER.public_key))
        measure_verification("rows in memory", entries, lambda: verify(memory, LEDGER.public_key))
        store = Store.create(f"sqlite:///{name}/store.db", VAULT)
        with store.begin() as tx:
            for number in range(entries):
                append(tx.ledger, number)
        with store.read() as tx:
            measure_verification("SQLite", entries, lambda: verify(tx.ledger, LEDGER.public_key))
        print(f"one entry appended to rows in memory: {timed(lambda: append(memory, 0)) * 1e3:.2f} ms")
        print(f"one entry appended on SQLite, commit included: {timed(lambda: append_and_commit(store)) * 1e3:.2f} ms")
        store.close()


def append(rows: LeafStore, number: int) -> None:
    """Append an entry like that of a search."""
    details: dict[str, JSON] = {"case": f"K-{number}", "faces": [number, number + 1], "reason": f"why {number}"}
    LEDGER.record(rows, Action.SEARCH, details, actor="bench", at=datetime.now(UTC))


def append_and_commit(store: Store) -> None:
    with store.begin() as tx:
        append(tx.ledger, 0)


def measure_verification(origin: str, entries: int, work: Callable[[], object]) -> None:
    seconds = min(timed(work, 1) for _ in range(ROUNDS))
    print(f"verified from {origin}: {entries / seconds:,.0f} entries a second")


def timed(work: Callable[[], object], rounds: int = APPENDS) -> float:
    """Return the median CPU time of ``rounds`` runs, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
