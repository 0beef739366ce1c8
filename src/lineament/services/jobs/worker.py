"""The worker: claims one job after another, and runs each in the name of the official who queued it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lineament.errors import Interrupted, NotFound
from lineament.model.accounts import Official
from lineament.model.jobs import Job, JobId, JobState
from lineament.observe.stages import Fact, Stage, stage
from lineament.services.jobs import owner, runner
from lineament.services.jobs.ended import OnEnd, settled, tell_ended
from lineament.services.jobs.kinds import Handler, Report, official_of
from lineament.services.record import Record

Handlers = Callable[[Official], Mapping[str, Handler]]
"""Returns the handler of each kind of job, in an official's name."""


class Worker:
    """Runs jobs in the main thread of this process."""

    def __init__(self, record: Record, handlers: Handlers, on_end: OnEnd = settled) -> None:
        """Take the record of the machine; each job runs in the name of its own official.

        ``on_end`` is called with each job that has ended here.
        """
        self._record, self._handlers, self._on_end = record, handlers, on_end
        self._name = owner.this_process()
        self.ending: Callable[[], bool] = lambda: False
        """Return whether the process should end; then the running job is handed back."""

    def waiting(self) -> bool:
        """Return whether there is a job to claim."""
        with self._record.read() as tx:
            return tx.jobs.waiting(self._record.clock(), owner.dead(tx.jobs.workers()))

    def run_one(self) -> Job | None:
        """Claim the job that has waited longest, run it, and return its final state; None if there is no job.

        An error of the job is stored in its row. Raises KeyboardInterrupt if the process should end.
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
            if self._now(job).state is JobState.RUNNING:  # the failure could not be recorded
                raise
        return self._now(job)

    def drain(self) -> int:
        """Run jobs until none is left to claim; return how many ran."""
        done = 0
        while self.run_one() is not None:
            done += 1
        return done

    def run_until_ended(self, id: JobId, pause: Callable[[], object]) -> None:  # noqa: A002 - the column
        """Run jobs in their order until one of them has ended, whichever worker ran it; ``pause`` when none waits.

        Raises NotFound if there is no such job.
        """
        while True:
            with self._record.read() as tx:
                if tx.jobs.get(id).ended:
                    return
            if self.run_one() is None:
                pause()

    def _claim(self) -> Job | None:
        if not self.waiting():  # reading does not wait for the writers
            return None
        with self._record.begin() as tx:
            at, dead = self._record.clock(), owner.dead(tx.jobs.workers())
            given_up = [tx.jobs.get(id) for id in tx.jobs.end_abandoned(at, dead)]  # noqa: A001 - the column
            for ended in given_up:
                tell_ended(tx, ended.id, at)
            job = tx.jobs.claim(self._name, at, dead)
        for ended in given_up:
            self._on_end(ended)
        return job

    def _run(self, job: Job) -> None:
        try:
            with stage(Stage.JOB, {Fact.KIND: job.request.kind}):
                self._run_in_order(job)
        finally:
            if (now := self._now(job)).ended:
                self._on_end(now)

    def _run_in_order(self, job: Job) -> None:
        def act(report: Report) -> Mapping[str, Any]:
            with self._record.read() as tx:
                official, secrets = official_of(tx, job), tx.jobs.secrets(job.id)
            return self._handlers(official)[job.request.kind]({**job.request.arguments, **secrets}, report)

        runner.run(self._record, job, act, lambda result: result, hands_back=self.ending)

    def _now(self, job: Job) -> Job:
        """Return the job from its row; the claimed one, as stopped, if it was deleted with its source."""
        with self._record.read() as tx:
            try:
                return tx.jobs.get(job.id)
            except NotFound:
                return replace(job, state=JobState.STOPPED)
