"""``lineament sweep``: destroys what is due."""

from __future__ import annotations

import typer

from lineament.cli.terminal import AsJson, leave_unless_scrubbed, machine, needs, print_json, say, working
from lineament.model.accounts import Permission
from lineament.views.erasures import sweep_json
from lineament.views.values import counted


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(sweep)


@needs(Permission.MACHINE)
def sweep(context: typer.Context, as_json: AsJson = False) -> None:
    """Destroy what is due: pictures and cases past their retention, unsearched photographs, old details. Run daily."""
    from lineament.services.jobs.kinds import SWEEP

    with machine(context) as desk, working("Sweeping"):
        swept = desk.jobs.run_here(SWEEP, {}, lambda _: desk.retain.sweep(), sweep_json)
    if as_json:
        print_json(sweep_json(swept))
        leave_unless_scrubbed(swept.scrubbed)
        return
    details = counted(swept.details, "entry", "entries")
    parts = f"{counted(swept.cases, 'case')}, {counted(swept.probes, 'photograph')}, the details of {details}"
    pictures = f"{counted(swept.pictures, 'picture')} of sources with {counted(swept.faces, 'face')}"
    due = swept.cases or swept.probes or swept.details or swept.pictures or swept.drops
    say(f"Destroyed: {parts}, {pictures}." if due else "Nothing was due.")
    if swept.drops:
        say(f"Deleted, because nothing more of it arrived: {counted(swept.drops, 'drop')} of files in the browser.")
    if swept.held:
        say(f"On legal hold, and in no search: {counted(swept.held, 'picture')} past the retention of their source.")
    leave_unless_scrubbed(swept.scrubbed)
