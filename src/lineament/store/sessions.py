"""Sessions: found by the digest of the key in the cookie, which is never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from lineament.store.keys import Vault


class SessionRows:
    """Who is signed in, and where."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
