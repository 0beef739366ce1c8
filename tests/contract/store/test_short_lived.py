"""What the processes of a workspace share for some minutes: counts of clients, and pages that answered a form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.clock import Clock
from tests.support.store_officials import in_the_tables

from lineament.errors import NoLongerShown, TooManyAttempts
from lineament.services.kept_pages import KEPT_SECONDS, PagesInStore
from lineament.services.people.windows import Limit, MemoryWindows, StoredWindows, Windows
from lineament.store.db import Store

LIMIT = Limit("failure", 3, 60, "too many failed")
OTHER = Limit("visit", 3, 60, "too many requests")
New = Callable[[], Windows]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["in memory", "in the store"])
def windows(request: pytest.FixtureRequest, clock: Clock, store: Store) -> Windows:
    return MemoryWindows(clock) if request.param == "in memory" else StoredWindows(store, clock)


def test_a_client_may_do_so_much_within_a_while(windows: Windows, clock: Clock) -> None:
    for _ in range(LIMIT.most):
        windows.count(LIMIT, "a")
        clock.advance(seconds=10)
    for refused in (windows.count, windows.require_left):
        with pytest.raises(TooManyAttempts) as found:
            refused(LIMIT, "a")
        assert found.value.seconds == 30  # until the first no longer counts
    windows.count(LIMIT, "b")
    windows.count(OTHER, "a")
    clock.advance(seconds=30)
    windows.require_left(LIMIT, "a")
    windows.count(LIMIT, "a")
    with pytest.raises(TooManyAttempts):
        windows.count(LIMIT, "a")


def test_what_is_taken_back_does_not_count(windows: Windows) -> None:
    counted = [windows.count(LIMIT, "a") for _ in range(LIMIT.most)]
    with pytest.raises(TooManyAttempts):
        windows.count(LIMIT, "a")
    windows.take_back(LIMIT, "a", counted[1])
    windows.count(LIMIT, "a")
    with pytest.raises(TooManyAttempts):
        windows.count(LIMIT, "a")


def test_processes_count_together(store: Store, clock: Clock) -> None:
    one, other = StoredWindows(store, clock), StoredWindows(store, clock)
    one.count(LIMIT, "100.64.0.1")
    other.count(LIMIT, "100.64.0.1")
    one.count(LIMIT, "100.64.0.1")
    for windows in (other, one):
        with pytest.raises(TooManyAttempts):
            windows.count(LIMIT, "100.64.0.1")
    assert b"100.64.0.1" not in in_the_tables(store)


def test_what_no_longer_counts_is_deleted(store: Store, clock: Clock) -> None:
    windows = StoredWindows(store, clock)
    for number in range(5):
        windows.count(LIMIT, str(number))
    clock.advance(seconds=61)
    windows.count(LIMIT, "new")
    with store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM client_counts").scalar() == 1


def test_a_page_is_kept_for_every_process_and_one_browser(store: Store, clock: Clock) -> None:
    token = PagesInStore(store, clock).keep("secret of a browser", b"<p>the link</p>", "default-src 'none'")
    other = PagesInStore(store, clock)
    page = other.find("secret of a browser", token)
    assert (page.html, page.policy) == (b"<p>the link</p>", "default-src 'none'")
    for owner, address in (("another browser", token), ("secret of a browser", "made up"), ("", "\udc80")):
        with pytest.raises(NoLongerShown):
            other.find(owner, address)
    stored = in_the_tables(store)
    assert not [word for word in (b"the link", b"secret of a browser", token.encode()) if word in stored]
    clock.advance(seconds=KEPT_SECONDS)
    with pytest.raises(NoLongerShown):
        other.find("secret of a browser", token)


def test_the_oldest_pages_make_room(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.services.kept_pages._MOST_STORED", 1000)
    pages, tokens = PagesInStore(store, clock), []
    for _ in range(4):
        tokens.append(pages.keep("owner", bytes(400)))
        clock.advance(seconds=1)
    assert [pages.find("owner", token).html for token in tokens[2:]] == [bytes(400)] * 2
    with pytest.raises(NoLongerShown):
        pages.find("owner", tokens[0])
