"""Who works on a case, and who approved a photograph of it. Names and addresses are sealed (R46)."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from lineament.store.keys import Vault


class MemberRows:
    """Members, invitations and approvals."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
