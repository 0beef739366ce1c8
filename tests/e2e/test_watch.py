"""A watch in Chromium: kept, fired by a new ingest, seen, ended; and the web hooks of an agency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.clock import TICK, Clock
from tests.support.looks import faults, faults_shown
from tests.support.serving import Served, serving
from tests.support.watched import OTHERS, SAME, add_source, compare, enrol
from tests.support.world import CASE, PROBE, World, solo

from lineament.model.search import ProbeKind
from lineament.web.addresses import case_address, probe_address

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


@dataclass(frozen=True, slots=True)
class Watched:
    """A case with a photograph, in a workspace that is served."""

    world: World
    served: Served
    case: str  # its address
    probe: str  # its address


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    clock = Clock(datetime.now(UTC), tick=TICK)
    with solo(tmp_path_factory.mktemp("watch") / "ws", clock) as world, serving(world.workspace) as served:
        add_source(world)
        enrol(world, "ardern-2018.jpg")
        case = world.machine.casework.open(CASE)
        probe = world.machine.probes.take(case.key, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        yield Watched(world, served, case_address(case.key), probe_address(probe.id))


@pytest.fixture
def page(watched: Watched, chromium: Browser) -> Iterator[Page]:
    with silent_page(chromium, watched.served, unless=lambda text: "Failed to load resource" in text) as page:
        yield page


def keep(page: Page, watched: Watched, last: str) -> None:
    """Keep the face of the photograph on watch, by the keyboard."""
    page.goto(watched.probe)
    page.get_by_role("link", name="keep a face on watch").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep a face on watch")
    page.get_by_label("Why is this face kept on watch?").fill("missing since Monday")
    page.get_by_label("Last day").fill(last)
    page.get_by_label("Last day").press("Enter")


def test_a_watch_that_fires_on_a_new_ingest_is_told_and_seen(watched: Watched, page: Page) -> None:
    today = watched.world.today
    page.goto(f"{watched.probe}/watch")
    assert faults_shown(page, door=False) == []
    keep(page, watched, "2001-01-01")
    expect(page.get_by_role("alert")).to_contain_text("it is over")
    expect(page.get_by_label("Why is this face kept on watch?")).to_have_value("missing since Monday")
    page.get_by_label("Last day").fill(str(today + timedelta(days=10)))
    page.get_by_role("button", name="Keep on watch").press("Enter")
    expect(page).to_have_url(f"{watched.served.url}{watched.case}/watches")
    expect(page.locator(".watch")).to_contain_text("It has found nothing.")
    expect(page.locator(".watch")).to_contain_text("10 days left")

    enrol(watched.world, *OTHERS, SAME)
    assert compare(watched.world) == 1
    page.goto("/")
    fired = page.get_by_role("region", name="Watches that fired")
    expect(fired).to_contain_text("1 new candidate")
    assert faults_shown(page, door=False) == []
    page.goto(f"{watched.case}/watches")
    expect(page.locator(".watch")).to_contain_text("3 new faces compared")
    assert faults_shown(page, door=False) == []

    page.goto("/")
    fired.get_by_role("button", name="Open the list").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 candidate among 3 new faces")
    page.get_by_text("The record of this search").click()
    expect(page.locator("details.record")).to_contain_text("a watch fired")
    assert faults_shown(page, door=False) == []
    page.goto("/")
    expect(fired).to_have_count(0)
    page.goto(f"{watched.case}/watches")
    expect(page.locator(".watch")).to_contain_text("seen")
    page.get_by_role("button", name="End this watch").press("Enter")
    expect(page.locator(".watch")).to_contain_text("ended")
    expect(page.get_by_role("button", name="End this watch")).to_have_count(0)


def test_a_watch_that_has_expired_does_not_fire(watched: Watched, page: Page) -> None:
    keep(page, watched, str(watched.world.today))
    expect(page.locator(".watch")).to_contain_text("0 days left")
    watched.world.clock.advance(days=1)
    enrol(watched.world, SAME)
    assert compare(watched.world) == 0
    page.goto(f"{watched.case}/watches")
    expect(page.get_by_role("heading", name="Over")).to_be_visible()
    expect(page.locator(".watch")).to_contain_text("expired")
    expect(page.locator(".watch")).to_contain_text("It has found nothing.")


def test_a_watch_that_is_held_says_why(watched: Watched, page: Page) -> None:
    keep(page, watched, str(watched.world.today + timedelta(days=3)))
    expect(page.locator(".watch")).to_contain_text("3 days left")
    watched.world.machine.stops.stop_everything("an audit")
    enrol(watched.world, SAME)
    compare(watched.world)
    page.goto(f"{watched.case}/watches")
    expect(page.locator(".watch")).to_contain_text("It does not compare now")
    expect(page.locator(".watch")).to_contain_text("held 1 time")
    assert faults_shown(page, door=False) == []


def test_web_hooks_are_added_tested_and_removed(watched: Watched, page: Page) -> None:
    assert faults(page, "/web-hooks", door=False) == []
    page.get_by_label("Address").fill("http://hooks.agency.example/")
    page.get_by_role("button", name="Add the web hook").click()
    expect(page.get_by_role("alert")).to_contain_text("https://")
    page.get_by_label("Address").fill("https://127.0.0.1:1/hook")
    page.get_by_role("button", name="Add the web hook").click()
    expect(page.get_by_label("Secret")).to_have_value(page.get_by_label("Secret").input_value())
    assert page.get_by_label("Secret").input_value().startswith("whsec_")
    assert faults_shown(page, door=False) == []
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Send a test").press("Enter")
    expect(page.get_by_role("row").nth(1)).to_contain_text("waiting")
    compare(watched.world)
    page.goto("/web-hooks")
    expect(page.get_by_role("row").nth(1)).to_contain_text("waiting")
    expect(page.get_by_role("row").nth(1)).to_contain_text("not allowed")
    assert faults_shown(page, door=False) == []
    page.get_by_role("button", name="Remove").press("Enter")
    expect(page.get_by_role("heading", name="No web hook yet")).to_be_visible()
