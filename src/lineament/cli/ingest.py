"""``lineament ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from lineament.cli.terminal import AsJson, aside, needs, print_json, progress, say, workspace
from lineament.model.accounts import Permission
from lineament.services.ingest import IngestReport, Seen
from lineament.sources.folder import FolderConnector

SHOWN_REFUSALS = 10


def register(app: typer.Typer) -> None:
    """Put the command on ``app``."""
    app.command()(ingest)


@needs(Permission.MANAGE_SOURCES)
def ingest(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that gave the pictures.")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders, recursive.")],
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Pictures under way at once. [default: two a processor]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in photographs; it can be stopped and run again, and what is there already is not taken twice."""
    with workspace(context) as opened:
        base = opened.sources.get(source).terms.page_base
        with aside.status("Looking through the folders"):
            connector = FolderConnector(paths, page_base=base, max_bytes=opened.settings.max_file_bytes)
        with progress() as bar:
            task = bar.add_task(f"Ingesting into {source}", total=None, rate="")
            report = opened.ingest.run(
                source, connector, workers=workers or opened.house.workers, told=lambda now: _tell(bar, task, now)
            )
    if as_json:
        print_json(_described(report))
    else:
        _print(report)


def _tell(bar: Progress, task: TaskID, now: IngestReport) -> None:
    rate = f"{now.seen / now.seconds:.0f} pictures/s" if now.seconds else ""
    bar.update(task, total=now.total, completed=now.seen, rate=rate)


def _described(report: IngestReport) -> dict[str, Any]:
    counts = {seen.name.lower(): report.outcomes[seen] for seen in Seen if seen is not Seen.REFUSED}
    return {
        "source": report.source,
        "seen": report.seen,
        **counts,
        "faces": report.faces,
        "refused": [{"name": name, "why": why} for name, why in report.refusals],
        "seconds": round(report.seconds, 3),
    }


def _print(report: IngestReport) -> None:
    counts = ", ".join(f"{count:,} {seen.value}" for seen in Seen if (count := report.outcomes[seen]))
    rate = f", {report.seen / report.seconds:.0f} pictures/s" if report.seconds > 1 else ""
    say(f"{report.seen:,} pictures: {counts or 'none'}; {report.faces:,} new faces{rate}.")
    for name, why in report.refusals[:SHOWN_REFUSALS]:
        say(f"  refused {name}: {why}")
    if len(report.refusals) > SHOWN_REFUSALS:
        say(f"  and {len(report.refusals) - SHOWN_REFUSALS:,} more; --json lists them all")
