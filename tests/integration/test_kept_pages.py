"""A page that answers a form has an address of its own: reloading it sends nothing, and only its browser sees it."""

from __future__ import annotations

import re
import time

import pytest
from tests.support.two_agencies import Pages

from lineament.errors import NoLongerShown
from lineament.services import kept_pages

pytestmark = pytest.mark.enable_socket
INVITATION = {"email": "nadia@a.example", "name": "Nadia", "role": "examiner"}


def invite(pages: Pages) -> str:
    """Invite somebody; return the address of the page with the link."""
    invited = pages.ask(pages.world.people["A administrator"], "POST", "/people", INVITATION)
    assert invited.status_code == 303
    return invited.headers["location"]


def test_a_reloaded_link_still_works(pages: Pages) -> None:
    administrator = pages.world.people["A administrator"]
    address = invite(pages)
    first, again = (pages.ask(administrator, "GET", address) for _ in range(2))
    pages.world.restore()
    assert first.status_code == 200
    assert again.text == first.text
    assert re.search(r"/join/[\w-]{40,}", first.text)
    assert '<svg role="img" aria-label="QR code"' in first.text
    assert first.headers["cache-control"] == "no-store"


def test_nobody_else_sees_it(pages: Pages) -> None:
    address = invite(pages)
    others = [pages.ask(person, "GET", address) for person in (pages.world.people["A examiner"], None)]
    pages.world.restore()
    assert [answer.status_code for answer in others] == [410, 410]
    assert all("/join/" not in answer.text for answer in others)


def test_it_is_gone_after_ten_minutes(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    address, later = invite(pages), time.monotonic() + kept_pages.KEPT_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    gone = pages.ask(pages.world.people["A administrator"], "GET", address)
    monkeypatch.undo()
    pages.world.restore()
    assert gone.status_code == 410
    assert "/join/" not in gone.text
    assert "ask again" in gone.text


def test_so_many_are_kept_and_no_more() -> None:
    kept = kept_pages.PagesInMemory()
    tokens = [kept.keep("owner", b"page") for _ in range(300)]
    assert kept.find("owner", tokens[-1]).html == b"page"
    with pytest.raises(NoLongerShown):
        kept.find("owner", tokens[0])


def test_large_pages_give_way_to_newer_ones() -> None:
    kept = kept_pages.PagesInMemory()
    tokens = [kept.keep("owner", bytes(2**24)) for _ in range(5)]
    assert len(kept.find("owner", tokens[1]).html) == 2**24
    with pytest.raises(NoLongerShown):
        kept.find("owner", tokens[0])


def test_a_check_of_the_ledger_is_not_repeated_by_a_reload(pages: Pages) -> None:
    auditor = pages.world.people["A auditor"]
    checked = pages.ask(auditor, "POST", "/ledger/check")
    shown = pages.ask(auditor, "GET", checked.headers["location"])
    pages.world.restore()
    assert checked.status_code == 303
    assert "sound" in shown.text
