"""Every command of the guides, in their order and by the people that they name."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.guides import GuideTerminal, commands
from tests.support.measuring import write_people


def test_the_guide_for_agencies(tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAMENT_STATE", str(tmp_path / "state"))
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    shutil.copy(PORTRAITS / "macron-2025.jpg", photographs)
    shutil.copy(PORTRAITS / "macron-2014.jpg", tmp_path / "counter.jpg")
    (tmp_path / "order.pdf").write_bytes(b"%PDF-1.7 the order")
    assert lineament("init").code == 0
    terms = ("--controller", "Press", "--basis", "contract", "--jurisdiction", "FR")
    assert lineament("source", "add", "press", *terms).code == 0
    assert lineament("ingest", "press", photographs).code == 0
    terminal = GuideTerminal(tmp_path / "ws", lineament, monkeypatch)
    printed = terminal.run_all(commands("an-agency.md"))
    assert len(printed) > 30
    refusal = next(out for line, out in printed.items() if line.endswith("# refused"))
    assert "authorisation" in refusal
    assert "A candidate is a starting point" in next(
        out for line, out in printed.items() if line.endswith("--kind cctv")
    )
    assert "refused" in next(out for line, out in printed.items() if "case show" in line)


def test_the_guide_of_the_first_search(
    tmp_path: Path, photos: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "macron-2014.jpg").rename(tmp_path / "cctv.jpg")
    photos.rename(tmp_path / "photographs")
    (tmp_path / "contract.pdf").write_bytes(b"%PDF-1.7 the contract")
    terminal = GuideTerminal(tmp_path / "ws", lineament, monkeypatch)
    printed: dict[str, str] = {}
    for line in commands("first-search.md"):
        key = lineament("ledger", "key").out.strip() if "KEY" in line else ""
        if line.startswith("python -m lineament.ledger.verify"):
            words = shlex.split(line.replace("KEY", key))[2:]
            checked = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stderr
        else:
            typed = line.replace("--face 4711", "--face 1 --yes")
            typed = typed.replace("withdraw press-2026", "withdraw press-2026 --yes")
            printed |= terminal.run_all([typed])
    assert any("A candidate is a starting point" in out for out in printed.values())
    shown = lineament("case", "show", "2026-0412").out
    assert "missing" in shown
    assert "suspect" not in shown


def test_the_guide_of_the_threshold(
    tmp_path: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAMENT_STATE", str(tmp_path / "state"))
    write_people(tmp_path / "people.csv", lambda _: "all")
    terminal = GuideTerminal(tmp_path / "ws", lineament, monkeypatch)
    invite = "lineament user invite"
    terminal.run_all(
        [
            "lineament init",
            f'{invite} olga@ministry.example --name "Olga Oak" --role operator --role administrator',
            "lineament sign-in olga@ministry.example",
            'lineament agency invite-operator otto@ministry.example --name "Otto Osier"',
            "lineament sign-out",
        ]
    )
    printed = terminal.run_all(commands("threshold.md"))
    assert "you proposed change 1" in next(out for line, out in printed.items() if line.endswith("# refused"))
    proposed = next(out for line, out in printed.items() if " propose " in line)
    assert "FNIR before" in proposed
    assert "insufficient data" in proposed
    assert "proposed by olga and approved by otto" in printed["lineament threshold show"].lower()
