"""Erasures that are asked for in the browser: on the record at once, done by a job, whatever kills its worker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.database import raw_database
from tests.support.refusals import refused
from tests.support.world import SOURCE, StaffedWorld, copied_gallery, staffed

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused, WrongState
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.faces import CaptureId, FaceId
from lineament.model.jobs import Job, JobState
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceState, SourceTerms
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.workspace import Desk, Workspace

WHY = "the archive asked us to forget it"
OTHER = SourceTerms(name="other", controller="Press", basis="LED 8", jurisdiction="FR")


@pytest.fixture
def workspace(portraits: Path, tmp_path: Path) -> Iterator[Workspace]:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        yield world.workspace


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    return workspace.desk_at_the_machine()


def actions(workspace: Workspace) -> list[str]:
    with workspace.store.read() as tx:
        return [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())]


def run_all(workspace: Workspace) -> None:
    workspace.worker.drain()


def left(workspace: Workspace) -> list[str]:
    """Return the sealed files and the folders of sources that are left."""
    folders = [workspace.home / name for name in ("blobs", "index", "crawls", "drops")]
    return [path.name for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()]


# ---------------------------------------------------------------- a source


def test_a_source_is_out_of_every_search_at_once_and_gone_when_the_job_has_run(
    workspace: Workspace, desk: Desk
) -> None:
    ingest = desk.jobs.add(INGEST, ingest_arguments(SOURCE, ["/photos"]), source=SOURCE)
    job = desk.requested_erasures.withdraw(SOURCE, WHY)
    assert actions(workspace)[-3:] == ["job_stopped", "source_suspended", "erasure_requested"]
    assert desk.jobs.show(ingest.id).state is JobState.STOPPED
    assert desk.sources.get(SOURCE).state is SourceState.SUSPENDED
    assert desk.requested_erasures.under_way(SOURCE) == [job]
    with refused(ReasonCode.ALWAYS_FINISHED):
        desk.jobs.stop(job.id)
    with refused(ReasonCode.WITHDRAWAL_WAITS):
        desk.requested_erasures.withdraw(SOURCE, WHY)
    run_all(workspace)
    done = desk.jobs.show(job.id)
    assert (done.state, done.result) == (JobState.DONE, {"pictures": 5, "faces": 5})
    assert desk.sources.get(SOURCE).state is SourceState.WITHDRAWN
    assert json.loads(desk.erase.receipt(SOURCE))["statement"]["reason"] == WHY
    assert left(workspace) == []
    assert desk.requested_erasures.under_way(SOURCE) == []
    with pytest.raises(WrongState):
        desk.requested_erasures.withdraw(SOURCE, WHY)


def test_the_reason_is_nowhere_in_the_clear_while_the_job_waits(workspace: Workspace, desk: Desk) -> None:
    job = desk.requested_erasures.withdraw(SOURCE, WHY)
    assert WHY not in json.dumps(dict(job.request.arguments))
    with raw_database(workspace.home, read_only=True) as database:
        (arguments,) = database.execute("SELECT arguments FROM jobs WHERE id = ?", (job.id,)).fetchone()
    assert json.loads(arguments).keys() == {"source", "entry"}
    stored = [path for path in workspace.home.rglob("*") if path.is_file()]
    assert stored
    assert [path.name for path in stored if WHY.encode() in path.read_bytes()] == []


KILLED = """
import os, signal, sys
from datetime import datetime
from importlib import import_module
from pathlib import Path
from lineament.settings import Settings
from lineament.workspace import Workspace

home, at, module, kind, name = sys.argv[1:]
setattr(getattr(import_module(module), kind), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
with Workspace.open(Settings(home=Path(home)), clock=lambda: datetime.fromisoformat(at)) as workspace:
    workspace.worker.drain()
"""
MOMENTS = {
    "before anything": ("lineament.services.gallery.erase", "Erase", "source"),
    "before the commit": ("lineament.store.sources", "SourceRows", "set_destroyed"),
    "before the index is deleted": ("lineament.services.gallery.indexes", "Gallery", "destroy"),
    "before the crawls are deleted": ("lineament.services.gallery.crawls", "Crawls", "destroy"),
    "before the drops are deleted": ("lineament.services.gallery.drops", "DropFolders", "destroy_source"),
    "before the pictures are deleted": ("lineament.services.gallery.shred", "Shredder", "_delete_some"),
    "before the job is done": ("lineament.store.jobs", "JobRows", "finish"),
}


def kill_worker(workspace: Workspace, moment: tuple[str, str, str]) -> None:
    """Let a worker begin the jobs that wait, at the time of the workspace, and kill it at the call of a method."""
    line = [sys.executable, "-c", KILLED, str(workspace.home), workspace.clock().isoformat(), *moment]
    assert subprocess.run(line, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_withdrawal_whose_worker_is_killed_is_completed(
    workspace: Workspace, desk: Desk, moment: tuple[str, str, str]
) -> None:
    job = desk.requested_erasures.withdraw(SOURCE, WHY)
    kill_worker(workspace, moment)
    assert desk.jobs.show(job.id).state is JobState.RUNNING
    run_all(workspace)
    done = desk.jobs.show(job.id)
    assert (done.state, done.attempts, done.result) == (JobState.DONE, 2, {"pictures": 5, "faces": 5})
    assert actions(workspace).count("source_withdrawn") == 1
    assert left(workspace) == []
    receipt = json.loads(desk.erase.receipt(SOURCE))["statement"]
    assert (receipt["reason"], receipt["destroyed"]["faces"]) == (WHY, 5)
    assert desk.audit.verify().entries == len(actions(workspace))


# ---------------------------------------------------------------- a face, a picture


def ask(desk: Desk, kind: str) -> Job:
    if kind == "face":
        return desk.requested_erasures.face(SOURCE, FaceId(1), WHY)
    return desk.requested_erasures.capture(SOURCE, CaptureId(1), WHY)


@pytest.mark.parametrize(("kind", "result"), [("face", {"faces": 1}), ("capture", {"pictures": 1, "faces": 1})])
@pytest.mark.parametrize(
    "moment",
    [
        None,
        ("lineament.store.searches", "SearchRows", "forget_faces"),
        ("lineament.services.gallery.shred", "Shredder", "_delete_some"),
        ("lineament.services.gallery.indexes", "Gallery", "forget"),
    ],
    ids=["not", "before the commit", "before the pictures are deleted", "before the index is written"],
)
def test_a_face_or_a_picture_is_erased_though_its_worker_is_killed(
    workspace: Workspace, desk: Desk, kind: str, result: dict[str, int], moment: tuple[str, str, str] | None
) -> None:
    blobs = len([path for path in (workspace.home / "blobs").rglob("*") if path.is_file()])
    job = ask(desk, kind)
    assert actions(workspace)[-1] == "erasure_requested"
    if moment is not None:
        kill_worker(workspace, moment)
    run_all(workspace)
    done = desk.jobs.show(job.id)
    assert (done.state, done.result) == (JobState.DONE, result)
    assert done.attempts == (1 if moment is None else 2)
    assert actions(workspace).count(f"{kind}_erased") == 1
    found = desk.sources.get(SOURCE)
    assert (found.captures, found.faces) == (4, 4)
    now = len([path for path in (workspace.home / "blobs").rglob("*") if path.is_file()])
    assert blobs - now == 3, "original, thumbnail and crop"
    run_all(workspace)
    assert desk.audit.verify().entries == len(actions(workspace))


def test_what_somebody_else_erased_meanwhile_is_no_failure(workspace: Workspace, desk: Desk) -> None:
    jobs = [ask(desk, "face"), ask(desk, "capture")]
    desk.erase.source(SOURCE, "all of it")
    run_all(workspace)
    assert [desk.jobs.show(job.id).state for job in jobs] == [JobState.DONE, JobState.DONE]
    assert [desk.jobs.show(job.id).result for job in jobs] == [{"pictures": 0, "faces": 0}] * 2


def test_a_face_or_a_picture_of_another_source_is_not_there(desk: Desk) -> None:
    desk.sources.add(OTHER)
    for name, number in (("other", 1), (SOURCE, 99)):
        with pytest.raises(NotFound):
            desk.requested_erasures.face(name, FaceId(number), WHY)
        with pytest.raises(NotFound):
            desk.requested_erasures.capture(name, CaptureId(number), WHY)
    with pytest.raises(InvalidValue):
        desk.requested_erasures.face(SOURCE, FaceId(1), " ")
    assert desk.jobs.newest() == []


# ---------------------------------------------------------------- who may


def test_examiners_erase_nothing_and_an_operator_who_left_erases_nothing_either(tmp_path: Path) -> None:
    with staffed(tmp_path / "staff") as world:
        withdraw_as_two_people(world)


def withdraw_as_two_people(world: StaffedWorld) -> None:
    second = world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator", email="otto@home.example")
    world.operator_desk.sources.add(OTHER)
    examiner = world.desk(world.join(HOME_AGENCY, Role.EXAMINER))
    with pytest.raises(NotAllowed):
        examiner.requested_erasures.withdraw("other", WHY)
    job = world.desk(second).requested_erasures.withdraw("other", WHY)
    assert world.operator_desk.sources.get("other").state is SourceState.DRAFTED, "a draft is in no search anyway"
    world.administrator_desk.people.suspend(second.id)
    run_all(world.workspace)
    failed = world.operator_desk.jobs.show(job.id)
    assert failed.state is JobState.FAILED
    assert world.operator_desk.sources.get("other").state is SourceState.DRAFTED
    again = world.operator_desk.requested_erasures.withdraw("other", WHY)
    run_all(world.workspace)
    assert world.operator_desk.jobs.show(again.id).state is JobState.DONE
    assert world.operator_desk.sources.get("other").state is SourceState.WITHDRAWN
    with pytest.raises((Refused, WrongState)):
        world.operator_desk.requested_erasures.withdraw("other", WHY)
