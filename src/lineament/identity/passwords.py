"""Passwords: argon2id, and what is not taken as one (NIST SP 800-63B, 3.1.1: length and a blocklist, no composition)."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from lineament.errors import Damaged, InvalidValue
from lineament.identity.common_passwords import STEMS, WALKS

MOST = 256
"""Characters of the longest password."""

_MEMORY = 47_104  # KiB; with one pass and one lane the first choice of OWASP's Password Storage Cheat Sheet
_PASSES = 1
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32
_SHORTEST_TERM = 4  # shorter names occur in ordinary words
_LOOK_ALIKES = str.maketrans("@4301$57!", "aaeoisstI".lower())


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(
        time_cost=_PASSES, memory_cost=_MEMORY, parallelism=_LANES, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
    )


def nobodys() -> str:
    """A hash as costly to check as any other, that no known password fits."""
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={_MEMORY},t={_PASSES},p={_LANES}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """The same bytes on every keyboard (NFKC), also for what is no text at all."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def hashed(password: str) -> str:
    """The argon2id hash to keep, with its salt and parameters (PHC string format)."""
    return _hasher().hash(_bytes(password))


def fits(stored: str | None, untrusted: str) -> bool:
    """Whether the password belongs to the stored hash.

    With None (there is no such account, or it has no password) the answer is False and takes as long.
    Damaged where what is stored is no hash.
    """
    possible = stored is not None and len(untrusted) <= MOST
    try:
        fitting = _hasher().verify(stored if stored and possible else nobodys(), _bytes(untrusted[:MOST]))
    except VerifyMismatchError:
        return False
    except InvalidHashError as error:
        raise Damaged(what="A stored password", why="it is no argon2 hash", remedy="reset that account") from error
    return possible and fitting


def outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's, so that it is made anew at the next sign-in."""
    return _hasher().check_needs_rehash(stored)


def checked(untrusted: str, least: int, also: Sequence[str]) -> str:
    """The password, if it may be chosen; it has ``least`` to MOST characters.

    ``also`` are words it may not contain: the e-mail address (of which the part before the @ counts), the agency's
    name. InvalidValue says why not, and never repeats it.
    """
    length = len(unicodedata.normalize("NFKC", untrusted))
    if not least <= length <= MOST or len(untrusted) > MOST:
        raise _refused(f"choose {least} to {MOST} characters")
    bare = _bare(untrusted)
    for term in also:
        name = _bare(term.partition("@")[0])
        if len(name) >= _SHORTEST_TERM and name in bare:
            raise _refused("it contains your e-mail address or the name of your agency")
    if _common(untrusted):
        raise _refused("it is among those that are tried first; a few unrelated words are easy to keep and hard to guess")
    return untrusted


def _refused(why: str) -> InvalidValue:
    return InvalidValue(what="The password", value="…", why=why)


def _bare(text: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _common(password: str) -> bool:
    """Whether it is a common word with trimmings, a short piece over and over, or a way along the keyboard."""
    bare = _bare(password)
    folded = unicodedata.normalize("NFKC", password).casefold()
    words = {bare, re.sub(r"\d+", "", bare), _bare(folded.translate(_LOOK_ALIKES)), _bare(_trimmed(folded))}
    return any(_once(word) in STEMS or _once(word) == "" for word in words) or _repeats(folded) or _walks(bare)


def _trimmed(folded: str) -> str:
    """Without the digits and signs at both ends, and look-alikes turned back."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded).translate(_LOOK_ALIKES)


def _once(text: str) -> str:
    """The piece that the text repeats, or the text."""
    found = re.fullmatch(r"(.+?)\1+", text)
    return found[1] if found else text


def _repeats(text: str) -> bool:
    return len(_once(text)) <= 4 or len(set(text)) < 4


def _walks(bare: str) -> bool:
    """Whether it is made of ways along WALKS, each of at least four keys."""
    position = 0
    while position < len(bare):
        step = _way(bare, position)
        if step < 4:
            return False
        position += step
    return True


def _way(bare: str, position: int) -> int:
    """How many characters from ``position`` on lie along one way."""
    best = 0
    for walk in (*WALKS, *(way[::-1] for way in WALKS)):
        step = best
        while position + step < len(bare) and bare[position : position + step + 1] in walk:
            step += 1
        best = max(best, step)
    return best
