"""A key in Chromium: made for a case, shown once, used by a program, revoked; in light, dark and on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.clock import TICK, Clock
from tests.support.looks import faults, faults_shown
from tests.support.serving import Served, serving
from tests.support.world import CASE, SOURCE, solo

from lineament.model.sources import SourceTerms

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    clock = Clock(datetime.now(UTC), tick=TICK)
    with solo(tmp_path_factory.mktemp("keys") / "ws", clock) as world, serving(world.workspace) as served:
        terms = SourceTerms(name=SOURCE, controller="Commons", basis="free licences", jurisdiction="FR")
        world.machine.sources.add(terms)
        world.machine.casework.open(CASE)
        yield served


@pytest.fixture
def page(served: Served, chromium: Browser) -> Iterator[Page]:
    with silent_page(chromium, served, unless=lambda text: "Failed to load resource" in text) as page:
        yield page


def ask(served: Served, key: str) -> httpx.Response:
    """Ask the API about a key, as a program does."""
    return httpx.get(f"{served.url}/v1/key", headers={"authorization": f"Bearer {key}"}, timeout=60)


def test_a_key_is_made_for_a_case_used_and_revoked(served: Served, page: Page) -> None:
    assert faults(page, "/account/keys", door=False) == []
    expect(page.get_by_role("heading", name="No key yet")).to_be_visible()
    page.get_by_role("link", name="Make a key").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Make a key")
    assert page.get_by_role("checkbox", name="search choose a case first").is_disabled()
    assert faults_shown(page, door=False) == []

    page.get_by_role("combobox", name="Case").select_option(label=f"{CASE.ref} · {CASE.offence}")
    page.get_by_role("button", name="Choose this case").press("Enter")
    bound = page.get_by_label("The case to which the key is bound")
    expect(bound).to_contain_text(CASE.purpose)
    expect(bound).to_contain_text(CASE.basis)
    page.get_by_label("Name of the program").fill("the case system")
    page.get_by_role("checkbox", name="search each search is recorded").check()
    page.get_by_role("button", name="Make the key").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("say why it searches")
    expect(page.get_by_label("Name of the program")).to_have_value("the case system")
    page.get_by_label("Why does it search?").fill("to find where it was published")
    page.get_by_text("More", exact=True).press("Enter")
    page.get_by_role("checkbox", name=SOURCE).check()
    assert faults_shown(page, door=False) == []
    page.get_by_role("button", name="Make the key").press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Give this key to the case system")
    key = page.get_by_label("Key", exact=True).input_value()
    assert key.startswith("lin_")
    assert f"Bearer {key}" in page.get_by_label("Try it").input_value()
    assert faults_shown(page, door=False) == []
    told = ask(served, key)
    assert told.status_code == 200
    assert (told.json()["rights"], told.json()["sources"]) == (["search"], [SOURCE])

    page.get_by_role("link", name="Continue").click()
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text(CASE.ref)
    expect(row).to_contain_text("valid")
    assert key not in page.content()
    assert faults(page, "/account/keys", door=False) == []
    page.get_by_role("button", name="Revoke the case system").press("Enter")
    expect(row).to_contain_text("revoked")
    assert faults_shown(page, door=False) == []
    refused = ask(served, key)
    assert (refused.status_code, refused.json()["code"]) == (401, "key-refused")
    assert faults(page, "/keys", door=False) == []


def test_a_key_that_signs_shows_its_secret_once(page: Page) -> None:
    page.goto("/account/keys/new")
    page.get_by_label("Name of the program").fill("a client of AWS")
    page.get_by_role("checkbox", name="read sources").check()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Also make a secret that signs requests").check()
    page.get_by_role("button", name="Make the key").click()
    assert len(page.get_by_label("Access key id").input_value()) == 16
    assert page.get_by_label("Secret access key", exact=True).input_value()
    assert faults_shown(page, door=False) == []
    page.get_by_role("link", name="Continue").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("read sources · signs requests")
