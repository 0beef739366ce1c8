"""Fixtures of the integration tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import schema
from tests.support.fixtures import (  # noqa: F401 - fixtures
    case,
    factors,
    found,
    pages,
    portraits,
    rufus,
    team,
    two_agencies,
    world,
)

PROVIDER = Path(__file__).parents[1] / "support" / "openid_provider.py"


@pytest.fixture(autouse=True)
def schema_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the schema of new workspaces without running the migrations each time."""
    monkeypatch.setattr("lineament.store.migrations.upgrade", schema.upgrade)


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
