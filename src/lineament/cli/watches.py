"""``lineament watch …``: faces that are kept on watch."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from lineament.cli.cases import Ref
from lineament.cli.terminal import AsJson, day, needs, print_json, print_table, say, table, when, workspace
from lineament.model.accounts import Permission
from lineament.model.watches import ProbeWatch, WatchTerms
from lineament.views.watches import watch_json, watches_json

app = typer.Typer(help="Faces on watch: compared with what is ingested from then on.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="watch")


@app.command()
@needs(Permission.SEARCH)
def add(
    context: typer.Context,
    probe: Annotated[str, typer.Argument(metavar="PROBE", help="The photograph, as a search names it.")],
    until: Annotated[date, typer.Option(parser=day, metavar="DATE", help="The last day on which it compares.")],
    reason: Annotated[str, typer.Option(help="Why; it is the reason of each search that follows.")],
    face: Annotated[int | None, typer.Option(min=1, help="Which face, from 1, if it shows several.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these; else all permitted.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a face of a photograph on watch until a day: it is compared with what is ingested from now on."""
    terms = WatchTerms(reason=reason, ends_on=until, sources=tuple(source or ()))
    with workspace(context) as desk:
        watch = desk.watches.begin(probe, terms, face)
    found = f"lineament watch list {watch.case}"
    _tell(watch, as_json, f"Face {watch.face} is on watch until {watch.terms.ends_on}. What it finds: {found}")


@app.command("list")
@needs(Permission.READ_CASES)
def list_(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List the watches of a case: what each found, and why it cannot compare now."""
    with workspace(context) as desk:
        found = desk.watches.of_case(ref)
    if as_json:
        print_json(watches_json(found))
        return
    if not found:
        say("Nothing is on watch in this case. Begin with: lineament watch add PROBE --until DATE --reason TEXT")
        return
    shown = table("watch", "state", "until", "compared", "found", "reason", right=("compared", "found"))
    for kept in found:
        state = "held" if kept.against else kept.standing.value
        numbers = (f"{kept.progress.compared:,}", f"{len(kept.findings):,}")
        shown.add_row(kept.watch.id, state, str(kept.watch.terms.ends_on), *numbers, kept.watch.terms.reason)
    print_table(shown)
    for kept in found:
        if kept.watch.key_id is not None:
            say(f"{kept.watch.id} was begun by a program with the key {kept.watch.key_id}, for {kept.watch.begun_by}.")
        for reason in kept.against:
            say(f"{kept.watch.id} is held: {reason.words}.")
        for finding in kept.findings:
            seen = "not seen yet" if finding.seen_at is None else f"seen by {finding.seen_by}"
            say(f"{kept.watch.id} fired {when(finding.at)}: {finding.listed:,} in search {finding.search_id}, {seen}.")


@app.command("go-on")
@needs(Permission.SEARCH)
def go_on(
    context: typer.Context,
    watch: Annotated[str, typer.Argument(metavar="WATCH", help="From: lineament watch list REF.")],
    as_json: AsJson = False,
) -> None:
    """Let a watch go on although the key with which a program began it was revoked."""
    with workspace(context) as desk:
        let_on = desk.watches.let_on(watch)
    _tell(let_on, as_json, "The watch goes on, and compares what was taken in meanwhile.")


@app.command()
@needs(Permission.OPEN_CASES)
def end(
    context: typer.Context,
    watch: Annotated[str, typer.Argument(metavar="WATCH", help="From: lineament watch list REF.")],
    as_json: AsJson = False,
) -> None:
    """End a watch, at once."""
    with workspace(context) as desk:
        ended = desk.watches.end(watch)
    _tell(ended, as_json, "The watch has ended. What it found stays with the case.")


def _tell(watch: ProbeWatch, as_json: bool, words: str) -> None:
    if as_json:
        print_json(watch_json(watch))
    else:
        say(words)
