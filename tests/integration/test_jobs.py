"""Jobs: asked for, claimed, watched, stopped, handed back and taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.clock import NOON, TICK, Clock
from tests.support.world import StaffedWorld, solo

from lineament.errors import InvalidValue, LedgerUnavailable, NotAllowed, NotFound, Refused, WrongState
from lineament.model.accounts import HOME_AGENCY, AccountState, Official, Role
from lineament.model.jobs import LEASE, Job, JobProgress, JobRequest, JobState
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceTerms
from lineament.services.jobs import runner
from lineament.services.jobs.kinds import DELETIONS, INGEST, KINDS, SWEEP, Handler, Report, without_secrets
from lineament.services.jobs.queue import Jobs
from lineament.services.jobs.worker import Worker
from lineament.store import guard
from lineament.workspace import Workspace

PATIENCE = 60.0
"""Seconds after which a test gives up waiting for what must happen."""
SOURCE = "press"
TERMS = SourceTerms(name=SOURCE, controller="Press agency", basis="LED Art. 8", jurisdiction="FR")


@dataclass(slots=True)
class Handlers:
    """Handlers of every kind that call ``act``, with the calls that they got."""

    act: Callable[[Report], Mapping[str, Any]] = lambda _: {"done": True}
    calls: list[tuple[Official, str, Mapping[str, Any]]] = field(default_factory=list)

    def of(self, official: Official) -> Mapping[str, Handler]:
        def handler(kind: str) -> Handler:
            def handle(arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
                self.calls.append((official, kind, arguments))
                return self.act(report)

            return handle

        return {kind: handler(kind) for kind in KINDS}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(TERMS)
        yield world.workspace


@pytest.fixture
def jobs(workspace: Workspace) -> Jobs:
    return Jobs(workspace.desk_at_the_machine().record)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
def worker(workspace: Workspace, handlers: Handlers) -> Worker:
    return Worker(workspace.desk_at_the_machine().record, handlers.of)


def add_ingest(jobs: Jobs) -> Job:
    return jobs.add(INGEST, {"what": ["/data/a"]}, source=SOURCE)


def until(holds: Callable[[], bool]) -> None:
    stop = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < stop, "it did not happen"
        time.sleep(0.02)


# ---------------------------------------------------------------- a worker


def test_a_worker_runs_what_is_queued_and_keeps_its_result(jobs: Jobs, worker: Worker, handlers: Handlers) -> None:
    job = add_ingest(jobs)
    assert worker.waiting()
    assert worker.drain() == 1
    ((official, kind, arguments),) = handlers.calls
    assert (official.name, official.solo, kind, arguments) == ("examiner-a", True, "ingest", {"what": ["/data/a"]})
    ended = jobs.show(job.id)
    assert (ended.state, ended.result, ended.attempts) == (JobState.DONE, {"done": True}, 1)
    assert not worker.waiting()
    assert worker.run_one() is None


def test_progress_is_written_at_the_end_of_a_job(jobs: Jobs, worker: Worker, handlers: Handlers) -> None:
    def act(report: Report) -> Mapping[str, Any]:
        report(JobProgress(done=7, total=9, words="pictures"))
        return {}

    handlers.act = act
    job = add_ingest(jobs)
    worker.drain()
    assert jobs.show(job.id).progress == JobProgress(done=7, total=9, words="pictures")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            Refused(ReasonCode.ALL_STOPPED.reason(at=NOON, reason="a defect")),
            "refused",
            "Refused: all searching was stopped on 2026-05-04 12:00 UTC: a defect.",
        ),
        (
            ZeroDivisionError("secret of somebody"),
            "unforeseen",
            "Something went wrong that Lineament did not foresee: ZeroDivisionError; please report it.",
        ),
    ],
)
def test_the_error_of_a_job_is_stored_and_the_worker_continues(
    jobs: Jobs, worker: Worker, handlers: Handlers, error: Exception, code: str, message: str
) -> None:
    def act(report: Report) -> Mapping[str, Any]:
        if len(handlers.calls) == 1:
            raise error
        return {}

    handlers.act = act
    first, second = add_ingest(jobs), add_ingest(jobs)
    assert worker.drain() == 2
    failed = jobs.show(first.id)
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == (code, message)
    assert jobs.show(second.id).state is JobState.DONE


def test_a_job_of_a_newer_version_fails_with_a_message(workspace: Workspace, jobs: Jobs, worker: Worker) -> None:
    job = add_ingest(jobs)
    with workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE jobs SET kind = 'watch'")
        guard.sign_everything(tx.connection, tx.vault)
    worker.drain()
    error = jobs.show(job.id).error
    assert error is not None
    assert "watch" in error.message


# ---------------------------------------------------------------- stopping


def endless(started: threading.Event) -> Callable[[Report], Mapping[str, Any]]:
    def act(report: Report) -> Mapping[str, Any]:
        report(JobProgress(done=1))
        started.set()
        time.sleep(PATIENCE)  # nothing is reported meanwhile
        raise AssertionError("it was not interrupted")

    return act


def test_a_running_job_is_interrupted(
    jobs: Jobs, worker: Worker, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHECK_EVERY", 0.05)
    started = threading.Event()
    handlers.act = endless(started)
    job, after = add_ingest(jobs), add_ingest(jobs)

    def stop() -> None:
        assert started.wait(PATIENCE)
        handlers.act = lambda _: {}
        assert jobs.stop(job.id).stopping

    asking = threading.Thread(target=stop)
    asking.start()
    assert worker.drain() == 2
    asking.join()
    stopped = jobs.show(job.id)
    assert (stopped.state, stopped.progress.done, stopped.result) == (JobState.STOPPED, 1, None)
    assert jobs.show(after.id).state is JobState.DONE


def test_a_worker_that_lost_its_lease_does_not_write(
    workspace: Workspace, jobs: Jobs, worker: Worker, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHECK_EVERY", 0.05)
    started = threading.Event()
    handlers.act = endless(started)
    job = add_ingest(jobs)

    def take_over() -> None:
        assert started.wait(PATIENCE)
        with workspace.store.begin() as tx:
            assert tx.jobs.claim("another", workspace.clock() + LEASE) is not None

    taking = threading.Thread(target=take_over)
    taking.start()
    worker.run_one()
    taking.join()
    now = jobs.show(job.id)
    assert (now.state, now.worker) == (JobState.RUNNING, "another")


def test_a_worker_that_ends_hands_its_job_back(jobs: Jobs, worker: Worker, handlers: Handlers) -> None:
    ending = threading.Event()
    worker.ending = ending.is_set

    def act(report: Report) -> Mapping[str, Any]:
        ending.set()
        raise KeyboardInterrupt

    handlers.act = act
    job = add_ingest(jobs)
    with pytest.raises(KeyboardInterrupt):
        worker.drain()
    back = jobs.show(job.id)
    assert (back.state, back.attempts, back.worker) == (JobState.QUEUED, 0, None)


def test_a_job_that_is_interrupted_in_a_statement_is_handed_back_or_stopped(
    workspace: Workspace, jobs: Jobs, worker: Worker, handlers: Handlers
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def act(_report: Report) -> Mapping[str, Any]:
        with workspace.store.begin() as tx:
            sa.event.listen(tx.connection, "after_cursor_execute", interrupt)
            tx.meta.set("a", "1")
        raise AssertionError("it was not interrupted")

    handlers.act = act
    stopped, back = add_ingest(jobs), add_ingest(jobs)
    worker.run_one()
    worker.ending = lambda: True
    with pytest.raises(KeyboardInterrupt):
        worker.run_one()
    assert [jobs.show(job.id).state for job in (stopped, back)] == [JobState.STOPPED, JobState.QUEUED]
    assert jobs.show(stopped.id).error is None


def test_a_queued_job_is_stopped_before_anybody_claims_it(jobs: Jobs, worker: Worker, handlers: Handlers) -> None:
    job = add_ingest(jobs)
    assert jobs.stop(job.id).state is JobState.STOPPED
    assert worker.drain() == 0
    with pytest.raises(WrongState):
        jobs.stop(job.id)


def test_deletions_cannot_be_stopped(workspace: Workspace, jobs: Jobs, worker: Worker) -> None:
    job, before = jobs.add(DELETIONS, {}), len(recorded(workspace))
    with pytest.raises(Refused):
        jobs.stop(job.id)
    assert len(recorded(workspace)) == before
    worker.drain()
    assert jobs.show(job.id).state is JobState.DONE


def recorded(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of the ledger, actions with details, the newest first."""
    page = workspace.desk_at_the_machine().audit.page().entries
    return [(entry.action, json.loads(entry.details or "{}")) for entry in page]


def test_a_stop_is_on_the_record_with_the_job_and_its_source(workspace: Workspace, jobs: Jobs) -> None:
    ingest, sweep = add_ingest(jobs), jobs.add(SWEEP, {})
    for job in (ingest, sweep):
        jobs.stop(job.id)
    newest = recorded(workspace)[:2]
    assert [action for action, _ in newest] == ["job_stopped", "job_stopped"]
    keys = ("job", "kind", "source", "actor")
    assert [tuple(details[key] for key in keys) for _, details in newest] == [
        (sweep.id, "sweep", None, "examiner-a"),
        (ingest.id, "ingest", SOURCE, "examiner-a"),
    ]


def test_a_stop_that_the_ledger_cannot_record_does_not_happen(
    workspace: Workspace, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise LedgerUnavailable(why="a test")

    job = add_ingest(jobs)
    monkeypatch.setattr("lineament.ledger.log.Ledger.record", fail)
    with pytest.raises(LedgerUnavailable):
        jobs.stop(job.id)
    assert jobs.show(job.id).state is JobState.QUEUED


# ---------------------------------------------------------------- in the foreground


def test_work_in_the_foreground_is_a_job_too(jobs: Jobs) -> None:
    seen: list[Job] = []

    def act(report: Report) -> int:
        seen.extend(jobs.newest())
        return 5

    assert jobs.run_here(SWEEP, {}, act, lambda answer: {"answer": answer}) == 5
    assert [job.state for job in seen] == [JobState.RUNNING]
    ended = jobs.show(seen[0].id)
    assert (ended.state, ended.result) == (JobState.DONE, {"answer": 5})


@pytest.mark.parametrize(
    ("error", "state"),
    [(KeyboardInterrupt(), JobState.STOPPED), (Refused(ReasonCode.NO_SUCH_STOP.reason()), JobState.FAILED)],
)
def test_an_error_in_the_foreground_is_raised_and_stored(jobs: Jobs, error: BaseException, state: JobState) -> None:
    def act(report: Report) -> int:
        raise error

    with pytest.raises(type(error)):
        jobs.run_here(SWEEP, {}, act, lambda _: {})
    (job,) = jobs.newest()
    assert job.state is state


def test_a_queued_job_is_claimed_by_the_foreground(jobs: Jobs) -> None:
    arguments = {"what": ["/data/a"]}
    job = jobs.add(INGEST, arguments, source=SOURCE)
    jobs.run_here(INGEST, arguments, lambda _: 1, lambda _: {}, source=SOURCE)
    (only,) = jobs.newest()
    assert (only.id, only.state) == (job.id, JobState.DONE)
    jobs.run_here(INGEST, arguments, lambda _: 1, lambda _: {}, source=SOURCE)
    assert len(jobs.newest()) == 2


# ---------------------------------------------------------------- permissions


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StaffedWorld]:
    with solo(tmp_path / "agency") as alone:
        alone.machine.sources.add(TERMS)
        yield StaffedWorld(alone.workspace, alone.clock)


def test_permission_is_checked_when_a_job_is_added(world: StaffedWorld) -> None:
    examiner = world.join(HOME_AGENCY, Role.EXAMINER, name="Eva Examiner")
    with pytest.raises(NotAllowed):
        Jobs(world.desk(examiner).record).add(INGEST, {}, source=SOURCE)
    with pytest.raises(NotAllowed):
        Jobs(world.operator_desk.record).add(SWEEP, {})
    with pytest.raises(NotFound):
        Jobs(world.operator_desk.record).add(INGEST, {}, source="nothing")


@pytest.mark.parametrize("change", ["roles", "suspended"])
def test_permission_is_checked_when_a_job_runs(world: StaffedWorld, handlers: Handlers, change: str) -> None:
    jobs = Jobs(world.operator_desk.record)
    job = jobs.add(INGEST, {}, source=SOURCE)
    with world.workspace.store.begin() as tx:
        if change == "roles":
            tx.accounts.set_roles(world.operator.id, [Role.EXAMINER])
        else:
            tx.accounts.set_state(world.operator.id, AccountState.SUSPENDED)
    Worker(world.machine.record, handlers.of).drain()
    assert handlers.calls == []
    with world.workspace.store.read() as tx:
        error = tx.jobs.get(job.id).error
    assert error is not None
    assert error.code == "not-allowed"


def test_a_job_runs_in_the_name_of_whoever_added_it(world: StaffedWorld, handlers: Handlers) -> None:
    Jobs(world.operator_desk.record).add(INGEST, {}, source=SOURCE)
    Worker(world.machine.record, handlers.of).drain()
    ((official, _, _),) = handlers.calls
    assert (official.account_id, official.name) == (world.operator.id, "Olga Operator")


def test_jobs_of_the_machine_lose_permissions_with_it(workspace: Workspace, handlers: Handlers, jobs: Jobs) -> None:
    ingest, sweep = add_ingest(jobs), jobs.add(SWEEP, {})
    StaffedWorld(workspace, Clock(tick=TICK))  # the workspace is solo no longer
    Worker(workspace.desk_at_the_machine().record, handlers.of).drain()
    with workspace.store.read() as tx:
        assert tx.jobs.get(ingest.id).state is JobState.FAILED
        assert tx.jobs.get(sweep.id).state is JobState.DONE


def test_jobs_of_others_are_not_found(world: StaffedWorld) -> None:
    job = Jobs(world.operator_desk.record).add(INGEST, {}, source=SOURCE)
    deletions = Jobs(world.administrator_desk.record).add(DELETIONS, {})
    agency = world.add_agency()
    stranger = Jobs(world.desk(world.join(agency.id, Role.EXAMINER, name="Eva Examiner")).record)
    own = stranger.add(DELETIONS, {})
    operator, administrator = Jobs(world.operator_desk.record), Jobs(world.administrator_desk.record)
    assert [found.id for found in operator.newest()] == [deletions.id, job.id]
    assert [found.id for found in administrator.newest()] == [deletions.id]
    assert [found.id for found in stranger.newest()] == [own.id]
    for asking, id_ in (
        (stranger, job.id),
        (administrator, job.id),
        (operator, own.id),
        (stranger, "0123456789abcdef"),
    ):
        with pytest.raises(NotFound) as shown:
            asking.show(id_)
        with pytest.raises(NotFound) as stopped:
            asking.stop(id_)
        assert str(shown.value) == str(stopped.value)
    source = world.operator_desk.sources.get(SOURCE)
    assert [found.id for found in operator.of_source(source.id)] == [job.id]
    assert administrator.of_source(source.id) == []


def test_a_stop_is_only_filed_under_the_agency_of_its_job(world: StaffedWorld) -> None:
    agency = world.add_agency()
    examiner = world.join(agency.id, Role.EXAMINER, name="Eva Examiner")
    request = JobRequest(kind="sweep", agency_id=agency.id, account_id=examiner.id, requested_by=examiner.name)
    with world.workspace.store.begin() as tx:
        job = tx.jobs.add(request, world.clock())
    Jobs(world.desk(examiner).record).stop(job.id)
    assert world.actions(agency.id)[-1] == "job_stopped"
    assert json.loads(world.last_details(agency.id))["job"] == job.id
    assert "job_stopped" not in world.actions(HOME_AGENCY)


def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(InvalidValue) as refused:
        without_secrets(["https://who:secret@press.example/"])
    assert "secret" not in str(refused.value)
    assert without_secrets(["https://press.example/@who", "/data/a@b"]) == ["https://press.example/@who", "/data/a@b"]


# ---------------------------------------------------------------- killed


PROGRAM = """
import sys, time
from pathlib import Path
from lineament.services.jobs.worker import Worker
from lineament.model.jobs import JobProgress
from lineament.settings import Settings
from lineament.workspace import Workspace

def handle(arguments, report):
    report(JobProgress(done=1))
    Path(sys.argv[2]).touch()
    while not Path(sys.argv[3]).exists():
        time.sleep(0.02)
    return {}

with Workspace.open(Settings(home=Path(sys.argv[1]))) as workspace:
    Worker(workspace.desk_at_the_machine().record, lambda official: {"ingest": handle}).drain()
"""


def test_a_job_of_a_killed_worker_is_taken_over(workspace: Workspace, jobs: Jobs, worker: Worker) -> None:
    job = add_ingest(jobs)
    started = workspace.home.parent / "started"
    line = [sys.executable, "-c", PROGRAM, str(workspace.home), str(started), str(started.parent / "never")]
    with subprocess.Popen(line) as running:
        until(lambda: started.exists() or running.poll() is not None)
        assert worker.run_one() is None  # a living worker has it
        os.kill(running.pid, signal.SIGKILL)
    taken = worker.run_one()
    assert taken is not None
    assert (taken.id, taken.state, taken.attempts) == (job.id, JobState.DONE, 2)
