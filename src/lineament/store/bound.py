"""Digests of rows as stored, which the ledger's entries commit to, and the rows that a transaction touched.

A digest is the SHA-256 of what a row says. Sealed columns count by what they seal, so that a new key changes no
digest; keys and addresses count only by whether they are there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged
from lineament.store.keys import Vault
from lineament.store.protected import MAC, PROTECTED, Protected, Row, canonical, plain_row
from lineament.store.raw import batched
from lineament.store.sealed import SealedColumn

Digests = dict[str, str | None]
"""Digests by the names of rows; None for a row that is not there."""

_DOMAIN = b"lineament.row.v1\x00"
_MOST = 500
"""Most rows in one query."""


def digest_of(table: str, value: object) -> str:
    """Return the digest of what a row of a table says, a JSON value, in hexadecimal."""
    return sha256(_DOMAIN + canonical(table, value).encode()).hexdigest()


def row_digest(vault: Vault, protected: Protected, row: Row) -> str:
    """Return the digest of a row with all its columns; a sealed column that does not open counts as it is."""
    return digest_of(protected.table.name, said_by(vault, protected, row))


def said_by(vault: Vault, protected: Protected, row: Row) -> dict[str, Any]:
    """Return what a row says, as its digest counts it: JSON values by column."""
    said = plain_row(row, protected.restless | {MAC})
    for name in protected.present & said.keys():
        said[name] = True
    for name in protected.opened.keys() & said.keys():
        sealed = SealedColumn(vault, protected.table.name, name)
        try:
            said[name] = sealed.open(str(row[protected.opened[name]]), row[name])
        except Damaged:
            said[name] = {"damaged": said[name]}
    return said


def row_texts(connection: Connection, vault: Vault, subjects: Collection[str]) -> dict[str, str]:
    """Return the texts whose digests the ledger has of rows, but not of searches; missing rows are left out."""
    found: dict[str, str] = {}
    for table, names in by_table(subjects).items():
        if (protected := PROTECTED.get(table)) is not None:
            rows = rows_of(connection, protected, names)
            found |= {name: canonical(table, said_by(vault, protected, row)) for name, row in rows.items()}
    return found


def rows_of(connection: Connection, protected: Protected, subjects: Collection[str]) -> dict[str, Row]:
    """Return the rows of a table that have these names, with all columns."""
    found: dict[str, Row] = {}
    keys = [_key(protected, subject) for subject in subjects]
    columns = [protected.table.c[name] for name in protected.key]
    for batch in batched([key for key in keys if key is not None], _MOST):
        which = columns[0].in_([key[0] for key in batch]) if len(columns) == 1 else sa.tuple_(*columns).in_(batch)
        for row in connection.execute(sa.select(protected.table).where(which)).mappings():
            found[protected.subject(row)] = row
    return found


def _key(protected: Protected, subject: str) -> tuple[Any, ...] | None:
    """Return the values of the columns that name a row; None if the name cannot be one."""
    parts = subject.split("/")[1:]
    if len(parts) != len(protected.key):
        return None
    try:
        return tuple(
            column.type.python_type(part) if column.type.python_type in {int, str} else bytes.fromhex(part)
            for column, part in zip((protected.table.c[name] for name in protected.key), parts, strict=True)
        )
    except ValueError:
        return None


def by_table(subjects: Iterable[str]) -> dict[str, list[str]]:
    """Return names of rows by the name of their table."""
    found: dict[str, list[str]] = {}
    for subject in subjects:
        found.setdefault(subject.partition("/")[0], []).append(subject)
    return found


def stored_digests(connection: Connection, vault: Vault, subjects: Collection[str]) -> Digests:
    """Return the digests of rows as they are stored now."""
    from lineament.store.search_digests import search_digests

    found: Digests = dict.fromkeys(subjects)
    for table, names in by_table(subjects).items():
        if table == "searches":
            found |= search_digests(connection, vault, [name.partition("/")[2] for name in names])
        elif (protected := PROTECTED.get(table)) is not None:
            rows = rows_of(connection, protected, names)
            found |= {name: row_digest(vault, protected, row) for name, row in rows.items()}
    return found


def every_bound_row(connection: Connection, vault: Vault) -> Iterator[tuple[str, str]]:
    """Yield the name and the digest of every bound row except searches, table by table."""
    for protected in PROTECTED.values():
        if protected.bound:
            for row in protected.every_row(connection):
                yield protected.subject(row), row_digest(vault, protected, row)


@dataclass(slots=True)
class Touched:
    """The protected rows that a transaction wrote, with their digests before it, and those that it recorded."""

    vault: Vault
    before: Digests = field(default_factory=dict)
    recorded: Digests = field(default_factory=dict)
    guarded: dict[str, None] = field(default_factory=dict)  # names of rows that need a new MAC, in order

    def note(self, subject: str, digest: str | None) -> None:
        """Note that a bound row is about to be written; ``digest`` is that of the row before, None if there is none."""
        self.before.setdefault(subject, digest)

    def unrecorded(self, connection: Connection) -> Digests:
        """Return the digests of the rows that changed and that no entry of this transaction commits to."""
        if not self.before:
            return {}
        now = stored_digests(connection, self.vault, self.before)
        known = self.before | self.recorded
        return {subject: digest for subject, digest in now.items() if digest != known[subject]}


def touched_by(connection: Connection) -> Touched | None:
    """Return what the open transaction touched; None outside of the store's own transactions."""
    found: Touched | None = connection.info.get("touched")
    return found
