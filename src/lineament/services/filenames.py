"""Names of files that other people hand in, as they are stored and shown."""

from __future__ import annotations

LONGEST = 200
"""Most characters of a stored name; its end is kept, with the suffix."""


def stored_name(untrusted: str, otherwise: str) -> str:
    """Return a file name on one line, without separators of paths and unprintable characters.

    ``otherwise`` is returned if nothing is left of it.
    """
    words = " ".join(untrusted.replace("/", " ").replace("\\", " ").split())
    return "".join(letter for letter in words if letter.isprintable())[-LONGEST:] or otherwise
