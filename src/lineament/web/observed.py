"""Times every request, counts it by the template of its address, and says in the log what failed or took long."""

from __future__ import annotations

import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.observe.logs import SLOW_SECONDS, facts
from lineament.observe.stages import NO_ROUTE, Fact, Stage, stage
from lineament.web.health import HEALTH

log = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"
"""The header of a failure that names its line in the log."""


class Observed:
    """Observes requests. Of an address only the template is told, of a client nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        known: dict[Fact, str] = {Fact.METHOD: scope["method"], Fact.STATUS: "500"}
        request, began = secrets.token_hex(8), time.perf_counter()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                known[Fact.STATUS] = str(message["status"])
                if message["status"] >= 500:
                    message["headers"] = [*message["headers"], (REQUEST_ID.encode(), request.encode())]
            await send(message)

        try:
            with stage(Stage.REQUEST, known):
                try:
                    await self._app(scope, receive, send_on)
                finally:
                    known[Fact.ROUTE] = str(getattr(scope.get("route"), "path", NO_ROUTE))
        finally:
            _note(request, known, time.perf_counter() - began)


def _note(request: str, known: dict[Fact, str], seconds: float) -> None:
    """Write a line if the request failed or took long."""
    failed = known[Fact.STATUS] >= "500"
    if failed or seconds >= SLOW_SECONDS:
        log.log(
            logging.ERROR if failed else logging.INFO,
            "a request failed" if failed else "a request took long",
            extra=facts(
                request=request,
                method=known[Fact.METHOD],
                route=known[Fact.ROUTE],
                status=int(known[Fact.STATUS]),
                ms=round(seconds * 1000, 1),
            ),
        )
