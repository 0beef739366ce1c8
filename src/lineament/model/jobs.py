"""Jobs: long work in the store that a worker claims and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

from lineament.errors import InvalidValue
from lineament.model.faces import SourceId

JobId = NewType("JobId", str)

LEASE = timedelta(seconds=60)
"""How long a claim lasts without a renewal; after that another worker may take the job over."""
MOST_ATTEMPTS = 5
"""The number of workers that may die while running a job before it fails; handing it back does not count."""
LONGEST_ARGUMENTS = 64 * 1024
"""Most bytes of a job's arguments, as JSON."""
LONGEST_ERROR = 500
"""Most characters of the message of a failed job."""


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class JobEvent(StrEnum):
    """An event in the life of a job; the value completes “it cannot be …”."""

    CLAIMED = "claimed"
    HANDED_BACK = "handed back"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


JOB_NEXT: Mapping[JobState, Mapping[JobEvent, JobState]] = {
    JobState.QUEUED: {
        JobEvent.CLAIMED: JobState.RUNNING,
        JobEvent.FINISHED: JobState.DONE,  # another process did the work in the meantime
        JobEvent.STOPPED: JobState.STOPPED,
    },
    JobState.RUNNING: {
        JobEvent.CLAIMED: JobState.RUNNING,  # taken over from a worker that died
        JobEvent.HANDED_BACK: JobState.QUEUED,
        JobEvent.FINISHED: JobState.DONE,
        JobEvent.FAILED: JobState.FAILED,
        JobEvent.STOPPED: JobState.STOPPED,
    },
    JobState.DONE: {},
    JobState.FAILED: {},
    JobState.STOPPED: {},
}
"""State to event to next state; a job that ended never changes again."""

ENDED = frozenset(state for state, events in JOB_NEXT.items() if not events)


class Awaited(StrEnum):
    """What a second look that has looked at every picture awaits until the workspace uses its model."""

    APPROVAL = "approval"  # by a second person
    SECOND_LOOK = "second look"  # it was approved; the next second look lets the workspace use the model


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A request for work. The arguments are JSON without secrets and templates."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source_id: SourceId | None = None  # the source it belongs to; it is deleted with the source
    agency_id: str
    account_id: str | None = None  # None: the official at the machine
    requested_by: str  # the name, as recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """The progress of a job since it was last claimed."""

    done: int = 0
    total: int | None = None  # None: unknown
    words: str = ""  # the current step

    def __post_init__(self) -> None:
        if self.done < 0 or (self.total is not None and self.total < 0):
            raise InvalidValue(what="The progress of a job", value=f"{self.done} of {self.total}", why="it is negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed: the code of the error and its message, one line."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job."""

    id: JobId
    request: JobRequest
    state: JobState
    requested_at: datetime
    not_before: datetime | None = None  # when it may be claimed first; None: at once
    attempts: int = 0  # how often it was claimed, without claims that handed it back
    started_at: datetime | None = None  # the first time
    claimed_at: datetime | None = None  # the last time
    seen_at: datetime | None = None  # when its worker last renewed the lease
    ended_at: datetime | None = None
    worker: str | None = None  # the process that runs it
    lease_until: datetime | None = None
    stop_requested_at: datetime | None = None
    progress: JobProgress = field(default_factory=JobProgress)
    result: Mapping[str, Any] | None = None
    error: JobError | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, with any outcome."""
        return self.state in ENDED

    @property
    def stopping(self) -> bool:
        """Whether it is running and a stop was requested."""
        return self.state is JobState.RUNNING and self.stop_requested_at is not None

    @property
    def fraction(self) -> float | None:
        """The fraction done, 0 to 1; None while the total is unknown."""
        if self.state is JobState.DONE:
            return 1.0
        total = self.progress.total
        return None if not total else min(self.progress.done / total, 1.0)

    @property
    def rate(self) -> float | None:
        """Items a second since it was last claimed; None while unknown."""
        if self.claimed_at is None or self.seen_at is None or not self.progress.done:
            return None
        seconds = ((self.ended_at or self.seen_at) - self.claimed_at).total_seconds()
        return self.progress.done / seconds if seconds > 0 else None

    @property
    def time_left(self) -> timedelta | None:
        """The time left at the current rate; None while unknown, or if it is not running."""
        rate, total = self.rate, self.progress.total
        if self.state is not JobState.RUNNING or rate is None or total is None:
            return None
        return timedelta(seconds=max(0, total - self.progress.done) / rate)

    def abandoned(self, now: datetime) -> bool:
        """Return whether its lease has expired although its state is running."""
        return self.state is JobState.RUNNING and self.lease_until is not None and self.lease_until <= now
