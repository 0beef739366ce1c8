"""``lineament init``, ``verify``, ``doctor`` and ``accept-clock``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    Yes,
    machine,
    needs,
    print_json,
    print_table,
    reporting,
    say,
    settings_for,
    table,
    when,
    working,
)
from lineament.cli.witnessing import say_standing
from lineament.model.accounts import Permission
from lineament.views.ledger import verification_json
from lineament.views.values import counted
from lineament.views.workspaces import accepted_clock_json, health_json, workspace_json


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(init)
    app.command()(verify)
    app.command()(doctor)
    app.command("accept-clock")(accept_clock)


@needs(Permission.MACHINE)
def init(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Where to make it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a workspace: keys, database and ledger."""
    from lineament.settings import Settings
    from lineament.workspace import Workspace

    settings = settings_for(context) if folder is None else Settings(home=folder)
    with Workspace.create(settings) as opened:
        if as_json:
            print_json(workspace_json(opened.home, opened.store.dialect))
            return
        say(f"A workspace is at {opened.home}. Its key is {opened.home / 'keys' / 'kek'}: keep a copy of it elsewhere.")
        say("Next: lineament source add NAME --controller TEXT --basis TEXT --jurisdiction CC")


@needs(Permission.MACHINE)
def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Recompute the whole ledger; name the first entry that does not fit."""
    with machine(context, suspect=True) as desk, working("Recomputing the ledger"):
        asked = desk.witnesses.ask()
        found = desk.audit.verify()
        standing = desk.witnesses.standing()
    if as_json:
        print_json(verification_json(found, standing))
        return
    say(f"Checked {counted(found.entries, 'entry', 'entries')}: sound. Root {found.root.hex()}")
    say(f"Compared {counted(found.rows or 0, 'row')} of the database with what the entries recorded: the same.")
    for each in asked:
        if each.why:
            say(f"{each.who} did not show what it saw last: {each.why}")
    for words in found.witnessed:
        say(f"{words}: the same as here.")
    say_standing(standing)


@needs(Permission.MACHINE)
def doctor(
    context: typer.Context,
    pictures: Annotated[bool, typer.Option(help="Open every picture of the gallery too.")] = False,
    mend: Annotated[bool, typer.Option(help="Delete first what killed processes left behind.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the machine and the workspace."""
    from lineament.services.doctor import Verdict

    with machine(context, suspect=True) as desk, reporting("Looking") as on_progress:
        mended = [desk.doctor.mend()] if mend else []
        checks = [*mended, *desk.doctor.run(pictures=pictures, on_progress=on_progress)]
    bad = any(check.verdict is Verdict.BAD for check in checks)
    if as_json:
        print_json(health_json(checks, healthy=not bad))
    else:
        shown = table("check", "verdict", "finding")
        for check in checks:
            shown.add_row(check.name, check.verdict.value, check.detail)
        print_table(shown)
    if bad:
        raise typer.Exit(9)


@needs(Permission.MACHINE)
def accept_clock(
    context: typer.Context,
    because: Annotated[str, typer.Option(help="Why the clock was ahead, for the record.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Accept on the record that this machine's clock is right, although the newest entry of the ledger is later."""
    with machine(context) as desk:
        at = desk.workspace.clock.unchecked()
        if not yes:
            typer.confirm(f"Is it now {when(at)} UTC?", abort=True)
        entry = desk.accept_clock.accept(because)
    if as_json:
        print_json(accepted_clock_json(at, entry))
        return
    say(f"The clock is accepted as it is, {when(at)} UTC (ledger entry {entry}).")
