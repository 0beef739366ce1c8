"""``lineament probe …``: proving a photograph's edits, and approving that it is searched."""

from __future__ import annotations

from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, working, workspace
from lineament.model.accounts import Permission
from lineament.views.probes import approvals_json, replay_json, replay_words

app = typer.Typer(help="Photographs of a case.", no_args_is_help=True)

Probe = Annotated[str, typer.Argument(metavar="ID", help="The photograph, as a search names it.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="probe")


@app.command()
@needs(Permission.READ_CASES)
def replay(context: typer.Context, probe: Probe, as_json: AsJson = False) -> None:
    """Make the edits of a photograph again, and compare the pixels of every step with what was recorded."""
    with workspace(context) as desk, working("Making the steps again"):
        replayed = desk.probes.replay(probe)
    if as_json:
        print_json(replay_json(probe, replayed))
    else:
        shown = table("step", "recorded", "now")
        for number, (recorded, now) in enumerate(replayed.steps):
            step = "decoded" if number == 0 else replayed.edits[number - 1].kind.value
            shown.add_row(step, recorded, now)
        print_table(shown)
        say(replay_words(replayed))
    if not replayed.same:
        raise typer.Exit(9)


@app.command()
@needs(Permission.APPROVE)
def approve(context: typer.Context, probe: Probe, as_json: AsJson = False) -> None:
    """Approve that somebody else searches with this photograph."""
    with workspace(context) as desk:
        desk.probes.approve(probe)
        names = list(desk.probes.approvers(probe).values())
    if as_json:
        print_json(approvals_json(probe, names))
        return
    say(f"Approved by {', '.join(names)}.")
