"""How many bytes a request may have: each route says, and whoever sends more is refused while it sends."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_JSON = 2**20
"""Most bytes of a request in JSON."""


@dataclass(slots=True)
class BodyAllowance:
    """How many bytes the request at hand may have; its route may raise it before the body is read."""

    most: int = MOST_JSON


class CappedBodies:
    """Refuses bodies that are too large: before a byte is read if the request says so, else as soon as it shows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowance, arrived = BodyAllowance(), 0
        scope.setdefault("state", {})["body"] = allowance
        stated = Headers(scope=scope).get("content-length", "")

        async def receive_capped() -> Message:
            nonlocal arrived
            if stated.isdecimal() and int(stated[:20]) > allowance.most:
                raise HTTPException(413)
            message = await receive()
            if message["type"] == "http.request":
                arrived += len(message.get("body", b""))
                if arrived > allowance.most:
                    raise HTTPException(413)
            return message

        await self._app(scope, receive_capped, send)


def allow(scope: Scope, most: int) -> None:
    """Let the body of a request have so many bytes."""
    allowance: BodyAllowance = scope["state"]["body"]
    allowance.most = most
