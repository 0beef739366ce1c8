"""Disclosure packs as JSON."""

from __future__ import annotations

from typing import Any

from lineament.model.cases import Paper
from lineament.views.values import iso


def disclosure_json(pack: Paper) -> dict[str, Any]:
    """Return a pack that was made, without what it holds."""
    return {
        "pack": pack.id,
        "made_at": iso(pack.at),
        "made_by": pack.author,
        "bytes": pack.size,
        "sha256": pack.sha256,
    }
