"""Second factors: their secrets are sealed, and each proof counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from lineament.store.keys import Vault


class FactorRows:
    """The second factors."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
