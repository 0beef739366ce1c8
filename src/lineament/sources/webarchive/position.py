"""Positions in a reading of web archives, and the cursors that they are written as."""

from __future__ import annotations

import re
from typing import NamedTuple

from lineament.errors import InvalidValue
from lineament.sandbox.files import printable

END = 10**18 - 1
"""An offset behind every record."""
_CURSOR = re.compile(r"([01])\.([0-9]{1,9})\.([0-9]{1,18})")
_BEGIN = "begin"
"""The cursor of what is in the very first record: a run that is interrupted reads that again."""


class Position(NamedTuple):
    """A position of reading: the pass (1 for deferred pictures), the archive, and the byte in it."""

    later: int
    archive: int
    offset: int

    def __str__(self) -> str:
        if self.offset < 0:
            return _BEGIN if not self.archive else f"{self.later}.{self.archive - 1}.{END}"
        return f"{self.later}.{self.archive}.{self.offset}"


def position_of(cursor: str | None) -> Position:
    """Return the position of a cursor; None is before everything. Raises InvalidValue if it is not one."""
    if cursor is None or cursor == _BEGIN:
        return Position(0, -1, -1)
    read = _CURSOR.fullmatch(cursor)
    if read is None:
        raise InvalidValue(what="The cursor", value=printable(cursor)[:50], why="it is not one of a web archive")
    return Position(*(int(part) for part in read.groups()))
