"""Chooses the key holder that an address names."""

from __future__ import annotations

from pathlib import Path

from lineament.errors import InvalidValue
from lineament.store.holders.base import KeyHolder
from lineament.store.holders.file import FileHolder


def holder_at(address: str, key_file: Path, secret_file: Path | None) -> KeyHolder:
    """Return the holder at an address: ``file``, ``pkcs11:…`` or ``transit+…``. Raises InvalidValue.

    Args:
        address: As in the setting ``LINEAMENT_KEY_HOLDER``.
        key_file: Where the key is if a file holds it.
        secret_file: The file with the PIN or the token, for the others.
    """
    if address == "file":
        return FileHolder(key_file)
    if address.startswith("pkcs11:"):
        from lineament.store.holders.pkcs11 import Pkcs11Holder

        return Pkcs11Holder.of(address, secret_file)
    if address.startswith("transit+"):
        from lineament.store.holders.transit import TransitHolder

        return TransitHolder.of(address, secret_file)
    why = "write file, pkcs11:… or transit+https://…"
    raise InvalidValue(what="The key holder", value=address.partition(":")[0][:100], why=why)
