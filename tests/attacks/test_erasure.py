"""An erasure is complete, or says that it is not yet: while somebody reads the database, its files hold the past."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.support.world import SOURCE, World, ingest_portraits, opened, solo

from lineament.errors import NotScrubbed
from lineament.ledger.receipts import verify_receipt
from lineament.model.faces import CaptureId, FaceId
from lineament.services.gallery import erase
from lineament.services.jobs.kinds import DELETIONS
from lineament.store import db

Run = Callable[..., Ran]
ERASED = b"Emmanuel_Macron_2025"
"""A part of the address of the capture that these tests erase."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait only shortly for readers that stay until the end of the test anyway."""
    monkeypatch.setattr(db, "SCRUB_PATIENCE", 0.05)
    monkeypatch.setattr(erase, "RETRY_EVERY", 0.01)
    monkeypatch.setattr(erase, "RETRY_FOR", 0.1)


@contextmanager
def reader(home: Path) -> Iterator[None]:
    """Another program that reads the database as it was before, for example a backup."""
    with closing(sqlite3.connect(home / "lineament.db")) as database:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM captures").fetchone()
        yield


def in_files(home: Path) -> bool:
    return any(ERASED in path.read_bytes() for path in home.rglob("*") if path.is_file())


def erased_capture(run: Run, tmp_path: Path) -> int:
    line = ("--case", "K-1", "--reason", "because", "--investigate", "--json")
    found = run("search", tmp_path / "probe.jpg", *line).json["candidates"][0]
    assert ERASED.decode() in found["uri"]
    return int(found["capture_id"])


def test_an_erasure_that_is_not_complete_says_so_and_a_job_completes_it(ready: Run, tmp_path: Path) -> None:
    home = tmp_path / "ws"
    capture = erased_capture(ready, tmp_path)
    with reader(home):
        done = ready("erase", "--yes", "--capture", capture, "--reason", "asked", "--json")
        assert (done.code, done.json["scrubbed"]) == (NotScrubbed.exit_code, False)
        assert "job list" in done.err
        assert in_files(home)
        jobs = ready("job", "list", "--json").json["jobs"]
        assert [(job["kind"], job["ended_at"]) for job in jobs if job["kind"] == DELETIONS.name] == [
            (DELETIONS.name, None)
        ]
    assert ready("worker", "--drain").code == 0
    assert not in_files(home)
    assert {job["state"] for job in ready("job", "list", "--json").json["jobs"]} == {"done"}


def test_any_later_command_completes_it_too(ready: Run, tmp_path: Path) -> None:
    capture = erased_capture(ready, tmp_path)
    with reader(tmp_path / "ws"):
        assert ready("erase", "--yes", "--capture", capture, "--reason", "asked").code == NotScrubbed.exit_code
    assert ready("source", "list").code == 0
    assert not in_files(tmp_path / "ws")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        ingest_portraits(world.workspace)
        yield world


def test_the_job_lets_others_run_and_never_gives_up(world: World) -> None:
    desk, worker = world.machine, world.workspace.worker
    with reader(world.workspace.home):
        assert not desk.erase.capture(CaptureId(1), "asked").scrubbed
        world.clock.advance(days=1)  # the process that erased is gone: its lease has run out
        for _ in range(3):
            ran = worker.run_one()
            assert ran is not None
            assert ran.request.kind == DELETIONS.name
        assert not world.workspace.store.is_scrubbed()
    assert worker.drain() == 1
    assert world.workspace.store.is_scrubbed()


def test_a_receipt_tells_the_truth_and_can_be_issued_again(world: World) -> None:
    desk, key = world.machine, world.workspace.ledger.public_key
    with reader(world.workspace.home):
        assert not desk.erase.source(SOURCE, "asked").scrubbed
        assert verify_receipt(desk.erase.receipt(SOURCE), key)["database_files_cleaned"] is False
    assert verify_receipt(desk.erase.receipt(SOURCE), key)["database_files_cleaned"] is True
    assert not in_files(world.workspace.home)


def test_a_sweep_and_a_face_tell_it_too(world: World) -> None:
    desk = world.machine
    with reader(world.workspace.home):
        assert not desk.erase.face(FaceId(2), "asked").scrubbed
        assert not desk.retain.sweep().scrubbed
    assert desk.retain.sweep().scrubbed
    assert desk.erase.face(FaceId(3), "asked").scrubbed


def test_a_killed_process_leaves_the_mark(world: World) -> None:
    """What is still in the files is known to whoever opens the workspace next, because the erasure commits it."""
    with world.machine.record.change() as change:
        change.tx.deletions.note_erased()
        change.erase_details([0], "asked")
    home = world.workspace.home
    assert not world.workspace.store.is_scrubbed()
    with opened(home, world.clock) as later:
        assert later.workspace.store.is_scrubbed()
