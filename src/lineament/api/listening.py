"""Server-sent events: an answer that goes on, for as long as there is something to tell."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lineament.api import problems
from lineament.api.admission import Admission, Call
from lineament.errors import LineamentError, TooManyAttempts

MEDIA_TYPE = "text/event-stream"
MOST_LISTENERS = 100
"""Most answers of a process that go on at once."""
MOST_OF_KEY = 10
"""Most of them with one key."""
EVERY = 1.0
"""Seconds between two looks."""
HEARTBEAT = 15
"""Looks without news after which something is sent, so that nobody takes the connection for dead."""
STOPPING = "stopping"
"""The code of an end because the server ends."""
_TRY_AGAIN = 5


class Listeners:
    """Counts who listens; everything runs in the loop of the server."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        """``stopping`` returns whether the server ends."""
        self.stopping = stopping
        self._of_key: Counter[str] = Counter()

    def enter(self, key_id: str) -> None:
        """Count somebody. Raises TooManyAttempts if there are too many."""
        if self._of_key[key_id] >= MOST_OF_KEY:
            raise TooManyAttempts(why=f"{MOST_OF_KEY} answers with this key go on already", seconds=_TRY_AGAIN)
        if self._of_key.total() >= MOST_LISTENERS:
            raise TooManyAttempts(why=f"{MOST_LISTENERS} answers go on already", seconds=_TRY_AGAIN)
        self._of_key[key_id] += 1

    def leave(self, key_id: str) -> None:
        """Forget somebody."""
        self._of_key -= Counter([key_id])


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell now; the last of it ends the answer."""

    told: Mapping[str, Any]
    last: bool


class Listening(StreamingResponse):
    """Tells news as they come; between two looks it holds no thread.

    The key is checked again with each look: once it opens nothing, neither does the answer.
    """

    def __init__(self, request: Request, call: Call, look: Callable[[Call], News]) -> None:
        """``look`` returns the news, and raises a LineamentError if there is nothing more to see."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(self._events(), media_type=MEDIA_TYPE, headers=headers)
        self._admission: Admission = request.app.state.admission
        self._listeners: Listeners = request.app.state.listeners
        self._request, self._call, self._look = request, call, look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until there is nothing more to tell, the server ends, or nobody listens."""
        key_id = self._call.admitted.key.id
        try:
            self._listeners.enter(key_id)
        except TooManyAttempts as error:
            await problems.of_error(error)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._listeners.leave(key_id)

    async def _events(self) -> AsyncIterator[bytes]:
        told: Mapping[str, Any] | None = None
        silent = 0
        while not self._listeners.stopping():
            try:
                news = await run_in_threadpool(self._news)
            except LineamentError as error:
                yield _event("closed", {"code": error.code, "detail": str(error)})
                return
            silent += 1
            if news.told != told or news.last:
                yield _event("ended" if news.last else "progress", news.told)
                told, silent = news.told, 0
            elif silent >= HEARTBEAT:
                yield b": waiting\n\n"
                silent = 0
            if news.last:
                return
            await asyncio.sleep(EVERY)
        yield _event("closed", {"code": STOPPING, "detail": "The server ends; listen again in a moment."})

    def _news(self) -> News:
        return self._look(self._admission.again(self._call))


def _event(name: str, told: Mapping[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + problems.dumps(told) + b"\n\n"
