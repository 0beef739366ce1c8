"""``lineament case members``, ``invite``, ``say``, ``put`` …: who works on a case, and its room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from lineament.cli.cases import Ref, print_case
from lineament.cli.rulings import Until
from lineament.cli.terminal import (
    AsJson,
    day,
    needs,
    picture_bytes,
    print_json,
    print_table,
    say,
    table,
    when,
    workspace,
)
from lineament.errors import WorkspaceExists
from lineament.model.accounts import Permission
from lineament.model.cases import CaseInvitation, CaseRole, Member, Paper, TimelineEntry
from lineament.views.values import iso

Role = Annotated[CaseRole, typer.Option(help="What this person may do in the case.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What is said.")]
PaperId = Annotated[str, typer.Argument(metavar="PAPER", help="Its number, from: lineament case papers REF.")]


def register(app: typer.Typer) -> None:
    """Put the commands on ``app``."""
    for command in (members, invite, invitations, take, say_, note, put, get, papers, timeline):
        app.command(command.__name__.rstrip("_"))(command)
    app.command("add-member")(add_member)
    app.command("remove-member")(remove_member)


# ---------------------------------------------------------------- people


@needs(Permission.READ_CASES)
def members(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List who works on a case."""
    with workspace(context) as opened:
        _print_members(opened.members.of(ref), as_json)


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
    with workspace(context) as opened:
        opened.members.add(ref, account, role, until)
        _print_members(opened.members.of(ref), as_json)


@needs(Permission.MANAGE_CASES)
def remove_member(
    context: typer.Context,
    ref: Ref,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="From: lineament case members REF.")],
    as_json: AsJson = False,
) -> None:
    """Take somebody out of a case, at once."""
    with workspace(context) as opened:
        opened.members.remove(ref, account)
        _print_members(opened.members.of(ref), as_json)


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
    with workspace(context) as opened:
        made = opened.members.invite(ref, email, role, until)
    if as_json:
        print_json(_invitation(made))
        return
    say(f"{made.email} is invited to {made.case} as {made.role.value} until {made.until}.")


@needs(Permission.READ_CASES)
def invitations(context: typer.Context, as_json: AsJson = False) -> None:
    """List the invitations to cases of other agencies that wait for you."""
    with workspace(context) as opened:
        waiting = opened.members.mine()
    if as_json:
        print_json({"invitations": [_invitation(one) for one in waiting]})
        return
    if not waiting:
        say("No invitation waits for you.")
        return
    shown = table("invitation", "case", "agency", "role", "until", "invited by")
    for one in waiting:
        names = (one.case, one.agency_name)
        shown.add_row(one.id, *names, one.role.value, str(one.until or ""), one.invited_by)
    print_table(shown)


@needs(Permission.READ_CASES)
def take(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(metavar="ID", help="From: lineament case invitations.")],
    as_json: AsJson = False,
) -> None:
    """Take an invitation to a case up."""
    with workspace(context) as opened:
        print_case(opened, opened.members.take(invitation), as_json)


def _print_members(found: Sequence[Member], as_json: bool) -> None:
    if as_json:
        print_json({"members": [_member(one) for one in found]})
        return
    if not found:
        say("Nobody is a member of it.")
        return
    shown = table("account", "name", "agency", "role", "since", "until")
    for one in found:
        names = (one.name, one.agency_name)
        shown.add_row(one.account_id, *names, one.role.value, when(one.since), str(one.until or ""))
    print_table(shown)


def _member(one: Member) -> dict[str, Any]:
    return {
        "account": one.account_id,
        "name": one.name,
        "agency": one.agency_name,
        "role": one.role.value,
        "since": iso(one.since),
        "until": None if one.until is None else one.until.isoformat(),
    }


def _invitation(one: CaseInvitation) -> dict[str, Any]:
    return {
        "invitation": one.id,
        "case": one.case,
        "agency": one.agency_name,
        "email": one.email,
        "role": one.role.value,
        "until": None if one.until is None else one.until.isoformat(),
        "invited_by": one.invited_by,
        "invited_at": iso(one.invited_at),
    }


# ---------------------------------------------------------------- the room


@needs(Permission.TAKE_PART)
def say_(context: typer.Context, ref: Ref, text: Text, as_json: AsJson = False) -> None:
    """Say something to everybody who works on a case."""
    with workspace(context) as opened:
        _print_papers([opened.room.say(ref, text)], as_json)


@needs(Permission.TAKE_PART)
def note(context: typer.Context, ref: Ref, text: Text, as_json: AsJson = False) -> None:
    """Write a note to a case, for your own agency alone."""
    with workspace(context) as opened:
        _print_papers([opened.room.note(ref, text)], as_json)


@needs(Permission.TAKE_PART)
def put(
    context: typer.Context,
    ref: Ref,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="For everybody who works on the case.")],
    as_json: AsJson = False,
) -> None:
    """Put a file into the room of a case; it is sealed as it is and never opened."""
    from lineament.services.cases.room import LARGEST

    with workspace(context) as opened:
        _print_papers([opened.room.file(ref, file.name, picture_bytes(file, LARGEST))], as_json)


@needs(Permission.READ_CASES)
def get(
    context: typer.Context,
    ref: Ref,
    paper: PaperId,
    file: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write it; nothing may be there yet.")],
) -> None:
    """Write a file of the room of a case out; that it was opened is on the record."""
    with workspace(context) as opened:
        if file.exists():
            raise WorkspaceExists(path=file)
        untrusted, found = opened.room.open(ref, paper)
        with file.open("xb") as written:
            written.write(untrusted)
    say(f"{found.text} is at {file}. It comes from others: open it with care.")


@needs(Permission.READ_CASES)
def papers(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List what lies in the room of a case."""
    with workspace(context) as opened:
        _print_papers(opened.room.papers(ref), as_json)


@needs(Permission.READ_CASES)
def timeline(
    context: typer.Context,
    ref: Ref,
    before: Annotated[str, typer.Option(metavar="ENTRY", help="Go on before this entry.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most lines.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a case, the newest first; it is what the ledger says."""
    with workspace(context) as opened:
        casework, numbers = opened.casework, opened.official.may(Permission.READ_LEDGER)
        found = casework.timeline(ref, casework.entry(ref, before) if before else None, limit)
    if as_json:
        print_json({"timeline": [_happening(one, numbers=numbers) for one in found]})
        return
    shown = table("entry", "when", "who", "what", right=("entry",))
    for one in found:
        shown.add_row(
            f"{one.seq:,}" if numbers else one.commitment, when(one.at), one.actor, one.action.replace("_", " ")
        )
    print_table(shown)


def _print_papers(found: Sequence[Paper], as_json: bool) -> None:
    if as_json:
        print_json({"papers": [_paper(one) for one in found]})
        return
    if not found:
        say("Nothing lies in the room.")
        return
    shown = table("paper", "kind", "when", "who", "agency", "text")
    for one in found:
        who = (one.author, one.agency_name)
        shown.add_row(one.id, one.kind.value, when(one.at), *who, one.text)
    print_table(shown)


def _paper(one: Paper) -> dict[str, Any]:
    return {
        "paper": one.id,
        "kind": one.kind.value,
        "author": one.author,
        "agency": one.agency_name,
        "at": iso(one.at),
        "text": one.text,
        "size": one.size,
        "sha256": one.sha256,
    }


def _happening(one: TimelineEntry, *, numbers: bool) -> dict[str, Any]:
    entry = {"entry": one.seq if numbers else None, "commitment": one.commitment}
    return {**entry, "at": iso(one.at), "action": one.action, "actor": one.actor, "details": one.details}
