"""Several processes serve one workspace in PostgreSQL: what one of them knows, all of them know."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
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
from tests.support.world import PROBE, SOURCE

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnPostgresql]:
    with postgresql_server() as server, on_postgresql(server.uri, tmp_path_factory.mktemp("several")) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def running(workspace: OnPostgresql) -> Iterator[Several]:
    with several(workspace) as running:
        yield running


def test_signing_in_at_one_process_opens_the_others(workspace: OnPostgresql, running: Several) -> None:
    examiner = workspace.examiner
    with running.browser() as browser:
        with running.only(0):
            enter_password(browser, examiner)
        with running.only(1):
            assert send(browser, "/second-factor", code=examiner.code(datetime.now(UTC))).status_code == 303
        with running.only(0):
            csrf = form_of(browser, "/search")
            photograph = {"photograph": ("probe.jpg", PROBE.read_bytes())}
            form = {"csrf": csrf, "case": workspace.case.key, "kind": "other photograph"}
            probe = browser.post("/search", data=form, files=photograph).headers["location"]
        with running.only(1):
            asked = {"face": "1", "reason": "who is it", "source": SOURCE, "mode": "investigation", "limit": "5"}
            made = browser.post(f"{probe}/search", data={"csrf": csrf, **asked})
            assert made.status_code == 303, made.text
        with running.only(0):
            assert "5 faces" in browser.get(made.headers["location"]).text


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
