"""Fast paths for many rows: values in batches, and rows as the driver returns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

T = TypeVar("T")

BINARY = "binary"
"""Execution option: PostgreSQL answers in binary, so that templates are not sent as hexadecimal text."""


COPIED = "copied"
"""Execution option of an INSERT of many rows: PostgreSQL gets them by COPY. Not for a table with row-level security."""


def batched(values: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most ``most``, each for one IN clause."""
    remaining = iter(values)
    while batch := list(islice(remaining, most)):
        yield batch


def fetched(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """Return all rows as plain tuples, bypassing column types; a million of SQLAlchemy's own rows take seconds.

    Raises DBAPIError, as SQLAlchemy does, for a value that the driver cannot read.
    """
    if result.cursor is None:
        raise TypeError("the statement gives no rows")
    dbapi: Any = result.dialect.dbapi
    try:
        rows = result.cursor.fetchall()
    except dbapi.Error as error:
        raise sa.exc.DBAPIError(None, None, error) from error
    result.close()
    return list(rows)


def typed(query: sa.Select[Any], row: Sequence[Any], dialect: Dialect) -> dict[str, Any]:
    """Return a row that ``fetched`` gave for a query, by column, with the values that the columns' types make of it.

    Raises TypeError, ValueError or Damaged if somebody stored a value that its column's type does not have.
    """
    found = {}
    for column, value in zip(query.selected_columns, row, strict=True):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        found[column.name] = value if convert is None else convert(value)
    return found
