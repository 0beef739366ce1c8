"""Several processes serve one workspace in PostgreSQL: what one of them knows, all of them know."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.conftest import PORTRAITS
from tests.support.clock import Clock
from tests.support.postgresql import postgresql_server
from tests.support.processes import command
from tests.support.several import (
    PATIENCE,
    OnPostgresql,
    Several,
    enter_password,
    form_of,
    is_ready,
    on_postgresql,
    send,
    several,
    until,
)
from tests.support.world import MEBI, PROBE, SOURCE, Person, settings

from lineament.errors import FilesElsewhere
from lineament.model.faces import FaceId
from lineament.model.jobs import LEASE, JobState
from lineament.services.doctor import Verdict
from lineament.services.jobs import owner
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.services.people.rate_limits import VISITS
from lineament.setting_values import Secret
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Workspace

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnPostgresql]:
    with postgresql_server() as server, on_postgresql(server.uri, tmp_path_factory.mktemp("several")) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def running(workspace: OnPostgresql) -> Iterator[Several]:
    with several(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def browser(workspace: OnPostgresql, running: Several) -> Iterator[httpx.Client]:
    """The browser of the examiner, who gave the password to one process and the code to the other."""
    with running.browser() as browser:
        sign_in(running, browser, workspace.examiner)
        yield browser


@pytest.fixture(scope="module")
def probe(workspace: OnPostgresql, browser: httpx.Client) -> str:
    """The address of a photograph in the case."""
    form = {"csrf": form_of(browser, "/search"), "case": workspace.case.key, "kind": "other photograph"}
    answer = browser.post("/search", data=form, files={"photograph": (PROBE.name, PROBE.read_bytes())})
    return answer.headers["location"]


def sign_in(running: Several, browser: httpx.Client, person: Person) -> None:
    with running.only(0):
        enter_password(browser, person)
    with running.only(1):
        assert send(browser, "/second-factor", code=person.code(datetime.now(UTC))).status_code == 303


def compared(running: Several, browser: httpx.Client, probe: str) -> list[int]:
    """Search at each process; return how many faces each compared, as the page of the other says."""
    form = {"csrf": form_of(browser, probe), "face": "1", "reason": "who is it", "source": SOURCE, "limit": "5"}
    found = []
    for number in range(2):
        with running.only(number):
            made = browser.post(f"{probe}/search", data=form | {"mode": "investigation"})
            assert made.status_code == 303, made.text
        with running.only(1 - number):
            words = re.search(r"(\d+) faces", browser.get(made.headers["location"]).text)
        assert words is not None
        found.append(int(words[1]))
    return found


def test_what_is_committed_elsewhere_is_searched_at_once_and_what_is_erased_is_not(
    workspace: OnPostgresql, running: Several, browser: httpx.Client, probe: str
) -> None:
    assert compared(running, browser, probe) == [5, 5]
    connector = FolderConnector([PROBE], page_base=None, max_bytes=MEBI)
    assert workspace.desk().ingest.run(SOURCE, connector, workers=1).faces == 1
    assert compared(running, browser, probe) == [6, 6]
    with workspace.world.workspace.store.read() as tx:
        newest = FaceId(tx.meta.last_id("face"))
    workspace.desk().erase.face(newest, "its owner asked")
    assert compared(running, browser, probe) == [5, 5]


def test_a_page_that_answers_a_form_is_at_every_process(workspace: OnPostgresql, running: Several) -> None:
    with running.browser() as browser:
        sign_in(running, browser, workspace.administrator)
        with running.only(0):
            invited = send(browser, "/people", email="nadia@agency.example", name="Nadia", role="examiner")
        with running.only(1):
            assert re.search(r"/join/[\w-]{40,}", browser.get(invited.headers["location"]).text)


def test_a_client_is_counted_at_all_processes_together(running: Several) -> None:
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.7")
    statuses: Counter[int] = Counter()
    for number in range(2):
        with (
            running.only(number),
            httpx.Client(transport=elsewhere, base_url=f"http://127.0.0.1:{running.port}", timeout=60) as one,
        ):
            statuses.update(one.get("/sign-in").status_code for _ in range(VISITS[0] // 2 + 1))
    assert statuses == {200: VISITS[0], 429: 2}


def test_a_killed_process_is_replaced_and_the_others_go_on(running: Several) -> None:
    killed, other = running.serving()
    os.kill(killed, signal.SIGKILL)
    with running.browser() as browser:
        assert browser.get("/healthz").status_code == 200
    until(lambda: len(running.serving()) == 2 and killed not in running.serving())
    assert other in running.serving()


def test_all_end_in_order(running: Several) -> None:
    processes = running.serving()
    running.first.send_signal(signal.SIGTERM)
    assert running.first.wait(PATIENCE) == 0
    assert not any(Path(f"/proc/{process}").exists() for process in processes)


def test_one_of_several_ends_when_the_first_is_gone(prepared: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        given = ("--processes", "2", "--process", "1", "--listener", listener.fileno())
        line = command(prepared, "serve", "--no-worker", *given)
        with subprocess.Popen(line, stdin=subprocess.PIPE, pass_fds=(listener.fileno(),)) as one:
            until(lambda: is_ready(listener.getsockname()[1]))
            assert one.stdin is not None
            one.stdin.close()
            assert one.wait(PATIENCE) == 0


def test_sqlite_and_one_person_are_refused(prepared: Path) -> None:
    line = command(prepared, "serve", "--port", "0", "--processes", "2")
    refused = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "LINEAMENT_DATABASE_URL" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_job_whose_worker_was_killed_is_done_on_another_machine(
    workspace: OnPostgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = workspace.desk().jobs.add(INGEST, ingest_arguments(SOURCE, [str(PORTRAITS)]), source=SOURCE)

    def claimed() -> bool:
        return workspace.desk().jobs.show(job.id).state is JobState.RUNNING

    line = command(workspace.home, "worker", "--poll", "0.1")
    with subprocess.Popen(line, env=workspace.environment, stderr=subprocess.DEVNULL) as worker:
        until(claimed)
        worker.kill()
    home, elsewhere = workspace.home, settings(tmp_path / "ws", database_url=Secret(workspace.url))
    shutil.copytree(home / "keys", elsewhere.home / "keys")
    shutil.copy(home / "checkpoint", elsewhere.home)
    monkeypatch.setattr(owner, "_host", lambda: "another machine")
    clock = Clock(datetime.now(UTC))
    with pytest.raises(FilesElsewhere):
        Workspace.open(elsewhere, clock=clock)
    (elsewhere.home / "blobs").symlink_to(home / "blobs")
    shutil.copy(home / "place", elsewhere.home)
    with Workspace.open(elsewhere, clock=clock) as other:
        assert not other.worker.waiting()
        clock.advance(seconds=LEASE.total_seconds() + 1)
        done = other.worker.run_one()
    assert done is not None
    assert (done.id, done.state, done.attempts) == (job.id, JobState.DONE, 2)


def test_the_doctor_compares_the_clock_with_that_of_the_database(workspace: OnPostgresql) -> None:
    doctor = workspace.desk().workspace.desk_at_the_machine().doctor
    assert doctor._time().verdict is Verdict.GOOD
    workspace.world.clock.advance(seconds=30)
    found = doctor._time()
    assert (found.verdict, "from the database's" in found.detail) == (Verdict.WARNING, True)
