"""The MAC of each row that decides who may do what, and the watch over everything that writes protected rows.

Whoever can write to the database but has no key can neither make nor change such a row. Every write of a protected
row is noticed where its statement is run, so that no code can forget to sign or to record it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from lineament.errors import AccessAltered
from lineament.store.bound import Touched, by_table, row_digest, rows_of, touched_by
from lineament.store.keys import Vault
from lineament.store.protected import MAC, PROTECTED, SIGNED, Protected, Row, canonical, plain_row
from lineament.store.raw import batched
from lineament.store.search_tables import searches

_UNWATCHED = {"watched": False}
_MOST = 1000
"""Most rows in one statement."""


def mac_of(vault: Vault, table: str, row: Row) -> bytes:
    """Return the MAC of a row: 32 bytes. What a query joined to it is left out."""
    return vault.mac(canonical(table, plain_row({column: row[column] for column in SIGNED[table] if column in row})))


def checked(connection: Connection, vault: Vault, table: str, row: Row) -> None:
    """Raise AccessAltered if a row with all its columns was changed from outside."""
    if is_altered(connection, vault, table, row):
        raise AccessAltered(row=PROTECTED[table].subject(row))


def is_altered(connection: Connection, vault: Vault, table: str, row: Row) -> bool:
    """Return whether the MAC of a row with all its columns does not fit, and this transaction did not write the row."""
    return not fits(vault, table, row) and not is_own(connection, PROTECTED[table].subject(row))


def is_own(connection: Connection, subject: str) -> bool:
    """Return whether this transaction wrote that row, and signs it at its end; until then its MAC need not fit."""
    touched = touched_by(connection)
    return touched is not None and subject in touched.guarded


def fits(vault: Vault, table: str, row: Row) -> bool:
    """Return whether the MAC of a row with all its columns fits."""
    mac = row[MAC]
    return mac is not None and hmac.compare_digest(bytes(mac), mac_of(vault, table, row))


def watch(engine: Engine) -> None:
    """Note the protected rows that each statement is about to write. A changed row is checked before it is changed."""

    @sa.event.listens_for(engine, "before_execute", retval=True)
    def before(
        connection: Connection,
        statement: Any,
        many: Sequence[dict[str, Any]],
        one: dict[str, Any],
        options: Mapping[str, Any],
    ) -> tuple[Any, Sequence[dict[str, Any]], dict[str, Any]]:
        touched = touched_by(connection)
        if touched is None or not options.get("watched", True):
            return statement, many, one
        if isinstance(statement, sa.Insert):
            return _insert(touched, statement, many, one)
        if isinstance(statement, sa.Update | sa.Delete):
            for values in many or [one]:
                _change(connection, touched, statement, values)
        return statement, many, one


def _insert(
    touched: Touched, statement: sa.Insert, many: Sequence[dict[str, Any]], one: dict[str, Any]
) -> tuple[sa.Insert, Sequence[dict[str, Any]], dict[str, Any]]:
    """Note the rows that are inserted; those that are inserted whole get their MAC at once."""
    table: Any = statement.table
    protected = PROTECTED.get(table.name)
    if protected is not None and protected.whole:
        signed = [row | {MAC: mac_of(touched.vault, table.name, row)} for row in many or [one]]
        return (statement, signed, one) if many else (statement, many, signed[0])
    for row in many or [one or statement.compile().params]:
        if table is searches:
            touched.note(f"searches/{row['id']}", None)
        elif protected is not None:
            subject = protected.subject(row)
            if protected.bound:
                touched.note(subject, None)
            if protected.guarded:
                touched.guarded[subject] = None
    return statement, many, one


def _change(
    connection: Connection,
    touched: Touched,
    statement: sa.Update | sa.Delete,
    values: Mapping[str, Any],
) -> None:
    """Note the rows that are changed or deleted; those whose MAC changes are checked first."""
    table: Any = statement.table
    if table is searches and isinstance(statement, sa.Delete):
        for id_ in connection.scalars(sa.select(searches.c.id).where(_which(statement))).all():
            touched.note(f"searches/{id_}", "there")
    protected = PROTECTED.get(table.name)
    if protected is None:
        return
    changes = isinstance(statement, sa.Update) and bool(_set_by(statement, values) - protected.unsigned)
    signed = protected.guarded and changes
    if not (signed or protected.bound):
        return
    for row in connection.execute(sa.select(table).where(_which(statement)), values).mappings().all():
        subject = protected.subject(row)
        if protected.bound and subject not in touched.before:
            touched.note(subject, row_digest(touched.vault, protected, row))
        if signed:
            checked(connection, touched.vault, table.name, row)
            touched.guarded[subject] = None


def _set_by(statement: sa.Update, values: Mapping[str, Any]) -> set[str]:
    """Return the columns that a statement sets, by itself or with the values that it is run with."""
    stated: Mapping[Any, Any] = statement._values or {}  # noqa: SLF001 - SQLAlchemy tells it in no other way
    table: Any = statement.table
    return {str(getattr(column, "name", column)) for column in stated} | {name for name in values if name in table.c}


def _which(statement: sa.Update | sa.Delete) -> sa.ColumnElement[bool]:
    return sa.true() if statement.whereclause is None else statement.whereclause


def sign(connection: Connection, touched: Touched) -> None:
    """Give every guarded row that the transaction wrote its MAC."""
    for table, subjects in by_table(touched.guarded).items():
        protected = PROTECTED[table]
        _sign_rows(connection, touched.vault, protected, rows_of(connection, protected, subjects).values())


def check_rows(connection: Connection, vault: Vault, table: str, *where: sa.ColumnElement[bool]) -> None:
    """Check rows before a statement that is not watched changes many of them. Raises AccessAltered."""
    for row in PROTECTED[table].every_row(connection, *where):
        checked(connection, vault, table, row)


def sign_rows(connection: Connection, vault: Vault, table: str, *where: sa.ColumnElement[bool]) -> None:
    """Give rows their MACs after a statement that was not watched."""
    protected = PROTECTED[table]
    _sign_rows(connection, vault, protected, protected.every_row(connection, *where))


def sign_everything(connection: Connection, vault: Vault) -> None:
    """Give every guarded row a MAC, whatever it says: for a database of a version without them, or with a new key."""
    for protected in PROTECTED.values():
        if protected.guarded:
            sign_rows(connection, vault, protected.table.name)


def _sign_rows(connection: Connection, vault: Vault, protected: Protected, rows: Iterable[Row]) -> None:
    table = protected.table
    its = [table.c[name] == sa.bindparam(f"key_{name}") for name in protected.key]
    change = sa.update(table).where(*its)
    for batch in batched(rows, _MOST):
        values = [
            {MAC: mac_of(vault, table.name, row)} | {f"key_{name}": row[name] for name in protected.key}
            for row in batch
        ]
        connection.execute(change, values, execution_options=_UNWATCHED)


def altered(connection: Connection, vault: Vault) -> list[str]:
    """Return the names of all guarded rows whose MAC does not fit, table by table."""
    found: list[str] = []
    for protected in PROTECTED.values():
        if protected.guarded:
            table, rows = protected.table.name, protected.every_row(connection)
            found += [protected.subject(row) for row in rows if not fits(vault, table, row)]
    return found
