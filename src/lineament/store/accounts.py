"""Accounts of officials: their names and addresses are sealed (R46)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from lineament.store.keys import Vault


class AccountRows:
    """The accounts of every agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
