"""``lineament source runs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_facts, print_json, print_table, say, table, when, workspace
from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.runs import Run


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
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
    """List the runs of a source: the connector, what it was given, how far it came, and what was refused."""
    from lineament.views.runs import runs_json

    with workspace(context) as desk:
        listed = desk.sources.runs(name)
        if run is not None:
            wanted = next((found.id for found in listed if found.number == run), None)
            if wanted is None:
                raise NotFound(what="run", name=run, hint=f"lineament source runs {name}")
            _show(*desk.sources.run(name, wanted), as_json=as_json)
            return
    if as_json:
        print_json(runs_json(listed))
        return
    if not listed:
        say(f"Nothing was ingested yet. Begin with: lineament ingest {name} PATH")
        return
    _list(listed)


def _show(run: Run, refusals: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    from lineament.views.runs import run_counts, run_with_refusals_json

    if as_json:
        print_json(run_with_refusals_json(run, refusals))
        return
    print_facts(
        {
            "run": run.number,
            "connector": run.connector,
            "from": run.what.replace("\n", ", "),
            "started": when(run.begun_at),
            "ended": when(run.ended_at) or "not yet",
            "outcomes": run_counts(run),
            "faces": run.faces,
        }
    )
    for item, why in refusals:
        say(f"  refused {item}: {why}")
    if (more := run.counts.get("refused", 0) - len(refusals)) > 0:
        say(f"  and {more:,} more, which are only counted")


def _list(runs: Sequence[Run]) -> None:
    from lineament.views.runs import run_counts

    shown = table("run", "connector", "started", "ended", "seen", "faces", "outcomes", right=("run", "seen", "faces"))
    for run in runs:
        ended = when(run.ended_at) or "not yet"
        figures = (f"{run.seen:,}", f"{run.faces:,}")
        shown.add_row(str(run.number), run.connector, when(run.begun_at), ended, *figures, run_counts(run))
    print_table(shown)
