"""What the tests in a real browser share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browsers import open_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window, for the tests of one file."""
    with open_chromium() as browser:
        yield browser
