"""Column types of the tables (moments, digests, text) and the constraints on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from lineament.errors import Damaged, InvalidValue


def _or_damaged(inner: Any) -> Any:
    """Return a processor that raises Damaged for what is no time: SQLite's columns may hold anything."""

    def process(value: Any) -> Any:
        try:
            return inner(value)
        except (TypeError, ValueError):
            label, why = "A time in the database", "a row was changed outside Lineament"
            raise Damaged(what=label, why=why, remedy="see which with: lineament verify") from None

    return process


class _SqliteMoment(sqlite.DATETIME):
    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _or_damaged(super().result_processor(dialect, coltype))


class _SqliteDay(sqlite.DATE):
    def adapt(self, cls: Any, **kw: Any) -> Any:  # noqa: ARG002 - else SQLAlchemy puts the driver's own in its place
        """Stay as it is."""
        return self

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _or_damaged(super().result_processor(dialect, coltype))


Day = sa.Date().with_variant(_SqliteDay(), "sqlite")  # type: ignore[no-untyped-call]
"""A day of the calendar."""


class Moment(TypeDecorator[datetime]):
    """A point in time: stored in UTC, returned with its zone; a time without a zone is refused."""

    impl = sa.DateTime(timezone=True).with_variant(_SqliteMoment(), "sqlite")  # type: ignore[no-untyped-call]
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; SQLite stores it without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise InvalidValue(what="A time", value=value, why="it needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return it in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Hex(TypeDecorator[str]):
    """A digest or a blob's address: hexadecimal in Python, bytes in the database."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Convert to bytes."""
        try:
            return None if value is None else bytes.fromhex(value)
        except ValueError:
            raise InvalidValue(what="A digest", value=value, why="it is not hexadecimal") from None

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert to hexadecimal."""
        return None if value is None else bytes(value).hex()


class Words(TypeDecorator[str]):
    """Text from outside, restricted to what both databases can store."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Refuse what PostgreSQL (NUL) or UTF-8 (a lone surrogate) cannot hold. Raises InvalidValue."""
        if value is not None and ("\0" in value or (not value.isascii() and _lone_surrogate(value))):
            shown = value[:100].encode(errors="backslashreplace").decode()
            raise InvalidValue(what="A text", value=shown, why="it holds a character that cannot be stored")
        return value


class Real(TypeDecorator[float]):
    """A number in double precision, restricted to what both databases return as it was given."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """Store −0 as 0, and refuse what is no number: SQLite would make it NULL. Raises InvalidValue."""
        if value is None:
            return None
        if math.isnan(value):
            raise InvalidValue(what="A number", value=value, why="it is none")
        return value + 0.0


def _lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def not_blank(column: str) -> sa.CheckConstraint:
    """Require a name that the program writes not to be blank."""
    return sa.CheckConstraint(f"length(trim({column}, ' \t\r\n')) > 0", name=f"{column}_said")


_UNSEEN = (
    "\t\n\x0b\x0c\r \x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2061\u2062\u2063\u2064\u2066\u2067"
    "\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3000\u3164\ufe00\ufe01\ufe02\ufe03\ufe04"
    "\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffa\ufffb"
)
"""Blanks and invisible characters of Unicode's first plane; ``folding.says_something`` knows the others too."""


def said(column: str, *, optional: bool = False) -> sa.CheckConstraint:
    """Require that a text that somebody writes holds more than blanks and invisible characters (R7)."""
    unless_missing = f"{column} IS NULL OR " if optional else ""
    return sa.CheckConstraint(f"{unless_missing}length(trim({column}, '{_UNSEEN}')) > 0", name=f"{column}_said")


def digest(column: str) -> sa.CheckConstraint:
    """Require 32 bytes, or NULL if the column allows it."""
    return sa.CheckConstraint(f"length({column}) = 32", name=f"{column}_digest")


def at_least(column: str, least: int) -> sa.CheckConstraint:
    """Require ``least`` or more."""
    return sa.CheckConstraint(f"{column} >= {least}", name=f"{column}_at_least_{least}")


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """Require one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def among(column: sa.Column[int], ids: Iterable[int]) -> sa.ColumnElement[bool]:
    """Return the condition that the column is one of the ids, as literals: PostgreSQL is slow with many parameters."""
    listed = [int(id_) for id_ in ids]
    return column.in_(sa.bindparam(None, listed, expanding=True, literal_execute=True))


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # the rowid itself on SQLite
