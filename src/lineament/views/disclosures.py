"""Disclosure packs as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineament.model.cases import Paper
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.services.disclosure.transactions import MadeTransaction
    from lineament.services.disclosure.vics import MadeExport


def disclosure_json(pack: Paper) -> dict[str, Any]:
    """Return a pack that was made, without what it holds."""
    return {
        "pack": pack.id,
        "made_at": iso(pack.at),
        "made_by": pack.author,
        "bytes": pack.size,
        "sha256": pack.sha256,
    }


def transaction_json(made: MadeTransaction) -> dict[str, Any]:
    """Return a transaction that was written, without what it holds."""
    return {
        "case": made.case,
        "search": made.search,
        "transaction": made.number,
        "photographs": made.photographs,
        "unchanged": made.unchanged,
        "bytes": len(made.content),
        "sha256": made.sha256,
    }


def export_json(made: MadeExport) -> dict[str, Any]:
    """Return an export of a case for other programs, in counts."""
    return {
        "case": made.case,
        "vics": made.version,
        "photographs": made.photographs,
        "leads": made.leads,
        "bytes": made.bytes,
        "sha256": made.sha256,
        "left_out": {why.name.lower(): many for why, many in sorted(made.left_out.items())},
    }
