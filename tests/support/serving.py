"""The pages served for real, on a loopback port of their own."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from tests.support.world import PASSWORD, Person, World, officials

from lineament.web.security import TokenSessions
from lineament.web.serve import listening, server
from lineament.workspace import Workspace

TOKEN = "the-token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    workspace: Workspace
    url: str
    sessions: TokenSessions
    server: uvicorn.Server

    @property
    def entrance(self) -> str:
        """The address with the token that is good now, as ``lineament serve`` prints it."""
        return f"{self.url}/?token={self.sessions.token}"

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Yield a client that entered with the token."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            assert client.get(self.entrance).status_code == 303
            yield client

    def wait_until_idle(self) -> None:
        """Wait until every client is gone and whatever they had asked for is done."""
        state = self.server.server_state
        while state.connections or state.tasks:
            time.sleep(0.01)


@contextmanager
def serving(workspace: Workspace) -> Iterator[Served]:
    """Serve ``workspace`` until the end of the block."""
    listener = listening("127.0.0.1", 0)
    running = server(workspace, TOKEN)
    app = cast("FastAPI", running.config.app)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        yield Served(workspace, f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.sessions, running)
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


def token_in(html: str) -> str:
    """Return the CSRF token of a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found is not None
    return found[1]


# ---------------------------------------------------------------- pages where everybody signs in


@dataclass(frozen=True, slots=True)
class ServedWorld:
    """A running server of a workspace where everybody signs in."""

    world: World
    url: str

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    @contextmanager
    def browser(self, **headers: str) -> Iterator[httpx.Client]:
        """Yield a client at localhost without any cookie."""
        with httpx.Client(base_url=f"http://localhost:{self.port}", headers=headers, timeout=60) as client:
            yield client

    @contextmanager
    def signed_in(self, person: Person, *, second_factor: bool = True) -> Iterator[httpx.Client]:
        """Yield a client in which somebody signed in, with the password alone unless ``second_factor``."""
        with self.browser() as browser:
            assert send_form(browser, "/sign-in", email=person.account.email, password=PASSWORD).status_code == 303
            if second_factor:
                self.world.clock.advance(minutes=1)  # to a code that was not used
                answer = send_form(browser, "/second-factor", code=self.world.code(person))
                assert answer.status_code == 303, answer.text
            yield browser


@contextmanager
def serving_officials(home: Path, **settings: Any) -> Iterator[ServedWorld]:
    """Serve a new workspace where everybody signs in, until the end of the block."""
    with officials(home, **settings) as world, serving(world.workspace) as served:
        yield ServedWorld(world, served.url)


def send_form(browser: httpx.Client, address: str, to: str = "", **fields: str | list[str]) -> httpx.Response:
    """Open the page at ``address`` and send its form to ``to``, by default the page itself."""
    page = browser.get(address)
    assert page.status_code == 200, (page.status_code, page.headers, page.text)
    return answered(
        browser, browser.post(to or address.partition("?")[0], data={"csrf": token_in(page.text), **fields})
    )


def answered(browser: httpx.Client, sent: httpx.Response) -> httpx.Response:
    """Return the page that answers a form, which has an address of its own; any other response as it is."""
    address = sent.headers.get("location", "")
    return browser.get(address) if address.startswith("/answers/") else sent
