"""Makes files durable, one by one or a file system at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lineament.store import durable, engines
from lineament.store.db import Store
from lineament.testing import VAULT

SYNCED = {
    (os, "fsync"): os.fsync,
    (durable, "syncfs"): durable.syncfs,
    (engines, "SQLITE_PRAGMAS"): engines.SQLITE_PRAGMAS,
}
"""What waits for the disk, as it was before ``unsynced`` replaced it."""


@pytest.fixture(autouse=True)
def waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), value in SYNCED.items():
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / str(number) for number in range(2 * durable.FEW)]
    for path in paths:
        path.write_bytes(b"content")
    return paths


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that were synced one by one."""
    done: list[int] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        done.append(descriptor)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return done


def test_a_few_files_go_one_by_one(tmp_path: Path, written: list[Path], synced: list[int]) -> None:
    durable.sync_all(tmp_path, written[: durable.FEW])
    assert len(synced) == durable.FEW


def test_many_files_go_at_once(tmp_path: Path, written: list[Path], synced: list[int]) -> None:
    if durable.syncfs() is None:
        pytest.skip("this system has no syncfs(2) that reports errors")
    durable.sync_all(tmp_path, written)
    assert synced == []


def test_many_files_go_one_by_one_on_an_older_kernel(
    tmp_path: Path, written: list[Path], synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    older = os.uname_result(("Linux", "here", "5.4.0-150-generic", "#167", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: older)
    durable.syncfs.cache_clear()
    try:
        durable.sync_all(tmp_path, written)
    finally:
        durable.syncfs.cache_clear()
    assert len(synced) == len(written)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        durable.sync_all(tmp_path, [tmp_path / "nothing"])
    with pytest.raises(FileNotFoundError):
        durable.sync_all(tmp_path / "nothing", [tmp_path] * 9)


def test_nothing_to_do(tmp_path: Path, synced: list[int]) -> None:
    durable.sync_all(tmp_path, [])
    assert synced == []


def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    store = Store.create(f"sqlite:///{tmp_path / 'lineament.db'}", VAULT)
    with store.begin() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    store.close()
