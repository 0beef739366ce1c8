"""The schema of a new SQLite workspace: created by the migrations once a process, and replayed after that.

Running the migrations takes ten times as long as everything else that opens a workspace. Tests of the store itself
(``tests/contract/store``) run them.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store import migrations

_by_migrations = migrations.upgrade


def upgrade(connection: Connection, *given: Any) -> None:
    """Bring the schema to the newest revision, as ``migrations.upgrade`` does."""
    if connection.dialect.name != "sqlite" or migrations.revision(connection) is not None:
        _by_migrations(connection, *given)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@cache
def _statements() -> list[str]:
    """Return the SQL statements that create an empty workspace of the newest revision."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        _by_migrations(connection)
        lines = cast("sqlite3.Connection", connection.connection.driver_connection).iterdump()
        statements = [line for line in lines if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]
    engine.dispose()
    return statements
