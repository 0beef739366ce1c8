"""The queue: who sees a job, who claims it, how it is stopped, taken over and tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.support.world import StaffedWorld

from lineament.errors import Interrupted, LineamentError, NotAllowed, NotFound, NothingTaken, Refused, WrongState
from lineament.model.accounts import HOME_AGENCY, Official, Role
from lineament.model.jobs import LEASE, MOST_ATTEMPTS, Job, JobProgress, JobRequest, JobState
from lineament.services.jobs import owner, runner
from lineament.services.jobs.kinds import DELETIONS, INGEST, SWEEP, Handler, Report, kind_of, official_of
from lineament.services.jobs.queue import Jobs
from lineament.services.jobs.worker import Worker
from lineament.workspace import Workspace

ELSEWHERE = "elsewhere 1 1"
"""A worker on another machine, of which nothing is known here."""
Act = Callable[[Report], Mapping[str, Any]]


@pytest.fixture
def jobs(alone: Workspace) -> Jobs:
    """The jobs of whoever is at the machine."""
    return alone.desk_at_the_machine().jobs


def worker(workspace: Workspace, act: Act = lambda _: {}) -> Worker:
    """Return a worker that does the same for every kind of job."""

    def handlers(_official: Official) -> Mapping[str, Handler]:
        return dict.fromkeys(("ingest", "sweep", "deletions"), lambda _arguments, report: act(report))

    return Worker(workspace.desk_at_the_machine().record, handlers)


def claimed(workspace: Workspace, by: str = ELSEWHERE, after: timedelta = timedelta()) -> Job:
    """Claim the next job, as a worker elsewhere does."""
    with workspace.store.begin() as tx:
        job = tx.jobs.claim(by, workspace.clock() + after)
    assert job is not None
    return job


# ---------------------------------------------------------------- claiming and taking over


def test_jobs_are_run_in_the_order_in_which_they_were_asked_for(alone: Workspace, jobs: Jobs) -> None:
    asked = [jobs.add(SWEEP, {"number": number}).id for number in range(3)]
    running = worker(alone)
    done = [job.id for job in iter(running.run_one, None)]
    assert done == asked
    assert [job.id for job in jobs.newest()] == asked[::-1]


def test_a_job_is_held_as_long_as_its_lease(alone: Workspace, jobs: Jobs) -> None:
    job = jobs.add(SWEEP, {})
    claimed(alone)
    assert worker(alone).run_one() is None
    with alone.store.begin() as tx:
        assert tx.jobs.claim("elsewhere 3 1", alone.clock() + LEASE * 0.9) is None
    assert claimed(alone, "elsewhere 3 1", LEASE).id == job.id
    assert jobs.show(job.id).attempts == 2


def test_the_job_of_a_process_that_died_here_is_taken_over_at_once(alone: Workspace, jobs: Jobs) -> None:
    job = jobs.add(SWEEP, {})
    place, _, _ = owner.this_process().rsplit(" ", 2)
    claimed(alone, f"{place} {2**22 + 1} 1")  # beyond pid_max
    done = worker(alone).run_one()
    assert done is not None
    assert (done.id, done.state, done.attempts) == (job.id, JobState.DONE, 2)


def test_a_job_over_which_workers_die_fails_in_the_end(alone: Workspace, jobs: Jobs) -> None:
    job = jobs.add(SWEEP, {})
    for attempt in range(MOST_ATTEMPTS):
        claimed(alone, f"elsewhere {attempt} 1", attempt * LEASE)
    with alone.store.begin() as tx:
        assert tx.jobs.claim("elsewhere 9 1", alone.clock() + MOST_ATTEMPTS * LEASE) is None
    failed = jobs.show(job.id)
    assert failed.error is not None
    assert (failed.state, failed.attempts, failed.error.code) == (JobState.FAILED, MOST_ATTEMPTS, "interrupted")


def test_an_equal_request_claims_the_waiting_job(alone: Workspace, jobs: Jobs) -> None:
    waiting = jobs.add(SWEEP, {"number": 1})
    assert jobs.run_here(SWEEP, {"number": 1}, lambda _: 5, lambda answer: {"answer": answer}) == 5
    assert [(job.id, job.result) for job in jobs.newest()] == [(waiting.id, {"answer": 5})]
    jobs.run_here(SWEEP, {"number": 2}, lambda _: 6, lambda answer: {"answer": answer})
    assert len(jobs.newest()) == 2


# ---------------------------------------------------------------- how it ends


def test_the_job_stores_its_error_and_only_the_name_of_an_unforeseen_one(alone: Workspace, jobs: Jobs) -> None:
    def act(_: Report) -> Mapping[str, Any]:
        raise errors.pop()

    errors: list[Exception] = [ZeroDivisionError("the name of somebody"), NothingTaken(why="it is empty")]
    running = worker(alone, act)
    for _ in range(2):
        jobs.add(SWEEP, {})
    ended = [job.error for job in iter(running.run_one, None)]
    assert [(error.code, error.message) for error in ended if error is not None] == [
        ("nothing-taken", str(NothingTaken(why="it is empty"))),
        ("unforeseen", str(LineamentError(detail="ZeroDivisionError"))),
    ]


def test_a_job_is_handed_back_only_by_a_worker_that_ends(alone: Workspace, jobs: Jobs) -> None:
    def act(_: Report) -> Mapping[str, Any]:
        raise Interrupted(kept="a test")

    stopped, back = jobs.add(SWEEP, {}), jobs.add(SWEEP, {"number": 2})
    running = worker(alone, act)
    running.run_one()
    running.ending = lambda: True
    with pytest.raises(KeyboardInterrupt):
        running.run_one()
    assert jobs.show(stopped.id).state is JobState.STOPPED
    handed = jobs.show(back.id)
    assert (handed.state, handed.attempts, handed.worker) == (JobState.QUEUED, 0, None)


def test_a_job_that_another_worker_took_over_is_not_written_to(alone: Workspace, jobs: Jobs) -> None:
    def act(_: Report) -> Mapping[str, Any]:
        claimed(alone, ELSEWHERE, LEASE)
        return {"late": True}

    job = jobs.add(SWEEP, {})
    worker(alone, act).run_one()
    now = jobs.show(job.id)
    assert (now.state, now.worker, now.result) == (JobState.RUNNING, ELSEWHERE, None)


def test_the_last_progress_is_kept_with_the_result(alone: Workspace, jobs: Jobs) -> None:
    def act(report: Report) -> Mapping[str, Any]:
        for done in (1, 2):
            report(JobProgress(done=done, total=3, words="pictures"))
        return {"faces": 2}

    job = jobs.add(SWEEP, {})
    worker(alone, act).run_one()
    ended = jobs.show(job.id)
    assert (ended.progress, ended.result) == (JobProgress(done=2, total=3, words="pictures"), {"faces": 2})


def test_a_job_that_is_to_stop_is_interrupted_at_its_next_report(alone: Workspace, jobs: Jobs) -> None:
    jobs.add(SWEEP, {})
    watch = runner.Supervision(alone.desk_at_the_machine().record, claimed(alone))
    watch.report(JobProgress(done=1))
    watch.stopping = True
    with pytest.raises(KeyboardInterrupt):
        watch.report(JobProgress(done=2))


def test_a_watch_sees_that_its_job_is_to_stop_and_that_it_was_lost(alone: Workspace, jobs: Jobs) -> None:
    job = jobs.add(SWEEP, {})
    watch = runner.Supervision(alone.desk_at_the_machine().record, claimed(alone))
    assert watch._check()
    jobs.stop(job.id)
    assert not watch._check()
    assert (watch.stopping, watch.lost) == (True, False)
    with alone.store.begin() as tx:
        assert not tx.jobs.stop(job.id, "elsewhere 2 1", alone.clock())  # it does not hold the job
        assert tx.jobs.stop(job.id, ELSEWHERE, alone.clock())
    assert not watch._check()
    assert (watch.stopping, watch.lost) == (False, True)


def test_a_failed_job_is_not_watched_any_more(alone: Workspace, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    checking, checked = threading.Event(), threading.Event()

    def check(watch: runner.Supervision) -> bool:
        checking.set()
        watch._over.wait()
        time.sleep(0.2)  # what the store takes for an answer
        checked.set()
        return True

    def act(_report: Report) -> Mapping[str, Any]:
        checking.wait()
        raise NothingTaken(why="the folder is empty")

    monkeypatch.setattr(runner, "CHECK_EVERY", 0.01)
    monkeypatch.setattr(runner.Supervision, "_check", check)
    jobs.add(SWEEP, {})
    worker(alone, act).run_one()
    assert checked.is_set()


def test_a_job_whose_watch_fails_is_interrupted_and_fails(
    alone: Workspace, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(_watch: runner.Supervision) -> bool:
        raise ZeroDivisionError("the name of somebody")

    def act(report: Report) -> Mapping[str, Any]:
        while True:
            report(JobProgress(done=1))
            time.sleep(0.01)

    monkeypatch.setattr(runner, "CHECK_EVERY", 0.01)
    monkeypatch.setattr(runner.Supervision, "_check", check)
    job = jobs.add(SWEEP, {})
    worker(alone, act).run_one()
    failed = jobs.show(job.id)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == (JobState.FAILED, "unforeseen")
    assert "somebody" not in failed.error.message


# ---------------------------------------------------------------- stopping


def test_a_queued_job_is_stopped_and_a_running_one_asked_to(alone: Workspace, jobs: Jobs) -> None:
    running, queued = jobs.add(SWEEP, {}), jobs.add(SWEEP, {"number": 2})
    claimed(alone)
    assert jobs.stop(running.id).stopping
    assert jobs.stop(queued.id).state is JobState.STOPPED
    with pytest.raises(WrongState, match="it cannot be stopped"):
        jobs.stop(queued.id)


def test_only_a_stop_that_happened_is_on_the_record(world: StaffedWorld) -> None:
    jobs = world.operator_desk.jobs
    job, before = jobs.add(DELETIONS, {}), world.actions(HOME_AGENCY)
    for id_, error in ((job.id, Refused), ("0123456789abcdef", NotFound)):
        with pytest.raises(error):
            jobs.stop(id_)
    assert world.actions(HOME_AGENCY) == before


def test_a_stopped_job_that_was_abandoned_is_not_taken_over(alone: Workspace, jobs: Jobs) -> None:
    job = jobs.add(SWEEP, {})
    claimed(alone)
    jobs.stop(job.id)
    with alone.store.begin() as tx:
        assert tx.jobs.claim("elsewhere 2 1", alone.clock() + LEASE) is None
    assert jobs.show(job.id).state is JobState.STOPPED


# ---------------------------------------------------------------- who


def test_a_job_is_asked_for_and_run_by_those_who_may(world: StaffedWorld) -> None:
    with pytest.raises(NotAllowed):
        world.administrator_desk.jobs.add(INGEST, {})
    job = world.operator_desk.jobs.add(INGEST, {})
    with world.workspace.store.begin() as tx:
        assert official_of(tx, job).account_id == world.operator.id
        tx.accounts.set_roles(world.operator.id, [Role.ADMINISTRATOR])
        with pytest.raises(NotAllowed, match="manage sources"):
            official_of(tx, job)


def test_a_kind_of_a_newer_version_is_not_found(alone: Workspace) -> None:
    request = JobRequest(kind="watch", agency_id=HOME_AGENCY, requested_by="Eve")
    with alone.store.begin() as tx:
        job = tx.jobs.add(request, alone.clock())
    with pytest.raises(NotFound, match="watch"):
        kind_of(job)
