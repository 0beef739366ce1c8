"""The queue of jobs: rows that workers claim. One worker holds a job at a time, until its lease expires."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import Interrupted, InvalidValue, NotFound
from lineament.model.faces import SourceId
from lineament.model.jobs import (
    ENDED,
    JOB_NEXT,
    LEASE,
    LONGEST_ARGUMENTS,
    LONGEST_ERROR,
    MOST_ATTEMPTS,
    Job,
    JobError,
    JobEvent,
    JobId,
    JobProgress,
    JobRequest,
    JobState,
)
from lineament.model.lifecycle import advance
from lineament.store.guard import checked
from lineament.store.job_table import jobs
from lineament.store.keys import Vault
from lineament.store.sealed import SealedColumn, checked_id

_HINT = "lineament job list"
_LONGEST_WORDS = 200
_OPEN = jobs.c.state.in_([state.value for state in JobState if state not in ENDED])
_RUNNING = jobs.c.state == JobState.RUNNING.value
_QUEUED = jobs.c.state == JobState.QUEUED.value
_ORDER = (jobs.c.requested_at, jobs.c.id)


class JobRows:
    """The jobs of every agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "jobs", "requested_by")
        self._secrets = SealedColumn(vault, "jobs", "secrets")

    # ------------------------------------------------------------ asking for one

    def add(
        self,
        request: JobRequest,
        at: datetime,
        not_before: datetime | None = None,
        secrets_of_job: Mapping[str, Any] | None = None,
    ) -> Job:
        """Queue a job, to be claimed at once or not before a time; ``secrets_of_job``: JSON for its worker alone.

        Raises InvalidValue if its arguments are not JSON, or too long.
        """
        new = secrets.token_hex(8)
        row = {
            "id": new,
            "kind": request.kind,
            "arguments": _arguments(request.arguments),
            "source_id": request.source_id,
            "agency_id": request.agency_id,
            "account_id": request.account_id,
            "requested_by": self._sealed.seal(new, request.requested_by),
            "requested_at": at,
            "not_before": not_before,
            "state": JobState.QUEUED.value,
            "attempts": 0,
            "done": 0,
            "words": "",
            "secrets": self._sealed_secrets(new, secrets_of_job),
        }
        self._connection.execute(sa.insert(jobs), row)
        return self.get(new)

    def ensure(self, request: JobRequest, at: datetime, not_before: datetime | None = None) -> None:
        """Queue a job unless one of its kind is queued; one that is queued for later is brought forward."""
        waits = sa.select(jobs.c.id, jobs.c.not_before).where(_QUEUED, jobs.c.kind == request.kind).limit(1)
        row = self._connection.execute(waits).one_or_none()
        if row is None:
            self.add(request, at, not_before)
        elif row.not_before is not None and (not_before is None or not_before < row.not_before):
            self._connection.execute(sa.update(jobs).where(jobs.c.id == row.id).values(not_before=not_before))

    def get(self, id: str) -> Job:  # noqa: A002 - the column
        """Return the job with that id, of any agency. Raises NotFound if there is none."""
        return self._one(jobs.c.id == checked_id(id), id)

    def secrets(self, id: JobId) -> dict[str, Any]:  # noqa: A002
        """Return the secrets of a job; empty if it has none. Raises Damaged if they were altered."""
        sealed = self._connection.scalar(sa.select(jobs.c.secrets).where(jobs.c.id == id))
        return {} if sealed is None else dict(self._secrets.open(id, sealed))

    def keep_secrets(self, id: JobId, kept: Mapping[str, Any] | None) -> None:  # noqa: A002
        """Replace the secrets of a job; None destroys them."""
        self._connection.execute(sa.update(jobs).where(jobs.c.id == id).values(secrets=self._sealed_secrets(id, kept)))

    def ended_with_secrets(self, kind: str) -> list[Job]:
        """Return the jobs of a kind that have ended and still have secrets, oldest first."""
        query = sa.select(jobs).where(~_OPEN, jobs.c.kind == kind, jobs.c.secrets.is_not(None)).order_by(*_ORDER)
        return [self._job(row) for row in self._connection.execute(query).mappings()]

    def of_agency(self, id: str, agency_id: str, account_id: str | None, *, whole_agency: bool) -> Job:  # noqa: A002
        """Return the job with that id if the official may see it. Raises NotFound otherwise."""
        return self._one(sa.and_(jobs.c.id == checked_id(id), _is_visible(agency_id, account_id, whole_agency)), id)

    def visible(
        self, agency_id: str, account_id: str | None, *, whole_agency: bool, most: int, before: Job | None = None
    ) -> list[Job]:
        """Return the newest jobs that an official may see: all of the agency, or those of the account.

        With ``before``, the newest of those that were asked for before that one.
        """
        query = sa.select(jobs).where(_is_visible(agency_id, account_id, whole_agency))
        if before is not None:
            same = sa.and_(jobs.c.requested_at == before.requested_at, jobs.c.id < before.id)
            query = query.where(sa.or_(jobs.c.requested_at < before.requested_at, same))
        rows = self._connection.execute(query.order_by(*(column.desc() for column in _ORDER)).limit(most)).mappings()
        return [self._job(row) for row in rows]

    def open_of_source(self, source_id: SourceId) -> list[Job]:
        """Return the open jobs of a source, oldest first."""
        query = sa.select(jobs).where(_OPEN, jobs.c.source_id == source_id).order_by(*_ORDER)
        return [self._job(row) for row in self._connection.execute(query).mappings()]

    def newest_of_source(self, source_id: SourceId, most: int) -> list[Job]:
        """Return the newest jobs of a source, newest first, including those that have ended."""
        query = sa.select(jobs).where(jobs.c.source_id == source_id)
        rows = self._connection.execute(query.order_by(*(column.desc() for column in _ORDER)).limit(most)).mappings()
        return [self._job(row) for row in rows]

    def open_of_kind(self, kind: str) -> Job | None:
        """Return the oldest open job of a kind, of any official; None if there is none."""
        return next(iter(self.open_of_kinds((kind,))), None)

    def open_of_kinds(self, kinds: Collection[str]) -> list[Job]:
        """Return the open jobs of some kinds, of every official, oldest first."""
        query = sa.select(jobs).where(_OPEN, jobs.c.kind.in_(kinds)).order_by(*_ORDER)
        return [self._job(row) for row in self._connection.execute(query).mappings()]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many jobs there are, by kind and state, of every agency together."""
        query = sa.select(jobs.c.kind, jobs.c.state, sa.func.count()).group_by(jobs.c.kind, jobs.c.state)
        return {(kind, state): many for kind, state, many in self._connection.execute(query)}

    # ------------------------------------------------------------ claiming

    def workers(self) -> list[str]:
        """Return the workers that hold a job; the caller finds out which of them are dead."""
        return list(self._connection.scalars(sa.select(jobs.c.worker).where(_RUNNING).distinct()))

    def waiting(self, at: datetime, dead: Collection[str] = ()) -> bool:
        """Return whether there is a job to claim."""
        return self._connection.scalar(sa.select(jobs.c.id).where(_claimable(at, dead)).limit(1)) is not None

    def claim(self, worker: str, at: datetime, dead: Collection[str] = ()) -> Job | None:
        """Claim the job that has waited longest, queued or abandoned; None if there is none.

        A job is abandoned when its lease has expired, or when its worker is one of the ``dead``. Those that nobody
        takes over are ended; call ``end_abandoned`` before to learn which they are.
        """
        self.end_abandoned(at, dead)
        oldest = sa.select(jobs.c.id).where(_claimable(at, dead)).order_by(*_ORDER).limit(1)
        return self._claim_row(oldest.with_for_update(skip_locked=True), worker, at)

    def claim_this(self, id: str, worker: str, at: datetime) -> Job | None:  # noqa: A002
        """Claim a queued job; None if it is not, or no longer, queued."""
        this = sa.select(jobs.c.id).where(jobs.c.id == checked_id(id), _QUEUED)
        return self._claim_row(this.with_for_update(skip_locked=True), worker, at)

    def take_up(self, request: JobRequest, worker: str, at: datetime, dead: Collection[str] = ()) -> Job | None:
        """Claim a waiting job with an equal request by the same official; None if there is none.

        Its attempts are counted anew, because the official asked again.
        """
        same = (
            jobs.c.kind == request.kind,
            jobs.c.arguments == _arguments(request.arguments),
            jobs.c.agency_id == request.agency_id,
            jobs.c.account_id.is_not_distinct_from(request.account_id),
            _claimable(at, dead),
        )
        oldest = sa.select(jobs.c.id).where(*same).order_by(*_ORDER).limit(1)
        values = {"attempts": 1, "stop_requested_at": None}
        return self._claim_row(oldest.with_for_update(skip_locked=True), worker, at, values)

    def _claim_row(
        self, which: sa.Select[Any], worker: str, at: datetime, more: Mapping[str, object] | None = None
    ) -> Job | None:
        values: dict[str, Any] = {
            "state": JobState.RUNNING.value,
            "attempts": jobs.c.attempts + 1,
            "started_at": sa.func.coalesce(jobs.c.started_at, sa.bindparam("first", at, type_=jobs.c.started_at.type)),
            "claimed_at": at,
            "seen_at": at,
            "worker": worker,
            "lease_until": at + LEASE,
            "done": 0,
            "total": None,
            "words": "",
            **(more or {}),
        }
        query = sa.update(jobs).where(jobs.c.id == which.scalar_subquery()).values(values).returning(*jobs.c)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else self._job(row)

    def end_abandoned(self, at: datetime, dead: Collection[str] = ()) -> list[JobId]:
        """End those abandoned jobs that nobody takes over; return them.

        One that was asked to stop is stopped; one that MOST_ATTEMPTS workers died while running has failed.
        """
        over = {"worker": None, "lease_until": None, "ended_at": at}
        lost = sa.update(jobs).where(_is_abandoned(at, dead))
        stopped = lost.where(jobs.c.stop_requested_at.is_not(None))
        stopped = stopped.values(state=JobState.STOPPED.value, **over).returning(jobs.c.id)
        ended = list(self._connection.scalars(stopped))
        kept = f"{MOST_ATTEMPTS} workers died while running it, so it is not tried again; what they committed is kept"
        why = Interrupted(kept=kept)
        failed = {"state": JobState.FAILED.value, "error_code": why.code, "error": str(why)}
        given_up = lost.where(jobs.c.attempts >= MOST_ATTEMPTS).values(failed | over).returning(jobs.c.id)
        return [JobId(id) for id in (*ended, *self._connection.scalars(given_up))]  # noqa: A001 - the column

    # ------------------------------------------------------------ while it runs

    def renew(self, id: str, worker: str, progress: JobProgress, at: datetime) -> bool:  # noqa: A002
        """Renew the lease and store the progress; False if the worker no longer holds the job."""
        values = {
            "done": progress.done,
            "total": progress.total,
            "words": _line(progress.words, _LONGEST_WORDS),
            "seen_at": at,
            "lease_until": at + LEASE,
        }
        return self._connection.execute(_update_held(id, worker).values(values)).rowcount == 1

    def stop_requested(self, id: str, worker: str) -> bool | None:  # noqa: A002
        """Return whether a stop was requested; None if the worker no longer holds the job."""
        query = sa.select(jobs.c.stop_requested_at).where(jobs.c.id == id, _RUNNING, jobs.c.worker == worker)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else row[0] is not None

    def request_stop(self, id: str, at: datetime) -> Job:  # noqa: A002
        """Stop a queued job, or request that a running one stops. Raises NotFound, or WrongState if it has ended."""
        job = self.get(id)
        values: dict[str, Any] = {"stop_requested_at": job.stop_requested_at or at}
        after = advance(JOB_NEXT, job.state, JobEvent.STOPPED, what="job", name=job.id)
        if job.state is JobState.QUEUED:
            values |= {"state": after.value, "ended_at": at}
        self._connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(values))
        return self.get(id)

    # ------------------------------------------------------------ how it ends

    def hand_back(self, id: str, worker: str) -> bool:  # noqa: A002
        """Queue the job again, to resume later; False if the worker no longer holds it."""
        return self._end(id, worker, JobEvent.HANDED_BACK, {"attempts": jobs.c.attempts - 1})

    def finish(self, id: str, worker: str, result: Mapping[str, Any], at: datetime) -> bool:  # noqa: A002
        """Store the result of a job that is done; False if the worker no longer holds it."""
        return self._end(id, worker, JobEvent.FINISHED, {"ended_at": at, "result": json.dumps(result)})

    def complete(self, id: str, at: datetime) -> None:  # noqa: A002
        """End a job whose work was done by others, whoever holds it. Raises WrongState if it has ended."""
        job = self.get(id)
        after = advance(JOB_NEXT, job.state, JobEvent.FINISHED, what="job", name=job.id)
        over = {"state": after.value, "worker": None, "lease_until": None, "ended_at": at, "result": "{}"}
        self._connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(over))

    def fail(self, id: str, worker: str, error: JobError, at: datetime) -> bool:  # noqa: A002
        """Store why a job failed, in one line; False if the worker no longer holds it."""
        why = {"error_code": error.code, "error": _line(error.message, LONGEST_ERROR) or error.code}
        return self._end(id, worker, JobEvent.FAILED, {"ended_at": at, **why})

    def stop(self, id: str, worker: str, at: datetime) -> bool:  # noqa: A002
        """Record that a running job has stopped; False if the worker no longer holds it."""
        return self._end(id, worker, JobEvent.STOPPED, {"ended_at": at})

    def _end(self, id: str, worker: str, event: JobEvent, more: Mapping[str, Any]) -> bool:  # noqa: A002
        after = JOB_NEXT[JobState.RUNNING][event]
        values = {"state": after.value, "worker": None, "lease_until": None, **more}
        return self._connection.execute(_update_held(id, worker).values(values)).rowcount == 1

    # ------------------------------------------------------------ forgetting

    def delete_of(self, source_id: SourceId) -> int:
        """Delete the jobs of a source, because they name its items; return how many. A worker that runs one stops."""
        return self._connection.execute(sa.delete(jobs).where(jobs.c.source_id == source_id)).rowcount

    def delete_ended(self, agency_id: str, before: datetime) -> int:
        """Delete the jobs of an agency that ended before that moment; return how many."""
        old = (jobs.c.agency_id == agency_id, jobs.c.ended_at < before)
        return self._connection.execute(sa.delete(jobs).where(*old)).rowcount

    # ------------------------------------------------------------ rows

    def _sealed_secrets(self, id: str, kept: Mapping[str, Any] | None) -> bytes | None:  # noqa: A002
        return None if kept is None else self._secrets.seal(id, kept)

    def _one(self, which: sa.ColumnElement[bool], name: str) -> Job:
        row = self._connection.execute(sa.select(jobs).where(which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="job", name=name[:200], hint=_HINT)
        return self._job(row)

    def _job(self, row: RowMapping) -> Job:
        checked(self._connection, self._vault, "jobs", row)
        request = JobRequest(
            kind=row["kind"],
            arguments=json.loads(row["arguments"]),
            source_id=None if row["source_id"] is None else SourceId(row["source_id"]),
            agency_id=row["agency_id"],
            account_id=row["account_id"],
            requested_by=self._sealed.open(row["id"], row["requested_by"]),
        )
        error = None if row["error"] is None else JobError(code=row["error_code"], message=row["error"])
        same = ("requested_at", "not_before", "attempts", "started_at", "claimed_at", "seen_at", "ended_at")
        return Job(
            id=JobId(row["id"]),
            request=request,
            state=JobState(row["state"]),
            **{name: row[name] for name in (*same, "worker", "lease_until", "stop_requested_at")},
            progress=JobProgress(done=row["done"], total=row["total"], words=row["words"]),
            result=None if row["result"] is None else json.loads(row["result"]),
            error=error,
        )


def _is_visible(agency_id: str, account_id: str | None, whole_agency: bool) -> sa.ColumnElement[bool]:
    own = jobs.c.agency_id == agency_id
    return own if whole_agency else sa.and_(own, jobs.c.account_id.is_not_distinct_from(account_id))


def _is_abandoned(at: datetime, dead: Collection[str]) -> sa.ColumnElement[bool]:
    lapsed = jobs.c.lease_until <= at
    return sa.and_(_RUNNING, sa.or_(lapsed, jobs.c.worker.in_(list(dead))) if dead else lapsed)


def _claimable(at: datetime, dead: Collection[str]) -> sa.ColumnElement[bool]:
    due = sa.and_(_QUEUED, sa.or_(jobs.c.not_before.is_(None), jobs.c.not_before <= at))
    return sa.or_(due, _is_abandoned(at, dead))


def _update_held(id: str, worker: str) -> sa.Update:  # noqa: A002
    return sa.update(jobs).where(jobs.c.id == id, _RUNNING, jobs.c.worker == worker)


def _arguments(arguments: Mapping[str, Any]) -> str:
    """Return canonical JSON, so that equal arguments have equal text."""
    try:
        text = json.dumps(arguments, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidValue(what="The arguments of a job", value=str(error)[:100], why="they are not JSON") from None
    if len(text) > LONGEST_ARGUMENTS:
        why = f"they have {len(text)} bytes, more than {LONGEST_ARGUMENTS}; ask for less at once"
        raise InvalidValue(what="The arguments of a job", value=f"{text[:100]}…", why=why)
    return text


def _line(text: str, longest: int) -> str:
    """Return one line of text that both databases can store."""
    return " ".join(text.split())[:longest].replace("\0", "\\0").encode(errors="backslashreplace").decode()
