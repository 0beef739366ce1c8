"""Real workers that are killed or told to end, or whose job is stopped. Nothing is lost or stored twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import SOURCE
from tests.support.database import raw_database
from tests.support.local_web import CannedReply, LocalWeb, page
from tests.support.processes import command, counts, create, run, run_well, vary_portraits
from tests.support.world import settings

from lineament.model.faces import CaptureId, Face, FaceId, Template
from lineament.model.jobs import JobState
from lineament.services.keyholder import source_key
from lineament.store.faces import sealed_row
from lineament.store.tables import captures, faces, templates
from lineament.workspace import Workspace

PICTURES = 170  # more than two batches
LOOKED_AT = 130  # more than four batches of a second look
PATIENCE = 240.0
"""Seconds after which a test gives up waiting for what must happen."""


def until(holds: Callable[[], bool], running: subprocess.Popen[Any] | None = None) -> None:
    stop = time.monotonic() + PATIENCE
    while not holds():
        assert running is None or running.poll() is None, "the process ended before that"
        assert time.monotonic() < stop, "it did not happen"
        time.sleep(0.05)


def job(home: Path) -> dict[str, Any]:
    """Return the only job of the workspace."""
    (found,) = json.loads(run_well(home, "job", "list", "--json"))["jobs"]
    return dict(found)


def states(home: Path) -> list[str]:
    """Return the states of all jobs, without a command that would open the workspace."""
    with raw_database(home, read_only=True) as database:
        return [state for (state,) in database.execute("SELECT state FROM jobs ORDER BY requested_at")]


@contextmanager
def working(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command(home, "worker", "--poll", "0.1"), stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def has_captures(home: Path, more_than: int) -> Callable[[], bool]:
    return lambda: counts(home)[0] > more_than


def test_an_ingest_survives_workers_that_end_and_workers_that_are_killed(tmp_path: Path) -> None:
    folder, home = vary_portraits(tmp_path / "photos", PICTURES, width=240), create(tmp_path / "ws")
    queued = json.loads(run_well(home, "ingest", "press", folder, "--background", "--json"))
    assert queued["state"] == "queued"
    with working(home) as running:
        until(has_captures(home, 0), running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE) == 0
    back, acknowledged = job(home), counts(home)
    assert (back["state"], back["attempts"]) == ("queued", 0)
    with working(home) as running:
        until(has_captures(home, acknowledged[0]), running)
        running.kill()
        running.wait()
    assert states(home) == ["running"]
    assert acknowledged < counts(home)
    assert counts(home)[0] < PICTURES
    run_well(home, "worker", "--drain")
    done = job(home)
    assert (done["job"], done["state"], done["attempts"]) == (queued["job"], "done", 2)
    assert done["result"]["seen"] == PICTURES
    assert counts(home)[:2] == (PICTURES, PICTURES)
    assert json.loads(run_well(home, "verify", "--json"))["sound"]
    assert json.loads(run_well(home, "doctor", "--pictures", "--json"))["healthy"]


OLD = "earlier/0011aabb"


def as_if_by_an_earlier_model(home: Path) -> None:
    """Let everything be what another model described."""
    with Workspace.open(settings(home)) as workspace, workspace.store.begin() as tx:
        source = tx.sources.get("press")
        key = source_key(tx, workspace.keys, source)
        ids, vectors = tx.faces.vectors(tx.faces.all_ids(source.id), key)
        for face_id, vector in zip(ids.tolist(), vectors, strict=True):
            known = tx.faces.get(FaceId(face_id))
            face = Face(box=known.box, landmarks=known.landmarks, quality=known.quality, template=Template(OLD, vector))
            row = sealed_row(face_id, source.id, face, key)
            tx.connection.execute(sa.update(templates).where(templates.c.face_id == face_id).values(row))
        tx.connection.execute(sa.update(captures).values(looked_at_by=OLD))
        tx.connection.execute(sa.update(faces).values(model=OLD))
        tx.tallies.recount(source.id, key)


def left_to_look_at(home: Path) -> tuple[int, int]:
    """Return how many captures the earlier model looked at last, and how many faces it describes."""
    with raw_database(home, read_only=True) as database:
        (captures,) = database.execute("SELECT count(*) FROM captures WHERE looked_at_by = ?", (OLD,)).fetchone()
        (faces,) = database.execute("SELECT count(*) FROM faces WHERE model = ?", (OLD,)).fetchone()
    return int(captures), int(faces)


def test_a_second_look_survives_workers_that_are_killed(tmp_path: Path) -> None:
    folder, home = vary_portraits(tmp_path / "photos", LOOKED_AT, width=240), create(tmp_path / "ws")
    run_well(home, "ingest", "press", folder)
    as_if_by_an_earlier_model(home)
    found = json.loads(run_well(home, "doctor", "--json"))
    (looks,) = (check for check in found["checks"] if check["name"] == "looked at")
    assert f"{LOOKED_AT} pictures were last looked at by {OLD}" in looks["detail"]
    run_well(home, "source", "look-again", "press", "--background")
    left = LOOKED_AT
    for _ in range(2):
        with working(home) as running:
            until(lambda before=left: left_to_look_at(home)[0] < before, running)  # type: ignore[misc]
            running.kill()
            running.wait()
        left, described = left_to_look_at(home)
        assert 0 < left < LOOKED_AT
        assert described == LOOKED_AT, "the old gallery is whole until the end"
    run_well(home, "worker", "--drain")
    assert left_to_look_at(home) == (0, 0)
    (done,) = (
        job for job in json.loads(run_well(home, "job", "list", "--json"))["jobs"] if job["kind"] == "look again"
    )
    assert (done["state"], done["attempts"], done["result"]["adopted"]) == ("done", 3, ["press"])
    assert counts(home)[:2] == (LOOKED_AT, LOOKED_AT)
    assert json.loads(run_well(home, "verify", "--json"))["sound"]
    assert json.loads(run_well(home, "doctor", "--pictures", "--json"))["healthy"]
    assert "nothing to do" in run_well(home, "source", "look-again", "--all")


# ---------------------------------------------------------------- crawls

HOST = "127.0.0.2"
SHOWN = 4


class Newspaper:
    """A page that shows some pictures; it holds the last of them back until ``released`` is set."""

    def __init__(self, folder: Path) -> None:
        self.pictures = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]
        self.last_requested, self.released = threading.Event(), threading.Event()

    def answer(self, path: str, _headers: object) -> CannedReply | None:
        if path == "/":
            return page("News", *(f"/{number}.jpg" for number in range(len(self.pictures))))
        if not path.endswith(".jpg"):
            return None
        number = int(path.strip("/").removesuffix(".jpg"))
        if number == len(self.pictures) - 1:
            self.last_requested.set()
            self.released.wait(PATIENCE)
        return CannedReply(self.pictures[number], type="image/jpeg")


@pytest.fixture
def newspaper(tmp_path: Path) -> Newspaper:
    return Newspaper(vary_portraits(tmp_path / "photos", SHOWN))


@pytest.fixture
def web(newspaper: Newspaper) -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        web.host(HOST, newspaper.answer)
        yield web
        newspaper.released.set()


@pytest.fixture
def home(web: LocalWeb, tmp_path: Path) -> Path:
    """A workspace with a source that lists the newspaper."""
    home = tmp_path / "ws"
    run_well(home, "init")
    address = f"{HOST}:{web.port}"
    run_well(home, "source", "add", "press", *SOURCE, "--host", address, "--contact", "who@police.example")
    return home


def test_a_crawl_survives_the_death_of_its_worker(newspaper: Newspaper, web: LocalWeb, home: Path) -> None:
    run_well(home, "ingest", "press", f"http://{HOST}:{web.port}/", "--background")
    with working(home) as running:
        until(newspaper.last_requested.is_set, running)
        running.kill()
        running.wait()
    assert states(home) == ["running"]
    newspaper.released.set()
    run_well(home, "worker", "--drain")
    done, requested = job(home), web.asked(HOST)
    assert (done["state"], done["attempts"], done["result"]["reserved_later"]) == ("done", 2, 0)
    assert counts(home)[:2] == (SHOWN, SHOWN)
    assert [requested.count(f"/{number}.jpg") for number in range(SHOWN - 1)] == [1] * (SHOWN - 1)


def test_a_stopped_job_does_not_end_its_worker(newspaper: Newspaper, web: LocalWeb, home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first = json.loads(run_well(home, "ingest", "press", f"http://{HOST}:{web.port}/", "--background", "--json"))["job"]
    with working(home) as running:
        until(newspaper.last_requested.is_set, running)
        assert json.loads(run_well(home, "job", "stop", first, "--json"))["stopping"]
        until(lambda: states(home) == ["stopped"], running)
        run_well(home, "ingest", "press", tmp_path / "empty", "--background")
        until(lambda: states(home) == ["stopped", "failed"], running)  # the folder is empty
    refused = run(home, "job", "stop", first)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (4, 1)


def test_an_ingest_in_the_terminal_is_stopped_from_another_process(
    newspaper: Newspaper, web: LocalWeb, home: Path
) -> None:
    line = command(home, "ingest", "press", f"http://{HOST}:{web.port}/")
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        until(newspaper.last_requested.is_set, running)
        shown = job(home)
        assert shown["state"] == "running"
        run_well(home, "job", "stop", shown["job"])
        _, complaint = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert "resumes from there" in complaint
    assert states(home) == ["stopped"]


# ---------------------------------------------------------------- erasures

KILLED = """
import os, signal, sys
from lineament.store.blobs import BlobFolder
BlobFolder.delete = lambda self, addresses: os.kill(os.getpid(), signal.SIGKILL)
from lineament.__main__ import main
main(sys.argv[1:])
"""


def kill_erasure(home: Path) -> None:
    """Erase the first capture in a process that is killed when it deletes the first blob."""
    line = ["--home", str(home), "erase", "--yes", "--capture", "1", "--reason", "asked"]
    assert subprocess.run([sys.executable, "-c", KILLED, *line], check=False).returncode == -signal.SIGKILL


def test_a_running_worker_finishes_an_erasure_that_was_killed(tmp_path: Path) -> None:
    folder, home = vary_portraits(tmp_path / "photos", 2), create(tmp_path / "ws")
    run_well(home, "ingest", "press", folder)
    with Workspace.open(settings(home)) as workspace:
        with workspace.store.read() as tx:
            erased = tx.captures.get(CaptureId(1))
        assert erased.original is not None
        kill_erasure(home)
        assert not workspace.blobs.missing([erased.original]), "the process was killed before"
        assert states(home)[-1] == "running"
        ended = workspace.worker.run_one()
        assert ended is not None
        assert (ended.request.kind, ended.state, ended.attempts) == ("deletions", JobState.DONE, 2)
        assert workspace.blobs.missing([erased.original])
        with workspace.store.read() as tx:
            assert tx.deletions.all() == []


def test_opening_the_workspace_finishes_an_erasure_that_was_killed(tmp_path: Path) -> None:
    folder, home = vary_portraits(tmp_path / "photos", 2), create(tmp_path / "ws")
    run_well(home, "ingest", "press", folder)
    kill_erasure(home)
    assert states(home)[-1] == "running"
    Workspace.open(settings(home)).close()
    assert states(home)[-1] == "done"


# ---------------------------------------------------------------- beside the pages


def workers(process: int) -> list[int]:
    """Return the children of a process that are workers, whichever thread started them."""
    found = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for number in children.read_text().split():
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            found += [int(number)] if b"worker" in words else []
    return found


def test_the_server_restarts_its_worker_and_ends_it(tmp_path: Path) -> None:
    folder, home = vary_portraits(tmp_path / "photos", 2), create(tmp_path / "ws")
    with subprocess.Popen(command(home, "serve", "--port", "0"), stdout=subprocess.PIPE) as pages:
        try:
            until(lambda: len(workers(pages.pid)) == 1, pages)
            (first,) = workers(pages.pid)
            run_well(home, "ingest", "press", folder, "--background")
            until(lambda: states(home) == ["done"], pages)
            subprocess.run(["kill", "-9", str(first)], check=True)
            until(lambda: set(workers(pages.pid)) - {first} != set(), pages)
            (second,) = workers(pages.pid)
            pages.send_signal(signal.SIGTERM)
            pages.wait(PATIENCE)
        finally:
            pages.kill()
    until(lambda: not Path(f"/proc/{second}").exists())
