"""Whether the process lives, and whether it can serve: for whoever starts, restarts and balances it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from lineament.model.accounts import Permission
from lineament.web.pages import Pages

HEALTH = ("/healthz", "/readyz")
"""The addresses that say how the process stands."""
KEPT_SECONDS = 1.0
"""How long an answer counts: however many ask, the store is looked at once a second."""
STOPPING = "stopping"
"""The code of a process that was asked to end."""


class Readiness:
    """Knows whether requests can be answered now; one look at the store serves everybody who asks meanwhile."""

    def __init__(self, look: Callable[[], str | None]) -> None:
        """``look`` returns the code of what stands against it, or None; it may take a while, and does not raise."""
        self._look = look
        self._found: tuple[float, str | None] | None = None
        self._looking: asyncio.Task[str | None] | None = None
        self.stopping = False

    async def code(self) -> str | None:
        """Return the code of what stands against serving; None if nothing does."""
        if self.stopping:
            return STOPPING
        if self._found is not None and time.monotonic() - self._found[0] < KEPT_SECONDS:
            return self._found[1]
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again())
        return await asyncio.shield(self._looking)

    async def _look_again(self) -> str | None:
        try:
            found = await run_in_threadpool(self._look)
            self._found = (time.monotonic(), found)
            return found
        finally:
            self._looking = None


pages = Pages()


@pages.page("/healthz", access=Permission.PUBLIC)
async def healthz() -> Response:
    """Whether the process answers; nothing is looked at."""
    return PlainTextResponse("alive\n")


@pages.page("/readyz", access=Permission.PUBLIC)
async def readyz(request: Request) -> Response:
    """Whether requests can be answered: 200, or 503 with the code of what stands against it."""
    readiness: Readiness = request.app.state.readiness
    code = await readiness.code()
    return PlainTextResponse("ready\n") if code is None else PlainTextResponse(f"{code}\n", status_code=503)
