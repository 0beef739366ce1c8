"""The state of a crawl whose first run has begun."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.state import CrawlState


@pytest.fixture
def state(tmp_path: Path) -> Iterator[CrawlState]:
    state = CrawlState(KeptCrawl(tmp_path, bytes(32)), write=True)
    state.start_run(0.0)
    yield state
    state.close()
