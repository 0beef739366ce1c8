"""What integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.squad import Squad, squad, with_portraits
from tests.world import World, made


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two agencies with everybody in them, to be copied."""
    return made(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the portraits in its gallery, to be copied."""
    return with_portraits(tmp_path_factory.mktemp("portraits"))


@pytest.fixture
def team(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    """An agency at work, with nothing but a gallery yet."""
    with squad(portraits, tmp_path / "ws") as made:
        yield made
