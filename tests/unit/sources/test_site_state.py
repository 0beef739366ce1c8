"""Whose turn it is in a crawl, and what it remembers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lineament.sources.crawl.answers import rest
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.queue import GIVEN_UP, Queue
from lineament.sources.crawl.rows import Kind, New, State, Why, pattern
from lineament.sources.crawl.state import SiteState

CRAWL = Crawl(begin=("http://a.test/",), hosts=("a.test", "b.test"), contact="a@b.example", delay=0.0)
RESERVED = Why(kind="reserved", text="meta robots: noai")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SiteState]:
    made = SiteState(KeptCrawl(tmp_path, bytes(32)), write=True)
    made.begin(0.0)
    yield made
    made.close()


def fill(state: SiteState, *urls: str, kind: Kind = Kind.PAGE) -> None:
    for url in urls:
        state.add(New(url=f"http://{url}", host=url.partition("/")[0], kind=kind), alike=100)


def test_hosts_take_turns_and_each_is_asked_one_thing_at_a_time(state: SiteState) -> None:
    fill(state, "a.test/1", "a.test/2", "b.test/1")
    queue = Queue(state, CRAWL)
    first, second = queue.next(), queue.next()
    assert first is not None
    assert second is not None
    assert {first.host, second.host} == {"a.test", "b.test"}
    assert queue.next() is None
    state.done(first)
    queue.came_back(first.host, failed=False)
    third = queue.next()
    assert (third.url if third else None) == ("http://a.test/2" if first.host == "a.test" else None)


def test_a_host_that_rests_is_not_asked_even_by_the_next_process(state: SiteState) -> None:
    fill(state, "a.test/1", "a.test/2")
    queue = Queue(state, CRAWL)
    ask = queue.next()
    assert ask is not None
    state.done(ask)
    queue.came_back("a.test", failed=False, rest=100.0)
    assert queue.next() is None
    assert queue.has_more()
    assert Queue(state, CRAWL).next() is None


def test_a_host_that_fails_again_and_again_is_given_up(state: SiteState, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(state, *(f"a.test/{one}" for one in range(GIVEN_UP + 5)))
    queue = Queue(state, CRAWL)
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    waits: list[float] = []
    for _ in range(GIVEN_UP):
        while (ask := queue.next()) is None:
            clock += 0.1
            waits[-1] += 0.1
        queue.came_back(ask.host, failed=True)
        waits.append(0.0)
    assert waits == sorted(waits[:-1]) + waits[-1:], "it is left alone for longer each time"
    assert list(queue.given_up) == ["a.test"]
    assert not queue.has_more()
    fill(state, "a.test/new")
    assert queue.next() is None


def test_what_a_host_wants_between_requests_is_kept_to(state: SiteState, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(state, "a.test/1", "a.test/2")
    queue = Queue(state, CRAWL)
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    queue.pace("a.test", 5.0)
    ask = queue.next()
    assert ask is not None
    state.done(ask)
    queue.came_back("a.test", failed=False)
    clock += 4.9
    assert queue.next() is None
    clock += 0.2
    assert queue.next() is not None


def test_pages_that_are_alike_are_limited_and_pictures_are_not(state: SiteState) -> None:
    for day in range(50):
        state.add(New(url=f"http://a.test/2024/{day}?b={day}&a=1", host="a.test"), alike=10)
        state.add(New(url=f"http://a.test/{day}.jpg", host="a.test", kind=Kind.PICTURE), alike=10)
    assert state.progress().waiting == 10 + 50
    assert pattern("http://a.test/2024/05/x?b=2&a=1") == pattern("http://a.test/1999/1/x?a=&b=99")
    assert pattern("http://a.test/a/1") != pattern("http://a.test/b/1")


def test_a_reservation_by_a_page_holds_until_that_page_lifts_it(state: SiteState) -> None:
    fill(state, "a.test/i.jpg", kind=Kind.PICTURE)
    state.reserve("http://a.test/i.jpg", "a.test", "http://a.test/b", RESERVED)
    state.end()
    state.begin(time.time() + 1)
    assert state.state_of("http://a.test/i.jpg") == State.RESERVED
    shown = New(url="http://a.test/i.jpg", host="a.test", kind=Kind.PICTURE, shown_by="http://a.test/other")
    state.add(shown, alike=1)
    assert state.state_of("http://a.test/i.jpg") == State.RESERVED
    state.add(New(url=shown.url, host="a.test", kind=Kind.PICTURE, shown_by="http://a.test/b"), alike=1)
    assert state.state_of("http://a.test/i.jpg") == State.WAITING


def test_a_refusal_is_told_once_a_run(state: SiteState) -> None:
    for _ in range(3):
        state.told("http://a.test/i.jpg", RESERVED)
    assert len(state.rows(0)) == 1
    state.end()
    state.begin(0.0)
    state.told("http://a.test/i.jpg", RESERVED)
    assert [row.number for row in state.rows(0)] == [1, 2]
    assert [row.number for row in state.rows(1)] == [2]


def test_what_is_not_written_together_is_not_written(state: SiteState) -> None:
    with suppress(RuntimeError), state.together():
        fill(state, "a.test/1")
        raise RuntimeError
    assert state.progress().waiting == 0


SAID = [("5", 5), ("0", 0), (None, 0), ("x", 0), ("-5", 0), ("9" * 50, 86400), ("٥", 0), ("1" * 5000, 86400)]
SAID += [("Wed, 21 Oct 2015 07:28:00 GMT", 0)]


@pytest.mark.parametrize(("said", "seconds"), SAID)
def test_retry_after(said: str | None, seconds: float) -> None:
    assert rest(said) == seconds
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    assert 97 < rest(later) <= 100
