"""The pages served for real, on a loopback port of their own, over a workspace of the portraits."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.conftest import PORTRAITS

from lineament.model.cases import CaseTerms
from lineament.model.sources import SourceTerms
from lineament.services.gallery.register import PermissionDocument
from lineament.services.record import Clock
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.web.serve import listening, server
from lineament.workspace import Workspace, now

TOKEN = "the-token-of-the-tests"
PROBE = PORTRAITS / "macron-2014.jpg"
MEBI = 2**20
CASE = CaseTerms(ref="2026-0412", offence="fraud", purpose="to find where it was published", basis="CPP 77")


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    workspace: Workspace
    url: str

    @property
    def entrance(self) -> str:
        """The address with the token, as ``lineament serve`` prints it."""
        return f"{self.url}/?token={TOKEN}"

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser of sorts that was let in."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            assert client.get(self.entrance).status_code == 303
            yield client


@contextmanager
def serving(workspace: Workspace) -> Iterator[Served]:
    """Serve ``workspace`` until the end of the block."""
    listener = listening("127.0.0.1", 0)
    running = server(workspace, TOKEN)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        yield Served(workspace, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


def settings(home: Path) -> Settings:
    """Settings of a small workspace, where files of more than a mebibyte are refused."""
    return Settings(home=home, examiner="examiner-a", max_file_bytes=MEBI, workers=2)


def with_gallery(
    home: Path, photos: Path, clock: Clock = now, permission: PermissionDocument | None = None
) -> Workspace:
    """A workspace whose gallery holds the portraits but for the probe, with one open case."""
    shutil.copytree(PORTRAITS, photos, ignore=shutil.ignore_patterns("*.md", "__pycache__", PROBE.name))
    workspace = Workspace.create(settings(home), clock=clock)
    terms = SourceTerms(name="portraits", controller="Commons", basis="free licences", jurisdiction="FR")
    workspace.desk_at_the_machine().sources.add(terms, permission)
    connector = FolderConnector([photos], page_base=None, max_bytes=MEBI)
    workspace.desk_at_the_machine().ingest.run("portraits", connector, workers=2)
    workspace.desk_at_the_machine().casework.open(CASE)
    return workspace


def token_in(html: str) -> str:
    """The CSRF token of a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found is not None
    return found[1]
