"""``lineament user …``."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    Yes,
    day,
    machine,
    needs,
    print_facts,
    print_json,
    print_table,
    say,
    table,
    when,
    workspace,
)
from lineament.errors import InvalidValue
from lineament.model.accounts import Account, Permission, Role
from lineament.views.accounts import (
    account_invitation_json,
    account_json,
    accounts_json,
    ended_sessions_json,
    person_json,
    roles_line,
    sessions_json,
)

if TYPE_CHECKING:
    from lineament.services.people.invitations import Invitation

app = typer.Typer(help="The people of your agency and their accounts.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="EMAIL", help="The e-mail address of the account, or its id.")]
Roles = Annotated[list[Role], typer.Option("--role", help="A role; may be repeated.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="user")


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def invite(
    context: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom to invite.")],
    name: Annotated[str, typer.Option(help="What this person is called.")],
    role: Roles,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Even if nobody would be left to manage accounts or agencies.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Invite somebody. From the second account on, whoever is at the machine does nothing but its upkeep."""
    with workspace(context) as desk:
        print_invitation(desk.people.invite(email, name, role, sure=yes), as_json)


@app.command("list")
@needs(Permission.MANAGE_PEOPLE)
def list_people(
    context: typer.Context,
    closed: Annotated[bool, typer.Option("--closed", help="Include closed accounts.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the accounts of your agency."""
    with workspace(context) as desk:
        listed = desk.people.list(closed=closed)
    if as_json:
        print_json(accounts_json(listed))
        return
    if not listed:
        say("No account yet. Begin with: lineament user invite EMAIL --name NAME --role operator --role administrator")
        return
    shown = table("name", "e-mail", "roles", "state", "trained until", "last seen", "id")
    for account in listed:
        until = "" if account.trained_until is None else account.trained_until.isoformat()
        row = (account.name, account.email, roles_line(account), account.state.value, until, when(account.last_seen_at))
        shown.add_row(*row, account.id)
    print_table(shown)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def show(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """Show an account."""
    with workspace(context) as desk:
        person = desk.people.get(email)
    if as_json:
        print_json(person_json(person))
        return
    print_facts({**person_json(person), "roles": roles_line(person.account)})


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def roles(context: typer.Context, email: Who, role: Roles, as_json: AsJson = False) -> None:
    """Give somebody these roles, in place of the last ones."""
    with workspace(context) as desk:
        _print(desk.people.set_roles(email, role), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def train(
    context: typer.Context,
    email: Who,
    until: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DATE", help="The last day on which the training counts."),
    ] = None,
    lapsed: Annotated[bool, typer.Option("--lapsed", help="It no longer counts, from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record until when somebody's training in face comparison counts."""
    if (until is None) is not lapsed:
        raise InvalidValue(what="The training", value="", why="give either --until DATE or --lapsed")
    with workspace(context) as desk:
        _print(desk.people.train(email, until), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def suspend(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """Suspend somebody until restored; every session ends at once."""
    with workspace(context) as desk:
        _print(desk.people.suspend(email), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def restore(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """Let somebody who was suspended work again."""
    with workspace(context) as desk:
        _print(desk.people.restore(email), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def reset(
    context: typer.Context,
    email: Who,
    at_the_machine: Annotated[
        bool,
        typer.Option("--at-the-machine", help="Without an account, for operators and administrators who lost it all."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Reset an account whose owner lost everything: password, factors and sessions go, and a new link is made."""
    if at_the_machine:
        with machine(context) as desk:
            print_invitation(desk.people.reset_at_the_machine(email), as_json)
        return
    with workspace(context) as desk:
        print_invitation(desk.people.reset(email), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def close(context: typer.Context, email: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """Close an account for good; its seat is free again."""
    with workspace(context) as desk:
        account = desk.people.get(email).account
        if not yes:
            typer.confirm(f"Close the account of {account.name} for good?", abort=True)
        _print(desk.people.close(account.id), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def unlock(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """Unlock an account that failed sign-ins have locked."""
    with workspace(context) as desk:
        _print(desk.people.unlock(email), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def sessions(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """List where somebody is signed in."""
    with workspace(context) as desk:
        listed = desk.people.get(email).sessions
    if as_json:
        print_json(sessions_json(listed))
        return
    if not listed:
        say("No session.")
        return
    shown = table("session", "began", "last seen", "second factor", "device")
    for session in listed:
        shown.add_row(
            session.id, when(session.began_at), when(session.seen_at), when(session.proved_at), session.device
        )
    print_table(shown)


@app.command("end-sessions")
@needs(Permission.MANAGE_PEOPLE)
def end_sessions(context: typer.Context, email: Who, as_json: AsJson = False) -> None:
    """End every session of somebody, at once."""
    with workspace(context) as desk:
        ended = desk.people.end_sessions(email)
    if as_json:
        print_json(ended_sessions_json(ended))
        return
    say(f"{ended} {'session has' if ended == 1 else 'sessions have'} ended.")


def print_invitation(invitation: Invitation, as_json: bool) -> None:
    """Print the link to hand over, or where it was sent."""
    account = invitation.account
    if as_json:
        print_json(account_invitation_json(invitation))
        return
    if invitation.unsent:
        say(f"{account.email} has an account, but the link could not be sent there: {invitation.unsent}.")
        say(f"Once that is corrected: lineament user reset {account.email}")
    elif invitation.link is None:
        say(f"A link went to {account.email}. It can be followed until {when(invitation.expires_at)} UTC.")
    else:
        say(f"Hand this link to {account.email} alone. It works once, until {when(invitation.expires_at)} UTC:")
        typer.echo(invitation.link)
    if invitation.ends_solo:
        say("This workspace is no longer one person's alone: from now on everybody signs in with an account, and")
        say("whoever is at the machine does nothing but its upkeep (verify, doctor, serve).")


def _print(account: Account, as_json: bool) -> None:
    if as_json:
        print_json(account_json(account))
        return
    print_facts({**account_json(account), "roles": roles_line(account)})
