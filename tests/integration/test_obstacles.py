"""What stands against a search is said before anything is uploaded, with the way out; a stop is said on every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import lxml.html
import pytest
from tests.conftest import PORTRAITS
from tests.support.route_forms import age_sessions, stop_everything, withdraw_authorisation
from tests.support.two_agencies import Pages, TwoAgencies
from tests.support.world import SOURCE, trial

from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.services.gallery.answers import Filling
from lineament.services.gallery.indexes import Gallery
from lineament.services.people.stops import OPERATOR
from lineament.web.addresses import new_search_address, probe_address

pytestmark = pytest.mark.enable_socket


def authorisation_missing(world: TwoAgencies) -> None:
    withdraw_authorisation(world, {"ref": world.cases["A own"].key})


def agency_stopped(world: TwoAgencies) -> None:
    world.desk_of("A supervisor").stops.stop_agency("an inquiry")


def everything_stopped(world: TwoAgencies) -> None:
    stop_everything(world, {})


def licence_used(world: TwoAgencies) -> None:
    own = world.cases["A own"]
    request = SearchRequest(case=own.key, reason="in the month of this test", mode=Mode.INVESTIGATION)
    world.desk_of("A examiner").search.run(own.probe, request)
    name = world.texts["A"].agency
    world.desk_of("home operator").agencies.license(name, trial(world.today, seats=50, searches=1))


def untrained(world: TwoAgencies) -> None:
    world.train(world.people["A examiner"].account, days=-1)


def step_up_due(world: TwoAgencies) -> None:
    age_sessions(world, world.people["A examiner"], "proved_at", hours=1)


def no_source(world: TwoAgencies) -> None:
    world.desk_of("home operator").sources.suspend(SOURCE)


OBSTACLES: dict[Callable[[TwoAgencies], None], tuple[str, str]] = {
    authorisation_missing: ("has no authorisation yet", "/authorisation"),
    agency_stopped: ("of this agency was stopped", "/stop"),
    everything_stopped: ("all searching was stopped", "/stop"),
    licence_used: ("searches of this month are used", "Ask the operator"),
    untrained: ("your training", "An administrator of your agency"),
    step_up_due: ("your second factor was not shown", "/step-up?next="),
    no_source: ("no source may be searched today", "/sources"),
}


def test_a_page_tells_that_an_index_is_not_full_yet(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    world = pages.world
    filling = Filling(source=SOURCE, held=1_500_000, faces=2_000_000, seconds=90.0)
    monkeypatch.setattr(Gallery, "filling", lambda _: [filling])
    page = pages.ask(world.people["A examiner"], "GET", f"/probes/{world.cases['A own'].probe}").text
    (note,) = lxml.html.fromstring(page).xpath("//main//*[@id='filling']")
    words = " ".join(note.text_content().split())
    assert f"{SOURCE}: 1,500,000 faces of 2,000,000 can be compared, all of them in about 90 s" in words


@pytest.mark.parametrize("put", OBSTACLES, ids=lambda put: put.__name__)
@pytest.mark.parametrize("page", ["photograph", "face"])
def test_a_reason_against_a_search_stands_first_with_its_way_out(
    pages: Pages, put: Callable[[TwoAgencies], None], page: str
) -> None:
    world = pages.world
    put(world)
    own, examiner = world.cases["A own"], world.people["A examiner"]
    address = new_search_address(own.key) if page == "photograph" else f"/probes/{own.probe}"
    html = lxml.html.fromstring(pages.ask(examiner, "GET", address).text)
    world.restore()
    words, way = OBSTACLES[put]
    (note,) = html.xpath("//main//*[@id='against']")
    assert words in note.text_content().lower()
    assert any(way in place for place in [*note.xpath(".//a/@href"), note.text_content()])
    assert html.xpath("count(//main//form[@method='post'][following::*[@id='against']])") == 0
    (go,) = html.xpath("//button[@id='go']")
    assert go.xpath("self::*[@disabled] | ancestor::fieldset[@disabled]")


@pytest.mark.parametrize("put", OBSTACLES, ids=lambda put: put.__name__)
def test_a_reason_against_a_search_is_said_beside_its_button(pages: Pages, put: Callable[[TwoAgencies], None]) -> None:
    world = pages.world
    put(world)
    html = pages.ask(world.people["A examiner"], "GET", f"/probes/{world.cases['A own'].probe}").text
    world.restore()
    (go,) = lxml.html.fromstring(html).xpath("//button[@id='go']")
    assert OBSTACLES[put][0] in go.getparent().text_content().lower()


def test_a_step_up_leads_back_to_the_page_that_asked(pages: Pages) -> None:
    world = pages.world
    step_up_due(world)
    own = world.cases["A own"]
    html = lxml.html.fromstring(pages.ask(world.people["A examiner"], "GET", new_search_address(own.key)).text)
    world.restore()
    (link,) = html.xpath("//*[@id='against']//a/@href")
    assert parse_qs(urlsplit(link).query)["next"] == [new_search_address(own.key)]


def test_a_step_up_that_is_due_stands_before_a_report(pages: Pages) -> None:
    world = pages.world
    examiner, address = world.people["A examiner"], f"/searches/{world.cases['A own'].search}/report"
    before = lxml.html.fromstring(pages.ask(examiner, "GET", address).text)
    step_up_due(world)
    due = lxml.html.fromstring(pages.ask(examiner, "GET", address).text)
    world.restore()
    assert not before.xpath("//*[@id='against'] | //main//button[@disabled]")
    (link,) = due.xpath("//*[@id='against']//a/@href")
    assert parse_qs(urlsplit(link).query)["next"] == [address]
    assert len(due.xpath("//main//button[@name='as'][@disabled]")) == 2


def test_without_an_obstacle_the_photograph_can_be_given(pages: Pages) -> None:
    own = pages.world.cases["A own"]
    html = lxml.html.fromstring(pages.ask(pages.world.people["A examiner"], "GET", new_search_address(own.key)).text)
    assert html.xpath("//input[@name='photograph']")
    assert not html.xpath("//*[@id='against'] | //fieldset[@disabled]")
    (strip,) = html.xpath("//*[@class='next calm']")
    assert "May be searched" in strip.text_content()


def test_the_list_of_cases_says_which_cannot_be_searched(pages: Pages) -> None:
    world = pages.world
    authorisation_missing(world)
    html = lxml.html.fromstring(pages.ask(world.people["A examiner"], "GET", "/search").text)
    world.restore()
    options = {option.get("value"): option for option in html.xpath("//select[@name='case']/option")}
    waiting, other = options[world.cases["A own"].key], options[world.cases["shared"].key]
    assert "awaiting authorisation" in waiting.text_content()
    assert waiting.get("disabled") is not None
    assert other.get("disabled") is None


def test_a_supervisor_who_may_not_search_may_add_a_photograph_for_those_who_may(pages: Pages) -> None:
    own = pages.world.cases["A own"]
    html = lxml.html.fromstring(pages.ask(pages.world.people["A supervisor"], "GET", new_search_address(own.key)).text)
    assert "your roles do not allow you to search" in html.xpath("//*[@id='against']")[0].text_content().lower()
    assert not html.xpath("//fieldset[@disabled]")


# ---------------------------------------------------------------- stops


PAGES = ("/", "/cases", "/sources", "/account", "/help")


@pytest.mark.parametrize("address", PAGES)
def test_a_stop_is_on_every_page_of_those_whom_it_stops(pages: Pages, address: str) -> None:
    world = pages.world
    agency_stopped(world)
    everything_stopped(world)
    bars = {name: bar_of(pages, name, address) for name in ("A examiner", "A supervisor", "B examiner")}
    world.restore()
    for words in ("an inquiry", "a defect", f"by {OPERATOR}", world.people["A supervisor"].account.name):
        assert words in bars["A examiner"].text_content()
    assert "an inquiry" not in bars["B examiner"].text_content()
    assert [link.get("href") for link in bars["A supervisor"].xpath(".//a")] == ["/stop"]  # only that of the agency
    assert not bars["A examiner"].xpath(".//a")


def bar_of(pages: Pages, name: str, address: str) -> Any:
    html = lxml.html.fromstring(pages.ask(pages.world.people[name], "GET", address).text)
    bars = html.xpath("//*[@class='halted']")
    together = lxml.html.Element("div")
    together.extend(bars)
    return together


def test_without_a_stop_there_is_no_bar(pages: Pages) -> None:
    assert not bar_of(pages, "A examiner", "/cases").xpath("*")


def test_a_photograph_that_waits_for_approval_is_on_the_first_page(pages: Pages) -> None:
    world = pages.world
    world.desk_of("A administrator").agencies.tighten({"further_approvals": 1})
    photograph = (PORTRAITS / "obama.jpg").read_bytes()
    probe = world.desk_of("A examiner").probes.take(world.cases["A own"].key, photograph, kind=ProbeKind.CCTV)
    links = {
        name: lxml.html.fromstring(pages.ask(world.people[name], "GET", "/").text).xpath("//main//a/@href")
        for name in ("A supervisor", "A examiner", "B supervisor")
    }
    world.restore()
    place = f"{probe_address(probe.id)}#approvals"
    assert {name for name, found in links.items() if place in found} == {"A supervisor"}
