"""The widened search in Chromium: a candidate's face, several people, a batch of files, and what is new since."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.conftest import PORTRAITS, two_people
from tests.support.browsers import NEEDS_CHROMIUM, drag_onto, silent_page
from tests.support.clock import TICK, Clock
from tests.support.looks import faults_shown
from tests.support.serving import Served, serving
from tests.support.watched import SAME, add_source
from tests.support.world import CASE, SOURCE, World, ingest, solo

from lineament.model.search import ProbeKind
from lineament.web.addresses import case_address, probe_address

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
MACRON, ARDERN = "macron-2014.jpg", "ardern-2018.jpg"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case in a workspace that is served; its gallery shows two people together and one of them alone."""

    world: World
    served: Served
    case: str  # its key
    folder: Path

    def photograph(self, name: str) -> str:
        """Add a portrait to the case; return its address."""
        probe = self.world.machine.probes.take(self.case, (PORTRAITS / name).read_bytes(), kind=ProbeKind.CCTV)
        return probe_address(probe.id)


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Prepared]:
    folder = tmp_path / "press"
    folder.mkdir()
    two_people(folder / "both.jpg", SAME, "ardern-2022.jpg")
    shutil.copy(PORTRAITS / SAME, folder)
    with solo(tmp_path / "ws", Clock(datetime.now(UTC), tick=TICK)) as world, serving(world.workspace) as served:
        add_source(world)
        assert ingest(world.workspace, SOURCE, [folder]).faces == 3
        yield Prepared(world, served, world.machine.casework.open(CASE).key, tmp_path)


@pytest.fixture
def page(prepared: Prepared, chromium: Browser) -> Iterator[Page]:
    with silent_page(chromium, prepared.served) as page:
        yield page


def search(page: Page, reason: str) -> None:
    """Search the photograph that is open."""
    page.get_by_label("Why is this face searched?").fill(reason)
    page.get_by_role("button", name="Search 1 source").click()
    page.wait_for_url("**/searches/*")


def test_the_face_of_a_candidate_is_searched_with_and_has_its_own_entry(prepared: Prepared, page: Page) -> None:
    page.goto(prepared.photograph(MACRON))
    search(page, "to find him")
    first = page.url.rpartition("/")[2]
    page.locator("#candidates .candidate").first.click()
    page.get_by_role("button", name="Search with this face").click()
    expect(page.get_by_role("heading", name="face")).to_be_visible()
    assert faults_shown(page, door=False) == []
    page.get_by_label("Why is this face searched?").fill("where else is this face?")
    page.get_by_role("button", name="Search 1 source").click()
    page.wait_for_url("**/searches/*")
    page.get_by_text("The record of this search").click()
    expect(page.locator("details.record")).to_contain_text(f"a candidate of search {first[:12]}")
    made = [stored.result for stored in prepared.world.machine.casework.stored_searches(CASE.ref)]
    assert [result.probe_kind for result in made] == [ProbeKind.GALLERY, ProbeKind.CCTV]
    assert made[0].ledger_entry > made[1].ledger_entry
    assert faults_shown(page, door=False) == []


def test_several_people_are_searched_all_in_one_picture_or_any(prepared: Prepared, page: Page) -> None:
    prepared.photograph(ARDERN)
    address = prepared.photograph(MACRON)
    cases = (
        ("all", "1 picture that shows all", "The others in this picture"),
        ("any", "2 candidates among 3 faces", "person 2"),
    )
    for which, words, others in cases:
        page.goto(address)
        page.locator("#people summary").click()
        page.locator("#people [name=person]").first.check()
        page.locator(f"#people [name=together][value={which}]").check()
        assert faults_shown(page, door=False) == []
        search(page, "were they together?")
        expect(page.get_by_role("heading", level=1)).to_contain_text(words)
        expect(page.locator("#candidates")).to_contain_text(others)
        assert faults_shown(page, door=False) == []


def test_dropped_files_become_a_batch_with_progress_and_a_list_each(prepared: Prepared, page: Page) -> None:
    page.goto(f"/search?case={prepared.case}")
    page.get_by_label("Other photograph").check()
    two_people(prepared.folder / "group.jpg", ARDERN, "obama.jpg")
    paths = [PORTRAITS / MACRON, PORTRAITS / "sunak.jpg", prepared.folder / "group.jpg"]
    drag_onto(page.locator("#drop"), *paths)
    page.wait_for_url("**/batches/*")
    expect(page.locator("table.batch tbody tr")).to_have_count(3)
    expect(page.locator("table.batch")).to_contain_text("choose a face")
    assert faults_shown(page, door=False) == []
    page.locator("table.batch fieldset.pick label").first.click()
    page.get_by_label("Why are these faces searched?").fill("who are they?")
    page.get_by_role("button", name="Search 3 photographs").click()
    expect(page.locator("[data-progress]")).to_contain_text("Queued")
    assert faults_shown(page, door=False) == []
    assert prepared.world.workspace.worker.drain() == 1
    expect(page.locator("table.batch td.standing")).to_have_text(["searched"] * 3, timeout=60_000)
    lists = page.locator("table.batch td[data-label=List] a")
    expect(lists).to_have_count(3)
    addresses = {link.get_attribute("href") for link in lists.all()}
    made = {stored.result.search_id for stored in prepared.world.machine.casework.stored_searches(CASE.ref)}
    assert addresses == {f"/searches/{search_id}" for search_id in made}
    assert faults_shown(page, door=False) == []


def test_a_search_is_repeated_from_its_case_on_what_is_new_since(prepared: Prepared, page: Page) -> None:
    page.goto(prepared.photograph(MACRON))
    search(page, "to find him")
    later = prepared.folder / "later"
    later.mkdir()
    two_people(later / "later.jpg", MACRON, "obama.jpg")
    assert ingest(prepared.world.workspace, SOURCE, [later]).faces == 2
    page.goto(case_address(prepared.case))
    page.get_by_role("button", name="Search what is new since then").first.click()
    page.wait_for_url("**/searches/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 candidate among 2 faces")
    expect(page.locator(".note", has_text="Only what is new since")).to_contain_text("2 faces of 5 faces")
    assert faults_shown(page, door=False) == []
