"""``lineament key …``: keys with which programs act for officials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_facts, print_json, print_table, say, table, when, workspace
from lineament.model.accounts import Permission
from lineament.model.api_keys import GRANTED, MOST_PER_MINUTE, PER_MINUTE, USUAL_DAYS, KeyTerms
from lineament.views.api_keys import keys_json, made_key_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineament.services.people.api_keys import KeyInUse

app = typer.Typer(help="Keys of programs: each acts for you, within bounds and until a day.", no_args_is_help=True)
_RIGHTS = {right.value.replace(" ", "-"): right for right in GRANTED}
_NAMES = ", ".join(_RIGHTS)


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="key")


@app.command()
@needs(Permission.OWN_ACCOUNT)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the program is, for people.")],
    right: Annotated[list[str], typer.Option(metavar="RIGHT", help=f"May be given several times: {_NAMES}.")],
    days: Annotated[int, typer.Option(min=1, help="How many days it is valid.")] = USUAL_DAYS,
    case: Annotated[
        str | None, typer.Option(metavar="REF", help="The only case that it sees; needed for searching.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it searches; recorded with each search that states no other.")] = "",
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The only sources that it works with; else all permitted.")
    ] = None,
    per_minute: Annotated[
        int, typer.Option(min=1, max=MOST_PER_MINUTE, help="Requests that it may make in a minute.")
    ] = PER_MINUTE,
    signs: Annotated[
        bool, typer.Option("--signs", help="Also make a secret that signs requests, for clients of AWS.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key with which a program acts for you; it is shown once."""
    terms = KeyTerms(
        name=name,
        rights=frozenset(map(_right, right)),
        days=days,
        case=case,
        reason=reason,
        sources=tuple(source or ()),
        per_minute=per_minute,
        signs=signs,
    )
    with workspace(context) as desk:
        made = desk.api_keys.make(terms)
    if as_json:
        print_json(made_key_json(made))
        return
    say(f"Key {made.key.id} acts for {made.key.made_by} until {when(made.key.ends_at)}. It is not shown again:")
    say(made.text)
    if made.key.signing_secret:
        print_facts({"access key id": made.key.id, "secret access key": made.key.signing_secret})


def _right(text: str) -> Permission:
    """Return a right by its name, also as JSON (``read_cases``) and the pages (``read cases``) write it."""
    found = _RIGHTS.get(text.strip().lower().replace(" ", "-").replace("_", "-"))
    if found is None:
        raise typer.BadParameter(f"“{text[:40]}” is none; choose from {_NAMES}")
    return found


@app.command("list")
@needs(Permission.OWN_ACCOUNT)
def list_(
    context: typer.Context,
    agency: Annotated[bool, typer.Option("--agency", help="Every key of the agency, for administrators.")] = False,
    as_json: AsJson = False,
) -> None:
    """List your keys: what each may do, until when, and when it was last used."""
    with workspace(context) as desk:
        found = desk.api_keys.of_agency() if agency else desk.api_keys.own()
    if as_json:
        print_json(keys_json(found))
        return
    if not found:
        say("There is no key. Make one with: lineament key add NAME --right RIGHT")
        return
    _print(found)


def _print(found: Sequence[KeyInUse]) -> None:
    shown = table("key", "name", "state", "acts for", "rights", "case", "until", "last used")
    for each in found:
        key = each.key
        rights = ", ".join(sorted(right.value for right in key.rights))
        used = when(key.used_at) if key.used_at else "never"
        state = each.standing.value
        shown.add_row(key.id, key.name, state, key.made_by, rights, each.case or "", when(key.ends_at), used)
    print_table(shown)


@app.command()
@needs(Permission.OWN_ACCOUNT)
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="From: lineament key list.")],
) -> None:
    """Revoke a key: from now on it opens nothing."""
    with workspace(context) as desk:
        desk.api_keys.revoke(key)
    say("The key opens nothing any more.")
