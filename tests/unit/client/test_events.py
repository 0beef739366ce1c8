"""Server-sent events, however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.client.events import MOST_BYTES, Event, EventParser
from lineament.client.problems import UnexpectedAnswer

STREAM = (
    ": a comment\n\nevent: progress\nid: 7\ndata: {“a”:\r\ndata: 1}\n\nretry: 5\ndata\n\nevent: end\n\ndata:x\n\n"
).encode()
EVENTS = [
    Event(kind="progress", data="{“a”:\n1}", id="7"),
    Event(kind="message", data="", id="7"),
    Event(kind="message", data="x", id="7"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_do_not_depend_on_how_they_arrive(cuts: list[int]) -> None:
    parser, places = EventParser(), [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[first:last] for first, last in itertools.pairwise(places)]
    assert [event for part in parts for event in parser.feed(part)] == EVENTS


@given(st.binary())
def test_no_bytes_break_it(content: bytes) -> None:
    events = list(EventParser().feed(content))
    assert len(events) <= content.count(b"\n")


@pytest.mark.parametrize("part", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_without_end_is_refused(part: bytes) -> None:
    parser = EventParser()
    parts = itertools.chain.from_iterable(parser.feed(part) for _ in range(MOST_BYTES // 900))
    with pytest.raises(UnexpectedAnswer):
        list(parts)
