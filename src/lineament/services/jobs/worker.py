"""A worker: claims jobs one after the other, and runs each in the name of whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lineament.errors import Interrupted, NotFound
from lineament.model.accounts import Official
from lineament.model.jobs import Job, JobState
from lineament.services.jobs import owner, runner
from lineament.services.jobs.kinds import Handler, Report, official_of
from lineament.services.record import Record

Handlers = Callable[[Official], Mapping[str, Handler]]
"""What does each kind of job in an official's name."""


class Worker:
    """Runs jobs in the main thread of this process."""

    def __init__(self, record: Record, handlers: Handlers) -> None:
        """``record`` is that of the machine; each job is run under the name of its own official."""
        self._record, self._handlers = record, handlers
        self._name = owner.this_process()
        self.ending: Callable[[], bool] = lambda: False
        """Says whether the process is to end; then what is under way is handed back."""

    def waiting(self) -> bool:
        """Whether there is a job to be claimed now."""
        with self._record.read() as tx:
            return tx.jobs.waiting(self._record.clock(), owner.dead(tx.jobs.workers()))

    def run_one(self) -> Job | None:
        """Claim the job that has waited longest and run it; return it as it ended, None if there is none.

        What goes wrong with the job stands in its row. KeyboardInterrupt if the process is to end.
        """
        job = self._claim()
        if job is None:
            return None
        try:
            self._run(job)
        except (KeyboardInterrupt, Interrupted):
            if self.ending():
                raise KeyboardInterrupt from None
        except Exception:
            if self._now(job).state is JobState.RUNNING:  # not even that could be written down
                raise
        return self._now(job)

    def drain(self) -> int:
        """Run jobs until none is left to be claimed; return how many."""
        done = 0
        while self.run_one() is not None:
            done += 1
        return done

    def _claim(self) -> Job | None:
        if not self.waiting():  # a look costs no turn among the writers
            return None
        with self._record.store.begin() as tx:
            return tx.jobs.claim(self._name, self._record.clock(), owner.dead(tx.jobs.workers()))

    def _run(self, job: Job) -> None:
        def act(report: Report) -> Mapping[str, Any]:
            with self._record.read() as tx:
                official = official_of(tx, job)
            return self._handlers(official)[job.request.kind](job.request.arguments, report)

        runner.run(self._record, job, act, lambda result: result, hands_back=self.ending)

    def _now(self, job: Job) -> Job:
        """The job as its row stands; as it was claimed if it went with its source."""
        with self._record.read() as tx:
            try:
                return tx.jobs.get(job.id)
            except NotFound:
                return replace(job, state=JobState.STOPPED)
