"""The pages of collection by clicking: sources, runs, where a candidate was found, the archived page, the receipt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, ConsoleLog, open_chromium
from tests.support.deliveries import collected, ingest_into
from tests.support.looks import faults
from tests.support.serving import Served, serving, token_in
from tests.support.world import PROBE

from lineament.model.search import Mode, SearchRequest
from lineament.sources.crawl.registration import crawl_name
from lineament.sources.crawl.rows import NewAddress
from lineament.sources.crawl.state import CrawlState

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("collection")
    with collected(folder) as workspace, serving(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def page(served: Served) -> Iterator[Page]:
    with open_chromium() as browser:
        context = browser.new_context(base_url=served.url)
        console = ConsoleLog(context)
        page = context.new_page()
        page.goto(served.entrance)
        yield page
    # the policy refuses what the archived page names; this server gets no request for it
    assert [text for text in console.messages if "sandboxed" not in text and "Security Policy" not in text] == []


@pytest.fixture(scope="module")
def candidate(served: Served) -> str:
    """The page of a candidate whose picture is in two sources."""
    probe = served.workspace.desk_at_the_machine().probes.take("K-1", PROBE.read_bytes())
    request = SearchRequest(case="K-1", reason="why", mode=Mode.INVESTIGATION)
    return f"/searches/{served.workspace.desk_at_the_machine().search.run(probe.id, request).search_id}/candidates/1"


def test_from_the_sources_to_refused_pictures(page: Page) -> None:
    page.goto("/sources")
    page.get_by_role("link", name="web-archive").focus()
    page.keyboard.press("Enter")
    runs = page.get_by_role("region", name="Runs")
    expect(runs).to_contain_text("crawl.warc.gz")
    runs.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    refused = page.get_by_role("region", name="Refused")
    expect(refused).to_contain_text("meta robots: noai")
    expect(refused).to_contain_text("a program made", ignore_case=True)
    page.get_by_role("link", name="web-archive").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("web-archive")


def test_an_empty_source_says_how_to_begin(page: Page) -> None:
    page.goto("/sources/empty")
    expect(page.get_by_text("lineament ingest empty FOLDER")).to_be_visible()


def test_the_receipt_of_a_withdrawn_source(page: Page) -> None:
    page.goto("/sources/old")
    expect(page.get_by_text("the contract ended")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the receipt").click()
    assert saved.value.suggested_filename == "old-receipt.json"
    assert "source withdrawn" in saved.value.path().read_text()


def test_other_places_and_the_archived_page(page: Page, candidate: str) -> None:
    page.goto(candidate)
    elsewhere = page.get_by_role("region", name="Where else it was found")
    expect(elsewhere).to_contain_text("the same file")
    expect(elsewhere).to_contain_text("nearly identical")
    expect(page.locator(".known")).to_contain_text("PDQ")
    with page.context.expect_page() as opened:
        elsewhere.get_by_role("button", name="Open the archived page of web-archive").press("Enter")
    archived = opened.value
    archived.wait_for_load_state()
    expect(archived.locator(".note")).to_contain_text("This is not the page as it is today")
    expect(archived.locator(".note")).to_contain_text("2024-05-31")
    frame = archived.frame_locator("iframe.archived")
    expect(frame.get_by_role("heading", name="At the Élysée")).to_be_visible()
    assert violations(archived, iframes=False) == []
    with archived.expect_download() as saved:
        archived.get_by_role("button", name="Save its WARC record").click()
    assert saved.value.path().read_bytes().startswith(b"WARC/1.1")
    archived.close()


def test_only_near_duplicates_are_opened(served: Served, candidate: str) -> None:
    with served.client() as client:
        csrf = token_in(client.get(candidate).text)
        assert client.post(f"{candidate}/page", data={"csrf": csrf, "alike": "999"}).status_code == 404
        assert client.post("/sources/empty/receipt", data={"csrf": csrf}).status_code == 409


def test_the_progress_of_a_crawl(served: Served, page: Page) -> None:
    workspace, address = served.workspace, "https://press.example/"
    ingest_into(workspace, "crawled")
    source = workspace.desk_at_the_machine().sources.get("crawled")
    with workspace.store.begin() as tx:
        run = tx.runs.begin(source.id, "site", address, workspace.clock())
    page.goto(f"/sources/crawled/runs/{run.id}")
    expect(page.get_by_role("region", name="Progress of the crawl")).to_have_count(0)
    crawl = workspace.crawls.crawl(source, crawl_name(address))
    crawl.folder.mkdir(parents=True)
    state = CrawlState(crawl, write=True)
    assert state.add(NewAddress(url=address, host="press.example"), alike=1)
    state.close()
    page.reload()
    expect(page.get_by_role("region", name="Progress of the crawl")).to_contain_text("0 of 1 known addresses")
    assert faults(page, f"/sources/crawled/runs/{run.id}", door=False) == []


@pytest.mark.parametrize("address", ["/sources", "/sources/old", "/sources/empty", "/sources/web-archive/runs/3", ""])
def test_every_page_passes_the_checks(page: Page, candidate: str, address: str) -> None:
    assert faults(page, address or candidate, door=False) == []
