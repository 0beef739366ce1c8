"""A store on each database, and rows for it. PostgreSQL is a real server, one per session with a database per test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.postgresql import owner_of, postgresql_server, role_address, separate_roles
from tests.support.store_rows import RawSql, Refuses, Rows, at_home

from lineament.store.db import Store
from lineament.store.ring import KeyRing
from lineament.testing import VAULT

# ---------------------------------------------------------------- the databases


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server with a database “empty_workspace” that has the schema and its own agency."""
    with postgresql_server() as server:
        for name in ("empty_workspace", "nothing"):
            separate_roles(server.uri, name)
        url = _database(server.uri, "empty_workspace")
        at_home(Store.create(url, VAULT, owner=owner_of(url))).close()
        yield server.uri


def _database(uri: str, name: str) -> str:
    return role_address(uri, "lineament", name)


_numbers = itertools.count(1)


def _postgresql_database(uri: str, template: str) -> tuple[str, str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name, _database(uri, name)


def _drop(uri: str, name: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "lineament.db"
    at_home(Store.create(f"sqlite:///{path}", VAULT)).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that does not exist yet (SQLite) or is empty (PostgreSQL)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/lineament.db"
        return
    uri = request.getfixturevalue("postgresql")
    name, url = _postgresql_database(uri, "nothing")
    yield url
    _drop(uri, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a workspace's database that holds only its own agency."""
    if request.param == "sqlite":
        path = tmp_path / "lineament.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    uri = request.getfixturevalue("postgresql")
    name, url = _postgresql_database(uri, "empty_workspace")
    yield url
    _drop(uri, name)


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The address of such a database on PostgreSQL, whatever the other fixtures use."""
    name, url = _postgresql_database(postgresql, "empty_workspace")
    yield url
    _drop(postgresql, name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store.open(url, VAULT, patience=60)
    yield store
    store.close()


@pytest.fixture
def sqlite_path(tmp_path: Path, empty_sqlite: Path) -> Path:
    """A database file for the tests that look at files."""
    return Path(shutil.copy(empty_sqlite, tmp_path / "lineament.db"))


@pytest.fixture
def raw(url: str) -> Iterator[RawSql]:
    """A connection that bypasses Lineament."""
    connection = RawSql(url)
    yield connection
    connection.close()


# ---------------------------------------------------------------- rows


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.in_file(tmp_path_factory.mktemp("keys") / "kek")


@pytest.fixture
def rows(keys: KeyRing) -> Rows:
    return Rows(keys)


@pytest.fixture
def refused(raw: RawSql) -> Refuses:
    """Check that the database refuses a statement for the reason named."""

    def check(statement: str, why: str) -> None:
        with pytest.raises(Exception, match=f"(?i){why}") as caught:
            raw(statement)
        assert type(caught.value).__module__.partition(".")[0] in {"sqlite3", "psycopg"}

    return check
