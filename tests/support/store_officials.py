"""Agencies and officials for a store, and all that is stored about them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.store_rows import NOW

from lineament.model.accounts import Account, Role
from lineament.model.agencies import Agency, AgencyTerms
from lineament.store.columns import metadata
from lineament.store.db import Store, Tx
from lineament.testing import VAULT

NAME = "Gendarmerie of Freedonia"
EMAIL = "rufus.firefly@freedonia.example"
PERSON = "Rufus T. Firefly"


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def agency(tx: Tx, name: str = NAME) -> Agency:
    return tx.agencies.add(AgencyTerms(name=name, jurisdiction="FR"), NOW)


def invited(tx: Tx, agency_id: str, email: str = EMAIL, name: str = PERSON, *roles: Role) -> Account:
    return tx.accounts.add(agency_id, email, name, roles or (Role.EXAMINER,), NOW)


def joined(tx: Tx, agency_id: str, email: str = EMAIL, name: str = PERSON) -> Account:
    return tx.accounts.join(invited(tx, agency_id, email, name).id, name, "$argon2id$secret-hash")


def in_the_files(folder: Path) -> bytes:
    """Return every byte of the files there: the database and its log."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def in_the_tables(store: Store) -> bytes:
    """Return every value of every row, as bytes."""
    found: list[bytes] = []
    with store.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.connection.exec_driver_sql(f"SELECT * FROM {table.name}"):
                found += (value if isinstance(value, bytes) else str(value).encode() for value in row)
    return b"\n".join(found)


def at_once(url: str, ask: Callable[[Tx], Any]) -> list[Any]:
    """Run an action twice at the same time, each with a store of its own; return both results."""
    answers: list[Any] = []
    start = threading.Barrier(2)

    def run() -> None:
        store = Store.open(url, VAULT, patience=60)
        try:
            start.wait(120)
            with store.begin() as tx:
                answer = ask(tx)
            answers.append(answer)
        finally:
            store.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
