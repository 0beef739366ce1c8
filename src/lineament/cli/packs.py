"""``lineament pack …``: the model packs of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, workspace
from lineament.model.accounts import Permission
from lineament.views.packs import pack_json, packs_json, state_words
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.gallery.packs import KnownPack

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the pack.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(help="Model packs: the nets that find and compare faces.", no_args_is_help=True)
    group.command("list")(list_packs)
    group.command("use")(use)
    app.add_typer(group, name="pack")


@needs(Permission.READ_SOURCES)
def list_packs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the packs: which is in use, to which the gallery is being moved, and which were measured."""
    with workspace(context) as desk:
        found = desk.packs.all()
    if as_json:
        print_json(packs_json(found))
        return
    shown = table("name", "model", "dimension", "licence", "rates", "", right=("dimension",))
    for pack in found:
        of = pack.description
        rates = "measured" if of.measured else "not measured"
        shown.add_row(of.manifest.name, of.model, _dimension(pack), of.manifest.licence, rates, state_words(pack))
    print_table(shown)


def _dimension(pack: KnownPack) -> str:
    return str(pack.description.manifest.dimension if pack.added is None else pack.added.dimension)


@needs(Permission.OPERATE)
def use(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let the gallery be moved to a pack; the gallery in use answers until every picture was looked at."""
    with workspace(context) as desk:
        chosen = desk.packs.use(name)
    if as_json:
        print_json(pack_json(chosen))
    elif chosen.left is None:
        say(f"The pack {name} stays in use.")
    else:
        say(f"{counted(chosen.left, 'picture')} are to be looked at with {name}: lineament source look-again --all")
