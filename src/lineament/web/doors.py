"""What is open before signing in, and the start-up link: where requests come from, and how many may come."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from lineament.errors import NotSignedIn, TooManyAttempts
from lineament.services.people.callers import Caller
from lineament.services.people.devices import KNOWN_FOR, MOST
from lineament.services.people.rate_limits import RateLimits
from lineament.web.security import BrowserSession, SiteAddress, TokenSessions

DOORS = ("/sign-in", "/join/", "/transparency")
"""The beginnings of the paths that are open before signing in, apart from style sheets and scripts."""

DEVICE_COOKIE = "device"
"""The cookie of a browser in which people signed in with everything that is asked: the key of each, newest first."""

SLOWED_SECONDS = 1.0
"""How long a client that comes back without waiting has to wait for its next refusal; the wait takes no thread."""

_BETWEEN = "."
_LONGEST = 100  # characters of one key
_MOST_REFUSED = 20_000


def caller_of(site: SiteAddress, connection: HTTPConnection) -> Caller:
    """Return where a request comes from."""
    peer = connection.client.host if connection.client is not None else ""
    return Caller(client=site.client(connection.headers, peer), devices=_devices(site, connection))


def remember_device(site: SiteAddress, connection: HTTPConnection, response: Response, key: str) -> None:
    """Add the key of a device that an account knows from now on to the browser's cookie."""
    kept = _BETWEEN.join((key, *_devices(site, connection))[:MOST])
    seconds = int(KNOWN_FOR.total_seconds())
    site.set_cookie(response, connection.headers, kept, DEVICE_COOKIE, seconds=seconds)


def _devices(site: SiteAddress, connection: HTTPConnection) -> tuple[str, ...]:
    cookie = connection.cookies.get(site.cookie_name(connection.headers, DEVICE_COOKIE), "")
    return tuple(key for key in cookie[: MOST * _LONGEST].split(_BETWEEN)[:MOST] if 0 < len(key) < _LONGEST)


class Doors:
    """Stands before the application: counts requests before sign-in, and takes the start-up link."""

    def __init__(
        self, site: SiteAddress, sessions: TokenSessions, limits: RateLimits, solo: Callable[[], bool]
    ) -> None:
        self._site = site
        self._sessions = sessions
        self._limits = limits
        self._solo = solo
        self._refused: OrderedDict[str, float] = OrderedDict()  # until when a client was asked to wait

    async def enter(self, scope: Scope) -> Response | None:
        """Count a request for one of the DOORS, and answer ``/?token=…`` as ``lineament serve`` prints it.

        The answer sets the cookie of a session and leads to the address without the token; None for any other request.
        Raises TooManyAttempts, or NotSignedIn if the token is wrong or was used. The token is for a workspace of one
        person, on the machine itself; elsewhere it opens nothing.
        """
        if scope["path"].startswith(DOORS):
            await self._visit(caller_of(self._site, HTTPConnection(scope)), form=scope["method"] == "POST")
        if scope["path"] != "/" or scope["method"] != "GET":
            return None
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        return await self._with_token(HTTPConnection(scope), tokens[0]) if tokens else None

    async def _visit(self, caller: Caller, *, form: bool) -> None:
        """Count a request. Raises TooManyAttempts: at once, or a second later if the client did not wait a second."""
        try:
            if self._limits.shared:
                await run_in_threadpool(self._count, caller, form=form)
            else:
                self._count(caller, form=form)
        except TooManyAttempts:
            now = asyncio.get_running_loop().time()
            hasty = now < self._refused.pop(caller.client, 0.0)
            self._refused[caller.client] = now + SLOWED_SECONDS
            if len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)
            if hasty:
                await asyncio.sleep(SLOWED_SECONDS)
            raise

    def _count(self, caller: Caller, *, form: bool) -> None:
        self._limits.visit(caller)
        if form:
            self._limits.refuse_early(caller)

    async def _with_token(self, connection: HTTPConnection, untrusted_token: str) -> Response:
        site, headers = self._site, Headers(scope=connection.scope)
        caller = caller_of(site, connection)
        await self._visit(caller, form=False)
        response = RedirectResponse("/", status_code=303)
        if site.is_public(headers) or not await run_in_threadpool(self._solo):
            return response
        if self._sessions.find(connection.cookies.get(site.cookie_name(headers))) is not None:
            return response
        session = await run_in_threadpool(self._admit, caller, untrusted_token)
        site.set_cookie(response, headers, session.key)
        return response

    def _admit(self, caller: Caller, untrusted_token: str) -> BrowserSession:
        with self._limits.attempt(caller, NotSignedIn):
            session = self._sessions.admit(untrusted_token)
            if session is None:
                raise NotSignedIn
            return session
