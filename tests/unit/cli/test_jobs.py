"""The worker at the terminal: how it waits, what it reports, and how it ends."""

from __future__ import annotations

import os
import signal
import time
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.support.samples import AT, job

from lineament.cli import jobs
from lineament.model.jobs import Job, JobError, JobProgress, JobState
from lineament.services.jobs.worker import Worker
from lineament.settings import Settings


class Queue:
    """Stands in for a worker: each poll takes the next answer; then it runs the jobs given."""

    def __init__(self, *polls: bool, done: tuple[Job, ...] = ()) -> None:
        self.polls = list(polls)
        self.done = list(done)
        self.ending = bool

    def waiting(self) -> bool:
        return self.polls.pop(0)

    def run_one(self) -> Job | None:
        return self.done.pop(0) if self.done else None


def as_worker(queue: Queue) -> Worker:
    return cast("Worker", queue)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_cleanly(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    request = jobs.EndRequest()
    steps: list[str] = []
    with request.handled():
        try:
            os.kill(os.getpid(), number)
            steps.append("went on")
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # a second one does not interrupt the cleaning up
            steps.append("cleaned up")
    assert request.requested
    assert steps == ["cleaned up"]
    assert signal.getsignal(number) is before


def test_a_second_sigterm_ends_the_worker_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with jobs.EndRequest().handled():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            before = list(codes)
            os.kill(os.getpid(), signal.SIGTERM)
    assert (before, codes) == ([], [128 + signal.SIGTERM])


def test_an_interruption_that_was_not_requested_is_passed_on() -> None:
    request = jobs.EndRequest()
    with pytest.raises(KeyboardInterrupt), request.handled():
        raise KeyboardInterrupt
    assert not request.requested


def test_the_queue_is_polled_until_there_is_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert jobs._wait_for_job(as_worker(Queue(False, False, True)), 2.0, lambda: False)
    assert slept == [2.0, 2.0]


def test_a_worker_that_is_to_end_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert not jobs._wait_for_job(as_worker(Queue(False)), 2.0, lambda: True)
    assert jobs._wait_for_job(as_worker(Queue(True)), 2.0, lambda: True)  # what waits is done first
    assert slept == []


def test_how_each_job_ended_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    error = JobError(code="nothing-taken", message="Nothing was taken in.")
    done = (job(state=JobState.DONE), job(state=JobState.FAILED, error=error))
    request, queue = jobs.EndRequest(), Queue(done=done)
    jobs._work(as_worker(queue), request)
    assert capsys.readouterr().err.splitlines() == [
        "Ingest of press (j1): done",
        "Ingest of press (j1): failed: Nothing was taken in.",
    ]
    request.requested = True
    assert queue.ending()


def test_the_facts_of_a_job_say_how_it_ended() -> None:
    ended = job(
        state=JobState.FAILED,
        attempts=2,
        started_at=AT,
        ended_at=AT + timedelta(minutes=1),
        progress=JobProgress(done=3, total=4, words="1 new face so far"),
        result={"faces": 1},
        error=JobError(code="nothing-taken", message="Nothing was taken in."),
    )
    assert jobs._facts(ended, None) == {
        "job": "j1",
        "state": "failed",
        "work": "Ingest of press",
        "from": "/a, /b",
        "requested": "2026-03-01 12:00",
        "by": "Eve",
        "started": "2026-03-01 12:00",
        "ended": "2026-03-01 12:01",
        "progress": "3 of 4",
        "now": "1 new face so far",
        "attempts": 2,
        "faces": 1,
        "awaited": "",
        "error": "Nothing was taken in. (nothing-taken)",
    }


@pytest.mark.parametrize(
    ("drain", "with_parent", "same_parent", "leaves"),
    [
        (False, False, False, False),
        (True, False, True, True),
        (False, True, True, False),
        (False, True, False, True),
    ],
)
def test_a_worker_leaves_when_the_queue_is_drained_or_its_parent_is_gone(
    monkeypatch: pytest.MonkeyPatch, *, drain: bool, with_parent: bool, same_parent: bool, leaves: bool
) -> None:
    asked: list[bool] = []
    gave_way: list[bool] = []
    parents = iter([100, 100 if same_parent else 1])

    def serve(_settings: object, _request: object, poll: float, leave: Any, _observing: object) -> None:
        assert poll == 5
        asked.append(leave())

    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(jobs, "_serve_queue", serve)
    monkeypatch.setattr(jobs, "settings_for", lambda _: Settings())
    monkeypatch.setattr(jobs, "WitnessingBeside", nullcontext)
    monkeypatch.setattr(jobs, "give_way", lambda: gave_way.append(True))  # else this process does, for all later tests
    jobs.worker(cast("Any", None), poll=5, drain=drain, with_parent=with_parent)
    assert asked == [leaves]
    assert gave_way == [True] * with_parent
