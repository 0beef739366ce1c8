"""The guides, followed to the letter: every command of them, by whom they say, in their order."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from tests.conftest import PORTRAITS, ROOT, Ran
from tests.support.world import PASSWORD

from lineament.settings import Settings
from lineament.workspace import Workspace

REFUSED = 4


def commands(guide: str) -> list[str]:
    """The lines of a guide's blocks, in their order."""
    text = (ROOT / "docs" / "guide" / guide).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for kind, block in blocks if not kind for line in block.replace("\\\n", " ").splitlines()]


class Terminal:
    """Where everybody of the guide sits; links are followed, and an app added, as on the pages."""

    def __init__(self, home: Path, run: Callable[..., Ran], patch: pytest.MonkeyPatch) -> None:
        self._home, self._run, self._patch = home, run, patch
        self._secrets: dict[str, str] = {}
        self._codes: dict[str, int] = {}

    def follows(self, line: str) -> Ran:
        coming = f"{datetime.now(UTC).date() + timedelta(days=180)}"
        program, *words = shlex.split(re.sub(r"2027-\d\d-\d\d", coming, line), comments=True)
        assert program == "lineament"
        if words[0] == "sign-in":
            self._patch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n{self._code(words[1])}\n"))
        ran = self._run(*words)
        if ran.code == 0 and words[0] in {"agency", "user"} and words[1].startswith("invite"):
            self._joins(next(word for word in words if "@" in word), ran.out)
        return ran

    def goes_through(self, lines: list[str]) -> dict[str, str]:
        """What is printed by each; every one does what the guide says that it does."""
        said = {}
        for line in lines:
            ran = self.follows(line)
            assert ran.code == (REFUSED if line.endswith("# refused") else 0), f"{line}: {ran.err}"
            said[line] = ran.out + ran.err
        return said

    def _code(self, email: str) -> str:
        """Of the app, each time a later one, for each is good once; more than a minute ahead none is taken."""
        self._codes[email] += 1
        ahead = timedelta(seconds=30 * (self._codes[email] - 1))
        return pyotp.TOTP(self._secrets[email]).at(datetime.now(UTC) + ahead)

    def _joins(self, email: str, said: str) -> None:
        token = re.search(r"/join/(\S+)", said)
        assert token is not None
        with Workspace.open(Settings(home=self._home)) as opened:
            door = opened.sign_in
            begun = door.join(token[1], email.partition("@")[0], PASSWORD, "a browser")
            session = door.session(begun.key)
            assert session is not None
            new = door.factors.begin_totp(session)
            earlier = pyotp.TOTP(new.secret).at(datetime.now(UTC) - timedelta(seconds=30))
            door.factors.enrol_totp(session, new.pending, earlier, "phone")
        self._secrets[email], self._codes[email] = new.secret, 0


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
    terminal = Terminal(tmp_path / "ws", lineament, monkeypatch)
    said = terminal.goes_through(commands("an-agency.md"))
    assert len(said) > 30
    refusal = next(out for line, out in said.items() if line.endswith("# refused"))
    assert "authorisation" in refusal
    assert "A candidate is a lead" in next(out for line, out in said.items() if line.endswith("--kind cctv"))
    assert "refused" in next(out for line, out in said.items() if "case show" in line)


def test_the_guide_of_the_first_search(
    tmp_path: Path, photos: Path, lineament: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "macron-2014.jpg").rename(tmp_path / "cctv.jpg")
    photos.rename(tmp_path / "photographs")
    (tmp_path / "contract.pdf").write_bytes(b"%PDF-1.7 the contract")
    terminal = Terminal(tmp_path / "ws", lineament, monkeypatch)
    said: dict[str, str] = {}
    for line in commands("first-search.md"):
        key = lineament("ledger", "key").out.strip() if "KEY" in line else ""
        if line.startswith("python -m lineament.ledger.verify"):
            words = shlex.split(line.replace("KEY", key))[2:]
            checked = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stderr
        else:
            typed = line.replace("--face 4711", "--face 1").replace("withdraw press-2026", "withdraw press-2026 --yes")
            said |= terminal.goes_through([typed])
    assert any("A candidate is a lead" in out for out in said.values())
    shown = lineament("case", "show", "2026-0412").out
    assert "missing" in shown
    assert "suspect" not in shown
