"""What is printed: sharp pictures, both faces side by side, whole ranks and digests, nothing that can be pressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.serving import Served, serving
from tests.support.world import CASE, gallery, search_portraits

from lineament.web.addresses import case_address

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
PAPER = {"width": 718, "height": 1047}
"""A4 with margins of 1 cm, in CSS pixels."""
ABUSE = replace(CASE, ref="OP/ELM 7", offence="Sexual abuse of a child")
CUT = """() => [...document.querySelectorAll("main *")].filter((each) => each.clientWidth > 1
    && getComputedStyle(each).overflowX !== "visible" && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.outerHTML)"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gallery(tmp_path_factory.mktemp("print") / "ws") as workspace:
        workspace.desk_at_the_machine().casework.open(ABUSE)
        with serving(workspace) as running:
            yield running


@pytest.fixture(scope="module")
def results(served: Served) -> dict[str, str]:
    """The addresses of a search in either case."""
    return {case: search_portraits(served.workspace, case) for case in (CASE.ref, ABUSE.ref)}


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    with silent_page(chromium, served) as page:
        yield page


def print_out(page: Page) -> None:
    """Show the page as it is printed."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER["width"], "height": PAPER["height"]})


def test_both_faces_are_printed_side_by_side_also_while_one_fades_into_the_other(
    page: Page, results: dict[str, str]
) -> None:
    page.goto(f"{results[CASE.ref]}/candidates/1")
    page.keyboard.press("f")
    expect(page.locator("#stage")).to_have_attribute("data-mode", "fade")
    print_out(page)
    probe, candidate = (page.locator(".pane").nth(number) for number in (0, 1))
    left, right = probe.bounding_box(), candidate.bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    assert left["width"] == pytest.approx(left["height"], abs=1)
    expect(candidate).to_have_css("opacity", "1")
    expect(page.get_by_role("slider")).to_be_hidden()


def test_blurred_pictures_are_printed_sharp_and_the_print_says_so(page: Page, results: dict[str, str]) -> None:
    note = page.get_by_text("The page blurs these pictures; the print shows them.")
    page.goto(results[ABUSE.ref])
    picture = page.locator(".candidate img").first
    expect(picture).to_have_css("filter", "blur(20px)")
    expect(note).to_be_hidden()
    print_out(page)
    expect(picture).to_have_css("filter", "none")
    expect(note).to_be_visible()
    page.goto(results[CASE.ref])
    expect(note).to_be_hidden()


def test_ranks_names_and_digests_are_printed_whole(page: Page, results: dict[str, str]) -> None:
    for address in (results[CASE.ref], f"{results[CASE.ref]}/candidates/1"):
        page.goto(address)
        print_out(page)
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
        digest = page.locator("button.id[data-copy]").filter(visible=True).first
        shown = digest.evaluate("(button) => getComputedStyle(button, '::after').content")
        assert shown == f'"{digest.get_attribute("data-copy")}"'


def test_a_print_says_what_it_is_of_and_has_nothing_to_press(page: Page, results: dict[str, str]) -> None:
    addresses = (results[CASE.ref], f"{results[CASE.ref]}/candidates/1", case_address(CASE.ref), "/ledger")
    for address in addresses:
        page.goto(address)
        expect(page.locator(".printed")).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.locator(".printed")).to_contain_text(
            re.compile(rf"{address} of Lineament .+ as it was at \d{{4}}-\d\d-\d\d \d\d:\d\d for ")
        )
        expect(page.locator("button:not(.id), header, nav.tabs").filter(visible=True)).to_have_count(0)
        page.emulate_media(media="screen")


def test_what_the_head_of_a_case_folds_is_printed(page: Page) -> None:
    page.goto(case_address(CASE.ref))
    purpose = page.locator(".case-head").get_by_text(CASE.purpose)
    expect(purpose).to_be_hidden()
    page.emulate_media(media="print")
    expect(purpose).to_be_visible()
