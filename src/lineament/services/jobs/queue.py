"""Queues, shows and stops jobs, and runs work in this process as a job that others can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from lineament.errors import Refused
from lineament.model.accounts import Permission
from lineament.model.events.jobs import JobStopped
from lineament.model.faces import SourceId
from lineament.model.jobs import Awaited, Job, JobId, JobRequest
from lineament.model.reasons import ReasonCode
from lineament.services.jobs import owner, runner
from lineament.services.jobs.kinds import JobKind, Report, kind_of
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.threshold.making import awaited_change
from lineament.store.db import Tx

T = TypeVar("T")

NEWEST = 100
"""Most jobs in a list."""


class Jobs:
    """The jobs that an official may see: their own, and the whole agency's for those who manage sources."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def add(self, kind: JobKind, arguments: Mapping[str, Any], *, source: str | None = None) -> Job:
        """Queue a job for a worker. Raises NotAllowed, InvalidValue, or NotFound if there is no such source.

        Args:
            kind: The kind of job.
            arguments: Its arguments: JSON without secrets and templates.
            source: The name of the source it belongs to; the job is deleted with the source.
        """
        self._require(kind)
        with self._record.begin() as tx:
            return tx.jobs.add(self._request(tx, kind, arguments, source), self._record.clock())

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def newest(self) -> list[Job]:
        """Return the newest jobs, newest first."""
        official = self._record.official
        with self._record.read() as tx:
            whole = self._sees_whole_agency
            return tx.jobs.visible(official.agency_id, official.account_id, whole_agency=whole, most=NEWEST)

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def show(self, id: str) -> Job:  # noqa: A002 - the column
        """Return one job. Raises NotFound if there is none, or the official may not see it."""
        with self._record.read() as tx:
            return self._get(tx, id)

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def awaited(self, jobs: Iterable[Job]) -> dict[JobId, Awaited]:
        """Return what second looks among these jobs await until the workspace uses their model; others are left out.

        Nothing is awaited any more once the model is used, or the move to it has ended.
        """
        looked = {
            job.id: str(job.result["model"]) for job in jobs if job.result is not None and job.result.get("waits")
        }
        if not looked:
            return {}
        with self._record.read() as tx:
            found = {model: awaited_change(tx, model) for model in set(looked.values())}
        return {id: awaited for id, model in looked.items() if (awaited := found[model]) is not None}  # noqa: A001

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def of_source(self, source_id: SourceId) -> list[Job]:
        """Return the open jobs of a source that the official may see, oldest first."""
        with self._record.read() as tx:
            return self._seen(tx.jobs.open_of_source(source_id))

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def newest_of_source(self, source_id: SourceId) -> list[Job]:
        """Return the newest jobs of a source that the official may see, newest first, also those that have ended."""
        with self._record.read() as tx:
            return self._seen(tx.jobs.newest_of_source(source_id, NEWEST))

    def _seen(self, found: Iterable[Job]) -> list[Job]:
        """Return those of the official's agency, for who sees them all."""
        own = self._record.official.agency_id
        return [job for job in found if self._sees_whole_agency and job.request.agency_id == own]

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def stop(self, id: str) -> Job:  # noqa: A002
        """Stop a job and record that: a queued one at once, a running one within seconds; what it committed is kept.

        Raises NotFound, WrongState if it has ended, or Refused if jobs of its kind cannot be stopped.
        """
        with self._record.change() as change:
            tx = change.tx
            job = self._get(tx, id)
            if not kind_of(job).can_stop:
                raise Refused(ReasonCode.ALWAYS_FINISHED.reason())
            source_id = job.request.source_id
            source = None if source_id is None else tx.sources.by_id(source_id).name
            change.in_agency(job.request.agency_id)
            change.record(JobStopped(job=job.id, kind=job.request.kind, source=source))
            return tx.jobs.request_stop(job.id, change.at)

    @needs(Permission.OWN_ACCOUNT, Permission.MACHINE)
    def run_here(
        self,
        kind: JobKind,
        arguments: Mapping[str, Any],
        act: Callable[[Report], T],
        result: Callable[[T], Mapping[str, Any]],
        *,
        source: str | None = None,
    ) -> T:
        """Run ``act`` in this process as a job that it has claimed, and return its result; raises what ``act`` raises.

        If an equal job is waiting, because it was queued or its worker died, this process claims that one.
        """
        self._require(kind)
        at, worker = self._record.clock(), owner.this_process()
        with self._record.begin() as tx:
            request = self._request(tx, kind, arguments, source)
            job = tx.jobs.take_up(request, worker, at, owner.dead(tx.jobs.workers()))
            job = job or tx.jobs.claim_this(tx.jobs.add(request, at).id, worker, at)
        assert job is not None  # noqa: S101 - it was added in the same transaction
        return runner.run(self._record, job, act, result)

    # ------------------------------------------------------------ who may what

    @property
    def _sees_whole_agency(self) -> bool:
        return self._record.official.may(Permission.MANAGE_SOURCES)

    def _require(self, kind: JobKind) -> None:
        if kind.needs is not None:
            self._record.require(kind.needs)

    def _get(self, tx: Tx, id: str) -> Job:  # noqa: A002
        official = self._record.official
        return tx.jobs.of_agency(id, official.agency_id, official.account_id, whole_agency=self._sees_whole_agency)

    def _request(self, tx: Tx, kind: JobKind, arguments: Mapping[str, Any], source: str | None) -> JobRequest:
        official = self._record.official
        return JobRequest(
            kind=kind.name,
            arguments=arguments,
            source_id=None if source is None else tx.sources.get(source).id,
            agency_id=official.agency_id,
            account_id=official.account_id,
            requested_by=official.name,
        )
