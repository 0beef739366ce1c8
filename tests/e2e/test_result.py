"""The candidate list in a real browser: sorted, filtered and walked through; its record stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect
from tests.conftest import PORTRAITS
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.serving import Served, serving
from tests.support.world import gallery, ingest

from lineament.model.sources import SourceTerms
from lineament.views.searches import listed_search_json

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
CARDS = "[...document.querySelectorAll('#candidates > [data-place]')]"
RANKS = f"{CARDS}.filter((card) => !card.hidden).map((card) => card.dataset.place)"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("result")
    with gallery(home / "ws") as workspace:
        terms = SourceTerms(name="a-second", controller="Port", basis="Port Act", jurisdiction="FR")
        workspace.desk_at_the_machine().sources.add(terms)
        loose = home / "loose"
        loose.mkdir()
        with Image.open(PORTRAITS / "sunak.jpg") as portrait:  # mirrored, so that it is no near-duplicate
            ImageOps.mirror(portrait).save(loose / "IMG 7.jpg")
        ingest(workspace, "a-second", [loose])
        with serving(workspace) as running:
            yield running


@pytest.fixture
def page(chromium: Browser, served: Served, result: str) -> Iterator[Page]:
    with silent_page(chromium, served, result) as page:
        yield page


def test_strangers_come_first_and_the_line_stands_where_they_are_expected(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("candidates among 6 faces")
    first = page.locator(".candidate").first
    words = first.inner_text()
    assert words.index("strangers expected") < words.index("score") < words.index("Emmanuel Macron, 2025")
    assert "rank 1" in words
    assert (
        first.get_attribute("title")
        == "https://commons.wikimedia.org/wiki/Special:FilePath/Emmanuel_Macron_2025_(cropped).jpg"
    )
    line = page.get_by_text("From here on strangers are expected")
    expect(line).to_have_count(1)
    split = "[...document.querySelectorAll('#candidates > *')].map((card) => card.dataset.strangers ?? 'line')"
    listed = page.evaluate(split)
    at = listed.index("line")
    assert 0 < at < len(listed) - 1
    assert float(listed[at - 1]) < 1
    assert all(float(strangers) >= 1 for strangers in listed[at + 1 :])
    loose = page.get_by_role("link", name=re.compile("IMG 7.jpg"))
    assert (loose.get_attribute("title") or "").endswith("loose/IMG%207.jpg")
    assert "loose/IMG%207.jpg" in loose.evaluate("(card) => card.textContent")


def test_the_list_is_sorted_and_filtered_on_the_page_only(page: Page, served: Served, result: str) -> None:
    desk = served.workspace.desk_at_the_machine()
    recorded = listed_search_json(desk.search.stored(result.rpartition("/")[2]))
    ranks = page.evaluate(RANKS)
    assert ranks == sorted(ranks, key=int)
    page.get_by_text("Sort and filter").focus()
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Sort by").focus()
    page.keyboard.press("n")  # newest first, by its first letter
    expect(page.get_by_role("combobox", name="Sort by")).to_have_value("day")
    newest = page.evaluate(RANKS)
    assert newest != ranks
    assert sorted(newest) == sorted(ranks)
    expect(page.locator("#from-here")).to_be_hidden()
    days = page.evaluate(f"{CARDS}.map((card) => card.dataset.day)")
    assert [day for day in days if day] == sorted((day for day in days if day), reverse=True)
    page.get_by_role("combobox", name="Source", exact=True).select_option("a-second")
    expect(page.locator("#arranged")).to_have_text(
        f"· by newest first · {len(ranks) - 1} of {len(ranks)} candidates hidden"
    )
    shown = page.evaluate(RANKS)
    page.reload()
    assert page.evaluate(RANKS) == shown
    expect(page.get_by_role("combobox", name="Source", exact=True)).to_have_value("a-second")
    page.get_by_role("button", name="Show all, as recorded").click()
    assert page.evaluate(RANKS) == ranks
    expect(page.locator("#from-here")).to_be_visible()
    page.get_by_label("Captured from").fill("2025-01-01")
    page.get_by_role("textbox", name="until").fill("2025-12-31")
    assert page.evaluate(RANKS) == ["1"]
    page.get_by_role("textbox", name="until").fill("2025")
    expect(page.get_by_role("textbox", name="until")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Show all, as recorded").click()
    page.reload()
    assert page.evaluate(RANKS) == ranks
    assert listed_search_json(desk.search.stored(result.rpartition("/")[2])) == recorded


def test_arrows_follow_the_order_that_is_shown(page: Page) -> None:
    page.get_by_text("Sort and filter").click()
    page.get_by_role("combobox", name="Sort by").select_option("source")
    order = page.evaluate(RANKS)
    page.get_by_text("Sort and filter").focus()
    page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in order[:3]:
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate("document.activeElement.closest('li').dataset.place"))
    assert seen == order[:3]


def test_only_reliable_candidates_can_be_shown(page: Page) -> None:
    page.get_by_text("Sort and filter").click()
    ranks = page.evaluate(RANKS)
    page.evaluate("delete document.querySelector('#candidates > [data-place]').dataset.reliable")
    page.get_by_label("Reliable only").check()
    assert page.evaluate(RANKS) == ranks[1:]
