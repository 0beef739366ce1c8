"""The two ways to follow steps: a thread waits, or a task awaits. All that differs between the two clients is here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from lineament.client.problems import ClientError, UnexpectedAnswer, Unreachable
from lineament.client.requests import Answer, Request
from lineament.client.steps import (
    Aside,
    Ask,
    Hear,
    Listen,
    Patience,
    Pause,
    Send,
    Step,
    Steps,
    Tell,
    Telling,
    Walk,
    exchange,
)

T = TypeVar("T")

MOST_BYTES = 2**30
"""Most bytes of an answer."""
SECONDS_TO_CONNECT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What both transports need: where the server is, and how to talk to it."""

    url: str
    key: str = field(repr=False)
    timeout: float  # seconds without a byte
    patience: Patience

    @property
    def options(self) -> dict[str, Any]:
        """What httpx needs of it. A redirect is never followed: it would take the key elsewhere."""
        return {
            "base_url": self.url,
            "headers": {"authorization": f"Bearer {self.key}", "user-agent": "lineament-client"},
            "timeout": httpx.Timeout(self.timeout, connect=min(SECONDS_TO_CONNECT, self.timeout)),
            "follow_redirects": False,
            "trust_env": urlsplit(self.url).scheme == "https",  # a proxy would read what is sent over http
        }

    def failed(self, error: ClientError | httpx.RequestError) -> ClientError:
        """Return what went wrong in words of this client."""
        if isinstance(error, ClientError):
            return error
        found: ClientError = Unreachable(f"{self.url} did not answer: {str(error) or type(error).__name__}")
        if isinstance(error, httpx.DecodingError):
            found = UnexpectedAnswer("the answer is not compressed as its header says")
        found.__cause__ = error
        return found


class WaitingTransport:
    """Follows steps in a thread that waits."""

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None) -> None:
        self._connection = connection
        self._http = httpx.Client(transport=transport, **connection.options)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def perform(self, steps: Steps[T]) -> T:
        """Follow steps to their result."""
        walk: Walk[T] = Walk(steps)
        for _ in self._follow(walk):
            raise TypeError("these steps tell items; iterate over them")
        return walk.result

    def iterate(self, steps: Telling[T]) -> Iterator[T]:
        """Follow steps, and yield what they tell."""
        return self._follow(Walk(steps))

    def _follow(self, walk: Walk[Any]) -> Iterator[Any]:
        with ExitStack() as listening:
            while (step := walk.step) is not None:
                try:
                    if isinstance(step, Tell):
                        came = yield step.item
                    else:
                        came = self._do(step, listening)
                except (ClientError, httpx.RequestError) as error:
                    walk.fail(self._connection.failed(error))
                else:
                    walk.give(came)

    def _do(self, step: Step, listening: ExitStack) -> Any:
        match step:
            case Ask(request):
                return self.perform(exchange(request, self._connection.patience))
            case Send(request):
                with self._http.stream(**_sent(request)) as response:
                    return _answer(response, _read(response))
            case Listen(request):
                listening.close()
                response = listening.enter_context(self._http.stream(**_sent(request)))
                more = response.iter_bytes() if response.is_success else None
                return _answer(response, b"" if more else _read(response), more)
            case Hear(answer):
                return next(answer.more, None)
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Aside(act):
                return act()


class AwaitingTransport:
    """Follows steps in a task of asyncio."""

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None) -> None:
        self._connection = connection
        self._http = httpx.AsyncClient(transport=transport, **connection.options)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def perform(self, steps: Steps[T]) -> T:
        """Follow steps to their result."""
        walk: Walk[T] = Walk(steps)
        async for _ in self._follow(walk):
            raise TypeError("these steps tell items; iterate over them")
        return walk.result

    def iterate(self, steps: Telling[T]) -> AsyncIterator[T]:
        """Follow steps, and yield what they tell."""
        return self._follow(Walk(steps))

    async def _follow(self, walk: Walk[Any]) -> AsyncIterator[Any]:
        async with AsyncExitStack() as listening:
            while (step := walk.step) is not None:
                try:
                    if isinstance(step, Tell):
                        came = yield step.item
                    else:
                        came = await self._do(step, listening)
                except (ClientError, httpx.RequestError) as error:
                    walk.fail(self._connection.failed(error))
                else:
                    walk.give(came)

    async def _do(self, step: Step, listening: AsyncExitStack) -> Any:
        match step:
            case Ask(request):
                return await self.perform(exchange(request, self._connection.patience))
            case Send(request):
                async with self._http.stream(**_sent(request)) as response:
                    return _answer(response, await _read_async(response))
            case Listen(request):
                await listening.aclose()
                response = await listening.enter_async_context(self._http.stream(**_sent(request)))
                more = response.aiter_bytes() if response.is_success else None
                return _answer(response, b"" if more else await _read_async(response), more)
            case Hear(answer):
                return await anext(answer.more, None)
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Aside(act):
                return await asyncio.to_thread(act)


def _sent(request: Request[Any]) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query) or None,
        "headers": dict(request.headers),
        "content": request.body,
    }


def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        _add(body, part)
    return bytes(body)


async def _read_async(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        _add(body, part)
    return bytes(body)


def _add(body: bytearray, part: bytes) -> None:
    body += part
    if len(body) > MOST_BYTES:
        raise UnexpectedAnswer(f"the answer has more than {MOST_BYTES:,} bytes")


def _answer(response: httpx.Response, body: bytes, more: Any = None) -> Answer:
    return Answer(status=response.status_code, headers=dict(response.headers.items()), body=body, more=more)
