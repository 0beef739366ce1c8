"""What a database administrator changes, with every trigger and constraint removed: verification names the entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.store_rows import RawSql

from lineament.errors import LedgerBroken, StoreUnavailable
from lineament.ledger.log import Ledger
from lineament.ledger.verify import verify
from lineament.model.actions import Action
from lineament.store.db import Store
from lineament.testing import VAULT

LEDGER = Ledger(origin="lineament/contract", signing_seed=bytes(range(32)))
NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
ENTRIES = 12
SWAPPED = """UPDATE {table} SET seq = 1000 WHERE seq = {one}; UPDATE {table} SET seq = {one} WHERE seq = {other};
UPDATE {table} SET seq = {other} WHERE seq = 1000"""


def filled(store: Store) -> str:
    """Make a ledger of twelve entries; return its checkpoint, as kept outside."""
    with store.begin() as tx:
        for number in range(ENTRIES):
            at = NOW + timedelta(seconds=number)
            LEDGER.record(tx.ledger, Action.SEARCH, {"case": f"K-{number}"}, actor="a", at=at)
        return tx.ledger.checkpoint() or ""


@pytest.fixture
def note(store: Store) -> str:
    return filled(store)


@pytest.fixture
def administrator(raw: RawSql, store: Store) -> RawSql:
    return set_free(raw, store)


def set_free(raw: RawSql, store: Store) -> RawSql:
    """Remove every trigger and constraint."""
    if store.dialect == "sqlite":
        for (name,) in raw("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            raw(f"DROP TRIGGER {name}")
        raw("PRAGMA foreign_keys = OFF")
        raw("PRAGMA ignore_check_constraints = ON")
    else:
        raw("SET session_replication_role = replica")
    return raw


def blob(store: Store, value: bytes) -> str:
    return f"x'{value.hex()}'" if store.dialect == "sqlite" else f"'\\x{value.hex()}'::bytea"


def broken_at(store: Store, anchored: str | None) -> object:
    with store.read() as tx, pytest.raises(LedgerBroken) as caught:
        verify(tx.ledger, LEDGER.public_key, anchored)
    return caught.value.details["entry"]


def test_nothing_was_touched(store: Store, note: str) -> None:
    with store.read() as tx:
        assert verify(tx.ledger, LEDGER.public_key, note).opened == ENTRIES


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE ledger_entries SET at = replace(at, '2026', '2025') WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET at = replace(at, '.890123', '.890124') WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET at = replace(at, '+00:00', '+01:00') WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET at = replace(at, '+00:00', '') WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET at = 'yesterday' WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET action = 'compared' WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET commitment = ZERO WHERE seq = 5", 5),
        ("UPDATE ledger_entries SET leaf = ZERO WHERE seq = 5", 5),
        ("UPDATE ledger_details SET salt = ZERO WHERE seq = 5", 5),
        ("UPDATE ledger_details SET sealed = ZERO WHERE seq = 5", 5),
        ("UPDATE ledger_details SET sealed = (SELECT d.sealed FROM ledger_details d WHERE d.seq = 6) WHERE seq = 5", 5),
        ("UPDATE ledger_nodes SET hash = ZERO WHERE level = 0 AND position = 5", 5),
        ("UPDATE ledger_nodes SET hash = ZERO WHERE level = 1 AND position = 5", 10),
        ("DELETE FROM ledger_nodes WHERE level = 3", 0),
        ("DELETE FROM ledger_entries WHERE seq = 5", 5),
        ("DELETE FROM ledger_entries WHERE seq = 0", 0),
        ("DELETE FROM ledger_entries WHERE seq >= 9", 9),
        ("DELETE FROM ledger_entries", 0),
        ("UPDATE ledger_checkpoint SET note = replace(note, '12', '11')", 0),
        ("DELETE FROM ledger_checkpoint", 0),
        (SWAPPED.format(table="ledger_entries", one=5, other=6), 5),
        (SWAPPED.format(table="ledger_details", one=5, other=8), 5),
        ("UPDATE ledger_details SET salt = (SELECT d.salt FROM ledger_details d WHERE d.seq = 6) WHERE seq = 5", 5),
    ],
)
def test_changes_by_an_administrator_are_detected(
    store: Store, administrator: RawSql, note: str, statement: str, entry: int
) -> None:
    for part in statement.replace("ZERO", blob(store, bytes(32))).split(";"):
        administrator(part)
    assert broken_at(store, note) == entry


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET commitment = 'thirty-two characters, not bytes' WHERE seq = 5",
        "UPDATE ledger_entries SET commitment = 12 WHERE seq = 5",
        "UPDATE ledger_entries SET commitment = x'00' WHERE seq = 5",
        "UPDATE ledger_entries SET leaf = 'x' WHERE seq = 5",
        "UPDATE ledger_entries SET at = 5 WHERE seq = 5",
        "UPDATE ledger_entries SET at = x'00' WHERE seq = 5",
        "UPDATE ledger_entries SET action = x'00' WHERE seq = 5",
        "UPDATE ledger_details SET salt = 'x' WHERE seq = 5",
        "UPDATE ledger_details SET salt = 3 WHERE seq = 5",
        "UPDATE ledger_details SET sealed = 5 WHERE seq = 5",
        "UPDATE ledger_details SET sealed = x'ff' WHERE seq = 5",
        "UPDATE ledger_nodes SET hash = 'x' WHERE level = 0 AND position = 5",
    ],
)
def test_columns_of_sqlite_may_hold_anything(sqlite_path: Path, statement: str) -> None:
    with sqlite(sqlite_path) as (store, administrator, note):
        administrator(statement)
        with store.read() as tx, pytest.raises(LedgerBroken) as caught:
            verify(tx.ledger, LEDGER.public_key, note)
    assert caught.value.details["entry"] in range(6)


def test_text_that_sqlite_itself_cannot_read(sqlite_path: Path) -> None:
    """The database reports it before the ledger can, and names the column."""
    with sqlite(sqlite_path) as (store, administrator, note):
        administrator("UPDATE ledger_details SET sealed = CAST(x'ff' AS TEXT) WHERE seq = 5")
        with pytest.raises(StoreUnavailable, match="sealed"), store.read() as tx:
            verify(tx.ledger, LEDGER.public_key, note)


@contextmanager
def sqlite(path: Path) -> Iterator[tuple[Store, RawSql, str]]:
    """What PostgreSQL's types prevent."""
    store = Store.open(f"sqlite:///{path}", VAULT, patience=60)
    raw = RawSql(f"sqlite:///{path}")
    yield store, set_free(raw, store), filled(store)
    raw.close()
    store.close()


def test_details_deleted_by_hand_are_an_error(store: Store, administrator: RawSql, note: str) -> None:
    administrator("DELETE FROM ledger_details WHERE seq IN (3, 4)")
    with store.read() as tx, pytest.raises(LedgerBroken, match="no entry says why"):
        verify(tx.ledger, LEDGER.public_key, note)


def test_nothing_is_recorded_on_top_of_an_altered_edge(store: Store, administrator: RawSql, note: str) -> None:
    administrator(f"UPDATE ledger_nodes SET hash = {blob(store, bytes(32))} WHERE level = 3")
    with pytest.raises(LedgerBroken), store.begin() as tx:
        LEDGER.record(tx.ledger, Action.SEARCH, {}, actor="a", at=NOW)
