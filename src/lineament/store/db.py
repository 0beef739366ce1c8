"""The database: SQLite by default, PostgreSQL for an agency. SQL is the truth (design decision D2).

On either database one transaction writes at a time, so ids and ledger entries grow in the order of commits.
A reader sees the state at the moment it started, and never waits for a writer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url

from lineament.errors import Damaged, NoWorkspace, OwnerNeeded, WorkspaceBusy, WorkspaceExists, WorkspaceNewer
from lineament.store import migrations
from lineament.store.bound import Touched
from lineament.store.deletions import UNSCRUBBED
from lineament.store.engines import CONNECTIONS, check_order, new_file, postgresql_engines, sqlite_engines
from lineament.store.faults import RESTORE, translated
from lineament.store.filing import FILED_SINCE, file_by_account
from lineament.store.guard import sign, sign_everything, watch
from lineament.store.keys import Vault, VaultSource
from lineament.store.ledger import LedgerRows
from lineament.store.meta import MetaRows
from lineament.store.ring import RING
from lineament.store.row_security import ENTER, EVERYWHERE, SETTINGS, Scope, apply_policies, check_role, settings_of
from lineament.store.tables import meta
from lineament.store.tx import Tx
from lineament.store.vacuum import vacuum

__all__ = ["PATIENCE", "SCHEMA_PATIENCE", "SCRUB_PATIENCE", "TO_BIND", "Store", "Tx"]

SCRUB_PATIENCE = 2.0
"""Most seconds that scrubbing waits for readers, while no other process can write."""
PATIENCE = 30.0
"""Seconds that a writer waits for another one."""
SCHEMA_PATIENCE = 5.0
"""Seconds that an upgrade of PostgreSQL waits for whoever uses a table; everybody else waits behind it."""

GUARDED_SINCE = "0005"
"""The first released revision whose rows carry MACs and are bound to the ledger."""
TO_BIND = "rows to bind"
"""The fact in ``tx.meta`` that the ledger has yet to commit to the rows of an older version, with a MAC."""

# Locked during every write transaction on PostgreSQL; SQLite has BEGIN IMMEDIATE.
_ONE_WRITER = sa.text("SELECT value FROM counters WHERE name = 'writer' FOR UPDATE")

_RING = sa.select(meta.c.value).where(meta.c.name == RING)


class Store:
    """The database of one workspace. Thread-safe; any number of processes may have it open."""

    def __init__(
        self,
        url: str | URL,
        vaults: VaultSource,
        *,
        patience: float = PATIENCE,
        owner: str | URL | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Open nothing yet: use ``create`` or ``open``.

        ``vaults`` is the workspace's key ring, or one vault; ``patience`` is in seconds. ``owner`` is the address of
        the same PostgreSQL database as the owner of its tables; ``connections`` is the most that this process opens.
        """
        self._url = make_url(url)
        self._vaults = vaults
        self._patience = patience
        self._owner = None if owner is None else make_url(owner)
        self._writing = threading.Lock()
        sqlite = self.dialect == "sqlite"
        pools = sqlite_engines(self._url, patience) if sqlite else postgresql_engines(self._url, patience, connections)
        self._writer, self._reader = pools
        watch(self._writer)

    @classmethod
    def create(
        cls, url: str | URL, vaults: VaultSource, *, patience: float = PATIENCE, owner: str | URL | None = None
    ) -> Self:
        """Create a database with the newest schema.

        Raises WorkspaceExists if the database exists; for PostgreSQL OwnerNeeded, DatabaseUnguarded and
        DatabaseSortsOtherwise.
        """
        store = cls(url, vaults, patience=patience, owner=owner)
        try:
            store._create()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(
        cls,
        url: str | URL,
        vaults: VaultSource,
        *,
        patience: float = PATIENCE,
        owner: str | URL | None = None,
        connections: int = CONNECTIONS,
    ) -> Self:
        """Open the database of a workspace, upgrading an older schema.

        Raises NoWorkspace, WorkspaceNewer, Damaged if it is no database, StoreUnavailable, and for PostgreSQL
        OwnerNeeded if somebody else has to upgrade it, DatabaseUnguarded and DatabaseSortsOtherwise.
        """
        store = cls(url, vaults, patience=patience, owner=owner, connections=connections)
        try:
            store._open()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    @property
    def place(self) -> str:
        """The address of the database for messages, without a password."""
        return self._url.database or "" if self.dialect == "sqlite" else self._url.render_as_string()

    @contextmanager
    def begin(self, scope: Scope | None = EVERYWHERE) -> Iterator[Tx]:
        """Open a write transaction: committed and durable at the end, or rolled back if an error leaves the block.

        ``scope`` says for whom, which PostgreSQL enforces. One at a time: it waits for others, then raises
        WorkspaceBusy. Errors of the database become StorageFull, Damaged, Refused (a constraint) or StoreUnavailable.
        A thread must not open one inside another.
        """
        if not self._writing.acquire(timeout=self._patience):
            raise WorkspaceBusy(what=f"waited {self._patience:.0f} s for another thread")
        try:
            with translated(self.place), self._writer.begin() as connection:
                if self.dialect == "postgresql":
                    self._enter(connection, scope)
                    connection.execute(_ONE_WRITER)
                kept = connection.info
                touched = kept["touched"] = Touched(vault=self._vault_of(connection))
                try:
                    yield Tx(connection, touched.vault, touched)
                    sign(connection, touched)
                finally:
                    kept.pop("touched", None)  # a broken connection has no info any more: asking it would hide why
        finally:
            self._writing.release()

    @contextmanager
    def begin_aside(self) -> Iterator[Tx]:
        """Open a write transaction for short-lived rows; on PostgreSQL beside others, and durable a moment later."""
        if self.dialect == "sqlite":
            with self.begin() as tx:
                yield tx
            return
        with translated(self.place), self._writer.begin() as connection:
            self._enter(connection, EVERYWHERE)
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield Tx(connection, self._vault_of(connection))

    @contextmanager
    def read(self, scope: Scope | None = EVERYWHERE) -> Iterator[Tx]:
        """Open a read-only transaction, which sees the state at the moment it started, and what concerns ``scope``."""
        with translated(self.place), self._reader.begin() as connection:
            if self.dialect == "postgresql":
                self._enter(connection, scope)
            yield Tx(connection, self._vault_of(connection))  # the snapshot is taken here

    def _enter(self, connection: Connection, scope: Scope | None) -> None:
        """Say for whom the transaction works. Raises WorkspaceNewer if the schema was upgraded since it was opened."""
        found = connection.execute(ENTER, settings_of(scope)).one().revision
        if found != migrations.HEAD:
            raise WorkspaceNewer(path=self.place, found=found)

    def _vault_of(self, connection: Connection) -> Vault:
        """Return the vault of the rows that a transaction sees: another process may have rotated the key."""
        return self._vaults.at(connection.scalar(_RING))

    def scrub(self) -> bool:
        """Remove what was erased from the database's files too; return whether nothing of it is left in them.

        SQLite overwrites deleted rows with zeros, and this empties its log. PostgreSQL rewrites its small table of
        keys, and that of cases once one was destroyed, and frees the space of other rows for reuse. Whoever still
        reads what was there before blocks it: then it returns False, and ``is_scrubbed`` does until a later call
        succeeds.
        """
        with self.read() as tx:
            mark = tx.meta.get(UNSCRUBBED)
        try:
            with translated(self.place):
                done = self._scrub_sqlite() if self.dialect == "sqlite" else self._scrub_postgresql(mark)
            if done and mark is not None:
                with self.begin() as tx:
                    tx.deletions.forget_answers()  # of requests that began before the erasure was committed, too
                    tx.meta.forget(UNSCRUBBED, mark)
        except WorkspaceBusy:
            return False
        return done

    def is_scrubbed(self) -> bool:
        """Return whether the files of the database hold nothing of what was erased."""
        with self.read() as tx:
            return tx.meta.get(UNSCRUBBED) is None

    def _scrub_sqlite(self) -> bool:
        with self._writer.connect() as connection:  # a checkpoint needs to run outside of any transaction
            raw = connection.connection.cursor()
            raw.execute(f"PRAGMA busy_timeout = {int(min(self._patience, SCRUB_PATIENCE) * 1000)}")
            try:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = raw.fetchone() or (1,)
            finally:
                raw.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
                raw.close()
            return not busy

    def _scrub_postgresql(self, mark: str | None) -> bool:
        with self._writer.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            wait = min(self._patience, SCRUB_PATIENCE)
            connection.exec_driver_sql(f"SET lock_timeout = {int(wait * 1000)}")
            try:
                return vacuum(connection, mark, wait)
            finally:
                if not connection.invalidated:  # a broken one is not used again, and would hide what broke it
                    connection.exec_driver_sql(f"SET lock_timeout = {int(self._patience * 1000)}")

    def examine(self) -> str:
        """Let the database check itself and return its answer in words. Raises Damaged if it finds a fault."""
        with self.read() as tx:
            if self.dialect == "sqlite":
                checks = ("PRAGMA integrity_check(3)", "PRAGMA foreign_key_check")
                rows = [row for check in checks for row in tx.connection.exec_driver_sql(check).all()]
                if faults := [" ".join(map(str, row)) for row in rows if row[0] != "ok"]:
                    raise Damaged(what=f"The database {self.place}", why="; ".join(faults[:3]), remedy=RESTORE)
            version = tx.connection.dialect.server_version_info or ()
        return f"{self.dialect} {'.'.join(str(part) for part in version)}, sound"

    def connections(self) -> dict[str, int]:
        """Return how many connections are in use, of those that read and those that write; one pool counts twice."""
        pools = {"reading": self._reader.pool, "writing": self._writer.pool}
        return {name: getattr(pool, "checkedout", int)() for name, pool in pools.items()}

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()

    # ------------------------------------------------------------ creating and opening

    def _create(self) -> None:
        if self.dialect == "sqlite":
            new_file(Path(self.place))
        self._check_database()
        with self._changing_schema("made", "init") as connection:
            if migrations.revision(connection) is not None:
                raise WorkspaceExists(path=self.place)
            migrations.upgrade(connection)
            self._guard(connection)

    def _open(self) -> None:
        if self.dialect == "sqlite" and not Path(self.place).is_file():
            raise NoWorkspace(path=self.place)
        with translated(self.place), self._reader.begin() as connection:
            found = migrations.revision(connection)
        if found is None:
            raise NoWorkspace(path=self.place)
        migrations.checked(found, self.place)
        self._check_database()
        if found != migrations.HEAD:
            self._upgrade()

    def _upgrade(self) -> None:
        with self._changing_schema("upgraded", "doctor") as connection:
            found = migrations.revision(connection)
            migrations.checked(found, self.place)
            if found == migrations.HEAD:  # another process has upgraded it meanwhile
                return
            vault = self._vault_of(connection)  # which takes the keys
            migrations.upgrade(connection, self._vaults.unwrap)
            self._guard(connection)
            if found is not None and found < FILED_SINCE:
                file_by_account(connection, vault)
            if found is not None and found < GUARDED_SINCE:
                sign_everything(connection, vault)
                size = LedgerRows(connection, vault).size()
                MetaRows(connection).set(TO_BIND, vault.mac(f"{TO_BIND} at {size}").hex())

    def _guard(self, connection: Connection) -> None:
        if self.dialect == "postgresql":
            apply_policies(connection)

    def _check_database(self) -> None:
        if self.dialect == "postgresql":
            with translated(self.place), self._reader.begin() as connection:
                check_role(connection)
                check_order(connection)

    @contextmanager
    def _changing_schema_as_owner(self, what: str, command: str) -> Iterator[Connection]:
        """Change the schema of PostgreSQL. It waits shortly for others, who wait behind it meanwhile."""
        if self._owner is None:
            raise OwnerNeeded(what=what, command=command)
        owner, _ = postgresql_engines(self._owner, min(self._patience, SCHEMA_PATIENCE))
        try:
            with translated(self.place), owner.begin() as connection:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('lineament schema'))")
                connection.execute(SETTINGS, settings_of(EVERYWHERE))
                yield connection
        finally:
            owner.dispose()

    @contextmanager
    def _changing_schema(self, what: str, command: str) -> Iterator[Connection]:
        """Change the schema in one transaction; ``what`` is done by which ``command`` says who needs the owner."""
        if self.dialect == "postgresql":
            with self._changing_schema_as_owner(what, command) as connection:
                yield connection
            return
        with translated(self.place), self._writer.connect() as connection:
            # A table that is made anew is dropped first, and must not take along the rows that refer to it. SQLite
            # ignores this pragma inside a transaction. The migration checks the foreign keys itself.
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                raw.execute("PRAGMA foreign_keys = ON")
