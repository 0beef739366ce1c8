"""What the ledger needs of its rows; the fake in memory and the SQL rows on both databases must all pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest

from lineament.errors import InvalidValue, LedgerBroken
from lineament.ledger.entries import LeafStore
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import verify_consistency, verify_inclusion
from lineament.ledger.verify import verify
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.store.db import Store
from lineament.testing import MemoryLeafStore

LEDGER = Ledger(origin="lineament/contract", signing_seed=bytes(range(32)))
MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),  # a whole second
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]

Opened = Callable[[], AbstractContextManager[LeafStore]]


def fill(opened: Opened, entries: int, details: dict[str, JSON] | None = None) -> None:
    for number in range(entries):
        with opened() as rows:
            at = MOMENTS[min(number, len(MOMENTS) - 1)]
            LEDGER.record(rows, Action.SEARCH, details or {"n": number}, actor="a", at=at)


def record_twice(rows: LeafStore) -> None:
    """Record an entry, then one that is refused."""
    LEDGER.record(rows, Action.SEARCH, {}, actor="a", at=MOMENTS[-1])
    LEDGER.record(rows, Action.SEARCH, {"actor": "b"}, actor="a", at=MOMENTS[-1])


class LeafStoreContract:
    """What every implementation must do."""

    def test_nothing_is_there_at_first(self, opened: Opened) -> None:
        with opened() as rows:
            assert rows.size() == 0
            assert rows.checkpoint() is None
            assert list(rows.entries(0, 10)) == []
            assert list(rows.nodes(0, 0, 10)) == []
            with pytest.raises(KeyError):
                rows.node(0, 0)

    def test_entries_come_back_exactly(self, opened: Opened) -> None:
        fill(opened, 10)
        with opened() as rows:
            entries = list(rows.entries(0, 100))
            assert rows.size() == 10
            assert [entry.seq for entry in entries] == list(range(10))
            assert [entry.at for entry in entries] == [*MOMENTS, *[MOMENTS[-1]] * 5]
            assert {entry.at.utcoffset() for entry in entries} == {UTC.utcoffset(None)}
            assert entries[7].details == '{"actor":"a","n":7}'
            assert all(type(entry.commitment) is type(entry.leaf) is type(entry.salt) is bytes for entry in entries)
            assert [entry.seq for entry in rows.entries(3, 6)] == [3, 4, 5]
            assert list(rows.entries(6, 3)) == []

    def test_nodes_come_back_in_their_order(self, opened: Opened) -> None:
        fill(opened, 21)
        with opened() as rows:
            for level, count in enumerate((21, 10, 5, 2, 1, 0)):
                nodes = list(rows.nodes(level, 0, 2**62))
                assert [position for position, _ in nodes] == list(range(count))
                assert nodes == [(position, rows.node(level, position)) for position in range(count)]
                assert list(rows.nodes(level, 1, 3)) == nodes[1:3]
            with pytest.raises(KeyError):
                rows.node(1, 10)

    def test_the_newest_checkpoint_takes_the_place_of_the_last(self, opened: Opened) -> None:
        fill(opened, 3)
        with opened() as rows:
            assert LEDGER.head(rows).size == 3

    def test_details_are_erased_and_nothing_else(self, opened: Opened) -> None:
        fill(opened, 5)
        with opened() as rows:
            before = list(rows.entries(0, 5))
            rows.forget_details(2)
            rows.forget_details(2)
            after = list(rows.entries(0, 5))
            assert (after[2].salt, after[2].details) == (None, None)
            assert (after[2].leaf, after[2].commitment) == (before[2].leaf, before[2].commitment)
            assert [entry.details for entry in after if entry.seq != 2] == [
                entry.details for entry in before if entry.seq != 2
            ]

    def test_a_number_is_used_once(self, opened: Opened) -> None:
        fill(opened, 3)
        with opened() as rows:
            entry = next(iter(rows.entries(1, 2)))
        with pytest.raises(Exception, match=r".+"), opened() as rows:
            rows.append(1, entry.at, "search", entry.commitment, entry.leaf, bytes(32), "{}", [(0, 1, entry.leaf)])
        with opened() as rows:
            assert verify(rows, LEDGER.public_key).entries == 3

    @pytest.mark.parametrize(
        "details",
        [
            {"text": "ü “quotes” \x00 \x1f \u2028 \udc80 😀"},
            {"numbers": [0, -1, 1e-7, 2**63, 0.1 + 0.2, 1.0]},
            {"nested": {"b": [None, True, {"a": []}], "a": {}}, "": ""},
            {"long": "x" * 200_000},
        ],
        ids=["text", "numbers", "nested", "long"],
    )
    def test_any_details_come_back_as_committed(self, opened: Opened, details: dict[str, JSON]) -> None:
        fill(opened, 2, details)
        with opened() as rows:
            assert verify(rows, LEDGER.public_key).opened == 2

    def test_a_ledger_grows_verifies_and_proves(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lineament.ledger.verify.BLOCK", 16)
        notes = []
        for _ in range(37):
            fill(opened, 1)
            with opened() as rows:
                notes.append(LEDGER.head(rows))
        with opened() as rows:
            found = verify(rows, LEDGER.public_key)
            assert (found.entries, found.opened, found.root) == (37, 37, notes[-1].root)
            for old in notes:
                path = LEDGER.prove_consistency(rows, old.size, 37)
                assert verify_consistency(old.size, 37, path, (old.root, notes[-1].root))
            for entry in rows.entries(0, 37):
                path = LEDGER.prove(rows, entry.seq, 37)
                assert verify_inclusion(entry.seq, 37, entry.leaf, path, notes[-1].root)

    def test_details_put_back_altered_are_found(self, opened: Opened) -> None:
        fill(opened, 5)
        with opened() as rows:
            LEDGER.erase_details(rows, [1, 2], reason="article 17", actor="a", at=MOMENTS[-1])
        with opened() as rows:
            found = verify(rows, LEDGER.public_key)
            assert (found.entries, found.erased) == (6, 2)

    def test_another_ledger_cannot_continue_here(self, opened: Opened) -> None:
        fill(opened, 2)
        other = Ledger(origin="lineament/contract", signing_seed=bytes(32))
        with pytest.raises(LedgerBroken), opened() as rows:
            other.record(rows, Action.SEARCH, {}, actor="a", at=MOMENTS[-1])


class TestMemory(LeafStoreContract):
    @pytest.fixture
    def opened(self) -> Opened:
        rows = MemoryLeafStore()

        @contextmanager
        def same_rows() -> Iterator[LeafStore]:
            yield rows

        return same_rows


class TestSql(LeafStoreContract):
    @pytest.fixture
    def opened(self, store: Store) -> Opened:
        @contextmanager
        def transaction() -> Iterator[LeafStore]:
            with store.begin() as tx:
                yield tx.ledger

        return transaction

    def test_a_rolled_back_entry_leaves_no_trace(self, opened: Opened) -> None:
        """An entry is committed or rolled back with the transaction that it records."""
        fill(opened, 4)
        with pytest.raises(InvalidValue), opened() as rows:
            record_twice(rows)
        with opened() as rows:
            assert verify(rows, LEDGER.public_key).entries == 4
