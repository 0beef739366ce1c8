"""Sources as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from lineament.model.sources import Source, SourceState
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.services.gallery.abuse import LoadReport
    from lineament.services.gallery.register import SourceStanding
    from lineament.services.gallery.takeout import TakenOut


def source_state(source: Source, today: date) -> str:
    """Return the state of a source, which includes “expired”."""
    left = source.days_left(today)
    return "expired" if source.state is SourceState.LIVE and left is not None and left < 0 else source.state.value


def source_json(source: Source, today: date, standing: SourceStanding | None) -> dict[str, Any]:
    """Return a source as JSON; ``standing`` is for those who manage sources, None for others."""
    terms = source.terms
    return {
        "name": terms.name,
        "state": source_state(source, today),
        "captures": source.captures,
        "faces": source.faces,
        "controller": terms.controller,
        "basis": terms.basis,
        "jurisdiction": terms.jurisdiction,
        "permission_sha256": terms.permission_sha256,
        "permission_kept": None if source.state is SourceState.WITHDRAWN else source.permission_name,
        "licence": terms.licence,
        "hosts": list(terms.hosts),
        "contact": terms.contact,
        "expires": iso(terms.expires_on),
        "days_left": source.days_left(today),
        "retention_days": terms.retention_days,
        "page_base": terms.page_base,
        "registered_at": iso(source.registered_at),
        "approved_at": iso(source.approved_at),
        **({} if standing is None else _standing_json(standing)),
    }


def _standing_json(standing: SourceStanding) -> dict[str, Any]:
    shares = None
    if standing.shares is not None:
        shares = [f"{agency.name}{f' until {until}' if until else ''}" for agency, until in standing.shares]
    return {"drafted_by": standing.drafted_by, "approved_by": standing.approved_by, "shared_with": shares}


def sources_json(
    sources: Iterable[Source], today: date, standings: Mapping[str, SourceStanding | None]
) -> dict[str, Any]:
    """Return a list of sources as JSON; ``standings`` has that of each by its name."""
    return {"sources": [source_json(source, today, standings.get(source.name)) for source in sources]}


def known_abuse_json(report: LoadReport) -> dict[str, Any]:
    """Return what was loaded from a list of known-abuse material as JSON, in counts."""
    return {
        "list": report.kind.value,
        "digests": report.digests,
        "new": report.new,
        "hashes": report.hashes,
        "new_hashes": report.new_hashes,
        "left_out": {why.name.lower(): many for why, many in sorted(report.left_out.items())},
        "barred": report.barred,
    }


def taken_out_json(taken_out: TakenOut) -> dict[str, Any]:
    """Return a WARC file of what was crawled as JSON: exchanges, bytes, SHA-256 and the number of the ledger entry."""
    return asdict(taken_out)


def receipt_json(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a receipt claims as JSON; ``claims`` were checked and are JSON already."""
    return dict(claims)
