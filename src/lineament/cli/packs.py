"""``lineament pack …``: the model packs of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.measuring import (
    Enrol,
    LeftOut,
    Seed,
    WhichFace,
    measured_change,
    measuring_options,
    print_evidence,
)
from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, workspace
from lineament.cli.threshold import print_proposal
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.proposals import ProposalState, checked_reason
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
def use(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")] = "",
    evaluate: Annotated[
        Path | None,
        typer.Option(metavar="DIR|CSV", help="Pictures of known people on which both packs are measured."),
    ] = None,
    face: WhichFace = "middle",
    enrol: Enrol = 1,
    left_out: LeftOut = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Let the gallery be moved to a pack; the gallery in use answers until every picture was looked at.

    Where the policy asks for a second person, this proposes it, and somebody else approves it; give --reason and
    --evaluate. To end a move, name the pack in use.
    """
    from lineament.services.threshold.making import UNSAID

    options = measuring_options(face, enrol, left_out, seed)
    with workspace(context) as desk:
        if name == desk.workspace.pack_name:
            chosen = desk.packs.use(name)
        else:
            _ = desk.workspace.model_of(name)
            in_force = desk.proposals.in_force()
            if in_force.needs_two and evaluate is None:
                why = "both packs are measured, so that whoever approves sees the error rates before and after"
                raise InvalidValue(what="--evaluate", value="", why=why)
            checked = checked_reason(reason) if in_force.needs_two else reason or UNSAID
            evidence = None
            if evaluate is not None:
                strangers = in_force.threshold.strangers
                sides = (strangers, desk.workspace.pack_name), (strangers, name)
                evidence = measured_change(desk, evaluate, options, *sides)
            proposal = desk.proposals.propose_pack(name, checked, evidence)
            if proposal.state is ProposalState.PENDING:
                print_proposal(proposal, as_json)
                return
            if evidence is not None and not as_json:
                print_evidence(evidence)
            chosen = desk.packs.get(name)
    if as_json:
        print_json(pack_json(chosen))
    elif chosen.left is None:
        say(f"The pack {name} stays in use.")
    else:
        say(f"{counted(chosen.left, 'picture')} are to be looked at with {name}: lineament source look-again --all")
