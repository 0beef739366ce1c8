"""Fast paths for many rows: values in batches, and rows as the driver returns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

BINARY = "binary"
"""Execution option: PostgreSQL answers in binary, so that templates are not sent as hexadecimal text."""


def batched(values: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most ``most``, each for one IN clause."""
    remaining = iter(values)
    while batch := list(islice(remaining, most)):
        yield batch


def fetched(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """Return all rows as plain tuples, bypassing column types; a million of SQLAlchemy's own rows take seconds."""
    if result.cursor is None:
        raise TypeError("the statement gives no rows")
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)
