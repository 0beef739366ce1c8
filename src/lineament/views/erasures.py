"""Erasures, on request and at the end of a retention period, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.services.cases.retain import SweepReport
    from lineament.services.gallery.erase import Erasure


def erasure_json(erasure: Erasure) -> dict[str, Any]:
    """Return what was erased as JSON: how many faces and captures of which source."""
    return {
        "source": erasure.source,
        "faces": len(erasure.faces),
        "captures": len(erasure.captures),
        "ledger_entry": erasure.ledger_entry,
        "scrubbed": erasure.scrubbed,
    }


def sweep_json(report: SweepReport) -> dict[str, Any]:
    """Return how many cases, photographs, details and pictures of sources a sweep destroyed, and the held ones."""
    return asdict(report)
