"""Leads and their evidence as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineament.model.evidence import Evidence
from lineament.services.leads.leads import Lead, LeadsOfCase
from lineament.views.values import iso


def leads_json(found: LeadsOfCase) -> dict[str, Any]:
    """Return the leads of a case as JSON."""
    return {"case": found.case.ref, "leads": [_lead(lead) for lead in found.leads], "erased": found.gone}


def evidence_json(piece: Evidence) -> dict[str, Any]:
    """Return a piece of evidence as JSON."""
    return {
        "id": piece.id,
        "kind": piece.kind.value,
        "text": piece.text,
        "reference": piece.reference,
        "recorded_by": piece.recorded_by,
        "at": iso(piece.at),
        "replaces": piece.replaces,
        "because": piece.because or None,
    }


def _lead(lead: Lead) -> dict[str, Any]:
    standing = {piece.id for piece in lead.evidence}
    return {
        "search": lead.stored.result.search_id,
        "candidate": lead.name,
        "source": lead.candidate.source,
        "state": lead.state.value,
        "decided_by": [decision.reviewer for decision in lead.review.standing],
        "decided_at": iso(lead.review.settled_at),
        "evidence": _pieces(piece for piece in lead.recorded if piece.id in standing),
        "replaced": _pieces(piece for piece in lead.recorded if piece.id not in standing),
        "reports": [{"at": iso(report.at), "by": report.by} for report in lead.reports],
    }


def _pieces(pieces: Iterable[Evidence]) -> list[dict[str, Any]]:
    return [evidence_json(piece) for piece in pieces]
