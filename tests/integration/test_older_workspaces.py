"""Workspaces of released versions are upgraded when they are opened, completely or not at all, and lose nothing."""

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
from tests.support.database import raw_database

from lineament.errors import ModelChanged
from lineament.model.search import Mode, SearchRequest, SearchResult
from lineament.settings import Settings
from lineament.store import migrations
from lineament.workspace import Workspace

DATA = ROOT / "tests" / "data"
VERSIONS = sorted(path.name.removesuffix(".tar.xz") for path in DATA.glob("workspace-*.tar.xz"))
OLDER_TABLES = ["workspace-0.1", "workspace-0.2"]
"""The versions whose tables were changed since."""
CHANGED_BY_OPENING = {"alembic_version", "meta", "counters", "ledger_checkpoint", "ledger_nodes"}
"""Tables that opening a workspace writes to, besides those that an upgrade changes."""
RECORDED = {"ledger_entries", "ledger_details", "ledger_nodes"}
"""Tables that an upgrade adds rows to: it records that the faces of each source were counted."""
REWRAPPED = {"sources": {"wrapped_key"}, "captures": {"taken_at", "latitude", "longitude", "credentials"}}
"""Columns that an upgrade rewrites, or seals in one of their own."""
RELEASED = {
    "0001_first.py": "25a14dc066167920af39cbe08efe035d814baf601bbb7f0670d9dc8cd0736d08",
    "0002_jobs.py": "ff25ac530eb84f05a82b3e8378d3563a224e34cff199bf6d97416a19758bfdda",
}
"""SHA-256 of migrations that were released: a change of the tables is a new file."""


def unpack(version: str, folder: Path) -> None:
    with tarfile.open(DATA / f"{version}.tar.xz") as packed:
        packed.extractall(folder, filter="data")


@pytest.fixture(params=VERSIONS)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Unpack a workspace into ``tmp_path``; return what its version reported about it."""
    unpack(request.param, tmp_path)
    read: dict[str, Any] = json.loads((DATA / f"{request.param}.json").read_text("utf-8"))
    return read


def next_day(report: dict[str, Any]) -> Callable[[], datetime]:
    """Return a clock at the day after the workspace was packed, so that nothing in it has expired."""
    moment = datetime.fromisoformat(report["packed_at"]).astimezone(UTC) + timedelta(days=1)
    return lambda: moment


def revision(home: Path) -> str:
    with raw_database(home) as database:
        (name,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(name)


def every_row(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table, in the order of their values."""
    with raw_database(home) as database:
        database.row_factory = sqlite3.Row
        names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def ranked(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(row["face_id"], row["uri"], pytest.approx(row["score"], abs=1e-3)) for row in answer["candidates"]]


def test_there_is_a_workspace_of_each_release() -> None:
    assert {"workspace-0.1", "workspace-0.2"} <= set(VERSIONS)


def test_the_tables_of_all_others_are_current(tmp_path: Path) -> None:
    older = []
    for version in VERSIONS:
        unpack(version, tmp_path / version)
        if revision(tmp_path / version / "workspace") != migrations.HEAD:
            older.append(version)
    assert older == OLDER_TABLES


def test_an_older_workspace_is_upgraded_and_its_ledger_is_sound(report: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / "workspace"
    with Workspace.open(Settings(home=home), clock=next_day(report)) as workspace:
        checked = workspace.desk_at_the_machine().audit.verify()
    assert revision(home) == migrations.HEAD
    assert checked.entries >= report["ledger"]["entries"]
    with Workspace.open(Settings(home=home), clock=next_day(report)) as workspace:
        assert workspace.desk_at_the_machine().audit.verify().entries >= checked.entries


def test_an_older_workspace_finds_the_same_candidates(report: dict[str, Any], tmp_path: Path) -> None:
    with Workspace.open(Settings(home=tmp_path / "workspace"), clock=next_day(report)) as workspace:
        for case, answer in report["answers"].items():
            probe = workspace.desk_at_the_machine().probes.take(case, (tmp_path / "macron-2014.jpg").read_bytes())
            mode = Mode(answer["mode"])
            result = workspace.desk_at_the_machine().search.run(
                probe.id, SearchRequest(case=case, reason="a test", mode=mode), face=1
            )
            assert [(face.face_id, face.uri, face.score) for face in result.candidates] == ranked(answer)


def test_an_older_workspace_changes_to_the_new_model_when_all_was_looked_at_again(
    report: dict[str, Any], tmp_path: Path
) -> None:
    """Until then every search compares all faces with the model before; a program that runs on says so after it."""
    settings, probe = Settings(home=tmp_path / "workspace"), (tmp_path / "macron-2014.jpg").read_bytes()

    def search(workspace: Workspace) -> SearchResult:
        desk = workspace.desk_at_the_machine()
        case = next(iter(report["answers"]))
        request = SearchRequest(case=case, reason="a test", mode=Mode.INVESTIGATION)
        return desk.search.run(desk.probes.take(case, probe).id, request, face=1)

    with Workspace.open(settings, clock=next_day(report)) as workspace:
        before = search(workspace)
        assert before.model == "sface-yunet/bb64e691"
        done = workspace.desk_at_the_machine().look_again.run(None, workers=1)
        assert done.adopted
        with pytest.raises(ModelChanged, match=done.model):
            search(workspace)
    with Workspace.open(settings, clock=next_day(report)) as workspace:
        after = search(workspace)
        assert after.model == done.model == workspace.next_model
        assert after.gallery_faces >= before.gallery_faces - done.lost
        assert after.candidates[0].face_id == before.candidates[0].face_id
        assert not workspace.desk_at_the_machine().look_again.run(None, workers=1).looked
        assert workspace.desk_at_the_machine().audit.verify().entries > 0


@pytest.mark.parametrize("report", OLDER_TABLES, indirect=True)
def test_an_upgrade_loses_no_row(report: dict[str, Any], tmp_path: Path) -> None:
    """Making a table anew must not delete the rows that refer to it, nor change a value."""
    home = tmp_path / "workspace"
    before = every_row(home)
    Workspace.open(Settings(home=home), clock=next_day(report)).close()
    with raw_database(home) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    after = every_row(home)
    kept = {name: rows for name, rows in before.items() if name not in CHANGED_BY_OPENING}
    assert {"captures", "faces", "templates", "places", "bands", "probes", "searches", "candidates"} <= set(kept)
    assert all(before[name] for name in ("captures", "faces", "templates", "bands"))
    for name, rows in kept.items():
        wide = {column for row in rows for column in row} - REWRAPPED.get(name, set())
        now = [{column: row[column] for column in wide} for row in after[name]]
        was = [{column: row[column] for column in wide} for row in rows]
        assert [row for row in was if row not in now] == [], name
        assert len(now) >= len(was) if name in RECORDED else len(now) == len(was), name
    assert {(row["part"], row["incomplete"], row["missing"], row["looked_at_by"]) for row in after["captures"]} == {
        (1, 0, None, None)
    }
    assert {row["comparable"] for row in after["faces"]} == {1}
    assert {(row["part"], row["parts"], row["incomplete"]) for row in after["probes"]} == {(1, 1, 0)}


@pytest.mark.parametrize("report", OLDER_TABLES, indirect=True)
def test_an_interrupted_upgrade_changes_nothing(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "workspace"
    before = revision(home)
    upgrade = migrations.upgrade

    def interrupt(connection: Any, *keys: Any) -> None:
        upgrade(connection, *keys)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "upgrade", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Workspace.open(Settings(home=home), clock=next_day(report))
    assert revision(home) == before
    Workspace.open(Settings(home=home), clock=next_day(report)).close()
    assert revision(home) == migrations.HEAD


def test_released_migrations_are_not_edited() -> None:
    for name, digest in RELEASED.items():
        assert hashlib.sha256((migrations.FOLDER / "versions" / name).read_bytes()).hexdigest() == digest, name
