"""Following what changes: by server-sent events, and by asking again where they do not arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, TypeVar

from lineament.client.events import EventParser
from lineament.client.parsing import parsed
from lineament.client.problems import ClientError, UnexpectedAnswer
from lineament.client.requests import Answer, Request
from lineament.client.steps import Hear, Listen, Pause, Step, Tell, Telling, result

T = TypeVar("T")

EVERY = 2.0
"""Seconds between two questions where no events arrive."""
_MOST_FAILURES = 2
CLOSED = "closed"
"""The kind of an event after which none comes, though there may be more to tell later."""


def followed(now: Request[T], events: str | None, has_ended: Callable[[T], bool]) -> Telling[T]:
    """Tell a value whenever it has changed, until it has ended.

    ``now`` asks for the value; ``events`` is the address of its events, if it has one. Raises Problem once the value
    cannot be seen any more.
    """
    told: T | None = None
    failures = 0 if events else _MOST_FAILURES
    while True:
        if failures < _MOST_FAILURES and events:
            try:
                told = yield from _heard(replace(now, path=events, headers={"accept": "text/event-stream"}), told)
                failures = 0
            except ClientError:
                failures += 1
        value = yield from result(now)
        if value != told:
            told = value
            yield Tell(value)
        if has_ended(value):
            return
        yield Pause(EVERY)


def _heard(request: Request[T], told: T | None) -> Generator[Step | Tell[T], Any, T | None]:
    """Tell what events say, and return the last value that was told."""
    answer: Answer = yield Listen(request)
    answer.check()
    parser = EventParser()
    while (part := (yield Hear(answer))) is not None:
        for event in parser.feed(part):
            if event.kind == CLOSED:
                return told
            value = _value(request, event.data)
            if value != told:
                told = value
                yield Tell(value)
    return told


def _value(request: Request[T], data: str) -> T:
    try:
        found: T = parsed(request.kind, json.loads(data))
    except ValueError:
        raise UnexpectedAnswer("an event is not JSON") from None
    return found
