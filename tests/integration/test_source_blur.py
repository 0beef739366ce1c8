"""The pictures of a source are blurred where it says so, or where its words suggest it, wherever they are shown."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.two_agencies import Pages, TwoAgencies
from tests.support.world import SOURCE, solo

from lineament.errors import AccessAltered, WrongState
from lineament.model.events.sources import SourceBlurSet
from lineament.model.runs import Step
from lineament.model.sources import SourceTerms

pytestmark = pytest.mark.enable_socket
TICKED = 'name="distressing" value="yes" checked'


@pytest.fixture
def pages(two_agencies: TwoAgencies, tmp_path: Path) -> Iterator[Pages]:
    with two_agencies.copy(tmp_path) as world, world.pages() as pages:
        yield pages


def test_the_pictures_of_a_source_are_blurred_in_every_list(pages: Pages) -> None:
    operator, examiner = pages.world.people["home operator"], pages.world.people["A examiner"]
    search = f"/searches/{pages.world.cases['A own'].search}"
    places = [(examiner, search), (examiner, "/"), (operator, f"/sources/{SOURCE}")]
    assert not any("veiled" in pages.ask(person, "GET", place).text for person, place in places)
    (candidate, *_) = re.findall(rf"{search}/candidates/\w+", pages.ask(examiner, "GET", search).text)
    assert 'id="veil" autocomplete="off" checked' not in pages.ask(examiner, "GET", candidate).text
    answer = pages.ask(operator, "POST", f"/sources/{SOURCE}/blur", {"distressing": "yes"})
    assert answer.status_code == 303
    assert TICKED in pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    assert 'class="picture veiled"' in pages.ask(examiner, "GET", search).text
    assert 'class="picture veiled"' in pages.ask(examiner, "GET", "/").text
    assert 'id="veil" autocomplete="off" checked' in pages.ask(examiner, "GET", candidate).text
    for which in ("without-face", "not-comparable"):
        shown = pages.ask(operator, "GET", f"/sources/{SOURCE}/{which}").text
        assert 'id="veil" autocomplete="off" checked' in shown
    with pages.world.workspace.store.read() as tx:
        last = [entry for entry in tx.ledger.entries(0, tx.ledger.size()) if entry.action == SourceBlurSet.action]
    assert len(last) == 1


def test_the_words_of_a_source_suggest_it_until_somebody_says(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        register = world.machine.sources
        terms = SourceTerms(name="seized", controller="Child sexual abuse unit", basis="law", jurisdiction="FR")
        assert register.add(terms).is_distressing
        register.add(SourceTerms(name="press", controller="Press", basis="contract", jurisdiction="FR"))
        assert register.blurred(["press", "seized", "never registered"]) == {"seized"}
        assert not register.set_distressing("seized", False).is_distressing
        assert register.set_distressing("press", True).is_distressing
        assert register.blurred(["press", "seized"]) == {"press"}
        world.machine.erase.source("press", "the contract ended")
        with pytest.raises(WrongState):
            register.set_distressing("press", False)


def test_what_is_set_is_signed_like_the_rest_of_the_source(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="contract", jurisdiction="FR"))
        world.machine.sources.set_distressing("press", True)
        with sqlite3.connect(world.workspace.home / "lineament.db") as database:
            database.execute("UPDATE sources SET distressing = 0")
        with pytest.raises(AccessAltered):
            world.machine.sources.get("press")


def test_the_newest_faces_are_shown_on_request_and_on_the_record(pages: Pages) -> None:
    operator, examiner = pages.world.people["home operator"], pages.world.people["A examiner"]
    address = f"/sources/{SOURCE}"
    before = pages.world.machine.audit.size()
    plain = pages.ask(operator, "GET", address).text
    assert pages.world.machine.audit.size() == before
    assert "What is fresh" in plain
    assert 'class="mosaic"' not in plain
    shown = pages.ask(operator, "GET", f"{address}?faces=newest").text
    assert pages.world.machine.audit.size() == before + 1
    crops = re.findall(rf'src="({address}/newest/\d+/crop)"', shown)
    assert len(crops) == 5
    assert {pages.ask(operator, "GET", crop).headers["content-type"] for crop in crops} == {"image/jpeg"}
    assert pages.ask(operator, "GET", crops[0].replace(SOURCE, f"other-{SOURCE}")).status_code == 404
    assert pages.ask(examiner, "GET", crops[0]).status_code == 403
    assert "What is fresh" not in pages.ask(examiner, "GET", f"{address}?faces=newest").text
    pages.ask(operator, "POST", f"{address}/blur", {"distressing": "yes"})
    assert pages.ask(operator, "GET", f"{address}?faces=newest").text.count('class="picture veiled"') == 5


def test_the_coverage_is_read_from_the_runs(pages: Pages) -> None:
    operator = pages.world.people["home operator"]
    before = pages.world.desk_of("home operator").newest_faces.freshness(SOURCE).days
    yesterday = pages.world.clock.at - timedelta(days=1)
    with pages.world.workspace.store.begin() as tx:
        run = tx.runs.begin(tx.sources.get(SOURCE).id, "folder", "/data/new", yesterday)
        tx.runs.advance(
            run.id, Step(counts={"enrolled": 1000, "no_face": 200, "refused": 9, "already_there": 5}), yesterday
        )
        old = tx.runs.begin(tx.sources.get(SOURCE).id, "folder", "/data/old", yesterday - timedelta(days=90))
        tx.runs.advance(old.id, Step(counts={"enrolled": 7}), yesterday - timedelta(days=90))
    days = pages.world.desk_of("home operator").newest_faces.freshness(SOURCE).days
    assert len(days) == 60
    assert days[yesterday.date()] == before[yesterday.date()] + 1200
    assert sum(days.values()) == sum(before.values()) + 1200
    page = pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    assert f"most on {yesterday.date()} ({days[yesterday.date()]:,})" in page
