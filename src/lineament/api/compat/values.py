"""Values that are sent as text, in queries and forms: each is read, or None if the text holds no such value."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"-?[0-9]{1,9}")


def whole_in(untrusted: str, least: int, most: int) -> int | None:
    """Return a whole number from ``least`` to ``most``."""
    number = int(untrusted) if _WHOLE.fullmatch(untrusted) else None
    return number if number is not None and least <= number <= most else None


def share_in(untrusted: str) -> float | None:
    """Return a number from 0 to 1."""
    try:
        share = float(untrusted)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None  # false for NaN as well


def truth_in(untrusted: str) -> bool | None:
    """Return whether a text says yes."""
    text = untrusted.lower()
    if text in {"true", "1", "yes", "on"}:
        return True
    return False if text in {"false", "0", "no", "off"} else None
