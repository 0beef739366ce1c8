"""A workspace of a released version is opened: brought up to date, whole or not at all, and nothing in it is lost."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT

from lineament.model.search import Mode, SearchRequest
from lineament.settings import Settings
from lineament.store import migrations
from lineament.workspace import Workspace

DATA = ROOT / "tests" / "data"
VERSIONS = sorted(path.name.removesuffix(".tar.xz") for path in DATA.glob("workspace-*.tar.xz"))
RELEASED = {
    "0001_first.py": "25a14dc066167920af39cbe08efe035d814baf601bbb7f0670d9dc8cd0736d08",
    "0002_jobs.py": "ff25ac530eb84f05a82b3e8378d3563a224e34cff199bf6d97416a19758bfdda",
}
"""SHA-256 of migrations that were released: a change of the tables is a new file."""


@pytest.fixture(params=VERSIONS)
def found(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What the version said of its workspace, which is unpacked in ``tmp_path``."""
    with tarfile.open(DATA / f"{request.param}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    said: dict[str, Any] = json.loads((DATA / f"{request.param}.json").read_text("utf-8"))
    return said


def next_day(found: dict[str, Any]) -> Callable[[], datetime]:
    """A clock that stands on the day after the workspace was packed, so that nothing in it has run out."""
    moment = datetime.fromisoformat(found["packed_at"]).astimezone(UTC) + timedelta(days=1)
    return lambda: moment


def revision(home: Path) -> str:
    connection = sqlite3.connect(home / "lineament.db")
    (name,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return str(name)


def ranked(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(row["face_id"], row["uri"], pytest.approx(row["score"], abs=1e-3)) for row in answer["candidates"]]


def test_there_is_a_workspace_of_each_release() -> None:
    assert {"workspace-0.1", "workspace-0.2"} <= set(VERSIONS)


def test_it_is_brought_up_to_date_and_its_ledger_is_sound(found: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / "workspace"
    with Workspace.open(Settings(home=home), clock=next_day(found)) as workspace:
        checked = workspace.desk_at_the_machine().audit.verify()
    assert revision(home) == migrations.HEAD
    assert checked.size >= found["ledger"]["entries"]
    with Workspace.open(Settings(home=home), clock=next_day(found)) as workspace:
        assert workspace.desk_at_the_machine().audit.verify().size >= checked.size


def test_it_finds_the_candidates_that_it_found_then(found: dict[str, Any], tmp_path: Path) -> None:
    with Workspace.open(Settings(home=tmp_path / "workspace"), clock=next_day(found)) as workspace:
        for case, answer in found["answers"].items():
            probe = workspace.desk_at_the_machine().probes.take(case, (tmp_path / "macron-2014.jpg").read_bytes())
            mode = Mode(answer["mode"])
            result = workspace.desk_at_the_machine().search.run(
                probe.id, SearchRequest(case=case, reason="a test", mode=mode), face=1
            )
            assert [(face.face_id, face.uri, face.score) for face in result.candidates] == ranked(answer)


def test_an_upgrade_that_is_cut_off_leaves_the_workspace_as_it_was(
    found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "workspace"
    before = revision(home)
    if before == migrations.HEAD:
        pytest.skip("its tables are today's")
    whole = migrations.upgrade

    def cut_off(connection: Any) -> None:
        whole(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "upgrade", cut_off)
        with pytest.raises(KeyboardInterrupt):
            Workspace.open(Settings(home=home), clock=next_day(found))
    assert revision(home) == before
    Workspace.open(Settings(home=home), clock=next_day(found)).close()
    assert revision(home) == migrations.HEAD


def test_released_migrations_are_not_edited() -> None:
    for name, digest in RELEASED.items():
        assert hashlib.sha256((migrations.FOLDER / "versions" / name).read_bytes()).hexdigest() == digest, name
