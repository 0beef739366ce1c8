"""The checkpoint outside the database: written whole or not at all, and never replaced by an older one."""

from __future__ import annotations

import errno
import os
import shutil
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.support.ledgers import fill

from lineament.errors import AnchorMissing, AnchorUnavailable, LedgerBroken, StorageFull
from lineament.ledger.anchor import read_anchor
from lineament.ledger.checkpoint import Checkpoint
from lineament.ledger.log import Ledger
from lineament.testing import MemoryLeafStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"


def notes_of(ledger: Ledger, entries: int) -> list[str]:
    rows = MemoryLeafStore()
    notes = []
    for _ in range(entries):
        fill(ledger, rows, 1)
        notes.append(rows.note or "")
    return notes


def test_the_newest_is_kept(ledger: Ledger, path: Path) -> None:
    assert read_anchor(path) is None
    for note in notes_of(ledger, 3):
        ledger.anchor(path, note)
        assert read_anchor(path) == note
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint"]


def test_an_older_one_never_takes_its_place(ledger: Ledger, path: Path) -> None:
    """Two processes may anchor in a different order than they committed."""
    notes = notes_of(ledger, 3)
    for note in reversed(notes):
        ledger.anchor(path, note)
    assert read_anchor(path) == notes[2]


def test_another_history_never_takes_its_place(ledger: Ledger, path: Path) -> None:
    notes, fork = notes_of(ledger, 3), notes_of(ledger, 3)  # other salts, so another tree
    ledger.anchor(path, notes[2])
    with pytest.raises(LedgerBroken, match="not those that were anchored"):
        ledger.anchor(path, fork[2])
    assert read_anchor(path) == notes[2]


def test_an_invalid_checkpoint_is_not_overwritten(ledger: Ledger, path: Path) -> None:
    path.write_bytes(b"\xff\xfe nonsense")
    with pytest.raises(LedgerBroken, match="cannot be trusted"):
        ledger.anchor(path, notes_of(ledger, 1)[0])
    assert path.read_bytes() == b"\xff\xfe nonsense"


def test_leftovers_of_an_interrupted_write_are_ignored(ledger: Ledger, path: Path) -> None:
    path.with_name("checkpoint.new").write_text("half a che")
    note = notes_of(ledger, 1)[0]
    ledger.anchor(path, note)
    assert read_anchor(path) == note


def _anchor(path: Path, notes: list[str]) -> None:
    ledger = Ledger(origin="lineament/test", signing_seed=bytes(range(32)))
    for note in notes:
        ledger.anchor(path, note)


def test_processes_that_anchor_at_once_leave_the_newest(ledger: Ledger, path: Path) -> None:
    notes = notes_of(ledger, 60)
    processes = [get_context("spawn").Process(target=_anchor, args=(path, notes[start::3])) for start in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert read_anchor(path) == notes[-1]


def test_a_folder_that_is_gone(ledger: Ledger, path: Path) -> None:
    with pytest.raises(AnchorUnavailable, match="lineament verify"):
        ledger.anchor(path.parent / "gone" / "checkpoint", notes_of(ledger, 1)[0])
    with pytest.raises(AnchorUnavailable):
        read_anchor(path.parent)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(number: int, ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = notes_of(ledger, 2)
    ledger.anchor(path, first)

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        ledger.anchor(path, second)
    assert read_anchor(path) == first


# ---------------------------------------------------------------- on opening


def test_a_ledger_that_continues_from_its_anchor(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    for _ in range(20):
        ledger.anchor(path, rows.note or "")
        fill(ledger, rows, 1)
        ledger.check_anchor(rows, path)


def test_a_rolled_back_database_is_detected_on_opening(ledger: Ledger, path: Path) -> None:
    rows = MemoryLeafStore()
    fill(ledger, rows, 5)
    backup = MemoryLeafStore(dict(rows.rows), dict(rows.tree), rows.note)
    fill(ledger, rows, 3)
    ledger.anchor(path, rows.note or "")
    with pytest.raises(LedgerBroken, match="5 entries, but 8 were anchored") as caught:
        ledger.check_anchor(backup, path)
    assert caught.value.details["entry"] == 5
    fill(ledger, backup, 4)  # and it continues: another history, larger than the anchor
    with pytest.raises(LedgerBroken, match="the first 8 entries are not those that were anchored"):
        ledger.check_anchor(backup, path)


def test_an_anchor_of_another_workspace(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    other = Ledger(origin="lineament/other", signing_seed=bytes(range(32)))
    other.anchor(path, notes_of(other, 1)[0])
    with pytest.raises(LedgerBroken, match="cannot be trusted"):
        ledger.check_anchor(rows, path)


def test_a_tree_with_holes_is_detected_on_opening(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    ledger.anchor(path, rows.note or "")
    fill(ledger, rows, 3)
    del rows.tree[0, 22]
    with pytest.raises(LedgerBroken, match="not those that were anchored"):
        ledger.check_anchor(rows, path)


def test_an_anchor_is_a_checkpoint_that_others_can_read(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    ledger.anchor(path, rows.note or "")
    copy = shutil.copy(path, path.with_name("usb-stick"))
    assert Checkpoint.parse(Path(copy).read_text(encoding="utf-8"), ledger.public_key).size == 20


def test_an_anchor_that_is_gone(ledger: Ledger, rows: MemoryLeafStore, path: Path) -> None:
    with pytest.raises(AnchorMissing, match="is gone"):
        ledger.check_anchor(rows, path)
    ledger.check_anchor(MemoryLeafStore(), path)
    with pytest.raises(AnchorMissing):
        ledger.check_anchor(MemoryLeafStore(), path, begun=True)
    ledger.first_anchor(path)
    ledger.check_anchor(MemoryLeafStore(), path, begun=True)
    ledger.check_anchor(rows, path)
