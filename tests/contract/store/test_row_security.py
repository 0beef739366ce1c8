"""Row-level security of PostgreSQL, with every table taken from its catalogue (R47)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from tests.support.postgresql import owner_of, separate_roles, superuser_of
from tests.support.store_rows import Rows

from lineament.errors import DatabaseUnguarded, OwnerNeeded, WorkspaceBusy, WorkspaceNewer
from lineament.store import db
from lineament.store.db import Store
from lineament.store.row_security import EVERYWHERE, POLICIES, WITHOUT_POLICY, Scope
from lineament.testing import VAULT

TABLES = """
    SELECT relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner), array(
        SELECT attname FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""
OF_SOMEBODY = {"agency_id", "case_id", "account_id", "search_id", "probe_id"}
"""Columns that say whose a row is."""
ANYBODY_ADDS = {"ledger_details"}
A, B = Scope("A", "A"), Scope("B", "B")
OPERATOR = Scope("A", "A", operates=True)


def administrator(url: str) -> psycopg.Connection[Any]:
    """Connect as the superuser, past every policy."""
    return psycopg.connect(superuser_of(url), autocommit=True)


# ---------------------------------------------------------------- the catalogue


def test_every_table_has_a_policy_or_says_why_none(postgresql_url: str) -> None:
    with administrator(postgresql_url) as connection:
        tables = connection.execute(TABLES).fetchall()
        policies = connection.execute("SELECT tablename, cmd FROM pg_policies").fetchall()
    assert {name for name, *_ in tables} == POLICIES.keys() | WITHOUT_POLICY.keys()
    assert not POLICIES.keys() & WITHOUT_POLICY.keys()
    assert {name for name, *_, columns in tables if OF_SOMEBODY & set(columns)} <= POLICIES.keys()
    assert {(name, on, forced) for name, on, forced, *_ in tables} == {
        (name, name in POLICIES, name in POLICIES) for name, *_ in tables
    }
    commands = ("SELECT", "INSERT", "UPDATE", "DELETE")
    assert sorted(policies) == sorted((name, command) for name in POLICIES for command in commands)


def test_the_role_of_the_program_owns_nothing_and_bypasses_nothing(postgresql_url: str) -> None:
    with administrator(postgresql_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname LIKE 'lineament%'"
        ).fetchall()
        owners = {owner for _, _, _, owner, _ in connection.execute(TABLES).fetchall()}
        member = connection.execute("SELECT pg_has_role('lineament', 'lineament_owner', 'MEMBER')").fetchone()
    expected = [("lineament", False, False, False), ("lineament_owner", False, False, False)]
    assert sorted(roles) == expected
    assert owners == {"lineament_owner"}
    assert member == (False,)


@pytest.mark.parametrize(
    ("role", "why"), [("postgres", "is a superuser"), ("lineament_owner", "owns its tables"), ("lineament", "BYPASS")]
)
def test_a_role_that_no_policy_binds_is_refused(postgresql: str, postgresql_url: str, role: str, why: str) -> None:
    url = sa.make_url(postgresql_url).set(username=role)
    bypass = role == "lineament"
    with administrator(postgresql_url) as connection:
        connection.execute(f"ALTER ROLE lineament {'BYPASSRLS' if bypass else 'NOBYPASSRLS'}")
        try:
            with pytest.raises(DatabaseUnguarded, match=why):
                Store.open(url, VAULT)
        finally:
            connection.execute("ALTER ROLE lineament NOBYPASSRLS")


# ---------------------------------------------------------------- rows of two agencies


@dataclass
class Filled:
    """A database with one row of each agency in every table that has a policy."""

    store: Store
    columns: dict[str, dict[str, str]]  # types by name, of each table
    administrator: psycopg.Connection[Any]

    def row(self, table: str, letter: str) -> dict[str, object]:
        """Return a row of an agency; what refers to another row refers to one of the same agency."""
        number = "AB".index(letter) + 1
        values = {
            "bigint": number, "integer": number, "smallint": number, "text": letter, "bytea": letter.encode(),
            "timestamp with time zone": "2031-05-01T12:00Z", "date": f"2031-05-0{number}", "boolean": False,
            "double precision": 0.5,
        }  # fmt: skip
        return {column: values[kind] for column, kind in self.columns[table].items()}

    def insert(self, connection: Any, table: str, row: dict[str, object]) -> None:
        """Insert a row through psycopg."""
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, marks)
        connection.execute(statement, list(row.values()))

    def seen(self, table: str, scope: Scope | None) -> int:
        """Count the rows that a scope sees."""
        with self.store.read(scope) as tx:
            return int(tx.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    def touched(self, statement: str, scope: Scope) -> int:
        """Run a statement in a scope, count the rows that it changes, and undo it."""
        with self.store.begin(scope) as tx:
            undone = tx.connection.begin_nested()
            found = tx.connection.exec_driver_sql(statement).rowcount
            undone.rollback()
        return found


@pytest.fixture(scope="module")
def filled(postgresql: str) -> Iterator[Filled]:
    name = "row_security"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE empty_workspace")
    url = sa.make_url(postgresql.replace("postgresql:", "postgresql+psycopg:")).set(username="lineament", database=name)
    with administrator(url.render_as_string()) as connection:
        for table, *_ in connection.execute(TABLES).fetchall():
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        checks = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('c', 'f') AND conrelid > 0"
        for table, constraint in connection.execute(f"{checks} AND connamespace = 'public'::regnamespace").fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
        connection.execute("DELETE FROM agencies")
        found = (
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
        columns: dict[str, dict[str, str]] = {}
        for table, column, kind in connection.execute(found).fetchall():
            columns.setdefault(table, {})[column] = kind
        store = Store.open(url, VAULT)
        made = Filled(store, columns, connection)
        for table in POLICIES:
            for letter in "AB":
                made.insert(connection, table, made.row(table, letter))
        yield made
        store.close()


@pytest.mark.parametrize("table", POLICIES)
def test_an_agency_sees_and_changes_only_its_own_rows(filled: Filled, table: str) -> None:
    """In every table, without any condition in the statement."""
    assert filled.seen(table, EVERYWHERE) == 2
    assert filled.seen(table, Scope("C", "C")) == 0
    column = next(iter(filled.columns[table]))
    for scope in (A, B):
        with filled.store.read(scope) as tx:
            (row,) = tx.connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all()
        assert row[column] in {filled.row(table, scope.agency_id)[column], scope.agency_id.encode()}
        may_change = int(POLICIES[table].changed != "false")
        assert filled.touched(f"UPDATE {table} SET {column} = {column}", scope) == may_change
        assert filled.touched(f"DELETE FROM {table}", scope) == may_change


@pytest.mark.parametrize("table", POLICIES)
def test_no_row_of_another_agency_can_be_added(filled: Filled, table: str) -> None:
    row = filled.row(table, "B")
    refused: type[Exception] = (
        psycopg.errors.UniqueViolation if table in ANYBODY_ADDS else (psycopg.errors.InsufficientPrivilege)
    )
    with filled.store.begin(A) as tx, pytest.raises(refused), tx.connection.begin_nested():
        filled.insert(tx.connection.connection.driver_connection, table, row)


@pytest.mark.parametrize("table", POLICIES)
def test_an_operator_sees_agencies_and_sources_and_no_cases(filled: Filled, table: str) -> None:
    assert filled.seen(table, OPERATOR) == 1 + (POLICIES[table].operated or table == "drop_files")
    casework = {"cases", "probes", "searches", "candidates", "decisions", "ledger_details", "guarded_faces"}
    assert not any(POLICIES[name].operated for name in casework)


def test_a_scope_ends_with_its_transaction(filled: Filled) -> None:
    """The next one on the same connection of the pool sees nothing until it says for whom it works."""
    with filled.store.read(A) as tx:
        raw: Any = tx.connection.connection.driver_connection
        assert raw.execute("SELECT count(*) FROM cases").fetchone() == (1,)
    assert raw.execute("SELECT count(*) FROM cases").fetchone() == (0,)
    raw.rollback()


def test_whoever_is_a_member_of_a_case_of_another_agency_sees_that_case_alone(filled: Filled) -> None:
    shared = filled.row("case_members", "B") | {"account_id": "A"}
    filled.insert(filled.administrator, "case_members", shared)
    other = filled.row("cases", "B") | {"id": 3, "key": "third", "ref": "third"}
    filled.insert(filled.administrator, "cases", other)
    try:
        assert filled.seen("cases", A) == 2
        assert filled.seen("cases", B) == 2
        assert {table: filled.seen(table, A) for table in ("probes", "searches", "candidates", "case_papers")} == {
            "probes": 2, "searches": 2, "candidates": 2, "case_papers": 2,
        }  # fmt: skip
        assert filled.seen("accounts", A) == 2  # who else is in it, and for whom
        assert filled.seen("agencies", A) == 2
        assert filled.seen("guarded_faces", A) == filled.seen("misuse_reports", A) == filled.seen("sessions", A) == 1
        assert filled.seen("cases", Scope("A", "a colleague")) == 1
    finally:
        filled.administrator.execute("DELETE FROM case_members WHERE case_id = 2 AND account_id = 'A'")
        filled.administrator.execute("DELETE FROM cases WHERE id = 3")


# ---------------------------------------------------------------- forward, on a live copy


NEW_TABLES = (
    "api_answers, api_collections, api_keys, client_counts, collection_faces, face_removals, kept_pages, known_hashes, "
    "subjects"
)
"""The tables that databases of 0006 did not have."""


def as_before(connection: psycopg.Connection[Any], owner: str) -> None:
    """Give a database what one of 0006 had: its tables, owned by the program's own role, and no policies."""
    for table, name in connection.execute("SELECT tablename, policyname FROM pg_policies").fetchall():
        connection.execute(f"DROP POLICY {name} ON {table}")
    connection.execute("DROP FUNCTION lineament_shared_cases")
    connection.execute(f"DROP TABLE {NEW_TABLES}")
    connection.execute("ALTER TABLE jobs DROP COLUMN secrets")
    for table, *_ in connection.execute(TABLES).fetchall():
        connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
        connection.execute(f"ALTER TABLE {table} OWNER TO {owner}")
    connection.execute("UPDATE alembic_version SET version_num = '0006'")


def rows_of(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    tables = [table for table, *_ in connection.execute(TABLES).fetchall() if table != "alembic_version"]
    return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


@contextmanager
def at_work(url: str, faces: int) -> Iterator[dict[str, int]]:
    """Read and write as another process does, before the block, during it and after it; yield how often."""
    over, done = threading.Event(), {"read": 0, "written": 0}
    address = sa.make_url(url).set(drivername="postgresql").render_as_string()

    def read() -> None:
        with psycopg.connect(address) as reader:
            while not over.is_set():
                assert reader.execute("SELECT count(*) FROM faces").fetchone() == (faces,)
                reader.commit()
                done["read"] += 1

    def write() -> None:
        with psycopg.connect(address) as writer:
            while not over.is_set():
                writer.execute("SELECT value FROM counters WHERE name = 'writer' FOR UPDATE")
                writer.execute("INSERT INTO meta VALUES (%s, 'kept')", [f"live {done['written']}"])
                writer.commit()
                done["written"] += 1

    threads = [threading.Thread(target=work) for work in (read, write)]
    for thread in threads:
        thread.start()

    def go_on() -> None:
        some = dict(done)
        while any(done[name] == some[name] for name in done):
            assert all(thread.is_alive() for thread in threads)
            threads[0].join(0.01)

    try:
        go_on()
        yield done
        go_on()
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_database_of_0006_is_upgraded_while_others_read_and_write(
    postgresql: str, postgresql_url: str, rows: Rows
) -> None:
    """Nothing is lost, who may not upgrade it is told who may, and what ran before is refused with one line."""
    store = Store.open(postgresql_url, VAULT)
    with store.begin() as tx:
        source = rows.source(tx)
        rows.enrolled(tx, source)
        case, key = rows.case(tx)
        tx.probes.add(rows.probe(case), case.id, rows.sha256(), key)
    store.close()
    with administrator(postgresql_url) as connection:
        as_before(connection, "lineament")
        before = rows_of(connection)
        with pytest.raises(DatabaseUnguarded, match="deploy/postgresql"):
            Store.open(postgresql_url, VAULT)
        separate_roles(postgresql, str(sa.make_url(postgresql_url).database))
        with pytest.raises(OwnerNeeded, match="LINEAMENT_DATABASE_OWNER_URL"):
            Store.open(postgresql_url, VAULT)

        with at_work(postgresql_url, len(before["faces"])) as counted:
            upgraded = Store.open(postgresql_url, VAULT, owner=owner_of(postgresql_url))
        after = rows_of(connection)
        live = [row for row in after["meta"] if row[0].startswith("live")]
        assert len(live) == counted["written"]
        after["meta"] = [row for row in after["meta"] if row not in live]
        assert {table: after[table] for table in before} == before

        connection.execute("UPDATE alembic_version SET version_num = '9999'")  # as a later version does
        with pytest.raises(WorkspaceNewer, match="9999"), upgraded.read():
            pass
        with pytest.raises(WorkspaceNewer, match="9999"), upgraded.begin():
            pass
        upgraded.close()


def test_an_upgrade_does_not_wait_long_for_others(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "SCHEMA_PATIENCE", 0.2)
    with administrator(postgresql_url) as connection:
        as_before(connection, "lineament_owner")
        with psycopg.connect(superuser_of(postgresql_url)) as reader:
            reader.execute("SELECT count(*) FROM cases")
            with pytest.raises(WorkspaceBusy):
                Store.open(postgresql_url, VAULT, owner=owner_of(postgresql_url))
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0006",)
        assert connection.execute("SELECT count(*) FROM pg_policies").fetchone() == (0,)
        Store.open(postgresql_url, VAULT, owner=owner_of(postgresql_url)).close()
