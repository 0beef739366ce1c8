"""``lineament ingest``."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineament.cli.terminal import AsJson, counted, needs, print_json, progress, say, working, workspace
from lineament.errors import InvalidValue, NothingTaken
from lineament.model.accounts import Permission
from lineament.model.sources import SourceTerms

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from lineament.services.gallery.items import IngestReport
    from lineament.sources.choose import ChosenConnector
    from lineament.workspace import Desk

SHOWN_REFUSALS = 10


def register(app: typer.Typer) -> None:
    """Put the command on ``app``."""
    app.command()(ingest)


@needs(Permission.MANAGE_SOURCES)
def ingest(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source that gave the pictures.")],
    what: Annotated[
        list[str],
        typer.Argument(metavar="WHAT...", help="Folders, pictures, archives, manifests, WARC, videos, addresses."),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="KIND",
            help="Say what it is: folder, archive, manifest, warc, video, site, itl, persons, compreface.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Pictures under way at once. [default: two a processor]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in photographs; it can be stopped and run again, and what is there already is not taken twice."""
    from lineament.sources.registry import registrations

    if kind is not None and kind not in registrations():
        raise InvalidValue(what="--as", value=kind[:40], why=f"it is one of {', '.join(registrations())}")
    with workspace(context) as opened:
        with working("Looking at what there is"):
            later: dict[str, str] = {}
            found = _chosen(opened, source, what, kind, later)
        reports = [_run(opened, source, one, workers) for one in found]
        opened.erase.reserved(source, later)
    report = _together(source, reports)
    if as_json:
        print_json(_described(report) | {"reserved_later": len(later)})
    else:
        _print(report)
    _check(report, what)


def _chosen(
    opened: Desk, source: str, what: list[str], kind: str | None, later: dict[str, str]
) -> list[ChosenConnector]:
    from lineament.sources.choose import choose
    from lineament.sources.registry import Terms

    registered = opened.sources.get(source)
    said: SourceTerms = registered.terms
    terms = Terms(
        max_bytes=opened.settings.max_file_bytes,
        page_base=said.page_base,
        hosts=said.hosts,
        contact=said.contact,
        crawl=partial(opened.workspace.crawls.crawl, registered),
        on_reserved=later.__setitem__,
    )
    return choose(what, terms, kind)


def _run(opened: Desk, source: str, one: ChosenConnector, workers: int | None) -> IngestReport:
    from lineament.services.gallery.ingest import Task

    task = Task(
        connector=one.connector,
        kind=one.kind,
        what=one.locations,
        video=one.kind == "video",
        page=one.page,
    )
    with progress() as bar:
        shown = bar.add_task(f"Ingesting into {source}", total=None, rate="")
        return opened.ingest.run(
            source, task, workers=workers or opened.workspace.workers, told=lambda now: _tell(bar, shown, now)
        )


def _together(source: str, reports: list[IngestReport]) -> IngestReport:
    from lineament.services.gallery.items import IngestReport

    whole = IngestReport(source)
    whole.outcomes = sum((one.outcomes for one in reports), Counter())
    for one in reports:
        whole.faces += one.faces
        whole.batches += one.batches
        whole.seconds += one.seconds
        whole.refusals += one.refusals
        whole.gone_on |= one.gone_on
    return whole


def _check(report: IngestReport, what: list[str]) -> None:
    """NothingTaken where there was nothing, or nothing that could be used."""
    from lineament.services.gallery.items import Seen

    if not report.seen and not report.gone_on:
        from lineament.sandbox.files import printable

        named = printable(", ".join(what)[:200])
        raise NothingTaken(why=f"there is no picture in {named}; see what can be given with: lineament ingest --help")
    if report.seen and report.outcomes[Seen.REFUSED] == report.seen:
        raise NothingTaken(why=f"everything was refused; why is kept, see: lineament source runs {report.source}")


def _tell(bar: Progress, task: TaskID, now: IngestReport) -> None:
    rate = f"{now.seen / now.seconds:.0f} pictures/s" if now.seconds else ""
    bar.update(task, total=now.total, completed=now.seen, rate=rate)


def _described(report: IngestReport) -> dict[str, Any]:
    from lineament.services.gallery.items import Seen

    counts = {seen.name.lower(): report.outcomes[seen] for seen in Seen if seen is not Seen.REFUSED}
    return {
        "source": report.source,
        "seen": report.seen,
        **counts,
        "faces": report.faces,
        "refused": [{"name": name, "why": why} for name, why in report.refusals],
        "refused_in_all": report.outcomes[Seen.REFUSED],
        "gone_on": report.gone_on,
        "seconds": round(report.seconds, 3),
    }


def _print(report: IngestReport) -> None:
    from lineament.services.gallery.items import Seen

    if report.gone_on:
        say("It went on from where it was stopped.")
    counts = ", ".join(f"{count:,} {seen.value}" for seen in Seen if (count := report.outcomes[seen]))
    if report.seen:
        took = f" in {report.seconds:.0f} s" if report.seconds >= 1 else ""
        pictures, faces = counted(report.seen, "picture"), counted(report.faces, "new face")
        say(f"{pictures}: {counts}; {faces}{took}.")
    for name, why in report.refusals[:SHOWN_REFUSALS]:
        say(f"  refused {name}: {why}")
    if (more := report.outcomes[Seen.REFUSED] - SHOWN_REFUSALS) > 0:
        say(f"  and {more:,} more; see: lineament source runs {report.source}")
