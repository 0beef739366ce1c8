"""The report of a search in a real browser: saved as PDF, read as a page, sharp only if that is chosen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.serving import Served
from tests.support.world import CASE

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


@pytest.fixture
def page(chromium: Browser, served: Served, result: str) -> Iterator[Page]:
    with silent_page(chromium, served, result) as page:
        yield page


def test_the_pdf_is_saved_and_can_be_saved_again(page: Page) -> None:
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Report of the search")
    for _ in range(2):
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the PDF").click()
        assert saved.value.suggested_filename.endswith(".pdf")
        words = PdfReader(saved.value.path()).pages[0].extract_text()
        assert CASE.ref in words
        assert "not the sole basis" in words.replace("\n", " ")


def test_the_page_is_read_with_its_pictures(page: Page) -> None:
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_role("button", name="Read it as a page").click()
    expect(page.get_by_role("heading", name="Candidate list")).to_be_visible()
    pictures = page.locator("img")
    expect(pictures).to_have_count(6)
    assert all(pictures.evaluate_all("(all) => all.map((each) => each.complete && each.naturalWidth > 0)"))
    expect(page.locator(".head")).to_have_css("display", "grid")
    assert violations(page) == []
    page.reload()
    expect(page.get_by_role("heading", name="Candidate list")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Save the PDF")).to_be_enabled()


def test_pictures_are_sharp_only_if_that_is_chosen(page: Page, served: Served, result: str) -> None:
    casework = served.workspace.desk_at_the_machine().casework
    casework.set_distressing(CASE.ref, True)
    for chosen in (False, True):
        page.goto(f"{result}/report")
        page.get_by_role("checkbox", name="Show the pictures sharp").set_checked(chosen)
        page.get_by_role("button", name="Read it as a page").click()
        expect(page.get_by_text("The pictures are blurred")).to_have_count(0 if chosen else 1)
    casework.set_distressing(CASE.ref, False)
