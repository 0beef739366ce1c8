"""Runs the commands of the guides in docs/guide."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import ROOT, Ran
from tests.support.world import PASSWORD, Person, opened

REFUSED = 4


def blocks(path: str) -> list[tuple[str, str]]:
    """Return the blocks of a page, in their order: the language of each, empty for a shell, and its text."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def lines_of(block: str) -> list[str]:
    """Return the commands of a block, each on one line."""
    return block.replace("\\\n", " ").splitlines()


def commands(guide: str) -> list[str]:
    """Return the lines of the blocks of a guide, in their order."""
    return [line for kind, block in blocks(f"docs/guide/{guide}") if not kind for line in lines_of(block)]


class GuideTerminal:
    """A terminal for everybody in a guide. It follows invitations and adds an app, as people do on the pages."""

    def __init__(self, home: Path, lineament: Callable[..., Ran], patch: pytest.MonkeyPatch) -> None:
        self._home, self._lineament, self._patch = home, lineament, patch
        self._people: dict[str, Person] = {}

    def run(self, line: str) -> Ran:
        """Run a line of a guide, with dates that are still to come."""
        future = f"{datetime.now(UTC).date() + timedelta(days=180)}"
        program, *words = shlex.split(re.sub(r"2027-\d\d-\d\d", future, line), comments=True)
        assert program == "lineament"
        if words[0] == "sign-in":
            code = self._people[words[1]].next_code(datetime.now(UTC))
            self._patch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n{code}\n"))
        ran = self._lineament(*words)
        if ran.code == 0 and words[0] in {"agency", "user"} and words[1].startswith("invite"):
            self._join(next(word for word in words if "@" in word), ran.out)
        return ran

    def run_all(self, lines: list[str]) -> dict[str, str]:
        """Run lines that succeed, or are refused if the guide says so; return the output of each."""
        printed = {}
        for line in lines:
            ran = self.run(line)
            assert ran.code == (REFUSED if line.endswith("# refused") else 0), f"{line}: {ran.err}"
            printed[line] = ran.out + ran.err
        return printed

    def _join(self, email: str, printed: str) -> None:
        token = re.search(r"/join/(\S+)", printed)
        assert token is not None
        with opened(self._home) as world:
            begun = world.sign_in.join(token[1], email.partition("@")[0], PASSWORD, "a browser")
            person = Person(world.session(begun.key).account, begun.key)
            world.add_app(person, seconds_ago=30)
        self._people[email] = person
