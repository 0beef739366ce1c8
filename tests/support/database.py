"""The SQLite file of a workspace, opened past the store, as whoever has the file can open it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def raw_database(home: Path, *, read_only: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the database of the workspace in ``home``; at the end of the block, commit and close it.

    Raises sqlite3.OperationalError if there is no database.
    """
    address = f"{(home / 'lineament.db').absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    with closing(sqlite3.connect(address, uri=True)) as database, database:
        yield database


def flip_proposal(home: Path) -> None:
    """Flip a bit of the only change of the threshold or of the model that was proposed in the workspace in ``home``."""
    with raw_database(home) as database:
        ((sealed,),) = database.execute("SELECT sealed FROM proposals").fetchall()
        database.execute("UPDATE proposals SET sealed = ?", (bytes([*sealed[:-1], sealed[-1] ^ 1]),))
