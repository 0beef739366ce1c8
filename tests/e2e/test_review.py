"""The review in a real browser: by keyboard alone, by two who agree and by two who do not."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browsers import LAPTOP, NEEDS_CHROMIUM, ConsoleLog, close_context
from tests.support.fixtures import two_agencies
from tests.support.many_faces import add_many_faces
from tests.support.serving import Served, serving
from tests.support.two_agencies import TwoAgencies
from tests.support.world import CASE, PROBE, gallery

from lineament.model.search import Mode, ProbeKind, SearchRequest

__all__ = ["two_agencies"]

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
FEATURES = 19


@pytest.fixture(scope="module")
def agencies(two_agencies: TwoAgencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TwoAgencies, str]]:
    """The pages of two agencies, and their address."""
    with two_agencies.copy(tmp_path_factory.mktemp("agencies")) as world, serving(world.workspace) as served:
        yield world, served.url.replace("127.0.0.1", "localhost")


@contextmanager
def opened_by(browser: Browser, agencies: tuple[TwoAgencies, str], name: str) -> Iterator[Page]:
    """Open a tab in which somebody is signed in; its console must say nothing."""
    world, url = agencies
    context = browser.new_context(base_url=url, viewport=LAPTOP)
    key = {"name": f"lineament-{url.rpartition(':')[2]}", "value": world.people[name].key, "url": url}
    context.add_cookies([key])  # type: ignore[list-item]
    console = ConsoleLog(context)
    yield context.new_page()
    close_context(context)
    assert [text for text in console.messages if "status of 4" not in text] == []  # what is refused on purpose


# ---------------------------------------------------------------- by keyboard


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """The pages of a workspace, and a search in it with twenty candidates."""
    folder = tmp_path_factory.mktemp("many")
    with gallery(folder / "ws") as workspace:
        add_many_faces(workspace, folder)
        desk = workspace.desk_at_the_machine()
        probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        sources = tuple(f"archive-{number}" for number in range(1, 6))
        request = SearchRequest(case=CASE.ref, reason="to find him", mode=Mode.INVESTIGATION, sources=sources)
        search = desk.search.run(probe.id, request)
        assert search.listed == 20
        with serving(workspace) as served:
            yield served, search.search_id


def test_twenty_candidates_are_decided_in_under_sixty_key_presses(chromium: Browser, many: tuple[Served, str]) -> None:
    served, search = many
    context = chromium.new_context(base_url=served.url, viewport=LAPTOP)
    page, pressed = context.new_page(), 0

    def press(*keys: str) -> None:
        nonlocal pressed
        for key in keys:
            page.keyboard.press(key)
        pressed += len(keys)

    page.goto(served.entrance)
    page.goto(f"/searches/{search}")
    page.get_by_role("link", name="Begin the review").focus()
    press("Enter")
    for decided in range(20):
        expect(page.locator("#left")).to_have_text(f"{FEATURES} of {FEATURES} left.")
        here = page.url
        if decided == 0:
            press("2", "4", "m", "i")  # a feature by its digit, the rest, and grounds in words
            expect(page.locator("#left")).to_have_text("All assessed.")
            page.keyboard.type("Only the outline differs")  # typing is no key of the page
            press("Control+Enter")
        else:
            press("d")
            expect(page.get_by_role("radio", name="Excluded")).to_be_checked()
            press("Enter")
        page.wait_for_url(lambda url, here=here: url != here)  # type: ignore[misc]
    expect(page.locator(".review-state .state")).to_have_count(20)
    assert pressed < 60
    outcomes = [entry.outcome for entry in served.workspace.desk_at_the_machine().reviews.of_search(search).entries]
    assert sorted(map(str, outcomes)) == ["excluded"] * 19 + ["inconclusive"]
    close_context(context)


def test_the_keys_of_the_checklist(chromium: Browser, many: tuple[Served, str]) -> None:
    served, search = many
    context = chromium.new_context(base_url=served.url, viewport=LAPTOP)
    page = context.new_page()
    page.goto(served.entrance)
    page.goto(f"/searches/{search}/candidates/2")
    page.get_by_text("Change my decision").click()
    expect(page.locator("#left")).to_have_text(f"{FEATURES} of {FEATURES} left.")
    page.locator("h1").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("3")
    expect(page.locator('[data-feature="feature-outline"] input:checked')).to_have_value("cannot tell")
    page.keyboard.press("v")
    expect(page.locator("#left")).to_have_text("All assessed.")
    page.keyboard.press("x")
    expect(page.get_by_role("radio", name="Excluded")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at least one feature that is different")
    expect(page.locator('[data-feature="feature-outline"] input:checked')).to_have_value("cannot tell")
    close_context(context)


# ---------------------------------------------------------------- the whole story


def decide(page: Page, key: str, grounds: str = "") -> None:
    """Decide about the candidate that is open; the features are all similar, or for an exclusion all different."""
    expect(page.locator("#left")).to_have_text(f"{FEATURES} of {FEATURES} left.")
    page.keyboard.press("d" if key == "x" else "m")
    page.keyboard.press(key)
    if grounds:
        page.keyboard.type(grounds)
    page.get_by_role("button", name="Commit the decision").click()


def report_lead(page: Page, case: str) -> None:
    """Have the report of the lead of a case refused, then granted with evidence."""
    page.goto(f"/cases/{case}/leads")
    page.get_by_role("link", name="Record evidence").first.click()
    page.get_by_role("button", name="Read it as a page").click()
    expect(page.get_by_role("alert")).to_contain_text("no evidence that is independent of the search")
    page.get_by_label("What it is, and what it shows").fill("A hotel bill of the night before")
    page.get_by_label("Where it is filed").fill("A-2026/17")
    page.get_by_role("checkbox", name="It was found without this search").check()
    page.get_by_role("button", name="Record the evidence").click()
    expect(page.get_by_text("may be disclosed")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the PDF").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF")


def test_two_who_agree_two_who_do_not_a_lead_and_its_disclosure(
    chromium: Browser, agencies: tuple[TwoAgencies, str], tmp_path: Path
) -> None:
    world, _ = agencies
    case = world.cases["A own"]
    reviewed = f"/searches/{case.search}"
    names = [entry.name for entry in world.desk_of("A examiner").reviews.of_search(case.search).entries]
    agreed, disputed, *others = names
    with opened_by(chromium, agencies, "A examiner") as first, opened_by(chromium, agencies, "A reviewer") as second:
        first.goto(reviewed)
        expect(first.get_by_text("0 of 4 decided.")).to_be_visible()
        first.get_by_label("Ask for a review").select_option(label=world.people["A reviewer"].account.name)
        first.get_by_role("button", name="Ask", exact=True).click()
        expect(first.get_by_text("Asked to review")).to_be_visible()
        second.goto("/")
        expect(second.get_by_role("main")).to_contain_text(re.compile("4 candidates for you to decide about, asked by"))

        for page, of_disputed in ((first, "l"), (second, "x")):
            page.goto(f"{reviewed}/candidates/{agreed}")
            expect(page.get_by_role("heading", level=1)).to_contain_text("in your order")
            decide(page, "l", "The ears and the scar above the brow")
            page.wait_for_url(lambda url: agreed not in url)
            page.goto(f"{reviewed}/candidates/{disputed}")
            decide(page, of_disputed, "" if of_disputed == "x" else "The nose")
            page.wait_for_url(lambda url: disputed not in url)
        first.goto(f"{reviewed}/candidates/{agreed}")
        expect(first.locator(".review .outcome")).to_contain_text("lead")
        expect(first.locator(".decision")).to_have_count(2)
        first.goto(f"{reviewed}/candidates/{disputed}")
        expect(first.locator(".review .outcome")).to_contain_text("They decided differently, so it is inconclusive")

        first.goto(f"{reviewed}/report")
        first.get_by_role("button", name="Read it as a page").click()
        expect(first.get_by_role("alert")).to_contain_text("You have yet to decide about 2 of these candidates")
        for page in (first, second):
            for name in others:
                page.goto(f"{reviewed}/candidates/{name}")
                decide(page, "x")
                page.wait_for_url(lambda url, name=name: name not in url)  # type: ignore[misc]
        first.goto(reviewed)
        expect(first.locator(".candidate").first).to_contain_text("rank 1")

        report_lead(first, case.key)
    assert_sound(world, case.key, tmp_path)


def assert_sound(world: TwoAgencies, case: str, folder: Path) -> None:
    """Disclose a case as its supervisor, and have the pack verified by the one file in it."""
    made = world.desk_of("A supervisor").disclosure.make(case, sharp=True)
    pack = folder / "pack.zip"
    pack.write_bytes(made.zipped)
    with zipfile.ZipFile(pack) as archive:
        verifier = next(name for name in archive.namelist() if name.endswith("verify.py"))
        (folder / "verify.py").write_bytes(archive.read(verifier))
    command = [sys.executable, "-I", "verify.py", "pack.zip"]
    verified = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
