"""Asks for the jobs of watches, in the transaction that makes one necessary, so that no kill can lose it."""

from __future__ import annotations

from datetime import datetime, timedelta

from lineament.model.accounts import Official
from lineament.model.jobs import JobRequest
from lineament.services.jobs.kinds import NOTICES, WATCHES, JobKind
from lineament.store.db import Tx

GATHERED = timedelta(minutes=2)
"""How long the faces of an ingest are gathered before watches compare them, at most: a comparison with many watches
costs the same for one face as for a thousand."""
AGAIN = timedelta(hours=1)
"""When watches are compared again that something stood against."""


def ask_to_compare(tx: Tx, official: Official, at: datetime, wait: timedelta = timedelta()) -> None:
    """Have watches compared with what was enrolled, after ``wait`` at the latest; nothing is done if there is none."""
    if tx.watches.any_on(at.date()):
        _ask(tx, official, WATCHES, at, at + wait)


def ask_to_notify(tx: Tx, official: Official, at: datetime, due: datetime | None = None) -> None:
    """Have the notices sent that are due by then."""
    _ask(tx, official, NOTICES, at, due or at)


def _ask(tx: Tx, official: Official, kind: JobKind, at: datetime, due: datetime) -> None:
    request = JobRequest(
        kind=kind.name,
        agency_id=official.agency_id,
        account_id=official.account_id,
        requested_by=official.name,
    )
    tx.jobs.ensure(request, at, due if due > at else None)
