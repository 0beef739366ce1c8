"""Rows as the driver gives them, where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


def batched(values: Iterable[T], most: int) -> Iterator[list[T]]:
    """The values in lists of at most so many, for one IN (…) each."""
    left = iter(values)
    while some := list(islice(left, most)):
        yield some


def fetched(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """All rows as plain tuples, past the column types; a million of SQLAlchemy's own rows take seconds to make."""
    if result.cursor is None:
        raise TypeError("the statement gives no rows")
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)
