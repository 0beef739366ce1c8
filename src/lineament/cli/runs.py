"""``lineament source runs``."""

from __future__ import annotations

from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_facts, print_json, print_table, say, table, when, workspace
from lineament.errors import NotFound
from lineament.model.accounts import Permission


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
    from lineament.views.runs import run_counts, run_json

    with workspace(context) as opened:
        listed = list(enumerate(reversed(opened.sources.runs(name)), start=1))
        if run is not None:
            if not 1 <= run <= len(listed):
                raise NotFound(what="run", name=run, hint=f"lineament source runs {name}")
            found, refusals = opened.sources.run(name, listed[run - 1][1].id)
            refused = [{"name": which, "why": why} for which, why in refusals]
            if as_json:
                print_json(run_json(run, found) | {"refused_first": refused})
                return
            print_facts(run_json(run, found) | {"counts": run_counts(found)})
            for which, why in refusals:
                say(f"  refused {which}: {why}")
            return
    if as_json:
        print_json({"runs": [run_json(number, listed_run) for number, listed_run in reversed(listed)]})
        return
    if not listed:
        say(f"Nothing was brought yet. Begin with: lineament ingest {name} PATH")
        return
    shown = table("run", "connector", "begun", "ended", "seen", "faces", "outcomes", right=("run", "seen", "faces"))
    for number, listed_run in reversed(listed):
        ended = when(listed_run.ended_at) or "not yet"
        figures = (f"{listed_run.seen:,}", f"{listed_run.faces:,}")
        shown.add_row(
            str(number), listed_run.connector, when(listed_run.begun_at), ended, *figures, run_counts(listed_run)
        )
    print_table(shown)
