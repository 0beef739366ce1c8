"""Runs tests on PostgreSQL that usually run on SQLite: ``pytest -p tests.support.on_postgresql FILES``.

Each workspace folder gets a database of its own, and a copy of a folder gets a copy of the database. Tests that open
the SQLite file themselves are skipped if they do so with ``raw_database``, and fail otherwise.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from tests.support import database
from tests.support.postgresql import PostgresServer, owner_of, postgresql_server, role_address, separate_roles

import lineament.workspace
from lineament.settings import Settings
from lineament.store.db import Store

_numbers = itertools.count(1)
_running = ExitStack()
_servers: list[PostgresServer] = []


def pytest_sessionstart() -> None:
    """Start a server with an empty database to copy, and send every workspace there."""
    server = _running.enter_context(postgresql_server())
    separate_roles(server.uri, "nothing")
    _servers.append(server)
    opened = Store.__init__

    def as_owner_too(self: Store, url: Any, vaults: Any, **options: Any) -> None:
        opened(self, url, vaults, **{**options, "owner": options.get("owner") or owner_of(str(url))})

    lineament.workspace._database = _database
    database.raw_database = _skipped
    Store.__init__ = as_owner_too  # type: ignore[method-assign]


def pytest_sessionfinish() -> None:
    """Stop the server."""
    _running.close()


def _skipped(*_: object, **__: object) -> NoReturn:
    pytest.skip("it opens the SQLite file")


def _database(settings: Settings, folder: Path) -> str:
    if settings.database_url:
        return settings.database_url.reveal()
    return role_address(_servers[0].uri, "lineament", _name_for(folder))


def _name_for(folder: Path) -> str:
    """Return the database of a folder, whose marker also says that it is that of this very folder."""
    marker, this = folder / "lineament.db", str(folder.stat().st_ino)
    template = "nothing"
    if marker.exists():
        template, of_folder = marker.read_text().split()
        if of_folder == this:
            return template
    name = f"workspace_{next(_numbers)}"
    with psycopg.connect(_servers[0].uri, autocommit=True) as connection:
        with suppress(psycopg.Error):
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(ending, [template])
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    marker.write_text(f"{name} {this}")
    return name
