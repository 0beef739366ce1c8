"""Following what changes: by server-sent events, and by asking again where they do not arrive."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, TypeVar

from lineament.client.events import EventParser
from lineament.client.parsing import loaded, parsed
from lineament.client.problems import ClientError
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
            listening = replace(now, path=events, headers={"accept": "text/event-stream"})
            told, broke_off = yield from _heard(listening, told)
            failures = failures + 1 if broke_off else 0
        value = yield from result(now)
        if value != told:
            told = value
            yield Tell(value)
        if has_ended(value):
            return
        yield Pause(EVERY)


def _heard(request: Request[T], told: T | None) -> Generator[Step | Tell[T], Any, tuple[T | None, bool]]:
    """Tell what events say; return the last value that was told, and whether the events broke off."""
    try:
        answer: Answer = yield Listen(request)
        answer.check()
        parser = EventParser()
        while (part := (yield Hear(answer))) is not None:
            for event in parser.feed(part):
                if event.kind == CLOSED:
                    return told, False
                value: T = parsed(request.kind, loaded(event.data, "an event is not JSON"))
                if value != told:
                    told = value
                    yield Tell(value)
    except ClientError:
        return told, True
    return told, False
