"""``lineament demo``: the whole way of a photograph and of a probe, on the portraits that ship with Lineament."""

from __future__ import annotations

from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lineament.cli.search import show
from lineament.cli.terminal import needs, say, write_private
from lineament.errors import AlreadyThere
from lineament.model.accounts import Permission
from lineament.model.cases import CaseTerms
from lineament.model.search import SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.workspace import Desk

PROBE = "macron-2014.jpg"
HOME = Path("lineament-demo")
CASE = "DEMO-1"
SOURCE = "heads-of-government"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(demo)


@needs(Permission.MACHINE)
def demo(context: typer.Context) -> None:
    """Build a small workspace from the portraits that ship with Lineament, and search it."""
    from lineament.settings import Settings
    from lineament.workspace import Workspace

    home = context.find_root().obj or HOME
    settings = Settings(home=home)
    if not (home / "keys").exists():
        Workspace.create(settings).close()
    with (
        resources.as_file(resources.files("lineament") / "demo") as portraits,
        Workspace.open(settings) as workspace,
    ):
        desk = workspace.desk_at_the_machine()
        say(f"A workspace is at {home}. Five portraits go into its gallery, the sixth is the probe.")
        _enrol(desk, portraits)
        result = _search(desk, portraits / PROBE)
        report = home / "report.html"
        write_private(report, desk.report.html(result.search_id).encode())
        show(result, desk.search.entry(result.search_id))
        found = desk.audit.verify()
        say(f"The ledger: checked {found.entries:,} entries, sound.")
    say(f"The report: {report}")
    say(f"The pages: lineament serve --home {home}")


def _enrol(desk: Desk, portraits: Path) -> None:
    from lineament.sources.folder.connector import FolderConnector

    terms = SourceTerms(
        name=SOURCE,
        controller="Wikimedia Commons contributors",
        basis="free licences and public domain, for demonstration",
        jurisdiction="US",
    )
    try:
        desk.sources.add(terms)
    except AlreadyThere:
        say("The demo workspace exists; what it holds is not ingested again.")
    gallery = sorted(path for path in portraits.glob("*.jpg") if path.name != PROBE)
    connector = FolderConnector(gallery, page_base=None, max_bytes=desk.settings.max_file_bytes)
    report = desk.ingest.run(SOURCE, connector, workers=desk.workspace.workers)
    say(f"{counted(report.seen, 'portrait')}, {counted(report.faces, 'new face')}.")


def _search(desk: Desk, probe: Path) -> SearchResult:
    terms = CaseTerms(ref=CASE, offence="none, an example", purpose="to show Lineament", basis="consent")
    with suppress(AlreadyThere):
        desk.casework.open(terms)
    stored = desk.probes.take(CASE, probe.read_bytes())
    return desk.search.run(stored.id, SearchRequest(case=CASE, reason="to show how a search works"))
