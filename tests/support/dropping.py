"""A client that drops a folder into a source as the page does, for tests and the benchmark."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lineament.model.drops import PART

AT_ONCE = 500
"""Files in a page of the list."""


@dataclass
class DropClient:
    """One browser at the page of a source."""

    browser: httpx.Client
    source: str
    csrf: str = ""
    id: str = ""
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"/sources/{self.source}/take-in"

    def open(self) -> DropClient:
        """Open the page, and begin a drop or go on with the one that is under way."""
        page = self.browser.get(self.address)
        assert page.status_code == 200, page.text
        found = re.search(r'data-csrf="([^"]+)"', page.text)
        assert found is not None
        self.csrf = found[1]
        self.id = self.answer(self.send("", {}))["drop"]
        return self

    def send(self, to: str, fields: dict[str, str], **files: bytes) -> httpx.Response:
        """Send a form to an address below that of the page."""
        given = {name: (name, content) for name, content in files.items()}
        return self.browser.post(self.address + to, data={"csrf": self.csrf} | fields, files=given or None)

    def answer(self, response: httpx.Response) -> Any:
        assert response.status_code == 200, (response.status_code, response.text)
        return response.json()

    def standing(self) -> Any:
        return self.answer(self.browser.get(f"{self.address}/{self.id}"))

    def offer(self, files: Iterable[tuple[str, int, int]], *, last: bool = True) -> list[Any]:
        """List files as (path, size, time)."""
        listed = json.dumps(list(files)).encode()
        answer = self.send(f"/{self.id}/list", {"last": "yes" if last else "no"}, list=listed)
        found: list[Any] = self.answer(answer)["files"]
        return found

    def part(self, number: int, first: int, content: bytes) -> httpx.Response:
        """Send one part of a file."""
        return self.parts([(number, first, content)])

    def parts(self, parts: Iterable[tuple[int, int, bytes]]) -> httpx.Response:
        parts = list(parts)
        fields = {"parts": json.dumps([[number, first, len(content)] for number, first, content in parts])}
        return self.send(f"/{self.id}/parts", fields, content=b"".join(content for _, _, content in parts))

    # ------------------------------------------------------------ a whole folder

    def list_folder(self, folder: Path) -> list[tuple[Path, int, int]]:
        """List everything in a folder; return path, number and what has arrived of each file that is taken."""
        found = list(_files_in(folder))
        wanted: list[tuple[Path, int, int]] = []
        for at in range(0, len(found), AT_ONCE):
            some = found[at : at + AT_ONCE]
            stats = [path.stat() for path in some]
            offered = [
                (f"{folder.name}/{path.relative_to(folder)}", stat.st_size, stat.st_mtime_ns // 10**6)
                for path, stat in zip(some, stats, strict=True)
            ]
            answers = self.offer(offered, last=at + AT_ONCE >= len(found))
            for path, (number, received, size, why) in zip(some, answers, strict=True):
                if why is not None:
                    self.refused.append((str(path), why))
                elif received < size:
                    wanted.append((path, number, received))
        return wanted

    def drop(self, folder: Path) -> None:
        """Send everything of a folder that has not arrived."""
        for batch in batches(self.list_folder(folder)):
            self.answer(self.parts(batch))


def _files_in(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names, key=lambda name: (not _is_side_car(name), name)))


def _is_side_car(name: str) -> bool:
    return name.lower().endswith(".json") or name == "captures.csv"


def batches(wanted: Iterable[tuple[Path, int, int]]) -> Iterator[list[tuple[int, int, bytes]]]:
    """Yield parts of files, several small ones together."""
    batch: list[tuple[int, int, bytes]] = []
    size = 0
    for path, number, received in wanted:
        with path.open("rb") as file:
            first = file.seek(received)
            while content := file.read(PART):
                if batch and (size + len(content) > PART or len(batch) >= 100):
                    yield batch
                    batch, size = [], 0
                batch.append((number, first, content))
                first, size = first + len(content), size + len(content)
    if batch:
        yield batch
