"""What follows when a job has ended: the web hooks of its agency are told, if whoever asked for it wants that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lineament.errors import NotFound
from lineament.model.accounts import Official
from lineament.model.jobs import Job, JobId
from lineament.model.watches import NoticeKind
from lineament.services.watches.asking import ask_to_notify
from lineament.store.db import Tx

_WANTED = "notify"

OnEnd = Callable[[Job], None]
"""Is called with a job that has ended, after that was committed."""


def settled(_: Job) -> None:
    """Do nothing: nothing is left of the job."""


def wanting_notice(arguments: Mapping[str, Any], *, notify: bool) -> dict[str, Any]:
    """Return the arguments of a job, of whose end the web hooks are told if ``notify``."""
    return {**arguments, **({_WANTED: True} if notify else {})}


def wants_notice(arguments: Mapping[str, Any]) -> bool:
    """Return whether the web hooks are told when a job with these arguments has ended."""
    return arguments.get(_WANTED) is True


def tell_ended(tx: Tx, job_id: JobId, at: datetime) -> None:
    """Add the notices that a job has ended; none if it has not, or nobody wants them."""
    try:
        job = tx.jobs.get(job_id)
    except NotFound:  # it was deleted with its source
        return
    request = job.request
    if not job.ended or not wants_notice(request.arguments):
        return
    hooks = tx.notices.hooks_of(request.agency_id)
    for hook in hooks:
        tx.notices.add(request.agency_id, NoticeKind.JOB_ENDED, at, hook_id=hook.id)
    if hooks:
        official = Official(name=request.requested_by, agency_id=request.agency_id, account_id=request.account_id)
        ask_to_notify(tx, official, at)
