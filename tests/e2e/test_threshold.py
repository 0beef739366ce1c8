"""The page of the threshold in a browser: one operator proposes, another approves, and everybody can use the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, ConsoleLog, close_context
from tests.support.samples import evidence_of
from tests.support.serving import ServedWorld, serving_officials
from tests.support.world import Person

from lineament.model.accounts import Role

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
REASON = "children who were in the gallery were not listed"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServedWorld]:
    with serving_officials(tmp_path / "ws") as site:
        yield site


def propose(site: ServedWorld, person: Person, strangers: float) -> None:
    desk = site.world.fresh_desk(person.account)
    before = desk.proposals.in_force().threshold.strangers
    evidence = evidence_of(site.world.workspace.pack.model, before, strangers)
    desk.proposals.propose_threshold(strangers, REASON, evidence)


def browser_of(
    chromium: Browser, site: ServedWorld, person: Person, width: int = 1366, scheme: Literal["light", "dark"] = "light"
) -> BrowserContext:
    """Return the browser of somebody who signed in."""
    context = chromium.new_context(
        viewport={"width": width, "height": 768}, base_url=site.url, color_scheme=scheme, locale="en"
    )
    with site.signed_in(person) as client:
        context.add_cookies(
            [{"name": each.name, "value": each.value or "", "url": site.url} for each in client.cookies.jar]
        )
    return context


def test_a_change_is_approved_by_keyboard(chromium: Browser, site: ServedWorld) -> None:
    olga = site.world.sign_up_with_app("olga@home.example", Role.OPERATOR)
    otto = site.world.sign_up_with_app("otto@home.example", Role.OPERATOR)
    propose(site, olga, 0.5)
    context = browser_of(chromium, site, otto)
    console = ConsoleLog(context)
    page = context.new_page()
    page.goto("/")
    waiting = page.get_by_role("region", name="Waiting for you")
    expect(waiting).to_contain_text("1 change waits for your decision")
    waiting.get_by_role("link", name="Decide").press("Enter")
    expect(page.get_by_role("heading", name="Change 1: a threshold with 0.5 strangers expected")).to_be_visible()
    table = page.get_by_role("table").first
    expect(table.get_by_role("row", name="women under 30")).to_contain_text("3.00 %")
    expect(table.get_by_role("row", name="men over 60")).to_contain_text("12 people who are enrolled, 30 needed")
    page.get_by_role("button", name="Decline change 1").press("Enter")
    expect(page).to_have_url(f"{site.url}/threshold")  # the browser asks for the reason
    page.get_by_label("Why it is right").fill("the figures hold for every group")
    page.get_by_role("button", name="Approve change 1").press("Enter")
    expect(page.get_by_role("heading", name="Earlier changes")).to_be_visible()
    expect(page.get_by_role("region", name="In force")).to_contain_text("0.5 strangers expected")
    expect(page.get_by_role("region", name="In force")).to_contain_text("proposed by olga and approved by otto")
    assert site.world.desk(otto.account).proposals.in_force().threshold.strangers == 0.5
    page.get_by_text("Both signed statements").press("Enter")
    expect(page.get_by_text("lineament-change-made/1")).to_be_visible()
    close_context(context)
    assert console.messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_the_page_is_accessible(
    chromium: Browser, site: ServedWorld, scheme: Literal["light", "dark"], width: int
) -> None:
    olga = site.world.sign_up_with_app("olga@home.example", Role.OPERATOR)
    otto = site.world.sign_up_with_app("otto@home.example", Role.OPERATOR)
    propose(site, otto, 1)
    site.world.fresh_desk(olga.account).proposals.approve(1)
    propose(site, olga, 0.5)
    propose(site, otto, 2)
    propose(site, otto, 3)
    context = browser_of(chromium, site, olga, width, scheme)
    page = context.new_page()
    faults = []
    for address in ("/", "/threshold"):
        page.goto(address)
        faults += [f"{address} {fault}" for fault in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{address} is wider than the screen")
    close_context(context)
    assert faults == []
