"""``lineament case disclose``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.cases import Ref
from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    needs,
    print_json,
    progress,
    say,
    workspace,
    write_private,
)
from lineament.errors import WorkspaceExists
from lineament.model.accounts import Permission
from lineament.model.jobs import JobProgress
from lineament.views.disclosures import disclosure_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("disclose")(disclose)


@needs(Permission.MANAGE_CASES)
def disclose(
    context: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the ZIP file; nothing may be there yet.")],
    sharp: Annotated[
        bool,
        typer.Option("--sharp/--blurred", help="Show pictures marked as distressing sharp, or blur them."),
    ] = True,
    regions: Annotated[
        bool, typer.Option("--regions", help="Mark the faces of each original in an XMP file beside it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything about a case as one signed file for the court and the defence; on the record."""
    with workspace(context) as desk, progress() as bar:
        if file.exists():
            raise WorkspaceExists(path=file)
        checked_writable(file)
        shown = bar.add_task("Disclosing", total=None, rate="")

        def report(now: JobProgress) -> None:
            bar.update(shown, completed=now.done, total=now.total, description=now.words or "Disclosing")

        made = desk.disclosure.make(ref, sharp=sharp, regions=regions, report=report)
        write_private(file, made.zipped)
    if as_json:
        print_json(disclosure_json(made.paper))
        return
    say(f"The disclosure pack is at {file}, for its owner alone. SHA-256: {made.paper.sha256}")
    say(f"Whoever gets it verifies it with: python3 -I verify.py {file.name} --key KEY")
