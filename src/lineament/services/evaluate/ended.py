"""Forgets what was sent for evaluations that have ended, whatever ended them, and records that they have."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from lineament.model.accounts import Official
from lineament.model.events.evaluations import EvaluationEnded
from lineament.model.jobs import Job
from lineament.services.evaluate.asked import ARCHIVE, REPORT, EvaluationFolders, is_old
from lineament.services.jobs.kinds import EVALUATION
from lineament.services.needs import open_to_all
from lineament.services.record import Record


class _Settled(Exception):
    """Another process was faster; the change is rolled back."""


class EndedEvaluations:
    """The evaluations that have ended, done or not."""

    def __init__(self, record: Record, folders: EvaluationFolders) -> None:
        """``record`` is that of the machine, which sees the jobs of every agency."""
        self._record, self._folders = record, folders

    @open_to_all("it completes what was asked for: an archive is forgotten when its evaluation has ended")
    def settle(self) -> None:
        """Destroy the keys of archives whose evaluation has ended and record that, then delete them.

        The key of a report is destroyed with the report, a week after it was asked for.
        """
        with self._record.read() as tx:
            ended = [(job, tx.jobs.secrets(job.id)) for job in tx.jobs.ended_with_secrets(EVALUATION.name)]
        for job, secrets in ended:
            evaluation = str(job.request.arguments["evaluation"])
            if ARCHIVE in secrets.get("keys", {}):
                with suppress(_Settled):
                    self._forget_archive(job)
            if is_old(evaluation, self._record.clock()):
                with self._record.begin() as tx:
                    tx.jobs.keep_secrets(job.id, None)
                self._folders.destroy(evaluation)
            self._folders.drop_archive(evaluation)

    def _forget_archive(self, job: Job) -> None:
        request = job.request
        asked_by = Official(name=request.requested_by, agency_id=request.agency_id, account_id=request.account_id)
        with replace(self._record, official=asked_by, whole=True).change() as change:
            keys = change.tx.jobs.secrets(job.id).get("keys", {})
            if ARCHIVE not in keys:
                raise _Settled
            kept = None if job.result is None else {"keys": {REPORT: keys[REPORT]}}
            change.tx.jobs.keep_secrets(job.id, kept)
            change.record(_ended(job))


def _ended(job: Job) -> EvaluationEnded:
    result: dict[str, Any] = dict(job.result or {})
    return EvaluationEnded(
        job=job.id,
        state=job.state.value,
        pictures=result.get("pictures"),
        people=result.get("people"),
        report=result.get("report"),
    )
