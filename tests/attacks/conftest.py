"""Attacks by kind; docs/reference/security.md names the promise that each test keeps."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.store.conftest import (  # noqa: F401 - fixtures: a store on each database
    empty_sqlite,
    fresh_url,
    keys,
    postgresql,
    raw,
    refused,
    rows,
    store,
    url,
)
from tests.support.attacked import Victim, build_victim
from tests.support.fixtures import factors, pages, portraits, rufus, team, two_agencies, world  # noqa: F401 - fixtures
from tests.support.once import once


@pytest.fixture(scope="session")
def attacked(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811 - the fixture
    """The folder of a target that is built once a run, to be copied."""

    def build(folder: Path) -> None:
        (folder / "target").write_bytes(pickle.dumps(build_victim(folder, portraits)))

    return once(tmp_path_factory, "attacked", build)


@pytest.fixture
def target(attacked: Path, tmp_path: Path) -> Victim:
    """A target of its own for each test."""
    built: Victim = pickle.loads((attacked / "target").read_bytes())  # noqa: S301 - of this run
    shutil.copytree(attacked / "ws", tmp_path / "ws")
    return replace(built, home=tmp_path / "ws")
