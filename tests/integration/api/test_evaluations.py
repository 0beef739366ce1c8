"""Evaluations through ``/v1``: measured on an archive, enrolled nowhere, and kept for a week."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.conftest import PORTRAITS
from tests.support.described import described
from tests.support.packed import zipped
from tests.support.programs import Program, program
from tests.support.world import World, opened, solo

from lineament.errors import NotEvaluable
from lineament.model.accounts import Permission
from lineament.model.actions import Action
from lineament.model.events.base import Event
from lineament.model.events.catalogue import read_event
from lineament.model.events.evaluations import EvaluationAsked, EvaluationEnded
from lineament.model.events.kinds import KINDS, EntryKind
from lineament.model.jobs import LEASE, MOST_ATTEMPTS, Job, JobState
from lineament.model.sources import SourceTerms
from lineament.services.evaluate import packed
from lineament.services.evaluate.asked import KEPT_FOR, AskedEvaluation, EvaluationFolders, Measure
from lineament.services.evaluate.packed import labelled_in
from lineament.views.jobs import job_json

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def tester(world: World) -> Iterator[Program]:
    made = program(world, Permission.MANAGE_SOURCES)
    yield made
    made.close()


@cache
def of_people() -> bytes:
    """Return an archive with two pictures of each of three people."""
    files = {"set/readme.txt": b"of three people"}
    for path in sorted(PORTRAITS.glob("*.jpg"))[:3]:
        picture = cv2.imread(str(path))
        assert picture is not None
        darker = cv2.imencode(".jpg", np.clip(picture.astype(np.int16) - 20, 0, 255).astype(np.uint8))[1].tobytes()
        files |= {f"set/{path.stem}/1.jpg": path.read_bytes(), f"set/{path.stem}/2.jpg": darker}
    return zipped(files)


def test_an_archive_is_measured_and_nothing_of_it_stays(world: World, tester: Program) -> None:
    client, home = tester.client, world.workspace.home
    asked = client.post("/v1/evaluations", content=of_people())
    job = described(asked)
    place = f"/v1/evaluations/{job['job']}"
    assert (asked.status_code, asked.headers["location"]) == (202, place)
    assert (described(client.get(place))["state"], described(client.get(place))["report"]) == ("queued", None)
    (kept,) = (home / "evaluations").iterdir()
    assert [path.name for path in kept.iterdir()] == ["archive"]
    assert b"PK\x03\x04" not in (kept / "archive").read_bytes()
    assert world.workspace.worker.drain() == 1
    done = described(client.get(place))
    assert (done["state"], done["why"]) == ("done", None)
    assert done["report"]["set"] == "archive"
    result = described(client.get(f"/v1/jobs/{job['job']}"))["result"]
    assert (result["pictures"], result["people"]) == (6, 3)
    assert [path.name for path in kept.iterdir()] == ["report"]
    assert b"depends_on" not in (kept / "report").read_bytes()
    with world.workspace.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM faces").scalar() == 0
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert not kept.exists()


def test_an_archive_that_cannot_be_measured_fails_its_job_and_is_deleted(world: World, tester: Program) -> None:
    client = tester.client
    assert client.post("/v1/evaluations", content=b"no archive").status_code == 422
    job = described(client.post("/v1/evaluations", content=zipped({"one/1.jpg": b"x"})))["job"]
    world.workspace.worker.drain()
    told = described(client.get(f"/v1/evaluations/{job}"))
    assert told["state"] == "failed"
    assert "two people" in told["why"]
    (kept,) = (world.workspace.home / "evaluations").iterdir()
    assert list(kept.iterdir()) == []


def test_a_report_is_kept_for_a_week(world: World, tester: Program) -> None:
    tester.client.post("/v1/evaluations", content=of_people())
    folder = world.workspace.home / "evaluations"
    world.clock.advance(seconds=KEPT_FOR.total_seconds() - 60)
    world.machine.retain.sweep()
    assert len(list(folder.iterdir())) == 1
    world.clock.advance(seconds=120)
    world.machine.retain.sweep()
    assert list(folder.iterdir()) == []


def test_keys_of_sources_and_without_the_right_measure_nothing(world: World, tester: Program) -> None:
    world.machine.sources.add(SourceTerms(name="press", controller="x", basis="x", jurisdiction="FR"))
    asked = described(tester.client.post("/v1/evaluations", content=of_people()))["job"]
    reader = program(world, Permission.READ_SOURCES)
    bound = program(world, Permission.MANAGE_SOURCES, sources=("press",))
    for made, seen in ((reader, 403), (bound, 404)):
        assert made.client.post("/v1/evaluations", content=of_people()).status_code == 403
        assert made.client.get(f"/v1/evaluations/{asked}").status_code == seen
        made.close()


@pytest.mark.parametrize(
    "untrusted",
    [
        b"",
        b"PK\x03\x04",
        zipped({"a/1.jpg": b"x", "b/1.jpg": b"x"})[:-40],
        zipped({}),
        zipped({"1.jpg": b"x", "2.jpg": b"y"}),
    ],
    ids=["empty", "only a head", "cut off", "no file", "no folders"],
)
def test_what_is_no_set_is_refused(untrusted: bytes) -> None:
    with pytest.raises(NotEvaluable):
        labelled_in(untrusted, 1000)


def test_an_archive_is_unpacked_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = zipped({"a/1.jpg": bytes(50), "b/1.jpg": bytes(50), "b/2.jpg": bytes(2000), "c/.hidden.jpg": b"x"})
    found = labelled_in(sent, 1000)
    assert [(picture.person, picture.untrusted) for picture in found.pictures] == [("a", bytes(50)), ("b", bytes(50))]
    assert found.skipped == 2
    monkeypatch.setattr(packed, "MOST_UNPACKED", 99)
    with pytest.raises(NotEvaluable, match="more than 99 bytes"):
        labelled_in(sent, 1000)
    monkeypatch.setattr(packed, "MOST_MEMBERS", 3)
    with pytest.raises(NotEvaluable, match="more than 3 files"):
        labelled_in(sent, 1000)


# ---------------------------------------------------------------- what it leaves


def ask(world: World, **asked: Any) -> Job:
    """Ask for an evaluation at the machine."""
    return world.machine.evaluations.ask(of_people(), AskedEvaluation(**asked))


def archive_keys(world: World, job: Job) -> dict[str, Any]:
    """Return the secrets of a job."""
    with world.workspace.store.read() as tx:
        return tx.jobs.secrets(job.id)


def events_of(world: World) -> list[Event]:
    """Return what the record says of evaluations."""
    with world.workspace.store.read() as tx:
        rows = [(row.action, json.loads(row.details or "{}")) for row in tx.ledger.entries(0, tx.ledger.size())]
    told = [read_event(action, details) for action, details in rows if action.startswith("evaluation_")]
    return [event for event in told if event is not None]


def test_it_is_on_record_in_counts_and_digests(world: World, tester: Program) -> None:
    sent = of_people()
    job = described(tester.client.post("/v1/evaluations?seed=7", content=sent))["job"]
    world.workspace.worker.drain()
    report = world.machine.jobs.show(job).result or {}
    asked = EvaluationAsked(
        job=job, archive=hashlib.sha256(sent).hexdigest(), bytes=len(sent), enrol=1, searches=10_000, seed=7
    )
    ended = EvaluationEnded(job=job, state="done", pictures=6, people=3, report=report["report"])
    assert events_of(world) == [asked, ended]
    assert {Action.EVALUATION_ASKED, Action.EVALUATION_ENDED} <= KINDS[EntryKind.MODELS]
    (folder,) = (world.workspace.home / "evaluations").iterdir()
    keys = archive_keys(world, world.machine.jobs.show(job))["keys"]
    content = EvaluationFolders(folder.parent).read(folder.name, keys, "report")
    assert hashlib.sha256(content).hexdigest() == report["report"]
    assert not [name for name in ("macron", "obama", "ardern") if name in world.all_details()]


def test_no_reader_of_a_job_sees_its_keys(world: World, tester: Program) -> None:
    job = described(tester.client.post("/v1/evaluations", content=of_people()))
    keys = archive_keys(world, world.machine.jobs.show(job["job"]))["keys"]
    assert sorted(keys) == ["archive", "report"]
    shown = [
        json.dumps(job),
        tester.client.get("/v1/jobs").text,
        tester.client.get(f"/v1/jobs/{job['job']}").text,
        json.dumps(job_json(world.machine.jobs.show(job["job"]))),
        repr(world.machine.jobs.show(job["job"])),
        world.all_details(),
    ]
    stored = world.stored_bytes()
    for key in keys.values():
        assert len(key) == 64
        assert not [text for text in shown if key in text]
        assert key.encode() not in stored
        assert bytes.fromhex(key) not in stored


def test_a_rotation_of_the_workspaces_key_leaves_one_that_waits(world: World) -> None:
    job = ask(world)
    assert world.machine.key_rotation.workspace().damaged == 0
    with opened(world.workspace.home, world.clock) as after:  # knows the new key alone
        after.workspace.worker.drain()
        assert after.machine.jobs.show(job.id).state is JobState.DONE
        after.machine.key_rotation.workspace()
    with opened(world.workspace.home, world.clock) as after:
        assert after.machine.evaluations.show(job.id).report is not None


def test_one_that_is_stopped_loses_its_archive_and_its_key_at_once(world: World) -> None:
    job = ask(world)
    (folder,) = (world.workspace.home / "evaluations").iterdir()
    world.machine.jobs.stop(job.id)
    assert list(folder.iterdir()) == []
    assert archive_keys(world, job) == {}
    assert events_of(world)[1:] == [
        EvaluationEnded(job=job.id, state="stopped", pictures=None, people=None, report=None)
    ]
    world.machine.retain.sweep()
    assert len(events_of(world)) == 2


def test_one_that_is_stopped_while_it_runs_loses_its_archive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job = ask(world)

    def stopped(_: Measure, *__: object) -> None:
        world.machine.jobs.stop(job.id)
        raise KeyboardInterrupt

    monkeypatch.setattr(Measure, "run", stopped)
    world.workspace.worker.drain()
    assert world.machine.jobs.show(job.id).state is JobState.STOPPED
    (folder,) = (world.workspace.home / "evaluations").iterdir()
    assert (list(folder.iterdir()), archive_keys(world, job)) == ([], {})


def test_one_that_is_given_up_loses_its_archive(world: World) -> None:
    job = ask(world)
    for attempt in range(MOST_ATTEMPTS):
        with world.workspace.store.begin() as tx:
            assert tx.jobs.claim(f"elsewhere {attempt} 0", world.clock()) is not None
        world.clock.advance(seconds=LEASE.total_seconds() + 1)
    (folder,) = (world.workspace.home / "evaluations").iterdir()
    assert [path.name for path in folder.iterdir()] == ["archive"]
    world.workspace.worker.drain()
    assert world.machine.jobs.show(job.id).state is JobState.FAILED
    assert (list(folder.iterdir()), archive_keys(world, job)) == ([], {})


def test_one_whose_key_was_revoked_is_not_measured(world: World, tester: Program) -> None:
    job = described(tester.client.post("/v1/evaluations", content=of_people()))["job"]
    world.machine.api_keys.revoke(tester.key.key.id)
    world.workspace.worker.drain()
    ended = world.machine.jobs.show(job)
    assert (ended.state, ended.error and ended.error.code) == (JobState.FAILED, "key-refused")
    assert archive_keys(world, ended) == {}


def test_the_key_of_a_report_goes_with_it(world: World) -> None:
    job, deleted = ask(world), ask(world)
    world.workspace.worker.drain()
    assert [sorted(archive_keys(world, each)["keys"]) for each in (job, deleted)] == [["report"]] * 2
    world.machine.evaluations.delete(deleted.id)
    assert archive_keys(world, deleted) == {}
    world.clock.advance(seconds=KEPT_FOR.total_seconds() + 60)
    world.machine.retain.sweep()
    assert archive_keys(world, job) == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from lineament.services.evaluate.asked import Measure
from lineament.settings import Settings
from lineament.workspace import Workspace

run = Measure.run

def killed(self, labelled, arguments, report):
    run(self, labelled, arguments, report)
    os.kill(os.getpid(), signal.SIGKILL)

Measure.run = killed
with Workspace.open(Settings(home=Path(sys.argv[1]))) as workspace:
    workspace.worker.drain()
"""


def test_a_killed_worker_leaves_no_plain_picture_and_the_next_one_measures(world: World) -> None:
    world.clock.at = datetime.now(UTC)
    job = ask(world)
    line = [sys.executable, "-c", KILLED, str(world.workspace.home)]
    killed = subprocess.run(line, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    stored = world.stored_bytes()
    for path in sorted(PORTRAITS.glob("*.jpg"))[:3]:
        assert path.read_bytes()[1000:1400] not in stored
    (folder,) = (world.workspace.home / "evaluations").iterdir()
    assert [path.name for path in folder.iterdir()] == ["archive"]
    world.workspace.worker.drain()
    ended = world.machine.jobs.show(job.id)
    assert (ended.state, ended.attempts) == (JobState.DONE, 2)
    assert [path.name for path in folder.iterdir()] == ["report"]
    assert [event.action for event in events_of(world)] == [Action.EVALUATION_ASKED, Action.EVALUATION_ENDED]
