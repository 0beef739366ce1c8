"""Examiners who search through the pages of ``lineament serve``, as their browsers do."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.conftest import PORTRAITS
from tests.support.serving import token_in

from bench.whole import made_up
from lineament.model.search import ProbeKind
from lineament.sources.folder.connector import FolderConnector
from lineament.web.addresses import case_address, new_search_address
from lineament.workspace import Workspace

SOUGHT = ("obama", "sunak")
"""The portraits that are searched for."""
TAKEN_IN = ("ardern-2022", "macron-2014")
"""The portraits that an ingest beside the searches takes in; they are of other people."""
SEARCHES_OF_A_CASE = 10
"""How many searches an examiner makes in a case before opening the next."""
_PICTURE = re.compile(r'<img src="([^"]+)"(?![^>]*loading="lazy")')
_TERMS = {"offence": "none", "purpose": "the bench", "basis": "none", "seeks": "missing person"}


class UnexpectedAnswerError(Exception):
    """A request was answered otherwise than a search wants."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class AnsweredSearch:
    """A search whose list was shown, with the seconds from sending a form to the last byte of the page after it."""

    name: str  # of the search
    ranks: frozenset[int]  # of the candidates that were shown
    photograph: float  # until the faces in the photograph were shown
    search: float  # until the list was shown
    pictures: float  # until the pictures of both pages were there

    @property
    def whole(self) -> float:
        """From the photograph to the list, without the time of a person."""
        return self.photograph + self.search


@dataclass(slots=True)
class Examiner:
    """Makes one search after the other in cases of their own."""

    browser: httpx.Client  # signed in
    number: int
    made: int = field(default=0, init=False)  # searches
    _case: str = field(default="", init=False)

    def search(self, think: float = 0.0) -> AnsweredSearch:
        """Make a search, with so many seconds of thought before each of its two forms.

        Raises UnexpectedAnswerError, or httpx.HTTPError if there was no answer.
        """
        if self.made % SEARCHES_OF_A_CASE == 0:
            self._case = self._open_case()
        self.made += 1
        form = {
            "csrf": token_in(self._get(new_search_address(self._case))),
            "case": self._case,
            "kind": ProbeKind.OTHER.value,
        }
        time.sleep(think)
        untrusted = photograph(SOUGHT[(self.number + self.made) % len(SOUGHT)])
        photographed, probe, page = self._send("/search", form, {"photograph": ("probe.jpg", untrusted)})
        pictures = self._pictures(page)
        time.sleep(think)
        asked = {"csrf": token_in(page), "face": "1", "reason": "the bench", "mode": "identification", "limit": "20"}
        sources = re.findall(r'name="source" value="([^"]+)"', page)
        searched, answer, page = self._send(f"{probe}/search", {**asked, "source": sources})
        ranks = frozenset(map(int, re.findall(rf'"{answer}/candidates/([0-9]+)"', page)))
        pictures += self._pictures(page)
        return AnsweredSearch(answer.rpartition("/")[2], ranks, photographed, searched, pictures)

    def _open_case(self) -> str:
        form = {"csrf": token_in(self._get("/cases/new")), "ref": f"{self.number}-{secrets.token_hex(4)}", **_TERMS}
        _, address, _ = self._send("/cases", form)
        return address.removeprefix(case_address(""))

    def _send(
        self, to: str, form: Mapping[str, str | Sequence[str]], files: Mapping[str, tuple[str, bytes]] | None = None
    ) -> tuple[float, str, str]:
        """Send a form; return the seconds until the page after it was there, its address and the page."""
        began = time.perf_counter()
        answer = self.browser.post(to, data=form, files=files)
        if answer.status_code != 303:
            raise _unexpected(answer)
        address = answer.headers["location"]
        page = self._get(address)
        return time.perf_counter() - began, address, page

    def _get(self, address: str) -> str:
        answer = self.browser.get(address)
        if answer.status_code != 200:
            raise _unexpected(answer)
        return answer.text

    def _pictures(self, page: str) -> float:
        """Get the pictures that a browser shows at once; return the seconds."""
        began = time.perf_counter()
        for address in _PICTURE.findall(page):
            self._get(address)
        return time.perf_counter() - began


def _unexpected(answer: httpx.Response) -> UnexpectedAnswerError:
    said = re.search(r'role="alert"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    request = answer.request
    shown = re.sub(r"<[^>]+>|\s+", " ", said[1]).strip()[:300] if said else answer.text[:300]
    why = answer.headers.get("location") or shown
    return UnexpectedAnswerError(answer.status_code, f"{request.method} {request.url.path}: {answer.status_code} {why}")


def photograph(portrait: str) -> bytes:
    """Return a portrait as a file that nobody has seen."""
    return (PORTRAITS / f"{portrait}.jpg").read_bytes() + os.urandom(8)


def photographs(folder: Path, count: int) -> Path:
    """Write so many files that nobody has seen, each with a face of somebody who is not sought."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:04}.jpg").write_bytes(photograph(TAKEN_IN[number % len(TAKEN_IN)]))
    return folder


def fill(workspace: Workspace, folder: Path) -> None:
    """Add a source that shows those who are sought, once each."""
    folder.mkdir()
    for portrait in SOUGHT:
        (folder / f"{portrait}.jpg").write_bytes(photograph(portrait))
    desk = workspace.desk_at_the_machine()
    desk.sources.add(made_up("shown"))
    desk.ingest.run("shown", FolderConnector([folder], page_base=None, max_bytes=2**24), workers=1)
