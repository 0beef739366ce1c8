"""What lies in the room of a case: sealed under the case's key, and gone with it."""

from __future__ import annotations

from sqlalchemy.engine import Connection


class PaperRows:
    """Messages, notes, files and decisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
