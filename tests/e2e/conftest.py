"""What the tests in a real browser share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browsers import open_chromium
from tests.support.serving import Served, serving
from tests.support.world import gallery, search_portraits


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window, for the tests of one file."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The pages of a workspace with the portraits."""
    with gallery(tmp_path_factory.mktemp("portraits") / "ws") as workspace, serving(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def result(served: Served) -> str:
    """The page of a search of the portraits."""
    return search_portraits(served.workspace)
