"""The pages on which a guard refuses, warns or proves, and those of watches, batches and several people, in a real
browser: what they say, and the checks of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.support.browsers import NEEDS_CHROMIUM, open_chromium
from tests.support.guarded import WORLDS
from tests.support.looks import faults_shown
from tests.support.widened import widened

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
SHOWN = WORLDS | {"widened": widened}
RAW = ('{"', "[[", "+00:00", "Something went wrong")
"""What no page says: data as it is stored, times as programs write them, and that we do not know what happened."""


@pytest.mark.parametrize("world", SHOWN)
def test_every_page_says_what_happened_and_passes_the_checks(tmp_path: Path, world: str) -> None:
    found = {}
    with open_chromium() as browser:
        for shown in SHOWN[world](tmp_path, browser):
            expect(shown.page.locator("body")).to_contain_text(shown.words)
            raw = [f"says {words}" for words in RAW if words in shown.page.locator("body").inner_text()]
            found[shown.name] = raw + faults_shown(shown.page, door=shown.door)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
