"""The key of the terminal's session: for its owner alone, one for each workspace, whole or not at all."""

from __future__ import annotations

import stat
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lineament.cli.kept import forget_key, keep_key, kept_key, key_path
from lineament.errors import KeyExposed, StorageFull
from lineament.workspace import Workspace


def workspace(state: Path, name: str = "0011aabb") -> Workspace:
    """Return what the session of the terminal needs of a workspace: its name, and where state is kept."""
    tx = SimpleNamespace(meta={"workspace": name})
    store = SimpleNamespace(read=lambda: nullcontext(tx))
    return cast("Workspace", SimpleNamespace(store=store, settings=SimpleNamespace(state=state)))


def test_a_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    opened = workspace(tmp_path)
    assert kept_key(opened) is None
    keep_key(opened, "first")
    keep_key(opened, "second")
    assert kept_key(opened) == "second"
    assert stat.S_IMODE(key_path(opened).stat().st_mode) == 0o600
    assert stat.S_IMODE(key_path(opened).parent.stat().st_mode) == 0o700
    assert [path.name for path in key_path(opened).parent.iterdir()] == ["0011aabb"]  # nothing unfinished is left


def test_each_workspace_has_a_key_of_its_own(tmp_path: Path) -> None:
    keep_key(workspace(tmp_path, "0011aabb"), "first")
    keep_key(workspace(tmp_path, "22cc33dd"), "second")
    assert kept_key(workspace(tmp_path, "0011aabb")) == "first"
    forget_key(workspace(tmp_path, "0011aabb"))
    forget_key(workspace(tmp_path, "0011aabb"))  # nothing happens if there is none
    assert kept_key(workspace(tmp_path, "0011aabb")) is None
    assert kept_key(workspace(tmp_path, "22cc33dd")) == "second"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    opened = workspace(tmp_path)
    keep_key(opened, "key")
    key_path(opened).chmod(mode)
    with pytest.raises(KeyExposed, match="chmod 600"):
        kept_key(opened)


def test_a_key_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder would be")
    with pytest.raises(StorageFull):
        keep_key(workspace(tmp_path / "state"), "key")


def test_unfinished_files_do_not_interfere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = workspace(tmp_path)
    key_path(opened).parent.mkdir(parents=True)
    monkeypatch.setattr("lineament.cli.kept.os.getpid", lambda: 77)
    (key_path(opened).parent / ".0011aabb.77").write_text("half a k")
    keep_key(opened, "whole")
    assert kept_key(opened) == "whole"
