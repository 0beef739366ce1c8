"""Sends requests below /compat/… to the application that speaks the language of their product."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class ByDialect:
    """Sends a request to the application whose prefix its address has, and all others to the API."""

    def __init__(self, api: ASGIApp, dialects: Mapping[str, ASGIApp]) -> None:
        self._api, self._dialects = api, dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        found = (app for prefix, app in self._dialects.items() if path == prefix or path.startswith(f"{prefix}/"))
        await next(found, self._api)(scope, receive, send)
