"""Column types of the tables (moments, digests, text) and the constraints on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from lineament.errors import InvalidValue


class Moment(TypeDecorator[datetime]):
    """A point in time: stored in UTC, returned with its zone; a time without a zone is refused."""

    impl = sa.DateTime(timezone=True)
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


def _lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def not_blank(column: str) -> sa.CheckConstraint:
    """Require a column that is not blank (R7)."""
    return sa.CheckConstraint(f"length(trim({column}, ' \t\r\n')) > 0", name=f"{column}_said")


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
Real = sa.Double
