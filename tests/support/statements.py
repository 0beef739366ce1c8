"""The statements that the store of a workspace runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from lineament.workspace import Workspace


@contextmanager
def statements(workspace: Workspace) -> Iterator[list[str]]:
    """Yield the statements that the database is sent until the end of the block, each in one line."""
    run: list[str] = []

    def note(*event: object) -> None:
        run.append(" ".join(str(event[2]).split()))

    engines = (workspace.store._reader, workspace.store._writer)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield run
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
