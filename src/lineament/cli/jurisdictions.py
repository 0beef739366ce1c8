"""``lineament jurisdiction``: what the law of a jurisdiction adds, with its sources."""

from __future__ import annotations

from typing import Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, workspace
from lineament.model.accounts import Permission
from lineament.model.jurisdictions import NOTICE, SECOND_HAND, Topic, pack_named, packs
from lineament.views.jurisdictions import acts, jurisdiction_json, jurisdictions_json, where

app = typer.Typer(help="Jurisdictions: what their law adds, line by line with its source.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands to ``parent``."""
    parent.add_typer(app, name="jurisdiction")


@app.command("list")
@needs(Permission.OWN_ACCOUNT)
def list_jurisdictions(context: typer.Context, as_json: AsJson = False) -> None:
    """List the jurisdictions for which there is a pack, with what each makes Lineament do."""
    with workspace(context):
        listed = packs().values()
    if as_json:
        print_json(jurisdictions_json(listed))
        return
    shown = table("code", "for", "what it does")
    for pack in listed:
        shown.rows.append((pack.code, f"{pack.name} ({where(pack)})", ". ".join(acts(pack)) + "."))
    print_table(shown)
    say(f"{NOTICE}.")


@app.command("show")
@needs(Permission.OWN_ACCOUNT)
def show(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="As in US-MD; see: lineament jurisdiction list.")],
    as_json: AsJson = False,
) -> None:
    """Show what the law of a jurisdiction adds, line by line with act, section, address and the day it was read."""
    with workspace(context):
        pack = pack_named(code)
    if as_json:
        print_json(jurisdiction_json(pack))
        return
    say(f"{pack.name} ({where(pack)}). {NOTICE}.")
    for topic in Topic:
        if lines := pack.about(topic):
            say(f"\n{topic.value}")
            for line in lines:
                say(f"  {line.words}{f' {line.time_limit}.' if line.due else ''}")
                say(f"    {line.source}")
                say(f"    {line.url}")
    say("\nWhat it makes Lineament do")
    for act in acts(pack):
        say(f"  {act}.")
    say("\nThe warnings that it prints")
    for line in pack.warnings:
        say(f"  {line.words}")
    say(f"\nWhat could not be read; nothing here relies on it, nor on more than a line that was {SECOND_HAND} says")
    for missing in pack.not_found:
        say(f"  {missing}")
