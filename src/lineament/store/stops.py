"""Stops: while one is in force, no search is answered (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from lineament.store.keys import Vault


class StopRows:
    """The stops in force."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
