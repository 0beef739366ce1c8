"""The connections to the two databases: for SQLite and for PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from lineament.errors import DatabaseSortsOtherwise, WorkspaceExists
from lineament.store.faults import of_system
from lineament.store.raw import BINARY, COPIED


def sqlite_engines(url: URL, patience: float) -> tuple[Engine, Engine]:
    """Return two pools: connections that start as writers, and connections that cannot write."""
    # The driver opens no transaction by itself; the begin event below does.
    options: dict[str, Any] = {"isolation_level": None, "timeout": patience}
    if (legacy := getattr(sqlite3, "LEGACY_TRANSACTION_CONTROL", None)) is not None:
        options["autocommit"] = legacy  # Python 3.12 and later, whatever their default becomes
    writer = sa.create_engine(url, connect_args=options, pool_size=1, max_overflow=4, hide_parameters=True)
    reader = sa.create_engine(url, connect_args=options, pool_size=8, max_overflow=64, hide_parameters=True)
    _prepare(writer, "BEGIN IMMEDIATE", ["PRAGMA journal_mode = WAL", *SQLITE_PRAGMAS, "PRAGMA cache_size = -16384"])
    _prepare(reader, "BEGIN", [*SQLITE_PRAGMAS, "PRAGMA query_only = ON"])
    return writer, reader


def new_file(path: Path) -> None:
    """Make an empty file for SQLite, which only its user can read. Raises WorkspaceExists, StoreUnavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise WorkspaceExists(path=path) from None
    except OSError as error:
        raise of_system(error, path) from error


SQLITE_PRAGMAS = [
    "PRAGMA synchronous = FULL",  # a commit is on the disk
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted rows are overwritten with zeros
    "PRAGMA recursive_triggers = ON",  # so that REPLACE cannot bypass the ledger's triggers
    "PRAGMA temp_store = MEMORY",  # nothing readable in temporary files
]


def _prepare(engine: Engine, begin: str, statements: list[str]) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(raw: Any, _record: object) -> None:
        for statement in statements:
            raw.execute(statement)

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


CONNECTIONS = 16
"""Most connections of one process to PostgreSQL."""
_KEPT = 8
"""Those of them that stay open when they are idle."""


def postgresql_engines(url: URL, patience: float, connections: int = CONNECTIONS) -> tuple[Engine, Engine]:
    """Return one pool; writers read what was committed last, readers keep one snapshot.

    A thread that finds no connection free waits ``patience`` seconds.
    """
    kept = min(connections, _KEPT)
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=patience,
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def connected(raw: Any, _record: object) -> None:
        raw.execute(f"SET lock_timeout = {int(patience * 1000)}")
        raw.execute("SET TIME ZONE 'UTC'")
        raw.commit()

    @sa.event.listens_for(engine, "before_cursor_execute")
    def executing(*event: Any) -> None:
        _, cursor, _, _, context, _ = event
        if context is not None and context.execution_options.get(BINARY):
            cursor.format = 1  # psycopg's Format.BINARY

    @sa.event.listens_for(engine, "do_executemany")
    def inserting(cursor: Any, _statement: str, rows: Sequence[Mapping[str, Any]], context: Any) -> bool:
        if context is None or not context.execution_options.get(COPIED):
            return False
        names = list(rows[0])
        with cursor.copy(f"COPY {context.compiled.statement.table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
        return True

    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine, engine.execution_options(**options)


_ORDER = sa.text("SELECT current_database(), 'B' < 'a'")


def check_order(connection: Connection) -> None:
    """Raise DatabaseSortsOtherwise if PostgreSQL does not sort texts as SQLite does, by their code points."""
    name, sorts_alike = connection.execute(_ORDER).one()
    if not sorts_alike:
        raise DatabaseSortsOtherwise(name=name)
