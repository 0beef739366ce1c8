"""``lineament sign-in``, ``step-up`` and ``sign-out``."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.kept import forget_key, keep_key, kept_key
from lineament.cli.terminal import machine, needs, say
from lineament.errors import SignInNeeded, SignInRefused
from lineament.model.accounts import FactorKind, Permission

if TYPE_CHECKING:
    from lineament.services.people.sessions import Session, SessionKey
    from lineament.workspace import Workspace

_DEVICE = "terminal"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("sign-in")(sign_in)
    app.command("step-up")(step_up)
    app.command("sign-out")(sign_out)


@needs(Permission.MACHINE)
def sign_in(
    context: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address of your account.")],
) -> None:
    """Sign in: your password, then a code from your app or a recovery code; both are asked for, never on the line."""
    with machine(context) as desk:
        opened = desk.workspace
        begun = opened.sign_in.password(email, _ask("Password"), _DEVICE, terminal=True)
        try:
            begun = _prove(opened, _session(opened, begun))
        except BaseException:
            _end(opened, begun.key)
            raise
        keep_key(opened, begun.key)
        say(f"Signed in as {begun.account.name}.")


@needs(Permission.MACHINE)
def step_up(context: typer.Context) -> None:
    """Show your second factor again, before a search or an export; it also unlocks a session that was idle."""
    with machine(context) as desk:
        opened = desk.workspace
        session = opened.sign_in.session(kept_key(opened) or "")
        if session is None:
            raise SignInNeeded
        begun = _prove(opened, session)
        keep_key(opened, begun.key)
        say(f"Shown. Searches and exports are open for {session.policy.step_up_minutes} minutes.")


@needs(Permission.MACHINE)
def sign_out(context: typer.Context) -> None:
    """End the session of this terminal."""
    with machine(context) as desk:
        opened = desk.workspace
        key = kept_key(opened)
        if key is not None:
            _end(opened, key)
        forget_key(opened)
        say("Signed out.")


def _session(opened: Workspace, begun: SessionKey) -> Session:
    session = opened.sign_in.session(begun.key)
    if session is None:
        raise SignInNeeded
    return session


def _prove(opened: Workspace, session: Session) -> SessionKey:
    """Ask for a code and return the session's new key. Raises SignInRefused if the account has no factor with codes."""
    from lineament.services.people.sessions import SessionState

    if session.standing is SessionState.UNENROLLED:
        raise SignInRefused(why="your account has no second factor yet; sign in on the pages and add one")
    if not session.kinds & {FactorKind.TOTP, FactorKind.RECOVERY}:
        if session.policy.passkey_only:
            raise SignInRefused(why="your agency accepts passkeys only, and a terminal has none; sign in on the pages")
        raise SignInRefused(why="a terminal has no passkeys; add an app that shows codes, on the page of your account")
    return opened.sign_in.factors.prove_code(session, _ask("Code from your app, or a recovery code"))


def _end(opened: Workspace, key: str) -> None:
    session = opened.sign_in.session(key)
    if session is not None:
        opened.sign_in.sign_out(session)


def _ask(prompt: str) -> str:
    """Return what is typed, without echo, or the next line of piped input; secrets are never on the command line."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    return sys.stdin.readline().rstrip("\r\n")
