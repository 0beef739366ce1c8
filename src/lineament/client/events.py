"""Server-sent events (WHATWG HTML): bytes in, events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lineament.client.problems import UnexpectedAnswer

MOST_BYTES = 2**20
"""Most bytes of one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that a server sent."""

    kind: str
    data: str
    id: str


class EventParser:
    """Takes the bytes of a stream as they come, and returns the events that are complete."""

    def __init__(self) -> None:
        self._waiting = b""
        self._kind = ""
        self._data: list[str] = []
        self._size = 0
        self._id = ""

    def feed(self, part: bytes) -> Iterator[Event]:
        """Yield the events that end within these bytes. Raises UnexpectedAnswer for one that is too large."""
        *lines, self._waiting = (self._waiting + part).split(b"\n")
        for line in lines:
            event = self._line(line.removesuffix(b"\r").decode(errors="replace"))
            if event is not None:
                yield event
        if len(self._waiting) > MOST_BYTES:
            raise UnexpectedAnswer(f"an event has more than {MOST_BYTES:,} bytes")

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._size += len(value)
            if self._size > MOST_BYTES:
                raise UnexpectedAnswer(f"an event has more than {MOST_BYTES:,} bytes")
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _ended(self) -> Event | None:
        data, kind = self._data, self._kind
        self._data, self._kind, self._size = [], "", 0
        return Event(kind=kind or "message", data="\n".join(data), id=self._id) if data else None
