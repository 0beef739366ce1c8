"""Fixtures of the integration tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import schema
from tests.support.once import once
from tests.support.squad import Squad, build_portraits, squad
from tests.support.two_agencies import Pages, TwoAgencies, build_two_agencies

PROVIDER = Path(__file__).parents[1] / "support" / "openid_provider.py"


@pytest.fixture(autouse=True)
def schema_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the schema of new workspaces without running the migrations each time."""
    monkeypatch.setattr("lineament.store.migrations.upgrade", schema.upgrade)


@pytest.fixture(scope="session")
def two_agencies(tmp_path_factory: pytest.TempPathFactory) -> TwoAgencies:
    """Two agencies with everybody in them, to be copied."""
    return TwoAgencies.load(once(tmp_path_factory, "two-agencies", build_two_agencies))


@pytest.fixture(scope="module")
def pages(two_agencies: TwoAgencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a copy of the two agencies, which the tests of a module share."""
    with two_agencies.copy(tmp_path_factory.mktemp("pages")) as world, world.pages() as pages:
        yield pages


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the portraits in its gallery, to be copied."""
    return once(tmp_path_factory, "portraits", build_portraits) / "ws"


@pytest.fixture
def team(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    """An agency at work, with nothing but a gallery yet."""
    with squad(portraits, tmp_path / "ws") as team:
        yield team


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real OpenID provider, running."""
    folder = tmp_path_factory.mktemp("openid")
    command = [sys.executable, str(PROVIDER), str(folder)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            line = running.stdout.readline()
            assert line, (folder / "log").read_text()
            yield json.loads(line)["issuer"]
        finally:
            running.stdin.close()
            running.wait(30)
