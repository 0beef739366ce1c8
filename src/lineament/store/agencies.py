"""Agencies: everything that names one is sealed (R46)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from lineament.store.keys import Vault


class AgencyRows:
    """The register of agencies."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
