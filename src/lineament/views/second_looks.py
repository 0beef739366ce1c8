"""A second look at pictures as JSON."""

from __future__ import annotations

from typing import Any

from lineament.services.gallery.look_again import LookAgainReport, result


def looked_again_json(report: LookAgainReport) -> dict[str, Any]:
    """Return what was looked at again as JSON: counts, and the sources that use the model now."""
    return result(report)
