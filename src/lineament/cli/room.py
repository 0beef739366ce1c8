"""``lineament case members``, ``invite``, ``say``, ``put`` …: who works on a case, and its room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from lineament.cli.cases import Ref, print_case
from lineament.cli.rulings import Until
from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    day,
    file_bytes,
    needs,
    print_json,
    print_table,
    say,
    table,
    when,
    workspace,
    write_private,
)
from lineament.errors import WorkspaceExists
from lineament.model.accounts import Permission
from lineament.model.cases import CaseRole, Member, Paper
from lineament.views.rooms import case_invitation_json, case_invitations_json, members_json, papers_json, timeline_json

Role = Annotated[CaseRole, typer.Option(help="What this person may do in the case.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="The message or note.")]
PaperId = Annotated[str, typer.Argument(metavar="PAPER", help="Its number, from: lineament case papers REF.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    for command in (members, invite, invitations, take, say_, note, put, get, papers, timeline):
        app.command(command.__name__.rstrip("_"))(command)
    app.command("add-member")(add_member)
    app.command("remove-member")(remove_member)


# ---------------------------------------------------------------- people


@needs(Permission.READ_CASES)
def members(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List who works on a case."""
    with workspace(context) as desk:
        _print_members(desk.members.of(ref), as_json)


@needs(Permission.MANAGE_CASES)
def add_member(
    context: typer.Context,
    ref: Ref,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An e-mail address or account of the agency.")],
    role: Role,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Add an official of the agency to a case, or give another role or end."""
    with workspace(context) as desk:
        desk.members.add(ref, account, role, until)
        _print_members(desk.members.of(ref), as_json)


@needs(Permission.MANAGE_CASES)
def remove_member(
    context: typer.Context,
    ref: Ref,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="From: lineament case members REF.")],
    as_json: AsJson = False,
) -> None:
    """Remove somebody from a case, at once."""
    with workspace(context) as desk:
        desk.members.remove(ref, account)
        _print_members(desk.members.of(ref), as_json)


@needs(Permission.MANAGE_CASES)
def invite(
    context: typer.Context,
    ref: Ref,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="An official of another agency.")],
    role: Role,
    until: Annotated[date, typer.Option(parser=day, metavar="DATE", help="The last day.")],
    as_json: AsJson = False,
) -> None:
    """Invite an official of another agency to a case, until a day."""
    with workspace(context) as desk:
        invitation = desk.members.invite(ref, email, role, until)
    if as_json:
        print_json(case_invitation_json(invitation))
        return
    say(f"{invitation.email} is invited to {invitation.case} as {invitation.role.value} until {invitation.until}.")


@needs(Permission.READ_CASES)
def invitations(context: typer.Context, as_json: AsJson = False) -> None:
    """List the invitations to cases of other agencies that wait for you."""
    with workspace(context) as desk:
        waiting = desk.members.mine()
    if as_json:
        print_json(case_invitations_json(waiting))
        return
    if not waiting:
        say("No invitation waits for you.")
        return
    shown = table("invitation", "case", "agency", "role", "until", "invited by")
    for invitation in waiting:
        names = (invitation.case, invitation.agency_name)
        shown.add_row(invitation.id, *names, invitation.role.value, str(invitation.until or ""), invitation.invited_by)
    print_table(shown)


@needs(Permission.READ_CASES)
def take(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(metavar="ID", help="From: lineament case invitations.")],
    as_json: AsJson = False,
) -> None:
    """Accept an invitation to a case."""
    with workspace(context) as desk:
        print_case(desk, desk.members.take(invitation), as_json)


def _print_members(found: Sequence[Member], as_json: bool) -> None:
    if as_json:
        print_json(members_json(found))
        return
    if not found:
        say("Nobody is a member of it.")
        return
    shown = table("account", "name", "agency", "role", "since", "until")
    for member in found:
        names = (member.name, member.agency_name)
        shown.add_row(member.account_id, *names, member.role.value, when(member.since), str(member.until or ""))
    print_table(shown)


# ---------------------------------------------------------------- the room


@needs(Permission.TAKE_PART)
def say_(context: typer.Context, ref: Ref, text: Text, as_json: AsJson = False) -> None:
    """Send a message to everybody who works on a case."""
    with workspace(context) as desk:
        _print_papers([desk.room.say(ref, text)], as_json)


@needs(Permission.TAKE_PART)
def note(context: typer.Context, ref: Ref, text: Text, as_json: AsJson = False) -> None:
    """Write a note to a case, for your own agency alone."""
    with workspace(context) as desk:
        _print_papers([desk.room.note(ref, text)], as_json)


@needs(Permission.TAKE_PART)
def put(
    context: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="For everybody who works on the case.")],
    as_json: AsJson = False,
) -> None:
    """Put a file into the room of a case; it is sealed as it is and never opened."""
    from lineament.services.cases.room import LARGEST

    with workspace(context) as desk:
        _print_papers([desk.room.file(ref, file.name, file_bytes(file, LARGEST))], as_json)


@needs(Permission.READ_CASES)
def get(
    context: typer.Context,
    ref: Ref,
    paper: PaperId,
    file: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write it; nothing may be there yet.")],
) -> None:
    """Save a file from the room of a case; the ledger records that it was opened."""
    with workspace(context) as desk:
        if file.exists():
            raise WorkspaceExists(path=file)
        checked_writable(file)
        untrusted, found = desk.room.open(ref, paper)
        write_private(file, untrusted)
    say(f"{found.text} is at {file}. It comes from others: open it with care.")


@needs(Permission.READ_CASES)
def papers(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List what is in the room of a case."""
    with workspace(context) as desk:
        _print_papers(desk.room.papers(ref), as_json)


@needs(Permission.READ_CASES)
def timeline(
    context: typer.Context,
    ref: Ref,
    before: Annotated[str, typer.Option(metavar="ENTRY", help="Go on before this entry.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most lines.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a case, the newest first; it is what the ledger says."""
    with workspace(context) as desk:
        casework, numbers = desk.casework, desk.official.may(Permission.READ_LEDGER)
        found = casework.timeline(ref, casework.entry(ref, before) if before else None, limit)
    if as_json:
        print_json(timeline_json(found, numbered=numbers))
        return
    shown = table("entry", "when", "who", "what", right=("entry",))
    for entry in found:
        shown.add_row(
            f"{entry.seq:,}" if numbers else entry.commitment,
            when(entry.at),
            entry.actor,
            entry.action.replace("_", " "),
        )
    print_table(shown)


def _print_papers(found: Sequence[Paper], as_json: bool) -> None:
    if as_json:
        print_json(papers_json(found))
        return
    if not found:
        say("The room is empty.")
        return
    shown = table("paper", "kind", "when", "who", "agency", "text")
    for paper in found:
        who = (paper.author, paper.agency_name)
        shown.add_row(paper.id, paper.kind.value, when(paper.at), *who, paper.text)
    print_table(shown)
