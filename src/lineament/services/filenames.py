"""Names of files that other people hand in, as they are stored and shown."""

from __future__ import annotations

import unicodedata

LONGEST = 200
"""Most characters of a stored name; its end is kept, with the suffix."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks that nobody can see


def stored_name(untrusted: str, otherwise: str) -> str:
    """Return a file name on one line, without separators of paths, and characters that are unprintable or unseen.

    Among these are the controls that show a text in another order than it has (Unicode’s category Cf). ``otherwise`` is
    returned if nothing is left of it.
    """
    words = " ".join(untrusted.replace("/", " ").replace("\\", " ").split())
    seen = "".join(letter for letter in words if letter.isprintable() and not _is_unseen(letter))
    return unicodedata.normalize("NFC", seen).strip()[-LONGEST:].lstrip() or otherwise


def _is_unseen(letter: str) -> bool:
    return letter in _BLANK or "VARIATION SELECTOR" in unicodedata.name(letter, "")
