"""The pictures of a source are blurred where it says so, or where its words suggest it, wherever they are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.two_agencies import Pages, TwoAgencies
from tests.support.world import SOURCE, solo

from lineament.errors import AccessAltered, WrongState
from lineament.model.events.sources import SourceBlurSet
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
    assert 'id="veil" autocomplete="off" checked' not in pages.ask(examiner, "GET", f"{search}/candidates/1").text
    answer = pages.ask(operator, "POST", f"/sources/{SOURCE}/blur", {"distressing": "yes"})
    assert answer.status_code == 303
    assert TICKED in pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    assert 'class="picture veiled"' in pages.ask(examiner, "GET", search).text
    assert 'class="picture veiled"' in pages.ask(examiner, "GET", "/").text
    assert 'id="veil" autocomplete="off" checked' in pages.ask(examiner, "GET", f"{search}/candidates/1").text
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
