"""The end of a case: everything that hung on it goes, and a tombstone stays (R9, R35)."""

from __future__ import annotations

from lineament.ledger.log import JSON
from lineament.model.cases import Case, CaseState
from lineament.services.record import Change


def destroyed(change: Change, case: Case, state: CaseState) -> dict[str, JSON]:
    """Destroy a case's key and delete its probes, searches, candidates and papers; reference and dates stay.

    Where the authorisation was refused, what the record said of the case goes too, at once; otherwise that has a clock
    of its own (``Policy.audit_days``). Returns what was destroyed, in numbers, for the entry that says so. Blobs are
    noted for deletion: whoever calls has ``Shredder.finish`` run once this is committed.
    """
    tx = change.tx
    probes, papers = tx.probes.of_case_ids(case.id), tx.papers.of_case_ids(case.id)
    blobs = [*tx.probes.blobs_of(case.id), *tx.papers.blobs_of(case.id)]
    searches = tx.searches.delete_of(case.id)
    tx.probes.delete(probes)
    tx.papers.delete_of(case.id)
    tx.deletions.add(blobs)
    if state is CaseState.REFUSED:
        entries = [row.seq for row in tx.ledger.of_case(case.id, None, None)]
        change.erase_details(entries, "the authorisation of the case was refused")
    tx.members.end_guests(case.id, case.agency_id)
    tx.cases.destroy(case.id, state, change.at)
    return {"searches": len(searches), "photographs": len(probes), "papers": len(papers)}
