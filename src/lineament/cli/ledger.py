"""``lineament ledger …``: what an auditor and a defence lawyer need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineament.cli import witnessing
from lineament.cli.terminal import AsJson, checked_writable, machine, needs, print_json, say, working, workspace
from lineament.model.accounts import Permission
from lineament.views.ledger import export_json, key_json, restored_json
from lineament.views.values import counted

app = typer.Typer(help="The ledger: exports that anybody can check.", no_args_is_help=True)

witnessing.add_to(app)


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="ledger")


@app.command()
@needs(Permission.READ_LEDGER)
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Where to write it.")],
    case: Annotated[
        str | None, typer.Option(metavar="REF", help="Show the details of this case alone; the rest stays proven.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write all entries out, to be checked with: python -m lineament.ledger.verify FILE.jsonl --key KEY."""
    with workspace(context) as desk, working("Writing the ledger out"):
        entries = desk.audit.export(checked_writable(file), case)
        key = desk.audit.public_key
    if as_json:
        print_json(export_json(file, entries, key))
        return
    written = f"{counted(entries, 'entry', 'entries')} {'is' if entries == 1 else 'are'} in {file}."
    say(f"{written} The key that checks them; send it separately:")
    say(key)


@app.command()
@needs(Permission.MACHINE)
def accept_restore(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Which backup was restored, when, by whom and why; for the record.")],
    as_json: AsJson = False,
) -> None:
    """Accept a database that was restored from a backup and is behind its checkpoint; in an agency searching stops."""
    with machine(context, suspect=True) as desk, working("Recomputing the ledger"):
        entry = desk.restore.accept(reason)
        stopped = not desk.official.solo
    if as_json:
        print_json(restored_json(entry, stopped=stopped))
        return
    say(f"Recorded in entry {entry}; the checkpoint that was kept before is beside the new one.")
    if stopped:
        say("All searching is stopped until the operator runs: lineament resume")


@app.command()
@needs(Permission.MACHINE)
def key(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the public key that checks the ledger's signatures (C2SP vkey)."""
    with machine(context) as desk:
        shown = desk.audit.public_key
    if as_json:
        print_json(key_json(shown))
        return
    say(shown)
