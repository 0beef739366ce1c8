"""Single values in words and for JSON."""

from __future__ import annotations

from datetime import datetime

from lineament.model.faces import Box


def iso(moment: datetime | None) -> str | None:
    """Return a moment for JSON, in ISO 8601."""
    return None if moment is None else moment.isoformat()


def sides(box: Box) -> list[float]:
    """Return a box for JSON: x, y, width and height, in pixels."""
    return [box.x, box.y, box.width, box.height]
