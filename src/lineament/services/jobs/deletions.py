"""The job that deletes what a committed erasure left on disk; it is added in the transaction of the erasure.

The erasing process deletes immediately. If it is killed before that, a worker takes the job over.
"""

from __future__ import annotations

from datetime import datetime

from lineament.model.accounts import Official
from lineament.model.jobs import JobRequest
from lineament.services.jobs import owner
from lineament.services.jobs.kinds import DELETIONS
from lineament.store.db import Store, Tx
from lineament.store.deletions import UNSCRUBBED


def note(tx: Tx, official: Official, at: datetime) -> None:
    """Add the job, claimed by this process, unless one is already open."""
    if tx.jobs.open_of_kind(DELETIONS.name) is None:
        tx.jobs.claim_this(tx.jobs.add(_request(official), at).id, owner.this_process(), at)


def queue_again(tx: Tx, official: Official, at: datetime) -> None:
    """Add the job behind all others, for what the running one could not complete."""
    tx.jobs.add(_request(official), at)


def _request(official: Official) -> JobRequest:
    return JobRequest(
        kind=DELETIONS.name,
        agency_id=official.agency_id,
        account_id=official.account_id,
        requested_by=official.name,
    )


def settle(store: Store, at: datetime) -> None:
    """End the job if nothing is left to delete, and nothing of it is left in the files of the database."""
    with store.read() as tx:  # upkeep: it completes an earlier decision
        if tx.jobs.open_of_kind(DELETIONS.name) is None:
            return
    with store.begin() as tx:
        job = tx.jobs.open_of_kind(DELETIONS.name)
        left = tx.deletions.all(1) or tx.deletions.crawl_records(1) or tx.meta.get(UNSCRUBBED) is not None
        if job is not None and not left:
            tx.jobs.complete(job.id, at)
