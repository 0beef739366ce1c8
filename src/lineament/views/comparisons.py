"""Comparisons, 1:1, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineament.views.searches import quality_json

if TYPE_CHECKING:
    from lineament.services.compare import Comparison


def comparison_json(comparison: Comparison, crops: list[str], *, numbered: bool) -> dict[str, Any]:
    """Return a comparison as JSON; ``crops`` are data URIs, and ``numbered`` gives the number of its ledger entry."""
    return {
        "score": comparison.score,
        "false_match_rate": comparison.false_match_rate,
        "model": comparison.model,
        "sha256": list(comparison.sha256),
        "quality": [quality_json(measured) for measured in comparison.qualities],
        "crops": crops,
        "ledger_entry": comparison.ledger_entry if numbered else None,
    }
