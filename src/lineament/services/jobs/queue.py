"""Queues, shows and stops jobs, and runs work in this process as a job that others can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from lineament.errors import NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.events.jobs import JobStopped
from lineament.model.faces import SourceId
from lineament.model.jobs import Awaited, Job, JobId, JobRequest
from lineament.model.reasons import ReasonCode
from lineament.services.jobs import owner, runner
from lineament.services.jobs.ended import OnEnd, settled, tell_ended
from lineament.services.jobs.kinds import KINDS, JobKind, Report, kind_of, sources_of
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.threshold.making import awaited_change
from lineament.store.db import Tx

T = TypeVar("T")

NEWEST = 100
"""Most jobs in a list."""
_ANYBODY = (Permission.OWN_ACCOUNT, Permission.MACHINE, Permission.MANAGE_SOURCES, Permission.SEARCH)
"""Every official; of the programs, those whose key lets them ask for a job."""


class Jobs:
    """The jobs that an official may see: their own, and the whole agency's for those who manage sources."""

    def __init__(self, record: Record, on_end: OnEnd = settled) -> None:
        """``on_end`` is called with a job that was stopped before it ran."""
        self._record, self._on_end = record, on_end

    @needs(*_ANYBODY)
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

    @needs(*_ANYBODY)
    def newest(self) -> list[Job]:
        """Return the newest jobs, newest first."""
        return self.page(None, NEWEST)

    @needs(*_ANYBODY)
    def page(self, before: str | None, most: int) -> list[Job]:
        """Return the newest jobs, newest first; with ``before``, those that were asked for before the job of that id.

        Raises NotFound if that job is gone, or the official may not see it.
        """
        official, found, whole = self._record.official, list[Job](), self._sees_whole_agency
        with self._record.read() as tx:
            last = None if before is None else self._get(tx, before)
            while len(found) < most:
                some = tx.jobs.visible(
                    official.agency_id, official.account_id, whole_agency=whole, most=NEWEST, before=last
                )
                found += [job for job in some if self._is_open_to_key(tx, job)]
                if len(some) < NEWEST:
                    break
                last = some[-1]
        return found[:most]

    @needs(*_ANYBODY)
    def show(self, id: str) -> Job:  # noqa: A002 - the column
        """Return one job. Raises NotFound if there is none, or the official may not see it."""
        with self._record.read() as tx:
            return self._get(tx, id)

    @needs(*_ANYBODY)
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

    @needs(*_ANYBODY)
    def of_source(self, source_id: SourceId) -> list[Job]:
        """Return the open jobs of a source that the official may see, oldest first."""
        with self._record.read() as tx:
            return self._seen(tx, tx.jobs.open_of_source(source_id))

    @needs(*_ANYBODY)
    def newest_of_source(self, source_id: SourceId) -> list[Job]:
        """Return the newest jobs of a source that the official may see, newest first, also those that have ended."""
        with self._record.read() as tx:
            return self._seen(tx, tx.jobs.newest_of_source(source_id, NEWEST))

    def _seen(self, tx: Tx, found: Iterable[Job]) -> list[Job]:
        """Return those of the official's agency, for who sees them all."""
        own = self._record.official.agency_id
        seen = [job for job in found if self._sees_whole_agency and job.request.agency_id == own]
        return [job for job in seen if self._is_open_to_key(tx, job)]

    @needs(*_ANYBODY)
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
            stopped = tx.jobs.request_stop(job.id, change.at)
            tell_ended(tx, job.id, change.at)
        if stopped.ended:
            self._on_end(stopped)
        return stopped

    @needs(*_ANYBODY)
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
        official, whole = self._record.official, self._sees_whole_agency
        job = tx.jobs.of_agency(id, official.agency_id, official.account_id, whole_agency=whole)
        if not self._is_open_to_key(tx, job):
            raise NotFound(what="job", name=id[:200], hint="lineament job list")
        return job

    def _is_open_to_key(self, tx: Tx, job: Job) -> bool:
        """Return whether the key of a program lets it see a job; always if there is no key.

        It sees what it could have asked for itself: of its sources, and of the cases that it sees.
        """
        official, kind, arguments = self._record.official, KINDS.get(job.request.kind), job.request.arguments
        if official.key is None:
            return True
        if kind is None or kind.needs is None or not official.may(kind.needs):
            return False
        if kind.needs is Permission.SEARCH:
            return tx.cases.of_batch(str(arguments.get("batch", "")), self._record.sight) is not None
        if not official.key.sources:
            return True
        named = sources_of(arguments)
        return bool(named) and all(map(official.may_use, named))

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
