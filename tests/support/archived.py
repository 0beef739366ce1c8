"""An archived page that tries everything, in a workspace whose search finds its picture."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PORTRAITS
from tests.support.archives import Warc
from tests.support.world import PROBE, settings

from lineament.model.cases import CaseTerms
from lineament.model.search import Mode, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import Task
from lineament.sources.choose import choose
from lineament.sources.registry import Terms
from lineament.workspace import Workspace

SITE = "https://press.example"
CASE = CaseTerms(ref="K-1", offence="fraud", purpose="find where it was published", basis="CPP 77")


def html(elsewhere: str) -> str:
    """Return a page that tries everything a hostile archived page could."""
    return f"""<!doctype html><html><head><title>Élysée 2025</title>
    <link rel="stylesheet" href="{elsewhere}/style.css"><link rel="dns-prefetch" href="{elsewhere}">
    <link rel="preload" as="image" href="{elsewhere}/preload.png">
    <meta http-equiv="refresh" content="0;{elsewhere}/refresh">
    <style>body {{ background: url({elsewhere}/background.png) }}</style>
    <script src="{elsewhere}/script.js"></script>
    <script>fetch("{elsewhere}/fetch"); parent.document.title = "taken"</script>
    </head><body onload="location='{elsewhere}/onload'"><h1 style="color: red">Président « Macron »</h1>
    <img src="/m.jpg" alt="the president">
    <img src="{elsewhere}/pixel.gif" onerror="top.location='{elsewhere}/top'">
    <iframe src="{elsewhere}/frame"></iframe><object data="{elsewhere}/object"></object>
    <video src="{elsewhere}/video.mp4" autoplay></video>
    <a id="link" href="{elsewhere}/link" ping="{elsewhere}/ping">on</a>
    <form action="{elsewhere}/form"><button id="send">send</button></form>
    <a id="top" target="_top" href="{elsewhere}/target">top</a></textarea></iframe>"</body></html>"""


def write_archive(path: Path, elsewhere: str = "https://elsewhere.example", more: str = "") -> Path:
    warc = Warc(path)
    warc.page(f"{SITE}/news", html(elsewhere) + more)
    warc.answer(f"{SITE}/m.jpg", (PORTRAITS / "macron-2025.jpg").read_bytes())
    return warc.close()


def ingest_archive(home: Path, warc: Path) -> Workspace:
    """Create a workspace and ingest a web archive."""
    workspace = Workspace.create(settings(home))
    workspace.desk_at_the_machine().sources.add(
        SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR")
    )
    workspace.desk_at_the_machine().casework.open(CASE)
    (chosen,) = choose([str(warc)], Terms(max_bytes=2**20))
    workspace.desk_at_the_machine().ingest.run(
        "press", Task(connector=chosen.connector, kind="warc", what=chosen.locations, page=chosen.page), workers=1
    )
    return workspace


def search(workspace: Workspace) -> str:
    """Search the probe; return the id of the search."""
    probe = workspace.desk_at_the_machine().probes.take("K-1", PROBE.read_bytes())
    return (
        workspace.desk_at_the_machine()
        .search.run(probe.id, SearchRequest(case="K-1", reason="why", mode=Mode.INVESTIGATION))
        .search_id
    )
