"""JSON that is sealed in a column, bound to the row where it stands (R46)."""

from __future__ import annotations

import json
import re
from typing import Any

from lineament.store.keys import Vault

_ID = re.compile(r"[0-9a-z]{1,32}")


def asked_id(untrusted: str) -> str:
    """An id to ask the database for; what cannot be one becomes empty, which none is."""
    return untrusted if _ID.fullmatch(untrusted) else ""


class SealedColumn:
    """One sealed column of a table; a row's value does not open in another row, nor in another column."""

    def __init__(self, vault: Vault, table: str, column: str = "sealed") -> None:
        self._vault = vault
        self._place = f"{table}|{column}"

    def seal(self, row: str, value: object) -> bytes:
        """A JSON value for that row."""
        plain = json.dumps(value, separators=(",", ":")).encode("ascii")
        return self._vault.seal(plain, f"{self._place}|{row}")

    def open(self, row: str, sealed: bytes) -> Any:
        """The value; Damaged where it was altered or belongs elsewhere."""
        return json.loads(self._vault.open(bytes(sealed), f"{self._place}|{row}"))
