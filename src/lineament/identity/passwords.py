"""Passwords: argon2id, and which are refused (NIST SP 800-63B, 3.1.1: length and a blocklist, nothing else)."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from lineament.errors import Damaged, InvalidValue
from lineament.identity.blocklist import bare, common

MAX_LENGTH = 256
"""Length of the longest password, in characters."""

MEMORY = 47_104
"""KiB of one hash; with one pass and one lane the first choice of OWASP's Password Storage Cheat Sheet."""
_PASSES = 1
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32
_SHORTEST_TERM = 4  # shorter names occur in ordinary words


@cache
def hasher() -> PasswordHasher:
    """Return the hasher that hashes and verifies passwords."""
    return PasswordHasher(
        time_cost=_PASSES, memory_cost=MEMORY, parallelism=_LANES, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
    )


def unowned_hash() -> str:
    """Return a hash that costs as much to check as any other and that no known password matches."""
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={MEMORY},t={_PASSES},p={_LANES}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """Return bytes that do not depend on the keyboard (NFKC), even for invalid text."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def hash_password(password: str) -> str:
    """Return the argon2id hash to keep, with its salt and parameters (PHC string format)."""
    return hasher().hash(_bytes(password))


def fits(stored: str | None, untrusted: str) -> bool:
    """Return whether the password belongs to the stored hash.

    For None (no such account, or one without a password) the answer is False and takes as long.
    Raises Damaged if what is stored is not a hash.
    """
    possible = stored is not None and len(untrusted) <= MAX_LENGTH
    try:
        fitting = hasher().verify(stored if stored and possible else unowned_hash(), _bytes(untrusted[:MAX_LENGTH]))
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError) as error:
        raise Damaged(what="A stored password", why=str(error).lower(), remedy="reset that account") from error
    return possible and fitting


def needs_rehash(stored: str) -> bool:
    """Return whether the hash has other parameters than today's, so that the next sign-in must hash again."""
    return hasher().check_needs_rehash(stored)


def checked_password(untrusted: str, least: int, also: Sequence[str]) -> str:
    """Return the password if it may be chosen; it has ``least`` to MAX_LENGTH characters.

    ``also`` are words it may not contain: the e-mail address (only the part before the @ counts), the agency's name.
    Raises InvalidValue with the reason, which never repeats the password.
    """
    length = len(unicodedata.normalize("NFKC", untrusted))
    if not least <= length <= MAX_LENGTH or len(untrusted) > MAX_LENGTH:
        raise _invalid_password(f"choose {least} to {MAX_LENGTH} characters")
    for term in also:
        name = bare(term.partition("@")[0])
        if len(name) >= _SHORTEST_TERM and name in bare(untrusted):
            raise _invalid_password("it contains your e-mail address or the name of your agency")
    if common(untrusted):
        raise _invalid_password(
            "it is among those that are guessed first; a few unrelated words are easy to remember and hard to guess"
        )
    return untrusted


def _invalid_password(why: str) -> InvalidValue:
    return InvalidValue(what="The password", value="…", why=why, field="password")
