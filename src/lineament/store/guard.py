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
from lineament.store.protected import MAC, PROTECTED, Protected, Row, canonical, plain_row
from lineament.store.tables import searches

_UNWATCHED = {"watched": False}


def mac_of(vault: Vault, table: str, row: Row) -> bytes:
    """Return the MAC of a row: 32 bytes."""
    fixed, said = PROTECTED[table].fixed, plain_row(row)
    said = {name: value for name, value in said.items() if not fixed or name in fixed}
    return vault.mac(canonical(table, said))


def checked(connection: Connection, vault: Vault, table: str, row: Row) -> None:
    """Raise AccessAltered unless the MAC of a row with all its columns fits, or this transaction wrote the row."""
    subject = PROTECTED[table].subject(row)
    touched = touched_by(connection)
    if touched is not None and subject in touched.guarded:
        return
    if not fits(vault, table, row):
        raise AccessAltered(row=subject)


def fits(vault: Vault, table: str, row: Row) -> bool:
    """Return whether the MAC of a row with all its columns fits."""
    mac = row[MAC]
    return mac is not None and hmac.compare_digest(bytes(mac), mac_of(vault, table, row))


def watch(engine: Engine) -> None:
    """Note the protected rows that each statement is about to write. A changed row is checked before it is changed."""

    @sa.event.listens_for(engine, "before_execute")
    def before(
        connection: Connection,
        statement: Any,
        many: Sequence[Row],
        one: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        touched = touched_by(connection)
        if touched is None or not options.get("watched", True):
            return
        if not isinstance(statement, sa.Insert | sa.Update | sa.Delete):
            return
        table: Any = statement.table
        if isinstance(statement, sa.Insert):
            for row in many or [one or statement.compile().params]:
                _insert(touched, table.name, row)
        elif table.name in PROTECTED:
            every: Sequence[Any] = many or [one]
            for values in every:
                _change(connection, touched, statement, values)
        elif table is searches and isinstance(statement, sa.Delete):
            for id_ in connection.scalars(sa.select(searches.c.id).where(_which(statement))).all():
                touched.note(f"searches/{id_}", "there")


def _insert(touched: Touched, table: str, row: Row) -> None:
    if table == searches.name:
        touched.note(f"searches/{row['id']}", None)
    elif (protected := PROTECTED.get(table)) is not None:
        subject = protected.subject(row)
        if protected.bound:
            touched.note(subject, None)
        if protected.guarded:
            touched.guarded[subject] = None


def _concerns(protected: Protected, statement: sa.Update | sa.Delete, values: Mapping[str, Any]) -> bool:
    """Return whether a statement changes what the MAC or the ledger covers."""
    if not protected.fixed:
        return True
    if isinstance(statement, sa.Delete):
        return protected.bound
    named = (getattr(column, "name", column) for column in statement._values or ())  # noqa: SLF001 - no other way
    return not protected.fixed.isdisjoint({*named, *values})


def _change(
    connection: Connection,
    touched: Touched,
    statement: sa.Update | sa.Delete,
    values: Mapping[str, Any],
) -> None:
    table: Any = statement.table
    protected = PROTECTED[table.name]
    if not _concerns(protected, statement, values):
        return
    rows = connection.execute(sa.select(protected.table).where(_which(statement)), values).mappings().all()
    for row in rows:
        subject = protected.subject(row)
        if protected.bound and subject not in touched.before:
            touched.note(subject, row_digest(touched.vault, protected, row))
        if protected.guarded and isinstance(statement, sa.Update):
            checked(connection, touched.vault, protected.table.name, row)
            touched.guarded[subject] = None


def _which(statement: sa.Update | sa.Delete) -> sa.ColumnElement[bool]:
    return sa.true() if statement.whereclause is None else statement.whereclause


def sign(connection: Connection, touched: Touched) -> None:
    """Give every guarded row that the transaction wrote its MAC."""
    for table, subjects in by_table(touched.guarded).items():
        protected = PROTECTED[table]
        _sign_rows(connection, touched.vault, protected, rows_of(connection, protected, subjects).values())


def sign_everything(connection: Connection, vault: Vault) -> None:
    """Give every guarded row a MAC, whatever it says: for a database of a version without them, or with a new key."""
    for protected in PROTECTED.values():
        if protected.guarded:
            _sign_rows(connection, vault, protected, protected.every_row(connection))


def _sign_rows(connection: Connection, vault: Vault, protected: Protected, rows: Iterable[Row]) -> None:
    columns = protected.table.c
    for row in rows:
        its = [columns[name] == row[name] for name in protected.key]
        mac = mac_of(vault, protected.table.name, row)
        changed = sa.update(protected.table).where(*its).values({MAC: mac})
        connection.execute(changed, execution_options=_UNWATCHED)


def altered(connection: Connection, vault: Vault) -> list[str]:
    """Return the names of all guarded rows whose MAC does not fit, table by table."""
    found: list[str] = []
    for protected in PROTECTED.values():
        if protected.guarded:
            table, rows = protected.table.name, protected.every_row(connection)
            found += [protected.subject(row) for row in rows if not fits(vault, table, row)]
    return found
