"""Attacks by kind; docs/reference/security.md names the promise that each test keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.store.conftest import (  # noqa: F401 - fixtures: a store on each database
    empty_sqlite,
    keys,
    postgresql,
    raw,
    refused,
    rows,
    store,
    url,
)
from tests.support.once import once
from tests.support.squad import Squad, build_portraits, squad


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the portraits in its gallery, to be copied."""
    return once(tmp_path_factory, "portraits", build_portraits) / "ws"


@pytest.fixture
def team(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    """An agency at work, with nothing but a gallery yet."""
    with squad(portraits, tmp_path / "ws") as team:
        yield team
