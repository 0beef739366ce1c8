"""The guide for programs, line by line: its commands, its requests with curl, and its programs in Python."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT, Ran
from tests.support.guides import blocks, lines_of
from tests.support.serve_command import serve_command

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the requests of the guide need curl"),
]


@dataclass(slots=True)
class Reader:
    """Somebody who follows the guide, in one shell."""

    folder: Path
    lineament: Callable[..., Ran]
    running: ExitStack
    names: dict[str, str] = field(default_factory=dict)
    key: str = ""  # that was printed last
    answers: list[Any] = field(default_factory=list)  # of curl
    printed: list[str] = field(default_factory=list)  # by programs

    def follow(self, path: str) -> None:
        """Follow every block of a page."""
        for language, text in blocks(path):
            if language == "python":
                self.printed.append(self._run(sys.executable, "-c", text))
            else:
                for line in lines_of(text):
                    self._type(line)

    def _type(self, line: str) -> None:
        program, _, rest = line.partition(" ")
        if line == "lineament serve":
            settings = {"LINEAMENT_EXAMINER": "examiner-a"}
            served = serve_command(self.folder / "ws", 0, settings)
            self.names["LINEAMENT"] = self.running.enter_context(served).partition("/?")[0]
        elif program == "lineament":
            ran = self.lineament(*shlex.split(rest))
            assert ran.code == 0, ran.err
            self.key = ran.out.split()[-1]
        elif program == "curl":
            answer = self._run("bash", "-euc", line)
            self.answers.append(json.loads(answer) if answer else None)
        elif program != "export":
            name, _, value = line.partition("=")
            told = {"lin_…": self.key, "20…": (self.answers or [{}])[-1].get("search_id")}
            self.names.setdefault(name, told.get(value, value))

    def _run(self, *command: str) -> str:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), **self.names}
        ran = subprocess.run(command, env=environment, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True)
        return ran.stdout


def test_the_guide_for_programs_and_the_example_of_the_readme(
    tmp_path: Path, photos: Path, lineament: Callable[..., Ran]
) -> None:
    (photos / "macron-2014.jpg").rename(tmp_path / "cctv.jpg")
    photos.rename(tmp_path / "photographs")
    assert lineament("init").code == 0
    with ExitStack() as running:
        reader = Reader(tmp_path, lineament, running)
        reader.follow("docs/guide/api.md")
        key, source, sent, case, found, candidate, picture, refused = reader.answers
        assert key["acts_for"] == "examiner-a"
        assert (source["state"], case["ref"]) == ("live", "2026-0412")
        assert [each["outcome"] for each in sent["pictures"]] == ["enrolled", "enrolled"]
        assert (found["reason"], found["candidates"][0]["rank"]) == ("the child was seen on CCTV", 1)
        assert (candidate["listed"]["rank"], picture) == (1, None)
        assert (tmp_path / "candidate.jpg").read_bytes()[:2] == b"\xff\xd8"
        assert (refused["status"], refused["code"]) == (403, "not-allowed")
        uploaded, searched, awaited, hooked = reader.printed
        assert "'enrolled': 5" in uploaded.splitlines()[-1]
        assert searched.startswith("1 0.")
        assert "manage_sources" in awaited
        assert "ingest done" in awaited
        assert hooked == ""
        reader.names["KEY"] = reader.names["SEARCHING"]
        (example,) = [text for language, text in blocks("README.md") if language == "python"]
        listed = reader._run(sys.executable, "-c", example)
    assert "macron" in listed.splitlines()[0].lower()
    assert "A candidate is a starting point" in listed
