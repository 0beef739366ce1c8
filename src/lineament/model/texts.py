"""Texts that people write for the record."""

from __future__ import annotations

from lineament.errors import InvalidValue
from lineament.model.folding import says_something

LONGEST_REASON = 500
"""Most characters of a reason."""


def checked_reason(untrusted: str, what: str = "The reason") -> str:
    """Return a reason on one line. Raises InvalidValue, which names it as ``what``, if it is empty or too long."""
    reason = " ".join(untrusted.split())
    if not says_something(reason) or len(reason) > LONGEST_REASON or not reason.isprintable():
        why = f"write 1 to {LONGEST_REASON} characters"
        raise InvalidValue(what=what, value=reason[:60], why=why, field="reason")
    return reason


def require_said(text: str, what: str, field: str | None = None, why: str = "write something") -> None:
    """Raise InvalidValue, which names the text as ``what``, unless it holds a letter or a digit that can be seen."""
    if not says_something(text):
        raise InvalidValue(what=what, value=text[:60].encode("unicode_escape").decode(), why=why, field=field)


def require_short(text: str, most: int, field: str) -> None:
    """Raise InvalidValue if a text has more than ``most`` letters."""
    if len(text) > most:
        raise InvalidValue(what="The text", value=f"{len(text):,} letters", why=f"use at most {most:,}", field=field)
