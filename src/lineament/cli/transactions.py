"""``lineament case itl``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.cases import Ref
from lineament.cli.terminal import AsJson, checked_writable, needs, print_json, say, working, workspace, write_private
from lineament.errors import WorkspaceExists
from lineament.model.accounts import Permission
from lineament.views.disclosures import transaction_json
from lineament.views.values import counted


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("itl")(write_transaction)


@needs(Permission.MANAGE_CASES)
def write_transaction(
    context: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write it, as FACE.an2; nothing may be there.")],
    to: Annotated[str, typer.Option(metavar="DAI", help="The identifier of the agency that gets it.")],
    sender: Annotated[str, typer.Option("--from", metavar="ORI", help="The identifier of your own agency.")],
    search: Annotated[
        str | None, typer.Option(metavar="ID", help="About whom this search asked. [default: the newest of the case]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write whom a search asked about as an ANSI/NIST-ITL transaction for another system; on the record."""
    with workspace(context) as desk, working("Writing the transaction"):
        if file.exists():
            raise WorkspaceExists(path=file)
        checked_writable(file)
        made = desk.transactions.write(ref, search, to=to, sender=sender)
        write_private(file, made.content)
    if as_json:
        print_json(transaction_json(made))
        return
    say(f"The transaction with {counted(made.photographs, 'photograph')} is at {file}, for its owner alone.")
    say(f"SHA-256: {made.sha256}")
