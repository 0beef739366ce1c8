"""Single values in words and for JSON."""

from __future__ import annotations

from datetime import date

from lineament.model.faces import Box


def iso(moment: date | None) -> str | None:
    """Return a moment or a day for JSON, in ISO 8601; None if there is none."""
    return None if moment is None else moment.isoformat()


def sides(box: Box) -> list[float]:
    """Return a box for JSON: x, y, width and height, in pixels."""
    return [box.x, box.y, box.width, box.height]


def upper_first(text: str) -> str:
    """Return a text with its first letter in upper case and the rest unchanged."""
    return text[:1].upper() + text[1:]


def kind_words(kind: str) -> str:
    """Return a kind of photograph with a capital."""
    return "CCTV" if kind == "cctv" else upper_first(kind)


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun; ``plural`` is needed if it is not the singular with an s."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def hundredths(share: float) -> str:
    """Return a share, 0 to 1, in hundredths, with at least two significant digits of small ones."""
    value = 100 * share
    return f"{value:.2f}" if value == 0 or value >= 0.1 else f"{value:.2g}"
