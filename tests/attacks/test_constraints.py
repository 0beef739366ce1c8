"""Rows that must not exist, written by a DB writer: on SQLite and PostgreSQL."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.conftest import ROOT
from tests.support.database import raw_database
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import Seeks
from lineament.settings import Settings
from lineament.store.columns import metadata
from lineament.store.db import Store
from lineament.workspace import Workspace

UNSEEN = ["\u200b", "\u3164", "\u00ad\u2060", "\u2800 \u00a0", "\ufeff\u202e"]
SAID = [
    ("cases", "ref"),
    ("cases", "offence"),
    ("cases", "purpose"),
    ("cases", "basis"),
    ("cases", "exempt_because"),
    ("cases", "hold_because"),
    ("searches", "reason"),
    ("sources", "controller"),
    ("sources", "basis"),
]
OWN = "an entry of its own"


@pytest.fixture
def searched(store: Store, rows: Rows) -> tuple[int, int]:
    """The numbers of two cases; one has a search, and there is a source."""
    with store.begin() as tx:
        rows.source(tx)
        case, key = rows.case(tx, seeks=Seeks.INITIAL, exempt_because="seen by the camera of the shop")
        other, _ = rows.case(tx, "other")
        probe = rows.probe(case)
        tx.probes.add(probe, case.id, rows.sha256(), key)
        entry = rows.entry(tx, case=case)
        tx.searches.add(rows.result(probe, entry), case.id, agency_id=HOME_AGENCY, examiner="an examiner")
    return case.id, other.id


def test_an_initial_identification_without_its_facts(searched: tuple[int, int], refused: Refuses) -> None:
    refused("UPDATE cases SET exempt_because = NULL WHERE seeks = 'initial identification'", "exemption_said")
    refused("UPDATE cases SET seeks = 'initial identification' WHERE exempt_because IS NULL", "exemption_said")


@pytest.mark.parametrize(("table", "column"), SAID)
def test_a_text_that_nobody_can_see(searched: tuple[int, int], refused: Refuses, table: str, column: str) -> None:
    for unseen in UNSEEN:
        refused(f"UPDATE {table} SET {column} = '{unseen}'", f"{column}_said")


def test_an_urgency_that_nobody_can_see(searched: tuple[int, int], refused: Refuses) -> None:
    refused("UPDATE cases SET urgent_since = opened_at, urgent_because = '\u200b'", "urgent_because_said")


def test_a_search_that_points_to_the_entry_of_another_case(
    store: Store, rows: Rows, searched: tuple[int, int], refused: Refuses
) -> None:
    with store.begin() as tx:
        foreign = rows.entry(tx, case=tx.cases.by_id(searched[1]))
    refused(f"UPDATE searches SET ledger_entry = {foreign}", OWN)
    refused(f"UPDATE searches SET case_id = {searched[1]}", OWN)


def test_a_search_that_points_to_the_entry_of_another_agency(
    store: Store, rows: Rows, searched: tuple[int, int], refused: Refuses
) -> None:
    with store.begin() as tx:
        elsewhere = rows.agency(tx, "Elsewhere")
        foreign = rows.entry(tx, case=tx.cases.by_id(searched[0]), agency_id=elsewhere)
    refused(f"UPDATE searches SET ledger_entry = {foreign}", OWN)
    refused(f"UPDATE searches SET agency_id = '{elsewhere}'", OWN)


def test_a_search_that_points_to_the_entry_of_no_search(
    store: Store, searched: tuple[int, int], refused: Refuses
) -> None:
    with store.begin() as tx:
        tx.ledger.file_under(HOME_AGENCY, searched[0])
        seq = tx.ledger.size()
        tx.ledger.append(seq, NOW, "case_read", bytes(32), bytes(32), bytes(32), "{}", [])
    refused(f"UPDATE searches SET ledger_entry = {seq}", OWN)


def test_a_forged_search_with_a_foreign_entry(
    store: Store, rows: Rows, searched: tuple[int, int], raw: RawSql, refused: Refuses
) -> None:
    with store.begin() as tx:
        foreign = rows.entry(tx, case=tx.cases.by_id(searched[1]))
        own = rows.entry(tx, case=tx.cases.by_id(searched[0]))
    with store.read() as tx:
        columns = [column.name for column in metadata.tables["searches"].c]
    listed, replaced = ", ".join(columns), {"id": "'forged'", "ledger_entry": str(foreign)}
    forged = ", ".join(replaced.get(column, column) for column in columns)
    refused(f"INSERT INTO searches ({listed}) SELECT {forged} FROM searches", OWN)
    raw(f"INSERT INTO searches ({listed}) SELECT {forged.replace(str(foreign), str(own))} FROM searches")


def test_a_change_that_points_to_the_entry_of_something_else(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        seq = rows.entry(tx)
    sealed = "'sealed'" if store.dialect == "sqlite" else "'sealed'::bytea"
    refused(f"INSERT INTO proposals (id, sealed, entry) VALUES (1, {sealed}, {seq})", "the entry that records it")


NULL_IS_MEANT = {"two_persons"}
"""Checks between columns that hold when one of them is NULL: nobody approved yet."""


def test_no_check_between_columns_is_passed_by_null() -> None:
    slipping, read = [], 0
    for table in metadata.sorted_tables:
        for check in table.constraints:
            if not isinstance(check, sa.CheckConstraint):
                continue
            text = str(check.sqltext)
            named = [column for column in table.c if re.search(rf"\b{column.name}\b", text)]
            unsure = [
                column.name
                for column in named
                if column.nullable and len(named) > 1 and not re.search(rf"\b{column.name} IS (NOT )?NULL", text)
            ]
            read += 1
            if unsure and not str(check.name).endswith(tuple(NULL_IS_MEANT)):
                slipping.append((check.name, unsure))
    assert slipping == []
    assert read > 80


def test_texts_that_an_older_version_accepted_say_that_nothing_was_stated(tmp_path: Path) -> None:
    with tarfile.open(ROOT / "tests" / "data" / "workspace-0.2.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    home = tmp_path / "workspace"
    with raw_database(home) as database:
        database.execute("UPDATE cases SET offence = '\u200b', seeks = 'initial identification', exempt_because = NULL")
        database.execute("UPDATE sources SET basis = '\u00ad'")
    Workspace.open(Settings(home=home)).close()
    with raw_database(home, read_only=True) as database:
        assert set(database.execute("SELECT offence, exempt_because FROM cases")) == {("not stated", "not stated")}
        assert set(database.execute("SELECT basis FROM sources")) == {("not stated",)}
