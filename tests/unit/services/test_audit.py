"""The export of the ledger to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import pytest

from lineament.services import audit
from lineament.workspace import Workspace


def test_an_export_that_fails_leaves_no_file(alone: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_rows: object, out: TextIO, *_: object, **__: object) -> int:
        out.write("details of a case")
        raise OSError("no space left")

    monkeypatch.setattr(audit, "export", fail)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(OSError, match="no space left"):
        alone.desk_at_the_machine().audit.export(folder / "ledger.jsonl")
    assert list(folder.iterdir()) == []
