"""What a committed erasure leaves to delete is a job, noted in the same transaction.

Whoever erased deletes at once; the job is for a process that was killed in between: a worker takes it over.
"""

from __future__ import annotations

from datetime import datetime

from lineament.model.accounts import Official
from lineament.model.jobs import JobRequest
from lineament.services.jobs import owner
from lineament.services.jobs.kinds import DELETIONS
from lineament.store.db import Store, Tx


def note(tx: Tx, official: Official, at: datetime) -> None:
    """Note that something is left to delete. One open job is enough for all; this process holds it."""
    if tx.jobs.open_of_kind(DELETIONS.name) is not None:
        return
    request = JobRequest(
        kind=DELETIONS.name,
        agency_id=official.agency_id,
        account_id=official.account_id,
        requested_by=official.name,
    )
    tx.jobs.claim_this(tx.jobs.add(request, at).id, owner.this_process(), at)


def settle(store: Store, at: datetime) -> None:
    """End the job if nothing is left to delete, whoever deleted it."""
    with store.read() as tx:  # upkeep: it ends what was decided before
        if tx.jobs.open_of_kind(DELETIONS.name) is None:
            return
    with store.begin() as tx:
        job = tx.jobs.open_of_kind(DELETIONS.name)
        if job is not None and not tx.deletions.all(1) and not tx.deletions.crawled(1):
            tx.jobs.complete(job.id, at)
