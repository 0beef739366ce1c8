"""Rows as the driver gives them, where there are many."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def fetched(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """All rows as plain tuples, past the column types; a million of SQLAlchemy's own rows take seconds to make."""
    if result.cursor is None:
        raise TypeError("the statement gives no rows")
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)
