"""What a job's row says: rate, time left, whether it is abandoned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lineament.errors import InvalidValue, WrongState
from lineament.model.jobs import (
    ENDED,
    JOB_NEXT,
    LEASE,
    Job,
    JobEvent,
    JobId,
    JobProgress,
    JobRequest,
    JobState,
)
from lineament.model.lifecycle import advance

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REQUEST = JobRequest(kind="ingest", agency_id="home", requested_by="an operator")


def running(done: int, total: int | None, seconds: float = 10) -> Job:
    seen = NOW + timedelta(seconds=seconds)
    return Job(
        id=JobId("a"),
        request=REQUEST,
        state=JobState.RUNNING,
        requested_at=NOW,
        claimed_at=NOW,
        seen_at=seen,
        worker="w",
        lease_until=seen + LEASE,
        progress=JobProgress(done=done, total=total),
    )


def test_rate_and_time_left_follow_from_what_was_done_since_the_claim() -> None:
    job = running(50, 200)
    assert job.rate == 5
    assert job.time_left == timedelta(seconds=30)
    assert job.fraction == 0.25


@pytest.mark.parametrize(
    ("job", "rate", "left"),
    [
        (running(0, 200), None, None),
        (running(50, None), 5, None),
        (running(50, 200, seconds=0), None, None),
        (running(300, 200), 30, timedelta(0)),
    ],
)
def test_rate_and_time_left(job: Job, rate: float | None, left: timedelta | None) -> None:
    assert job.rate == rate
    assert job.time_left == left


def test_more_than_the_total_is_all_of_it() -> None:
    assert running(300, 200).fraction == 1
    assert running(3, 0).fraction is None
    assert running(3, None).fraction is None


def test_a_job_is_abandoned_when_its_lease_runs_out() -> None:
    job = running(1, 2, seconds=0)
    assert not job.abandoned(NOW + LEASE - timedelta(microseconds=1))
    assert job.abandoned(NOW + LEASE)


def test_a_job_that_ended_never_changes_again() -> None:
    assert {JobState.DONE, JobState.FAILED, JobState.STOPPED} == ENDED
    for state in ENDED:
        for event in JobEvent:
            with pytest.raises(WrongState):
                advance(JOB_NEXT, state, event, what="job", name="a")


def test_every_state_has_a_line_and_can_be_reached() -> None:
    assert set(JOB_NEXT) == set(JobState)
    reached = {after for events in JOB_NEXT.values() for after in events.values()}
    assert reached == set(JobState)


@pytest.mark.parametrize(("done", "total"), [(-1, None), (0, -1)])
def test_progress_is_never_negative(done: int, total: int | None) -> None:
    with pytest.raises(InvalidValue):
        JobProgress(done=done, total=total)
