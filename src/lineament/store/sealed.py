"""JSON sealed in a column and bound to its row (R46)."""

from __future__ import annotations

import json
import re
from typing import Any

from lineament.store.keys import Vault

_ID = re.compile(r"[0-9a-z]{1,32}")


def checked_id(untrusted: str) -> str:
    """Return an id that is safe in a query; what cannot be an id becomes "", which no row has."""
    return untrusted if _ID.fullmatch(untrusted) else ""


class SealedColumn:
    """A sealed column of a table; the value of a row does not open in another row or column."""

    def __init__(self, vault: Vault, table: str, column: str = "sealed") -> None:
        self._vault = vault
        self._place = f"{table}|{column}"

    def seal(self, row: str, value: object) -> bytes:
        """Seal a JSON value for that row."""
        plain = json.dumps(value, separators=(",", ":")).encode("ascii")
        return self._vault.seal(plain, f"{self._place}|{row}")

    def open(self, row: str, sealed: bytes) -> Any:
        """Return the value. Raises Damaged if it was altered or belongs elsewhere."""
        return json.loads(self._vault.open(bytes(sealed), f"{self._place}|{row}"))
