"""Leads, their evidence and notice to the defence as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineament.model.defence import DefenceNotice
from lineament.model.evidence import Evidence
from lineament.services.leads.leads import Lead, LeadsOfCase
from lineament.views.jurisdictions import line_json
from lineament.views.values import iso


def leads_json(found: LeadsOfCase) -> dict[str, Any]:
    """Return the leads of a case as JSON."""
    return {
        "case": found.case.ref,
        "leads": [_lead(lead) for lead in found.leads],
        "erased": found.gone,
        "warnings": [line.words for line in found.case.law.warnings],
        "defence": {
            "asked": [line_json(line) for line in found.defence.asked],
            "due": found.defence.is_due,
            "notices": [defence_notice_json(notice) for notice in found.defence.given],
            "replaced": [
                defence_notice_json(notice) for notice in found.defence.recorded if notice not in found.defence.given
            ],
        },
    }


def defence_notice_json(notice: DefenceNotice) -> dict[str, Any]:
    """Return a notice to the defence as JSON."""
    return {
        "id": notice.id,
        "given_to": notice.given_to,
        "given_on": iso(notice.given_on),
        "way": notice.way.value,
        "text": notice.text,
        "recorded_by": notice.recorded_by,
        "at": iso(notice.at),
        "replaces": notice.replaces,
        "because": notice.because or None,
    }


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
