"""``lineament case urgent``, ``authorise``, ``refuse``, ``hold`` and ``release``: what covers its searches."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.cases import Ref, print_case
from lineament.cli.terminal import AsJson, Yes, day, file_bytes, leave_unless_scrubbed, moment, needs, workspace
from lineament.model.accounts import Permission
from lineament.model.cases import AuthorisationOutcome
from lineament.views.values import counted

Authority = Annotated[str, typer.Option(help="Who decided: the court, and the judge or prosecutor.")]
Decided = Annotated[datetime, typer.Option(parser=moment, metavar="DATE", help="When, in the zone of this machine.")]
Because = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]
Until = Annotated[date | None, typer.Option(parser=day, metavar="DATE", help="The last day, if it ends.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for command in (urgent, allow, authorise, refuse, hold, release):
        app.command()(command)


@needs(Permission.OPEN_CASES)
def urgent(context: typer.Context, ref: Ref, because: Because, as_json: AsJson = False) -> None:
    """Let searches come before the authorisation; the case locks when the clock runs out."""
    with workspace(context) as desk:
        print_case(desk, desk.casework.declare_urgent(ref, because), as_json)


@needs(Permission.MANAGE_CASES)
def allow(
    context: typer.Context,
    ref: Ref,
    because: Because,
    words: Annotated[
        str, typer.Option(metavar="WORDS", help="Those that a refusal names, separated by commas; else the case's own.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """State why words that may name a refused purpose are allowed in a case."""
    with workspace(context) as desk:
        print_case(desk, desk.casework.allow(ref, because, words.split(",")), as_json)


@needs(Permission.MANAGE_CASES)
def authorise(
    context: typer.Context,
    ref: Ref,
    authority: Authority,
    decided: Decided,
    scope: Annotated[str, typer.Option(help="What the decision allows.")],
    until: Until = None,
    document: Annotated[Path | None, typer.Option(metavar="FILE", help="The decision itself.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record that an authority granted the searches of a case."""
    from lineament.services.cases.room import LARGEST
    from lineament.services.cases.standings import Ruling

    ruling = Ruling(
        authority=authority,
        decided_at=decided.astimezone(),
        outcome=AuthorisationOutcome.GRANTED,
        scope=scope,
        expires_on=until,
        document=None if document is None else file_bytes(document, LARGEST),
        document_name="decision" if document is None else document.name,
    )
    with workspace(context) as desk:
        print_case(desk, desk.casework.authorise(ref, ruling), as_json)


@needs(Permission.MANAGE_CASES)
def refuse(
    context: typer.Context,
    ref: Ref,
    authority: Authority,
    decided: Decided,
    scope: Annotated[str, typer.Option(help="What was refused, and why.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Record that an authority refused the searches: all use stops, and what depended on the case is destroyed."""
    from lineament.services.cases.standings import Ruling

    ruling = Ruling(
        authority=authority, decided_at=decided.astimezone(), outcome=AuthorisationOutcome.REFUSED, scope=scope
    )
    with workspace(context) as desk:
        case = desk.casework.get(ref)
        if not yes:
            photographs = len(desk.casework.probes(case.key))
            searches = counted(case.searches, "search", "searches")
            what = f"{counted(photographs, 'photograph')}, {searches} and every paper of {case.ref}"
            typer.confirm(f"Destroy {what}?", abort=True)
        print_case(desk, desk.casework.authorise(case.key, ruling), as_json)
        leave_unless_scrubbed(desk.workspace.store.is_scrubbed())


@needs(Permission.MANAGE_CASES)
def hold(context: typer.Context, ref: Ref, because: Because, as_json: AsJson = False) -> None:
    """Put a case on legal hold: it is not destroyed when its time is over."""
    with workspace(context) as desk:
        print_case(desk, desk.casework.hold(ref, because), as_json)


@needs(Permission.MANAGE_CASES)
def release(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """End the legal hold of a case."""
    with workspace(context) as desk:
        print_case(desk, desk.casework.release(ref), as_json)
