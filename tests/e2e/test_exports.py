"""What leaves a case for other systems, in Chromium: each file is what it says, and an error does not outlive it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nistitl
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, silent_page
from tests.support.serving import Served
from tests.support.world import CASE

from lineament.web.addresses import case_address

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM, pytest.mark.usefixtures("result")]


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    address = f"{case_address(CASE.ref)}/disclosure"
    with silent_page(chromium, served, address, unless=lambda text: "status of 422" in text) as page:
        yield page


def test_a_case_is_exported_with_the_keyboard(page: Page) -> None:
    page.get_by_role("radio", name="VICS 2.0").press("ArrowDown")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the export").press("Enter")
    with zipfile.ZipFile(saved.value.path()) as zipped:
        assert zipped.testzip() is None
        listing = json.loads(zipped.read("vics.json"))
        (media,) = listing["value"][0]["Media"]
        assert media["RelativeFilePath"].replace("\\", "/") in zipped.namelist()
    assert listing["odata.metadata"].endswith("1.3.xml#Cases")


def test_an_error_is_gone_once_the_file_is_saved(page: Page) -> None:
    receiver = page.get_by_label("Who gets it")
    receiver.fill("DE;1")
    page.get_by_label("Who sends it").fill("FRPOL0001")
    page.get_by_role("button", name="Save the transaction").click()
    expect(page.get_by_role("alert")).to_contain_text("letters, digits, blanks")
    expect(receiver).to_be_focused()
    expect(receiver).to_have_attribute("aria-invalid", "true")
    assert violations(page) == []
    receiver.fill("DEBKA0000")
    with page.expect_download() as saved:
        receiver.press("Enter")
    message = nistitl.Message()
    message.parse(Path(saved.value.path()).read_bytes())
    assert (str(message[0].DAI), str(message[0].ORI)) == ("DEBKA0000", "FRPOL0001")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("letters, digits, blanks")).to_have_count(0)
    expect(receiver).not_to_have_attribute("aria-invalid", "true")
