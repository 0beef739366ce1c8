"""``lineament hook …``: addresses of the agency that are told when a watch fires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, when, workspace
from lineament.model.accounts import Permission
from lineament.views.watches import hooks_json, notice_json, secret_json

if TYPE_CHECKING:
    from lineament.services.watches.hooks import NewSecret

app = typer.Typer(help="Web hooks: addresses that are told when a watch fires, and nothing else.", no_args_is_help=True)

Hook = Annotated[str, typer.Argument(metavar="HOOK", help="From: lineament hook list.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="hook")


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…")],
    as_json: AsJson = False,
) -> None:
    """Add a web hook of your agency; its secret is shown once."""
    with workspace(context) as desk:
        _print_secret(desk.web_hooks.add(url), as_json)


@app.command("list")
@needs(Permission.MANAGE_PEOPLE)
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the web hooks of your agency, with the newest messages to each."""
    with workspace(context) as desk:
        found = desk.web_hooks.list()
    if as_json:
        print_json(hooks_json(found))
        return
    if not found:
        say("Your agency has no web hook. Begin with: lineament hook add URL")
        return
    for each in found:
        say(f"{each.hook.id}  {each.hook.url}")
        shown = table("when", "what", "state", "attempts", "why", right=("attempts",))
        for notice in each.notices:
            shown.add_row(when(notice.at), notice.kind.value, notice.standing, str(notice.attempts), notice.why)
        if each.notices:
            print_table(shown)


@app.command("test")
@needs(Permission.MANAGE_PEOPLE)
def send_test(context: typer.Context, hook: Hook, as_json: AsJson = False) -> None:
    """Send a test to a web hook; a worker sends it, and again if it fails."""
    with workspace(context) as desk:
        notice = desk.web_hooks.test(hook)
    if as_json:
        print_json(notice_json(notice))
        return
    say("A worker sends the test next. How it went: lineament hook list")


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def rotate(context: typer.Context, hook: Hook, as_json: AsJson = False) -> None:
    """Replace the secret of a web hook; for a day both sign, and the new one is shown once."""
    with workspace(context) as desk:
        _print_secret(desk.web_hooks.rotate(hook), as_json)


@app.command()
@needs(Permission.MANAGE_PEOPLE)
def remove(context: typer.Context, hook: Hook) -> None:
    """Remove a web hook and its secret; what waits for it is given up."""
    with workspace(context) as desk:
        desk.web_hooks.remove(hook)
    say("The web hook is removed. What was sent to it stays on the record.")


def _print_secret(made: NewSecret, as_json: bool) -> None:
    if as_json:
        print_json(secret_json(made))
        return
    say(f"Web hook {made.hook.id} is told from now on. Its secret, which is not shown again:")
    say(made.secret)
