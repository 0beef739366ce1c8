"""``lineament source runs``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lineament.cli.terminal import AsJson, iso, needs, print_facts, print_json, print_table, say, table, when, workspace
from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.runs import Run


def register(app: typer.Typer) -> None:
    """Put the command on ``app``."""
    app.command()(runs)


@needs(Permission.MANAGE_SOURCES)
def runs(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the source.")],
    run: Annotated[
        int | None,
        typer.Argument(metavar="[RUN]", help="Show this one, by its number in the list, with what it refused and why."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was brought into a source: by which connector, from what, how far, and what was refused."""
    with workspace(context) as opened:
        listed = list(enumerate(reversed(opened.sources.runs(name)), start=1))
        if run is not None:
            if not 1 <= run <= len(listed):
                raise NotFound(what="run", name=run, hint=f"lineament source runs {name}")
            found, refusals = opened.sources.run(name, listed[run - 1][1].id)
            refused = [{"name": which, "why": why} for which, why in refusals]
            if as_json:
                print_json(_run(run, found) | {"refused_first": refused})
                return
            print_facts(_run(run, found) | {"counts": _counts(found)})
            for which, why in refusals:
                say(f"  refused {which}: {why}")
            return
    if as_json:
        print_json({"runs": [_run(number, one) for number, one in reversed(listed)]})
        return
    if not listed:
        say(f"Nothing was brought yet. Begin with: lineament ingest {name} PATH")
        return
    shown = table("run", "connector", "begun", "ended", "seen", "faces", "outcomes", right=("run", "seen", "faces"))
    for number, one in reversed(listed):
        ended = when(one.ended_at) or "not yet"
        figures = (f"{one.seen:,}", f"{one.faces:,}")
        shown.add_row(str(number), one.connector, when(one.begun_at), ended, *figures, _counts(one))
    print_table(shown)


def _run(number: int, run: Run) -> dict[str, Any]:
    return {
        "run": number,  # within its source
        "connector": run.connector,
        "what": run.what.split("\n"),
        "begun_at": iso(run.begun_at),
        "last_at": iso(run.seen_at),
        "ended_at": iso(run.ended_at),
        "cursor": run.cursor,
        "counts": dict(run.counts),
        "faces": run.faces,
    }


def _counts(run: Run) -> str:
    from lineament.services.gallery.items import IngestOutcome

    known = [(seen.value, run.counts[seen.name.lower()]) for seen in IngestOutcome if seen.name.lower() in run.counts]
    return ", ".join(f"{many:,} {words}" for words, many in known)
