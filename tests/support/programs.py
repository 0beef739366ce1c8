"""Programs that call the API with a key, on the application itself, without a port."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.support.serving import TOKEN
from tests.support.world import World

from lineament.model.accounts import Account, Permission
from lineament.model.api_keys import KeyTerms, MadeKey
from lineament.services.people.api_keys import KeyEntrance
from lineament.testing import encoded
from lineament.web.app import create_app
from lineament.workspace import Desk, Workspace

RIGHTS = (
    Permission.READ_SOURCES,
    Permission.MANAGE_SOURCES,
    Permission.READ_CASES,
    Permission.OPEN_CASES,
    Permission.SEARCH,
)
"""What a program needs that fills a collection of faces and searches it."""
CALLER = ("127.0.0.1", 50000)
"""The network address and port from which a program calls."""
CASEWORK_RIGHTS = (
    Permission.READ_SOURCES,
    Permission.READ_CASES,
    Permission.TAKE_PART,
    Permission.OPEN_CASES,
    Permission.SEARCH,
    Permission.REVIEW,
)
"""The rights of a program that works on a case, from the photograph to the decision."""
UNBOUND_RIGHTS = (
    Permission.READ_SOURCES,
    Permission.MANAGE_SOURCES,
    Permission.READ_CASES,
    Permission.OPEN_CASES,
    Permission.READ_LEDGER,
)
"""The rights of a program that is bound to no case: it fills sources, opens cases and reads the ledger."""
FACELESS = encoded(Image.new("RGB", (300, 200), (90, 120, 90)), "JPEG")
"""A picture without a face."""


class InProcess(httpx.BaseTransport):
    """Passes requests to an application in this process, and waits for each answer."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._asgi = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, CALLER[1]))
        self._runner = asyncio.Runner()
        self._turn = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the whole answer to a request."""
        request.read()
        with self._turn:
            return self._runner.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def close(self) -> None:
        """End the loop in which the application ran."""
        self._runner.close()


def addresses(app: Starlette) -> list[tuple[str, str]]:
    """Return the methods and paths of an application; HEAD goes with GET."""
    routes = [route for route in app.routes if isinstance(route, Route)]
    return [(method, route.path) for route in routes for method in sorted(route.methods or ()) if method != "HEAD"]


@dataclass(slots=True)
class Program:
    """A program that has a key."""

    key: MadeKey
    client: httpx.Client = field(repr=False)

    def close(self) -> None:
        """Close its connections."""
        self.client.close()


def key_for(world: World, *rights: Permission, account: Account | None = None, **terms: Any) -> MadeKey:
    """Make a key for an account that showed its second factor just now, or for the person at the machine.

    ``terms`` are those of KeyTerms.
    """
    desk = world.machine if account is None else world.fresh_desk(account)
    given: dict[str, Any] = {"name": "a program", "days": 30, "per_minute": 6000}
    if Permission.SEARCH in rights:
        given["reason"] = "to find where it was published"
    return desk.api_keys.make(KeyTerms(rights=frozenset(rights), **given | terms))


def desk_of_key(workspace: Workspace, key: MadeKey) -> Desk:
    """Return the desk at which a program with a key acts."""
    entrance = KeyEntrance(workspace.desk_at_the_machine().record.everywhere)
    return workspace.desk(entrance.admit(key.text).official)


def caller(world: World, key: str | None = None, *, address: str = CALLER[0]) -> httpx.Client:
    """Return a client of the whole application, with the text of a key if there is one.

    Errors that the application does not expect are answered with 500, as a server does.
    """
    return httpx.Client(
        transport=InProcess(create_app(world.workspace, TOKEN), address),
        base_url="http://127.0.0.1",
        headers={} if key is None else {"authorization": f"Bearer {key}"},
    )


def program(world: World, *rights: Permission, account: Account | None = None, **terms: Any) -> Program:
    """Return a program with a new key that has these rights; the rest as in ``key_for``."""
    key = key_for(world, *rights, account=account, **terms)
    return Program(key, caller(world, key.text))
