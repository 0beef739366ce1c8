"""Programs that call the API with a key, on the application itself, without a port."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.support.serving import TOKEN
from tests.support.world import World

from lineament.model.accounts import Account, Permission
from lineament.model.api_keys import KeyTerms, MadeKey
from lineament.web.app import create_app

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


def key_for(
    world: World,
    *rights: Permission,
    account: Account | None = None,
    case: str | None = None,
    sources: tuple[str, ...] = (),
    signs: bool = False,
) -> MadeKey:
    """Make a key for an account that showed its second factor just now, or for the person at the machine."""
    desk = world.machine if account is None else world.fresh_desk(account)
    terms = KeyTerms(
        name="a program",
        rights=frozenset(rights),
        days=30,
        case=case,
        reason="to find where it was published" if Permission.SEARCH in rights else "",
        sources=sources,
        per_minute=6000,
        signs=signs,
    )
    return desk.api_keys.make(terms)


def caller(world: World, key: str | None = None, *, address: str = CALLER[0]) -> httpx.Client:
    """Return a client of the whole application, with the text of a key if there is one.

    Errors that the application does not expect are answered with 500, as a server does.
    """
    return httpx.Client(
        transport=InProcess(create_app(world.workspace, TOKEN), address),
        base_url="http://127.0.0.1",
        headers={} if key is None else {"authorization": f"Bearer {key}"},
    )


def program(
    world: World,
    *rights: Permission,
    account: Account | None = None,
    case: str | None = None,
    sources: tuple[str, ...] = (),
    signs: bool = False,
) -> Program:
    """Return a program with a new key that has these rights."""
    key = key_for(world, *rights, account=account, case=case, sources=sources, signs=signs)
    return Program(key, caller(world, key.text))
