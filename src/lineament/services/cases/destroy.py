"""Destroys a case and everything in it except a tombstone (R9, R35)."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.model.cases import Case, CaseState
from lineament.services.record import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyedCounts:
    """Counts of what was destroyed with a case."""

    searches: int
    photographs: int
    papers: int


def destroy(change: Change, case: Case, state: CaseState) -> DestroyedCounts:
    """Destroy a case's key and delete everything in it; its reference and dates stay.

    If the authorisation was refused, the details that the ledger keeps of the case are erased too; otherwise they have
    a retention of their own (``Policy.audit_days``). Blobs are only marked for deletion: the caller runs
    ``Shredder.finish`` after the commit.
    """
    tx = change.tx
    probes, papers = tx.probes.of_case_ids(case.id), tx.papers.of_case_ids(case.id)
    blobs = [*tx.probes.blobs_of(case.id), *tx.papers.blobs_of(case.id)]
    tx.reviews.delete_of(case.id)
    tx.evidence.delete_of(case.id)
    tx.defence_notices.delete_of(case.id)
    tx.watches.delete_of(case.id)
    tx.api_keys.end_of_case(case.id, change.at)
    tx.batches.delete_of(case.id)
    searches = tx.searches.delete_of(case.id)
    tx.probes.delete(probes)
    tx.papers.delete_of(case.id)
    tx.deletions.note_erased()
    tx.deletions.add(blobs)
    if state is CaseState.REFUSED:
        entries = [row.seq for row in tx.ledger.of_case(case.id, None, None)]
        change.erase_details(entries, "the authorisation of the case was refused")
    tx.members.end_guests(case.id, case.agency_id)
    tx.cases.destroy(case.id, state, change.at)
    return DestroyedCounts(searches=len(searches), photographs=len(probes), papers=len(papers))
