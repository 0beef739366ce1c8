"""The queue of a crawl, and what a crawl remembers."""

from __future__ import annotations

import time
from contextlib import suppress

from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.queue import SOON, CrawlQueue
from lineament.sources.crawl.rows import AddressKind, AddressState, NewAddress, RefusalReason, pattern
from lineament.sources.crawl.state import CrawlState
from lineament.sources.permission.policy import FAILED, GIVEN_UP, HostPolicy, RequestOutcome

CRAWL = Crawl(start=("http://a.test/",), hosts=("a.test", "b.test"), contact="a@b.example", delay=0.0)
RESERVED = RefusalReason(kind="reserved", text="meta robots: noai")


def fill(state: CrawlState, *urls: str, kind: AddressKind = AddressKind.PAGE) -> None:
    for url in urls:
        state.add(NewAddress(url=f"http://{url}", host=url.partition("/")[0], kind=kind), alike=100)


def queue_of(state: CrawlState, delay: float = 0.0) -> tuple[CrawlQueue, HostPolicy]:
    policy = HostPolicy(CRAWL.allowed(), delay)
    return CrawlQueue(state, policy), policy


def test_hosts_take_turns_and_each_is_asked_one_thing_at_a_time(state: CrawlState) -> None:
    fill(state, "a.test/1", "a.test/2", "b.test/1")
    queue, _ = queue_of(state)
    first, second = queue.next(), queue.next()
    assert first is not None
    assert second is not None
    assert {first.host, second.host} == {"a.test", "b.test"}
    assert queue.next() is None
    state.mark_answered(first)
    queue.came_back(first.host)
    third = queue.next()
    assert (third.url if third else None) == ("http://a.test/2" if first.host == "a.test" else None)


def test_a_host_that_rests_is_not_asked_even_by_the_next_process(state: CrawlState) -> None:
    fill(state, "a.test/1", "a.test/2")
    queue, policy = queue_of(state)
    ask = queue.next()
    assert ask is not None
    state.mark_answered(ask)
    policy.finish("a.test", RequestOutcome(failed=False, rest=100.0), time.time())
    queue.came_back("a.test")
    assert queue.next() is None
    assert queue.has_more()
    queue, policy = queue_of(state)
    assert queue.next() is None
    assert 90 < policy.wait("a.test", time.time()) <= 100


def test_a_host_that_is_given_up_is_left_out(state: CrawlState) -> None:
    fill(state, *(f"a.test/{number}" for number in range(GIVEN_UP + 5)))
    queue, policy = queue_of(state)
    for _ in range(GIVEN_UP):
        policy.finish("a.test", FAILED, 0.0)
    queue.came_back("a.test")
    assert list(queue.given_up) == ["a.test"]
    assert not queue.has_more()
    fill(state, "a.test/new")
    assert queue.next() is None


def test_a_host_that_may_be_asked_now_comes_before_one_that_may_be_asked_soon(state: CrawlState) -> None:
    fill(state, "a.test/1", "b.test/1")
    queue, policy = queue_of(state)
    now = time.time()
    policy.leave_alone("a.test", now + SOON - 1)
    asks = [queue.next(), queue.next()]
    assert [ask.host for ask in asks if ask is not None] == ["b.test", "a.test"]


def test_a_host_that_may_be_asked_much_later_waits_in_the_queue(state: CrawlState) -> None:
    fill(state, "a.test/1")
    queue, policy = queue_of(state)
    policy.leave_alone("a.test", time.time() + SOON + 60)
    assert queue.next() is None
    assert queue.has_more()


def test_pages_that_are_alike_are_limited_and_pictures_are_not(state: CrawlState) -> None:
    for day in range(50):
        state.add(NewAddress(url=f"http://a.test/2024/{day}?b={day}&a=1", host="a.test"), alike=10)
        state.add(NewAddress(url=f"http://a.test/{day}.jpg", host="a.test", kind=AddressKind.PICTURE), alike=10)
    assert state.progress().waiting == 10 + 50
    assert pattern("http://a.test/2024/05/x?b=2&a=1") == pattern("http://a.test/1999/1/x?a=&b=99")
    assert pattern("http://a.test/a/1") != pattern("http://a.test/b/1")


def test_a_reservation_by_a_page_holds_until_that_page_lifts_it(state: CrawlState) -> None:
    fill(state, "a.test/i.jpg", kind=AddressKind.PICTURE)
    state.reserve("http://a.test/i.jpg", "a.test", "http://a.test/b", RESERVED)
    state.end_run()
    state.start_run(time.time() + 1)
    assert state.state_of("http://a.test/i.jpg") == AddressState.RESERVED
    shown = NewAddress(
        url="http://a.test/i.jpg", host="a.test", kind=AddressKind.PICTURE, shown_by="http://a.test/other"
    )
    state.add(shown, alike=1)
    assert state.state_of("http://a.test/i.jpg") == AddressState.RESERVED
    state.add(NewAddress(url=shown.url, host="a.test", kind=AddressKind.PICTURE, shown_by="http://a.test/b"), alike=1)
    assert state.state_of("http://a.test/i.jpg") == AddressState.WAITING


def test_a_refusal_is_reported_once_a_run(state: CrawlState) -> None:
    for _ in range(3):
        state.report("http://a.test/i.jpg", RESERVED)
    assert len(state.rows(0)) == 1
    state.end_run()
    state.start_run(0.0)
    state.report("http://a.test/i.jpg", RESERVED)
    assert [row.number for row in state.rows(0)] == [1, 2]
    assert [row.number for row in state.rows(1)] == [2]


def test_a_failed_transaction_writes_nothing(state: CrawlState) -> None:
    with suppress(RuntimeError), state.transaction():
        fill(state, "a.test/1")
        raise RuntimeError
    assert state.progress().waiting == 0
