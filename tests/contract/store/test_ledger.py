"""The rows of the ledger, on either database: they only grow."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.contract.store.made import Refuses, Rows

from lineament.errors import Refused
from lineament.ledger.log import Action, LeafStore, Ledger
from lineament.ledger.verify import verify
from lineament.store.db import Store


def test_an_entry_comes_back_exactly(store: Store) -> None:
    times = [
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ]
    with store.begin() as tx:
        for seq, at in enumerate(times):
            nodes = [(0, seq, bytes([seq]) * 32)]
            tx.ledger.append(seq, at, "search", b"c" * 32, b"l" * 32, b"s" * 32, '{"a":"é"}', nodes)
        tx.ledger.set_checkpoint(3, b"r" * 32, "note")
    with store.read() as tx:
        assert tx.ledger.size() == 3
        for entry, at in zip(tx.ledger.entries(0, 9), times, strict=True):
            assert entry.at.isoformat() == at.isoformat()
            assert (entry.action, entry.commitment, entry.leaf) == ("search", b"c" * 32, b"l" * 32)
            assert (entry.salt, entry.details) == (b"s" * 32, '{"a":"é"}')
        assert [entry.seq for entry in tx.ledger.entries(1, 2)] == [1]
        assert list(tx.ledger.entries(3, 9)) == []
        assert tx.ledger.node(0, 2) == b"\2" * 32
        assert list(tx.ledger.nodes(0, 1, 3)) == [(1, b"\1" * 32), (2, b"\2" * 32)]
        assert list(tx.ledger.nodes(1, 0, 3)) == []
        with pytest.raises(KeyError):
            tx.ledger.node(1, 0)
        assert tx.ledger.checkpoint() == "note"


def test_an_empty_ledger(store: Store) -> None:
    with store.read() as tx:
        assert (tx.ledger.size(), tx.ledger.checkpoint()) == (0, None)
        assert list(tx.ledger.entries(0, 10)) == []


def test_a_checkpoint_takes_the_place_of_the_last(store: Store) -> None:
    with store.begin() as tx:
        tx.ledger.set_checkpoint(1, b"r" * 32, "one")
        tx.ledger.set_checkpoint(2, b"r" * 32, "two")
        assert tx.ledger.checkpoint() == "two"


def test_details_are_erased_and_the_entry_stays(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        for _ in range(3):
            rows.entry(tx, details='{"who":"someone"}')
        tx.ledger.forget_details(1)
        tx.ledger.forget_details(1)
        entries = list(tx.ledger.entries(0, 3))
    assert [entry.details is None for entry in entries] == [False, True, False]
    assert entries[1].salt is None
    assert len(entries[1].commitment) == 32


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_entries_follow_each_other(store: Store, rows: Rows, seq: int) -> None:
    with store.begin() as tx:
        rows.entry(tx)
    with pytest.raises(Refused, match="entries follow each other"), store.begin() as tx:
        tx.ledger.append(seq, datetime.now(UTC), "search", bytes(32), bytes(32), bytes(32), "{}", [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET action = 'nothing'",
        "UPDATE ledger_entries SET seq = seq + 10",
        "DELETE FROM ledger_entries WHERE seq = 1",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_nodes SET hash = hash",
        "DELETE FROM ledger_nodes",
        "UPDATE ledger_details SET details = '{}'",
    ],
)
def test_nobody_changes_what_is_in_it(store: Store, rows: Rows, refused: Refuses, statement: str) -> None:
    with store.begin() as tx:
        for _ in range(2):
            rows.entry(tx)
    refused(statement, "the ledger only grows")


def test_nobody_replaces_what_is_in_it(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.entry(tx)
    if store.dialect == "sqlite":
        refused(
            "INSERT OR REPLACE INTO ledger_entries SELECT seq, at, 'nothing', commitment, leaf FROM ledger_entries",
            "entries follow each other",
        )
        for table in ("ledger_nodes", "ledger_details"):
            refused(f"REPLACE INTO {table} SELECT * FROM {table}", "the ledger only grows")
    else:
        for table in ("ledger_entries", "ledger_nodes", "ledger_details"):
            refused(f"TRUNCATE {table} CASCADE", "the ledger only grows")


def test_the_ledger_itself_keeps_its_log_here(store: Store) -> None:
    """The protocol of ledger/log.py, held by use: mypy and this test."""
    ledger = Ledger(origin="lineament/test", signing_seed=bytes(32))
    for number in range(20):
        with store.begin() as tx:
            leaves: LeafStore = tx.ledger
            assert ledger.record(leaves, Action.SEARCH, {"number": number}, actor="me", at=datetime.now(UTC)) == number
    with store.begin() as tx:
        tx.ledger.forget_details(4)
    with store.read() as tx:
        assert verify(tx.ledger, ledger.public_key, None).size == 20


def test_appending_stays_quick_when_the_ledger_is_long(store: Store, rows: Rows) -> None:
    def seconds(entries: int) -> float:
        with store.begin() as tx:
            began = time.perf_counter()
            for _ in range(entries):
                rows.entry(tx)
            return time.perf_counter() - began

    seconds(100)
    early = min(seconds(100) for _ in range(3))
    seconds(1000)
    assert min(seconds(100) for _ in range(3)) < 4 * early
