"""The end of a case: everything that hung on it goes, and a tombstone stays (R9, R35)."""

from __future__ import annotations

from lineament.ledger.log import JSON
from lineament.model.cases import Case, CaseState
from lineament.services.record import Change


def destroyed(change: Change, case: Case, state: CaseState) -> dict[str, JSON]:
    """Destroy a case's key and delete its probes, searches, candidates, papers and the details of its record.

    Returns what was destroyed, in numbers, for the entry that says so. Blobs are noted for deletion: whoever calls
    has ``Shredder.finish`` run once this is committed. Reference, dates and the decision of the authority stay.
    """
    tx = change.tx
    probes, papers = tx.probes.of_case_ids(case.id), tx.papers.of_case_ids(case.id)
    blobs = [*tx.probes.blobs_of(case.id), *tx.papers.blobs_of(case.id)]
    entries = [row.seq for row in tx.ledger.of_case(case.id, None, None)]
    searches = tx.searches.delete_of(case.id)
    tx.probes.delete(probes)
    tx.papers.delete_of(case.id)
    tx.deletions.add(blobs)
    for seq in entries:
        tx.ledger.forget_details(seq)
    tx.members.end_guests(case.id, case.agency_id)
    tx.cases.destroy(case.id, state, change.at)
    return {"searches": len(searches), "photographs": len(probes), "papers": len(papers)}
