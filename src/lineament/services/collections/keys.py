"""The names of faces and pictures for programs: like UUIDs, made of our numbers, and telling nothing of them.

A name is a keyed digest of the number, and the number masked by a keyed digest of that (a synthetic initialisation
vector, RFC 5297): so a name is always the same, leads back to its number, and cannot be made up.
"""

from __future__ import annotations

import hmac
import re
from uuid import UUID

from lineament.store.keys import Vault

_HALF = 8
"""Bytes of either half of a name."""
_KEY = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
FACE, PICTURE = "face for programs", "picture for programs"


def key_of(vault: Vault, kind: str, number: int) -> str:
    """Return the name of a face or a picture."""
    tag = _tag(vault, kind, number)
    mask = int.from_bytes(vault.lookup(f"mask of a {kind}", tag.hex())[:_HALF], "big")
    return str(UUID(bytes=tag + (number ^ mask).to_bytes(_HALF, "big")))


def number_in(vault: Vault, kind: str, untrusted: str) -> int | None:
    """Return the number in a name; None if it is not one of this workspace."""
    if not _KEY.fullmatch(untrusted.lower()):
        return None
    said = UUID(untrusted).bytes
    tag = said[:_HALF]
    mask = int.from_bytes(vault.lookup(f"mask of a {kind}", tag.hex())[:_HALF], "big")
    number = int.from_bytes(said[_HALF:], "big") ^ mask
    if number >= 2**63 or not hmac.compare_digest(_tag(vault, kind, number), tag):
        return None
    return number


def _tag(vault: Vault, kind: str, number: int) -> bytes:
    return vault.lookup(kind, str(number))[:_HALF]
