"""A lead in a real browser: its report is refused, evidence is recorded, and then it is granted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.reviewing import decide_all
from tests.support.serving import Served
from tests.support.world import CASE

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def leads(served: Served, result: str) -> str:
    """The leads of the case, of which there is one."""
    desk = served.workspace.desk_at_the_machine()
    search_id = result.rpartition("/")[2]
    found = desk.search.get(search_id)
    decide_all(desk, search_id, lead=found.candidates[0].sha256)
    return f"/cases/{found.case_key}/leads"


@pytest.fixture
def page(chromium: Browser, served: Served, result: str, leads: str) -> Iterator[Page]:
    with silent_page(chromium, served, leads, unless=lambda text: "status of 4" in text) as page:
        yield page


def test_a_report_is_refused_and_granted_once_there_is_evidence(page: Page) -> None:
    expect(page.get_by_text("this lead does not leave")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Record evidence").click()
    expect(page.get_by_text("awaiting evidence")).to_be_visible()
    expect(page.get_by_text("Show this picture to no witness")).to_be_visible()
    page.get_by_role("button", name="Read it as a page").click()
    expect(page.get_by_role("alert")).to_contain_text("no evidence that is independent of the search")
    assert violations(page) == []

    page.get_by_label("What it is, and what it shows").fill("A hotel bill of the night before")
    page.get_by_label("Where it is filed").fill("K-1/17")
    page.get_by_role("button", name="Record the evidence").click()
    expect(page.get_by_role("alert")).to_contain_text("not independent")
    expect(page.get_by_label("What it is, and what it shows")).to_have_value("A hotel bill of the night before")
    page.get_by_role("checkbox", name="It was found without this search").check()
    page.get_by_role("button", name="Record the evidence").click()
    expect(page.get_by_text("may be disclosed")).to_be_visible()
    expect(page.locator(".evidence-list")).to_contain_text("A hotel bill of the night before")

    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the PDF").click()
    assert saved.value.suggested_filename.endswith(".pdf")
    words = "".join(PdfReader(saved.value.path()).pages[0].extract_text().split())
    for said in (f"Lead in case {CASE.ref}", "not the sole basis", "A hotel bill of the night before"):
        assert "".join(said.split()) in words
    page.reload()
    expect(page.get_by_text("reported on")).to_be_visible()

    page.get_by_role("button", name="Read it as a page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Lead in case {CASE.ref}")
    pictures = page.locator("img")
    expect(pictures).to_have_count(2)
    assert all(pictures.evaluate_all("(all) => all.map((each) => each.complete && each.naturalWidth === 512)"))
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_its_pages_fit_and_are_sound(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 844})
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page) == []
        page.get_by_role("link", name="evidence").first.click()
        expect(page.get_by_role("heading", name="Independent evidence")).to_be_visible()
        page.set_viewport_size({"width": width, "height": 844})
        break
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def test_evidence_is_recorded_by_keyboard_alone(page: Page) -> None:
    page.get_by_role("link", name="evidence").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("What it is, and what it shows").focus()
    page.keyboard.type("A camera at the station")
    page.keyboard.press("Tab")
    page.keyboard.type("K-1/18")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".evidence-list")).to_contain_text("A camera at the station")
