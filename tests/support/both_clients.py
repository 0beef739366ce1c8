"""The client that waits and the one that awaits, called alike, so that each test is of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, cast

import httpx

from lineament.client import AsyncClient, Client, Patience

WORLDS = ("waits", "awaits")
HASTE = Patience(first=0.0)


class Awaited:
    """Calls what is awaited, and waits for it."""

    def __init__(self, inner: object, runner: asyncio.Runner) -> None:
        self._inner, self._runner = inner, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._called(found) if callable(found) else Awaited(found, self._runner)

    def _called(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> Any:
            came = method(*arguments, **named)
            if isinstance(came, AsyncIterator):
                return self._each(came)
            return self._runner.run(_awaited(came))

        return call

    def _each(self, came: AsyncIterator[Any]) -> Iterator[Any]:
        end = object()
        while (item := self._runner.run(_awaited(anext(came, end)))) is not end:
            yield item


async def _awaited(came: Any) -> Any:
    return await came if isawaitable(came) else came


@contextmanager
def client_of(
    world: str,
    key: str,
    *,
    url: str = "http://127.0.0.1",
    transport: Any = None,
    patience: Patience = HASTE,
) -> Iterator[Client]:
    """Yield a client of one of WORLDS, whose methods return values in both."""
    if world == "waits":
        with Client(url, key, patience=patience, transport=transport) as client:
            yield client
    else:
        with asyncio.Runner() as runner:
            inner = AsyncClient(url, key, patience=patience, transport=transport)
            yield cast("Client", Awaited(inner, runner))
            runner.run(inner.close())


def answering(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """Return a transport that gives these answers in their order, and the requests that it was sent."""
    waiting, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = waiting.pop(0)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)  # each is read once

    return httpx.MockTransport(answer), asked
