"""Files and databases for tests that do not cut the power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from lineament.store import durable, engines


@contextmanager
def unsynced() -> Iterator[None]:
    """Do not wait for the disk within the block, in this process. Not thread-safe.

    A process that is killed still loses nothing that it wrote, while a machine that loses its power may.
    """
    pragmas = [*engines.SQLITE_PRAGMAS, "PRAGMA synchronous = OFF"]
    with (
        mock.patch.object(engines, "SQLITE_PRAGMAS", pragmas),
        mock.patch.object(os, "fsync"),
        mock.patch.object(durable, "syncfs", return_value=_succeed),
    ):
        yield


def _succeed(_descriptor: int) -> int:
    return 0
