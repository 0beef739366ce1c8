"""A worker that is told to end while its main thread imports ends quietly; what is really missing is told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lineament.cli import beside
from lineament.settings import Settings
from lineament.workspace import Workspace

PATIENCE = 60.0


class Broken:
    """A workspace that cannot be opened, because of a broken import."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, last_question: float) -> None:
        self.began, self.told = threading.Event(), threading.Event()
        monkeypatch.setattr(Workspace, "open", self._open)
        monkeypatch.setattr(threading, "excepthook", self._tell)
        monkeypatch.setattr(beside, "LAST_QUESTION", last_question)

    def _open(self, _: Settings) -> Workspace:
        self.began.set()
        raise ImportError("cannot import name 'holder_at'")

    def _tell(self, _: Any) -> None:
        self.told.set()


def test_an_import_that_the_end_broke_off_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(monkeypatch, PATIENCE)
    with beside.WitnessingBeside(Settings(home=tmp_path)):
        assert broken.began.wait(PATIENCE)
    assert not broken.told.is_set()


def test_an_import_that_fails_while_the_worker_goes_on_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(monkeypatch, 0.01)
    with beside.WitnessingBeside(Settings(home=tmp_path)):
        assert broken.told.wait(PATIENCE)
