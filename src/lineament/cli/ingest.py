"""``lineament ingest``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineament.cli.jobs import print_queued
from lineament.cli.terminal import AsJson, AsKind, explain, needs, print_json, progress, say, working, workspace
from lineament.errors import NothingTaken
from lineament.model.accounts import Permission
from lineament.views.values import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from lineament.services.collect import Collection
    from lineament.services.gallery.items import IngestReport
    from lineament.services.jobs.kinds import Report
    from lineament.workspace import Desk

SHOWN_REFUSALS = 10


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(ingest)


@needs(Permission.MANAGE_SOURCES)
def ingest(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that gave the pictures.")],
    what: Annotated[
        list[str],
        typer.Argument(metavar="WHAT...", help="Folders, pictures, archives, manifests, WARC, videos, addresses."),
    ],
    kind: AsKind = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Pictures under way at once. [default: two a processor]")
    ] = None,
    skip_hidden: Annotated[
        bool,
        typer.Option("--skip-hidden", help="Leave out files and folders whose names begin with a dot; count them."),
    ] = False,
    background: Annotated[bool, typer.Option("--background", help="Leave it to a worker, and return at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ingest photographs; an interrupted ingest resumes when run again, and nothing is ingested twice."""
    from lineament.services import collect
    from lineament.services.jobs.kinds import INGEST, ingest_arguments
    from lineament.views.runs import collected_json

    with workspace(context) as desk:
        with working("Looking at what there is"):
            collection = desk.collect.choose(source, what, kind=kind, workers=workers, skip_hidden=skip_hidden)
        arguments = ingest_arguments(source, what, kind, workers, skip_hidden=skip_hidden)
        if background:
            print_queued(desk.jobs.add(INGEST, arguments, source=source), as_json=as_json)
            return
        done = _run(desk, collection, arguments)
    if as_json:
        print_json(collected_json(done, len(collection.reserved_later)))
    else:
        _print(done)
    try:
        collect.require_usable(done, collection.names)
    except NothingTaken as error:  # the report is the answer, in JSON too
        explain(error)
        raise typer.Exit(error.exit_code) from None


def _run(desk: Desk, collection: Collection, arguments: dict[str, Any]) -> IngestReport:
    """Collect in this process, as a job that the pages show and can stop."""
    from lineament.services import collect
    from lineament.services.jobs.kinds import INGEST

    source = collection.source
    with progress() as bar:
        shown = bar.add_task(f"Ingesting into {source}", total=None, rate="")

        def act(report: Report) -> IngestReport:
            def on_report(now: IngestReport) -> None:
                _show_progress(bar, shown, now)
                report(collect.progress(now))

            return desk.collect.run(collection, on_report)

        return desk.jobs.run_here(INGEST, arguments, act, lambda done: collect.result(done, collection), source=source)


def _show_progress(bar: Progress, task: TaskID, now: IngestReport) -> None:
    rate = f"{now.seen / now.seconds:.0f} pictures/s" if now.seconds else ""
    bar.update(task, total=now.total, completed=now.seen, rate=rate)


def _print(report: IngestReport) -> None:
    from lineament.services.gallery.items import IngestOutcome
    from lineament.views.runs import report_beside, report_counts

    if report.resumed:
        say("It resumed where it had stopped.")
    if report.seen:
        took = f" in {report.seconds:.0f} s" if report.seconds >= 1 else ""
        pictures, faces = counted(report.seen, "picture"), counted(report.faces, "new face")
        say(f"{pictures}: {report_counts(report)}; {faces}{took}.")
    if beside := report_beside(report):
        say(f"Besides: {beside}.")
    for name, why in report.refusals[:SHOWN_REFUSALS]:
        say(f"  refused {name}: {why}")
    if (more := report.outcomes[IngestOutcome.REFUSED] - SHOWN_REFUSALS) > 0:
        say(f"  and {more:,} more; see: lineament source runs {report.source} {report.run}")
