"""The rows of the ledger, on either database: they only grow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import LedgerBroken, Refused
from lineament.ledger.entries import LeafStore
from lineament.ledger.log import Ledger
from lineament.ledger.verify import verify
from lineament.model.accounts import HOME_AGENCY
from lineament.model.actions import Action
from lineament.model.cases import CaseState
from lineament.store.db import Store
from lineament.store.filing import file_by_account
from lineament.store.ledger import LedgerRow
from lineament.store.ledger_parts import LedgerPart
from lineament.testing import VAULT


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
        assert sorted(entry.seq for entry in tx.ledger.several(iter([2, 0, 7]))) == [0, 2]
        assert list(tx.ledger.several([])) == []
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


def test_details_are_sealed_for_their_entry(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        for number in range(2):
            rows.entry(tx, details=f'{{"who":"Inspector Clouseau {number}"}}')
    rows_there = raw("SELECT sealed FROM ledger_details")
    assert len(rows_there) == 2
    for (sealed,) in rows_there:
        assert b"Clouseau" not in bytes(sealed)
    if store.dialect == "sqlite":
        raw("DROP TRIGGER ledger_details_change")
    else:
        raw("SET session_replication_role = replica")
    raw("UPDATE ledger_details SET sealed = (SELECT d.sealed FROM ledger_details d WHERE d.seq = 0)")
    with store.read() as tx:
        assert [entry.details for entry in tx.ledger.entries(0, 1)] == ['{"who":"Inspector Clouseau 0"}']
        with pytest.raises(LedgerBroken) as caught:
            list(tx.ledger.entries(0, 2))
    assert caught.value.details["entry"] == 1


# ---------------------------------------------------------------- agency and case of an entry


def test_entries_are_filed_under_agency_and_case(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests, others = rows.agency(tx, "Guests"), rows.agency(tx, "Others")
        ours, theirs = rows.case(tx)[0].id, rows.case(tx, "theirs", guests)[0].id
        rows.entry(tx)  # 0: nobody's
        filed = [
            (HOME_AGENCY, None),  # 1
            (HOME_AGENCY, ours),  # 2
            (guests, ours),  # 3
            (guests, theirs),  # 4
            (HOME_AGENCY, theirs),  # 5
            (guests, None),  # 6
            (None, ours),  # 7: by nobody
        ]
        for agency_id, case_id in filed:
            tx.ledger.file_under(agency_id, case_id)
            rows.entry(tx)
            rows.entry(tx, f'{{"case":"{case_id}"}}')
    with store.read() as tx:
        ledger = tx.ledger

        def numbers(found: list[LedgerRow]) -> list[int]:
            return [row.seq for row in found]

        assert numbers(ledger.of_case(ours, None, None)) == [14, 13, 6, 5, 4, 3]
        assert numbers(ledger.of_case(ours, None, 2)) == [14, 13]
        assert numbers(ledger.of_case(ours, 13, 3)) == [6, 5, 4]
        assert ledger.of_case(ours, 3, 9) == ledger.of_case(99, None, 9) == []
        assert numbers(ledger.of_agency(HOME_AGENCY, None, 99)) == [14, 13, 10, 9, 6, 5, 4, 3, 2, 1]
        assert numbers(ledger.of_agency(guests, None, None)) == [12, 11, 10, 9, 8, 7, 6, 5]
        assert numbers(ledger.of_agency(HOME_AGENCY, 10, 4)) == [9, 6, 5, 4]
        assert ledger.of_agency(others, None, 9) == []
        assert [row.details for row in ledger.of_case(theirs, None, 1)] == [f'{{"case":"{theirs}"}}']
        assert list(ledger.entries(14, 15)) == ledger.of_case(ours, None, 1)
        for agency_id, case_ids, expected in (
            (HOME_AGENCY, {ours}, [3, 4, 5, 6, 13, 14]),
            (guests, [ours, theirs], [5, 6, 7, 8, 9, 10]),
            (others, [ours, theirs], []),
            (HOME_AGENCY, [99], []),
        ):
            found = list(ledger.of_cases(agency_id, case_ids, "search"))
            assert sorted(numbers(found)) == expected
        assert list(ledger.of_cases(HOME_AGENCY, [ours], "case_opened")) == []


def test_a_part_of_the_ledger_has_only_what_fulfils_all(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Guests")
        ours = rows.case(tx)[0].id
        filed = [
            (HOME_AGENCY, None, "a1", "signed_in"),  # 0
            (HOME_AGENCY, ours, "a1", "search"),  # 1
            (HOME_AGENCY, ours, "a2", "case_read"),  # 2
            (guests, ours, "g1", "search"),  # 3
            (guests, None, "g1", "signed_in"),  # 4
            (HOME_AGENCY, None, None, "case_read"),  # 5: at the machine
        ]
        for seq, (agency_id, case_id, account_id, action) in enumerate(filed):
            tx.ledger.file_by(account_id)
            tx.ledger.file_under(agency_id, case_id)
            at = NOW + timedelta(days=seq)
            tx.ledger.append(seq, at, action, bytes(32), bytes(32), bytes(32), "{}", [])
    home = LedgerPart(agency_id=HOME_AGENCY)
    expected: list[tuple[LedgerPart, list[int]]] = [
        (LedgerPart(), [5, 4, 3, 2, 1, 0]),
        (LedgerPart(actions=frozenset({"search", "signed_in"})), [4, 3, 1, 0]),
        (LedgerPart(without=frozenset({"case_read"}), stop=4), [3, 1, 0]),
        (home, [5, 3, 2, 1, 0]),
        (replace(home, actions=frozenset({"search"})), [3, 1]),
        (replace(home, without=frozenset({"case_read"})), [3, 1, 0]),
        (replace(home, account_id="g1"), [3]),
        (replace(home, account_id="a1", case_id=ours), [1]),
        (replace(home, case_id=ours, first=2), [3, 2]),
        (LedgerPart(agency_id=guests), [4, 3]),
        (LedgerPart(agency_id=guests, account_id="a1"), []),
        (LedgerPart(case_id=ours, without=frozenset({"search"})), [2]),
        (LedgerPart(case_id=99), []),
        (LedgerPart(actions=frozenset()), []),
        (replace(home, actions=frozenset()), []),
    ]
    with store.read() as tx:
        for part, numbers in expected:
            assert [row.seq for row in tx.ledger.part(part, None)] == numbers
            assert [row.seq for row in tx.ledger.part(part, 2)] == numbers[:2]
            assert tx.ledger.count(part) == len(numbers)
        assert tx.ledger.between(NOW + timedelta(days=2), NOW + timedelta(days=4)) == (2, 4)
        assert tx.ledger.between(NOW - timedelta(days=2), NOW - timedelta(days=1)) == (0, 0)
        assert [row.seq for row in tx.ledger.of_actions(["search", "signed_in"], 0)] == [1, 3, 4]


def test_no_part_of_the_ledger_reads_every_entry(sqlite_path: Path, rows: Rows) -> None:
    """SQLite's query plans use an index for each filter, in its order: nothing is scanned or sorted but the answers."""
    plans: list[str] = []

    def explain(*event: Any) -> None:
        _, cursor, statement, parameters, _, _ = event
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(row[-1] for row in cursor.fetchall())

    store = Store.open(f"sqlite:///{sqlite_path}", VAULT)
    with store.begin() as tx:
        rows.entry(tx)
        home, actions = LedgerPart(agency_id=HOME_AGENCY, stop=9), frozenset({"search", "case_read"})
        sa.event.listen(tx.connection, "before_cursor_execute", explain)
        for part in (
            LedgerPart(actions=actions, stop=9),
            home,
            replace(home, actions=actions),
            replace(home, without=actions),
            replace(home, account_id="a"),
            replace(home, case_id=1, without=actions),
        ):
            tx.ledger.part(part, 50)
            tx.ledger.count(replace(part, actions=actions, without=frozenset()))
        tx.ledger.between(NOW, NOW)
        list(tx.ledger.of_actions(["search", "case_read"], 3))
    store.close()
    for index in ("of_action", "of_time"):
        assert any(f"ix_ledger_entries_{index}" in plan for plan in plans)
    for index in ("of_action", "of_agency", "of_account", "of_case"):
        assert any(f"ix_ledger_details_{index}" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN ledger")] == []


def test_entries_of_an_older_version_are_filed_under_their_accounts(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = rows.account(tx)
        case = rows.case(tx)[0].id
        tx.ledger.file_under(HOME_AGENCY, case)
        for details in (f'{{"account":"{account}","actor":"Eva"}}', '{"actor":"at the machine"}'):
            rows.entry(tx, details)
        assert tx.ledger.part(LedgerPart(account_id=account), None) == []
        before = list(tx.ledger.entries(0, 9))
        file_by_account(tx.connection, VAULT)
        assert list(tx.ledger.entries(0, 9)) == before
        assert [row.seq for row in tx.ledger.part(LedgerPart(account_id=account, case_id=case), None)] == [0]
        assert tx.ledger.count(LedgerPart(agency_id=HOME_AGENCY)) == 2


def test_the_next_transaction_is_filed_on_its_own(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        tx.ledger.file_under(HOME_AGENCY, rows.case(tx)[0].id)
        rows.entry(tx)
    with store.begin() as tx:
        rows.entry(tx)
        assert [row.seq for row in tx.ledger.of_agency(HOME_AGENCY, None, 9)] == [0]


def test_old_entries_of_an_agency_whose_details_are_there(store: Store, rows: Rows) -> None:
    """Entries that announce erasures are never returned: they explain the gaps."""
    with store.begin() as tx:
        elsewhere = rows.agency(tx, "Elsewhere")
        for seq, (agency_id, action, seconds) in enumerate(
            [
                (HOME_AGENCY, "search", 0),
                (HOME_AGENCY, "details_erased", 0),
                (elsewhere, "search", 0),
                (HOME_AGENCY, "search", 0.5),
                (HOME_AGENCY, "search", 1),
                (None, "search", 0),
            ]
        ):
            tx.ledger.file_under(agency_id, None)
            at = NOW.replace(microsecond=0) + timedelta(seconds=seconds)
            tx.ledger.append(seq, at, action, bytes(32), bytes(32), bytes(32), "{}", [])
        before = (NOW.replace(microsecond=0) + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-7)))
        assert tx.ledger.older(HOME_AGENCY, before) == [0, 3]
        assert tx.ledger.older(elsewhere, before) == [2]
        tx.ledger.forget_details(0)
        assert tx.ledger.older(HOME_AGENCY, before) == [3]


@pytest.mark.parametrize("state", CaseState)
def test_entries_of_a_case_stay_as_long_as_the_case(store: Store, rows: Rows, state: CaseState) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.ledger.file_under(HOME_AGENCY, case.id)
        rows.entry(tx)
        if state is CaseState.CLOSED:
            tx.cases.set_state(case.id, state, NOW)
        elif state is not CaseState.OPEN:
            tx.cases.destroy(case.id, state, NOW)
        destroyed = state not in {CaseState.OPEN, CaseState.CLOSED}
        assert tx.ledger.older(HOME_AGENCY, NOW + timedelta(days=1)) == ([0] if destroyed else [])


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
        "UPDATE ledger_details SET sealed = salt",
    ],
)
def test_entries_cannot_be_changed(store: Store, rows: Rows, refused: Refuses, statement: str) -> None:
    with store.begin() as tx:
        for _ in range(2):
            rows.entry(tx)
    refused(statement, "the ledger only grows")


def test_entries_cannot_be_replaced(store: Store, rows: Rows, refused: Refuses) -> None:
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


def test_the_rows_implement_the_leaf_store(store: Store) -> None:
    """The rows implement LeafStore, as mypy and this test check."""
    ledger = Ledger(origin="lineament/test", signing_seed=bytes(32))
    for number in range(20):
        with store.begin() as tx:
            leaves: LeafStore = tx.ledger
            assert ledger.record(leaves, Action.SEARCH, {"number": number}, actor="me", at=datetime.now(UTC)) == number
    with store.begin() as tx:
        ledger.erase_details(tx.ledger, [4], reason="article 17", actor="me", at=datetime.now(UTC))
    with store.read() as tx:
        assert verify(tx.ledger, ledger.public_key, None).entries == 21


def test_appending_reads_no_more_when_the_ledger_is_long(store: Store, rows: Rows) -> None:
    """How long it takes is measured by bench/ledger.py."""

    def statements(entries: int) -> int:
        executed: list[str] = []
        with store.begin() as tx:
            connection = tx.connection

            @sa.event.listens_for(connection, "before_cursor_execute")
            def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
                executed.append(statement)

            for _ in range(entries):
                rows.entry(tx)
            sa.event.remove(connection, "before_cursor_execute", count)
        return len(executed)

    early = statements(128)
    assert early >= 128
    statements(896)
    assert statements(128) <= early + 128  # one more level of the tree at most for each
