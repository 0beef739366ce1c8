"""Decisions for tests: of one person, of everybody about a whole list, and leads that two people came to."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lineament.model.evidence import Evidence, EvidenceKind
from lineament.model.review import Assessment, CandidateDecision, Draft, Feature, ReviewOutcome
from lineament.services.review.seen import seen_search
from lineament.store import search_tables
from lineament.workspace import Desk, Workspace

_NOSE = {
    ReviewOutcome.LEAD: Assessment.SIMILAR,
    ReviewOutcome.EXCLUDED: Assessment.DIFFERENT,
    ReviewOutcome.INCONCLUSIVE: Assessment.UNCLEAR,
    ReviewOutcome.NOT_COMPARABLE: Assessment.NOT_VISIBLE,
}


def draft(outcome: ReviewOutcome, because: str = "") -> Draft:
    """Return a complete decision, from what the nose shows."""
    checklist = dict.fromkeys(Feature, Assessment.NOT_VISIBLE) | {Feature.EARS: Assessment.UNCLEAR}
    checklist[Feature.NOSE] = _NOSE[outcome]
    return Draft(outcome=outcome, checklist=checklist, grounds="The tip of the nose, seen from below.", because=because)


def decide_all(
    desk: Desk, search_id: str, outcome: ReviewOutcome = ReviewOutcome.EXCLUDED, *, lead: str | None = None
) -> list[CandidateDecision]:
    """Decide about every candidate that is left, in the reader's own order; ``lead``: the digest of a picture of the
    only candidate who is one."""
    with desk.record.read() as tx:
        seen = seen_search(tx, desk.record, search_id)
        leads = {seen.name(one.rank) for one in tx.searches.get(search_id).candidates if one.sha256 == lead}
    made = []
    for standing in desk.reviews.of_search(search_id).entries:
        if standing.is_left:
            its = ReviewOutcome.LEAD if leads.intersection(standing.names) else outcome
            made.append(desk.reviews.decide(search_id, standing.name, draft(its)))
    return made


def lead_of(desk: Desk, search_id: str) -> str:
    """Return the name of the only lead of a search, for the reader of a desk."""
    case = desk.search.get(search_id).case_key
    (lead,) = [lead for lead in desk.leads.of_case(case).leads if lead.stored.result.search_id == search_id]
    return lead.name


def store_leads(workspace: Workspace, search_id: str, at: datetime, *, evidence: bool = False) -> None:
    """Store that two people decided that every candidate of a search is a lead, if there is such a search."""
    rows = search_tables.searches
    with workspace.store.begin() as tx:
        row = tx.connection.execute(sa.select(rows).where(rows.c.id == search_id)).mappings().one_or_none()
        if row is None:
            return
        case = tx.cases.by_id(row["case_id"])
        key = workspace.keys.unwrap(tx.cases.wrapped_key(case.id), f"case/{case.key}")
        for entry in tx.searches.get(search_id).entries:
            made: dict[str, Any] = {"search_id": search_id, "entry": entry.number, "account_id": None, "at": at}
            made |= {"agency_id": case.agency_id}
            for seat in (1, 2):
                tx.reviews.add(_decision(made, seat))
            if evidence:
                tx.evidence.add(case.id, _piece(made), key)


def _decision(made: dict[str, Any], seat: int) -> CandidateDecision:
    return CandidateDecision(
        **made,
        id=secrets.token_hex(8),
        seat=seat,
        number=1,
        reviewer=f"Reviewer {seat}",
        outcome=ReviewOutcome.LEAD,
        checklist=dict.fromkeys(Feature, Assessment.SIMILAR),
        grounds="the ears",
    )


def _piece(made: dict[str, Any]) -> Evidence:
    return Evidence(
        **made,
        id=secrets.token_hex(8),
        kind=EvidenceKind.LOCATION,
        text="seen there by a camera",
        reference="K-1/3",
        recorded_by="Reviewer 1",
    )
