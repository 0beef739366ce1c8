"""``lineament serve --processes``: several processes at one port, on a workspace in PostgreSQL."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import httpx
from tests.support.clock import Clock
from tests.support.postgresql import owner_of, role_address, separate_roles
from tests.support.processes import command
from tests.support.squad import TERMS
from tests.support.world import PASSWORD, Person, World, ingest_portraits, solo

from lineament.model.accounts import Account, Role
from lineament.model.cases import Case, Seeks
from lineament.observe.notify import READY
from lineament.setting_values import Secret
from lineament.workspace import Desk

PATIENCE = 180
"""Seconds that anything may take here."""


@dataclass(frozen=True, slots=True)
class OnPostgresql:
    """A workspace in PostgreSQL with the portraits in its gallery, three people, and a case of the examiner."""

    world: World
    home: Path
    url: str
    examiner: Person
    administrator: Person
    operator: Account
    case: Case

    def desk(self) -> Desk:
        """Return a desk of the operator, now; it stands for another process on the same database."""
        self.world.clock.at = datetime.now(UTC)
        return self.world.fresh_desk(self.operator)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that works on it."""
        return os.environ | {"LINEAMENT_DATABASE_URL": self.url, "PYTHONUNBUFFERED": "1"}


@contextmanager
def on_postgresql(uri: str, folder: Path) -> Iterator[OnPostgresql]:
    """Make such a workspace in a new database of a server, at the time of the machine."""
    name = "several"
    separate_roles(uri, name)
    url = role_address(uri, "lineament", name)
    clock = Clock(datetime.now(UTC))
    changes = {"database_url": Secret(url), "database_owner_url": Secret(owner_of(url) or "")}
    with solo(folder / "ws", clock, **changes) as world:
        ingest_portraits(world.workspace)
        world.leave_solo()
        examiner, administrator = (
            world.sign_up(f"{role.value}@agency.example", role) for role in (Role.EXAMINER, Role.ADMINISTRATOR)
        )
        operator = world.join("home", Role.OPERATOR, name="Olga Operator")
        for person in (examiner, administrator):
            world.add_app(person, seconds_ago=30)
        world.train(examiner.account, days=3650)
        case = world.fresh_desk(examiner.account).casework.open(replace(TERMS, seeks=Seeks.MISSING))
        yield OnPostgresql(world, folder / "ws", url, examiner, administrator, operator, case)


@dataclass(frozen=True, slots=True)
class Several:
    """The running processes."""

    first: subprocess.Popen[str]
    port: int

    def serving(self) -> list[int]:
        """Return the processes that serve, in the order of their numbers; one that is being replaced is missing."""
        found: dict[int, int] = {}
        for children in Path(f"/proc/{self.first.pid}/task").glob("*/children"):
            for child in children.read_text().split():
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if b"--listener" in words:
                    found[int(words[words.index(b"--process") + 1])] = int(child)
        return [found[number] for number in sorted(found)]

    @contextmanager
    def only(self, number: int) -> Iterator[None]:
        """Let only one of the processes answer, from 0."""
        others = [process for place, process in enumerate(self.serving()) if place != number]
        for process in others:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in others:
                os.kill(process, signal.SIGCONT)

    def browser(self, cookies: dict[str, str] | None = None) -> httpx.Client:
        """Return a browser that opens a connection for each request, so that any process may answer."""
        each = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(
            base_url=f"http://localhost:{self.port}", cookies=dict(cookies or {}), timeout=PATIENCE, limits=each
        )


@contextmanager
def several(
    workspace: OnPostgresql,
    *,
    processes: int = 2,
    worker: bool = False,
    errors: IO[bytes] | None = None,
    **settings: str,
) -> Iterator[Several]:
    """Run ``lineament serve --processes`` and wait until it tells its service manager that it is ready."""
    beside = "--worker" if worker else "--no-worker"
    line = command(workspace.home, "serve", "--port", "0", "--processes", str(processes), beside)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = workspace.home.parent / "notify"
        manager.bind(str(address))
        manager.settimeout(PATIENCE)
        environment = workspace.environment | settings | {"NOTIFY_SOCKET": str(address)}
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as first:
            try:
                assert first.stdout is not None
                port = re.search(r":(\d+)/", first.stdout.readline())
                assert port is not None
                assert manager.recv(100) == READY
                yield Several(first, int(port[1]))
            finally:
                first.terminate()
                first.wait(PATIENCE)
                address.unlink()


def until(state: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < end
        time.sleep(0.05)


def form_of(browser: httpx.Client, address: str) -> str:
    """Return the token of the forms on a page."""
    page = browser.get(address)
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None, (page.status_code, page.text)
    return found[1]


def send(browser: httpx.Client, address: str, **form: str) -> httpx.Response:
    """Send the form on a page."""
    return browser.post(address, data={"csrf": form_of(browser, address), **form})


def enter_password(browser: httpx.Client, person: Person) -> None:
    """Sign in with the password; the second factor is still missing."""
    answer = send(browser, "/sign-in", email=person.account.email, password=PASSWORD)
    assert answer.status_code == 303, answer.text


def is_ready(port: int) -> bool:
    """Return whether a process at the port is ready."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
