"""Runs and jobs that move in Chromium: their pages keep themselves up to date, and whoever watches can stop them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.looks import faults
from tests.support.serving import Served, serving
from tests.support.world import SOURCE, gallery, settings

from lineament.model.jobs import Job, JobProgress
from lineament.model.runs import Run, Step
from lineament.model.sources import SourceTerms
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.workspace import Workspace

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
FOLDER = "/data/press"
HOSTS = SourceTerms(
    name="sites",
    controller="press",
    basis="contract",
    jurisdiction="FR",
    hosts=("press.example",),
    contact="who@press.example",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("runs") / "ws"
    gallery(home).close()
    with Workspace.open(settings(home)) as workspace, serving(workspace) as running:
        workspace.desk_at_the_machine().sources.add(HOSTS)
        yield running


@pytest.fixture
def page(served: Served, chromium: Browser) -> Iterator[Page]:
    # what a test itself lets fail: a form that is refused, a server that is away
    with silent_page(chromium, served, unless=lambda text: "Failed to load resource" in text) as page:
        yield page


def begin(workspace: Workspace) -> tuple[Job, Run]:
    """Let a worker claim an ingest and begin its run, a minute ago."""
    desk, now = workspace.desk_at_the_machine(), workspace.clock()
    job = desk.jobs.add(INGEST, ingest_arguments(SOURCE, [FOLDER]), source=SOURCE)
    with workspace.store.begin() as tx:
        assert tx.jobs.claim_this(job.id, "a worker", now - timedelta(minutes=1)) is not None
        run = tx.runs.begin(desk.sources.get(SOURCE).id, "folder", FOLDER, now)
    return job, run


def advance(workspace: Workspace, job: Job, run: Run, done: int, step: Step) -> None:
    with workspace.store.begin() as tx:
        tx.runs.advance(run.id, step, workspace.clock())
        assert tx.jobs.renew(job.id, "a worker", JobProgress(done=done, total=400), workspace.clock())


def finish(workspace: Workspace, job: Job, run: Run) -> None:
    with workspace.store.begin() as tx:
        tx.runs.end(run.id, workspace.clock())
        assert tx.jobs.finish(job.id, "a worker", {"seen": 400}, workspace.clock())


def test_the_page_of_a_run_moves_by_itself_until_it_has_ended(served: Served, page: Page) -> None:
    job, run = begin(served.workspace)
    page.goto(f"/sources/{SOURCE}/runs/{run.id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("under way")
    assert faults(page, page.url, door=False) == []
    page.evaluate("window.unreloaded = true")
    advance(served.workspace, job, run, 100, Step(counts={"enrolled": 90, "no_face": 10}, faces=1234))
    progress = page.get_by_role("region", name="Progress")
    expect(progress).to_contain_text("100 of 400")
    expect(progress).to_contain_text("left")
    expect(progress.get_by_role("meter")).to_have_attribute("aria-valuenow", "25")
    expect(page.locator("[data-field=faces]")).to_have_text("1,234")
    expect(page.get_by_text("No face", exact=True)).to_be_visible()
    expect(page.get_by_text("Refused", exact=True).first).to_be_hidden()
    advance(
        served.workspace, job, run, 400, Step(counts={"refused": 2}, refused=[("a.jpg", "torn"), ("b.jpg", "torn")])
    )
    expect(page.locator("[data-field=refused]")).to_have_text("2")
    assert page.evaluate("window.unreloaded")
    finish(served.workspace, job, run)
    expect(page.get_by_role("heading", level=1)).to_contain_text("ended")
    refused = page.get_by_role("region", name="Refused")
    expect(refused.get_by_text("Torn")).to_be_visible()
    expect(refused).to_contain_text("b.jpg")
    page.get_by_role("link", name="Look at its pictures without a face").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pictures without a face")


def test_a_run_is_stopped_where_it_is_watched_and_goes_on_later(served: Served, page: Page) -> None:
    job, run = begin(served.workspace)
    address = f"/sources/{SOURCE}/runs/{run.id}"
    for watched in ("/jobs", f"/sources/{SOURCE}", address):
        page.goto(watched)
        expect(page.get_by_role("button", name=re.compile("^Stop"))).to_be_enabled()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("stopping")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_contain_text("stopping")
    with served.workspace.store.begin() as tx:
        assert tx.jobs.stop(job.id, "a worker", served.workspace.clock())
    expect(page.get_by_role("heading", level=1)).to_contain_text("stopped")
    page.get_by_role("button", name=f"Go on with run {run.number}").click()
    page.wait_for_url(re.compile("/jobs/"))
    again = served.workspace.desk_at_the_machine().jobs.show(page.url.rpartition("/")[2])
    assert again.request.arguments["what"] == [FOLDER]
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_contain_text("waiting")
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("stopped")


def test_the_page_goes_on_when_the_server_is_there_again(served: Served, page: Page) -> None:
    job, run = begin(served.workspace)
    with page.expect_event("requestfailed"):
        page.route("**/progress", lambda route: route.abort())
        page.goto(f"/sources/{SOURCE}/runs/{run.id}")
    finish(served.workspace, job, run)
    page.unroute("**/progress")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ended", timeout=40_000)


def test_a_crawl_is_started_watched_and_stopped(served: Served, page: Page) -> None:
    page.goto("/sources/sites")
    crawl = page.get_by_role("region", name="Crawl", exact=True)
    expect(crawl).to_contain_text("robots.txt")
    crawl.get_by_label("From this page on").fill("photos")
    crawl.get_by_role("button", name="Crawl it").click()
    expect(crawl.get_by_text("It begins with /")).to_be_visible()
    crawl.get_by_label("From this page on").fill("/photos/")
    crawl.get_by_role("button", name="Crawl it").click()
    page.wait_for_url(re.compile("/jobs/"))
    expect(page.get_by_text("https://press.example/photos/")).to_be_visible()
    page.goto("/sources/sites")
    expect(page.get_by_text("queued")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("stopped")


def test_what_is_fresh_of_a_source_passes_the_checks(served: Served, page: Page) -> None:
    desk = served.workspace.desk_at_the_machine()
    desk.sources.set_distressing(SOURCE, True)
    page.goto(f"/sources/{SOURCE}")
    fresh = page.get_by_role("region", name="What is fresh")
    expect(fresh.get_by_role("img", name=re.compile("Pictures taken in by day"))).to_be_visible()
    fresh.get_by_role("link", name="Show its newest faces").click()
    face = page.get_by_role("img", name=re.compile("Face ")).first
    expect(face).to_be_visible()
    expect(face).to_have_css("filter", "blur(12px)")
    assert faults(page, f"/sources/{SOURCE}?faces=newest", door=False) == []
    page.locator(".mosaic .picture").first.focus()
    expect(face).to_have_css("filter", "none")
    desk.sources.set_distressing(SOURCE, False)
