"""Sends the requests of programs to the API, and all others to the pages."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from lineament.web.doors import caller_of
from lineament.web.security import SiteAddress

FOR_PROGRAMS = ("/v1/", "/compat/")
"""The beginnings of the addresses of the API."""


def is_for_programs(path: str) -> bool:
    """Return whether an address is one of the API."""
    return path.startswith(FOR_PROGRAMS)


class Gateway:
    """Stands before the pages, and tells the API where a request comes from."""

    def __init__(self, app: ASGIApp, *, api: ASGIApp, site: SiteAddress) -> None:
        self._pages, self._api, self._site = app, api, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_for_programs(scope["path"]):
            await self._pages(scope, receive, send)
            return
        scope.setdefault("state", {})["client"] = caller_of(self._site, HTTPConnection(scope)).client
        await self._api(scope, receive, send)
