"""Whether a process can serve, and how it ends: in order when it is asked to, at once when it is asked again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import pytest
import sqlalchemy as sa
from tests.support.proxied import free_port
from tests.support.serving import serving
from tests.support.world import World, opened

from lineament.services.gallery.model_in_use import MODEL
from lineament.services.jobs.kinds import FIGURES
from lineament.workspace.observing import look

pytestmark = pytest.mark.enable_socket
PATIENCE = 60
FORM = b"email=a@b.example"


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> Iterator[World]:
    with opened(shutil.copytree(prepared, tmp_path / "ws")) as world:
        yield world


def set_clock_back(world: World) -> None:
    world.clock.advance(days=-3000)


def lose_the_database(world: World) -> None:
    world.workspace.store.close()
    (world.workspace.home / "lineament.db").write_bytes(b"no database" * 500)
    for rest in world.workspace.home.glob("lineament.db-*"):
        rest.unlink()


def change_the_model(world: World) -> None:
    with world.workspace.store.begin() as tx:
        tx.meta.set(MODEL, "another")


def change_the_schema(world: World) -> None:
    with world.workspace.store.begin() as tx:
        tx.connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))


def exchange_the_checkpoint(world: World) -> None:
    world.machine.audit.verify()
    (world.workspace.home / "checkpoint").write_text("a checkpoint of something else\n")


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (set_clock_back, "clock-behind"),
        (lose_the_database, "damaged"),
        (change_the_model, "model-changed"),
        (change_the_schema, "workspace-newer"),
        (exchange_the_checkpoint, "ledger-broken"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_stands_against_serving_is_a_code(world: World, harm: Callable[[World], None], code: str) -> None:
    assert look(world.workspace)() is None
    harm(world)
    assert look(world.workspace)() == code


def test_the_addresses_of_health_tell_nothing_else(world: World) -> None:
    with serving(world.workspace) as served:
        answers = [httpx.get(f"{served.url}/{name}", timeout=60) for name in ("healthz", "readyz")]
        change_the_model(world)
        with httpx.Client(base_url=served.url, timeout=60) as client:
            until(lambda: client.get("/readyz").status_code == 503)
            unready, alive = client.get("/readyz"), client.get("/healthz")
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "alive\n"), (200, "ready\n")]
    assert (unready.status_code, unready.text) == (503, "model-changed\n")
    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert not any("set-cookie" in answer.headers for answer in (*answers, unready, alive))


def until(state: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < end
        time.sleep(0.05)


# ---------------------------------------------------------------- stopping


@dataclass(frozen=True, slots=True)
class Running:
    """``lineament serve``, and what it told its service manager."""

    process: subprocess.Popen[str]
    port: int
    manager: socket.socket

    def told(self, wanted: bytes) -> None:
        """Wait until the service manager was told that."""
        while self.manager.recv(100) != wanted:
            continue

    @contextmanager
    def request(self) -> Iterator[socket.socket]:
        """Begin to send a form, and wait until the server asks for it: from then on the request is under way."""
        form = httpx.get(f"http://127.0.0.1:{self.port}/sign-in", timeout=60)
        ((name, value),) = form.cookies.items()
        head = (
            f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {name}={value}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as client:
            client.sendall(head.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            yield client

    def refuses(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)):
            return False
        return True


@contextmanager
def running(home: Path, folder: Path, errors: IO[bytes] | None = None, **settings: str) -> Iterator[Running]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(PATIENCE)
        told = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "300000", "PYTHONUNBUFFERED": "1"}
        line = [sys.executable, "-m", "lineament", "--home", str(home), "serve", "--port", "0", "--no-worker"]
        environment = os.environ | told | settings
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process:
            try:
                assert process.stdout is not None
                port = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
                assert port is not None
                started = Running(process, int(port[1]), manager)
                started.told(b"READY=1")
                started.told(b"WATCHDOG=1")
                yield started
            finally:
                process.kill()


def test_a_request_that_is_under_way_ends_and_then_the_process(prepared: Path, tmp_path: Path) -> None:
    home = shutil.copytree(prepared, tmp_path / "ws")
    with running(home, tmp_path) as serve, serve.request() as client:
        assert httpx.get(f"http://127.0.0.1:{serve.port}/readyz", timeout=60).status_code == 200
        serve.process.send_signal(signal.SIGTERM)
        serve.told(b"STOPPING=1")
        until(serve.refuses)
        assert serve.process.poll() is None
        client.sendall(FORM)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert serve.process.wait(PATIENCE) == 0
    assert re.match(rb"HTTP/1\.1 \d{3} ", answer)
    assert answer.rstrip().endswith(b"</html>")


@pytest.mark.parametrize(
    ("seconds", "signals", "code"), [("1", 1, 0), ("600", 2, 128 + signal.SIGTERM)], ids=["its time is over", "again"]
)
def test_a_request_that_does_not_end_is_given_up(
    prepared: Path, tmp_path: Path, seconds: str, signals: int, code: int
) -> None:
    home = shutil.copytree(prepared, tmp_path / "ws")
    written = tmp_path / "written"
    settings = {"LINEAMENT_STOP_SECONDS": seconds, "LINEAMENT_LOG": "json"}
    with written.open("wb") as errors, running(home, tmp_path, errors, **settings) as serve, serve.request():
        serve.process.send_signal(signal.SIGTERM)
        serve.told(b"STOPPING=1")
        until(serve.refuses)
        for _ in range(signals - 1):
            serve.process.send_signal(signal.SIGTERM)
        assert serve.process.wait(PATIENCE) == code
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert [line["level"] for line in lines if "graceful shutdown exceeded" in line["message"]] == ["error"] * (
        not code
    )


def test_a_worker_shows_its_metrics_and_logs_how_jobs_end(prepared: Path, tmp_path: Path) -> None:
    home, port, written = shutil.copytree(prepared, tmp_path / "ws"), free_port(), tmp_path / "written"
    settings = {"LINEAMENT_WORKER_METRICS": f"127.0.0.1:{port}", "LINEAMENT_LOG": "json"}
    with opened(home) as world:
        job = world.machine.jobs.add(FIGURES, {})
    line = [sys.executable, "-m", "lineament", "--home", str(home), "worker", "--poll", "0.1"]
    done = 'lineament_stage_seconds_count{stage="job"} 1.0'
    with (
        written.open("wb") as errors,
        subprocess.Popen(line, stderr=errors, env=os.environ | settings) as process,
    ):
        try:
            until(lambda: done in metrics(port) and "lineament_ledger_anchored 1.0" in metrics(port))
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    (ended,) = [json.loads(text) for text in written.read_text().splitlines() if job.id in text]
    assert (ended["message"], ended["kind"], ended["status"]) == ("a job ended", "figures", "done")


def metrics(port: int) -> str:
    """Return what a process tells Prometheus; nothing while it does not listen."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    return ""
