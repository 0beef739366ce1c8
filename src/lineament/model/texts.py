"""Texts that people write for the record."""

from __future__ import annotations

from lineament.errors import InvalidValue

LONGEST_REASON = 500
"""Most characters of a reason."""


def checked_reason(untrusted: str, what: str = "The reason") -> str:
    """Return a reason on one line. Raises InvalidValue, which names it as ``what``, if it is empty or too long."""
    reason = " ".join(untrusted.split())
    if not 0 < len(reason) <= LONGEST_REASON or not reason.isprintable():
        why = f"write 1 to {LONGEST_REASON} characters"
        raise InvalidValue(what=what, value=reason[:60], why=why, field="reason")
    return reason
