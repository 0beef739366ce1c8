"""Recovery codes: ten on paper; each works once, and only keyed digests are stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

CODES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O or U
_LENGTH = 16  # of five bits each: 80 bits
_GROUP = 4
_READ_AS = str.maketrans("OILU", "011V")


def new_codes() -> list[str]:
    """Return ten codes of 80 random bits, as they are shown: XXXX-XXXX-XXXX-XXXX."""
    return [_group("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))) for _ in range(CODES)]


def _group(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def normal(untrusted_code: str) -> str:
    """Return a code in normal form: capitals without blanks and hyphens; O, I, L and U are read as 0, 1, 1 and V."""
    kept = "".join(char for char in untrusted_code[:100] if char.isalnum())
    return kept.upper().translate(_READ_AS)


def digest(untrusted_code: str, key: bytes) -> bytes:
    """Return what is kept of a code: HMAC-SHA256 of its normal form, 32 bytes. 80 random bits need no slow hash."""
    return hmac.digest(key, normal(untrusted_code).encode("utf-8", "surrogatepass"), hashlib.sha256)


def without(untrusted_code: str, key: bytes, digests: Sequence[bytes]) -> list[bytes] | None:
    """Return the digests that are left once this code is used; None if it is none of them. All are compared."""
    typed = digest(untrusted_code, key)
    left = [kept for kept in digests if not hmac.compare_digest(kept, typed)]
    return left if len(left) < len(digests) else None
