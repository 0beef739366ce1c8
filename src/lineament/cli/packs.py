"""``lineament pack …``: the model packs of a workspace."""

from __future__ import annotations

import sys
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
from lineament.cli.second_look import look
from lineament.cli.terminal import (
    AsJson,
    needs,
    print_facts,
    print_json,
    print_table,
    progress,
    say,
    table,
    workspace,
)
from lineament.cli.threshold import print_proposal
from lineament.errors import InvalidValue, PackDamaged
from lineament.model.accounts import Permission
from lineament.model.proposals import Proposal, ProposalState
from lineament.model.texts import checked_reason
from lineament.views.packs import (
    missed_row,
    missed_shares,
    pack_facts,
    pack_json,
    packs_json,
    shown_pack_json,
    state_words,
    verified_json,
)
from lineament.views.values import counted

if TYPE_CHECKING:
    from rich.progress import TaskID

    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.workspace import Desk

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the pack.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(help="Model packs: the nets that find and compare faces.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_packs)
    group.command("show")(show)
    group.command("verify")(verify)
    group.command("use")(use)
    app.add_typer(group, name="pack")


@needs(Permission.OPERATE)
def add(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|MANIFEST", help="A recipe that “pack list” names, or a manifest in TOML.")
    ],
    given: Annotated[
        list[Path] | None, typer.Option("--from", help="A folder, file or wheel that has files of the pack.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The name of the pack, for a net of your own.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licences that are printed, without being asked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a model pack: its licences are shown and accepted, its files fetched and checked, its nets tried."""
    with workspace(context) as desk:
        plan = desk.pack_adding.plan(what, given or (), name)
        if not plan.there:
            say(plan.manifest.licence_words, err=True)
            accepted = accept or (sys.stdin.isatty() and typer.confirm("Accept these licences?", err=True))
            with progress() as bar:
                shown: dict[str, TaskID] = {}

                def on_progress(file: str, here: int, whole: int | None) -> None:
                    if file not in shown:
                        shown[file] = bar.add_task(f"Fetching {file}", total=whole, rate="bytes")
                    bar.update(shown[file], completed=here, total=whole)

                desk.pack_adding.add(plan, accepted=accepted, on_progress=on_progress)
        added = desk.packs.get(plan.manifest.name)
    if as_json:
        print_json(pack_json(added))
    elif plan.there:
        say(f"The pack {plan.manifest.name} is there already, and its files are right.")
    else:
        say(f"The pack {plan.manifest.name} is added. Use it: lineament pack use {plan.manifest.name}")


@needs(Permission.READ_SOURCES)
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show a pack: its licences, files with digests, error rates and where they were measured, and who added it."""
    with workspace(context) as desk:
        found = desk.packs.get(name)
    if as_json:
        print_json(shown_pack_json(found))
        return
    print_facts(pack_facts(found))
    say(found.description.manifest.licence_words)
    files = table("file", "SHA-256")
    for file, digest in found.description.digests.items():
        files.add_row(file, digest)
    print_table(files)
    if found.description.measured:
        numbers = ("people", "mated pairs", "missed", "95 % interval")
        shown = table("probes of grade", *numbers, "at the score", right=numbers)
        for missed in missed_shares(found.description.rates):
            shown.add_row(*missed_row(missed))
        print_table(shown)
    say(f"Error rates: {found.description.rates.origin}")


@needs(Permission.OPERATE)
def verify(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The name of the pack; all, if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every file of the packs against its digest, and try their nets on the portraits that ship."""
    with workspace(context) as desk:
        checks = list(desk.pack_adding.verify(name))
    if as_json:
        print_json(verified_json(checks))
    else:
        shown = table("pack", "what", "", "")
        for check in checks:
            shown.add_row(check.pack, check.name, "good" if check.good else "BAD", check.detail)
        print_table(shown)
    if not all(check.good for check in checks):
        raise typer.Exit(PackDamaged.exit_code)


@needs(Permission.READ_SOURCES)
def list_packs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the packs: which is in use, to which the gallery is being moved, and which were measured."""
    with workspace(context) as desk:
        found, recipes = desk.packs.all(), desk.packs.recipes()
    if as_json:
        print_json(packs_json(found, recipes))
        return
    shown = table("name", "model", "dimension", "licence", "rates", "", right=("dimension",))
    for pack in found:
        of = pack.description
        rates = "measured" if of.measured else "not measured"
        shown.add_row(of.manifest.name, of.model, str(pack.dimension), of.manifest.licence, rates, state_words(pack))
    print_table(shown)
    if recipes:
        say(f"Recipes, to be added with lineament pack add: {', '.join(recipes)}")


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
    background: Annotated[bool, typer.Option("--background", help="Leave it to a worker, and return at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move the gallery to a pack: it looks at every picture, and the gallery in use answers until that is done.

    Where the policy asks for a second person, this proposes it, and somebody else approves it; give --reason and
    --evaluate. If it was stopped, go on with: lineament source look-again --all. To end a move, name the pack in use.
    """
    options = measuring_options(face, enrol, left_out, seed)
    with workspace(context) as desk:
        if name == desk.workspace.pack_name:
            chosen = desk.packs.use(name)
        else:
            proposal = _propose(desk, name, reason, evaluate, options)
            if proposal.state is ProposalState.PENDING:
                print_proposal(proposal, as_json)
                return
            if proposal.evidence is not None and not as_json:
                print_evidence(proposal.evidence)
            chosen = desk.packs.get(name)
        if chosen.left is not None:
            say(f"{counted(chosen.left, 'picture')} to look at with {name}.", err=True)
            look(desk, None, background=background, as_json=as_json)
        elif as_json:
            print_json(pack_json(chosen))
        else:
            say(f"The pack {name} stays in use.")


def _propose(desk: Desk, name: str, reason: str, evaluate: Path | None, options: EvaluationOptions) -> Proposal:
    """Measure a pack beside the one in use if pictures are given, and propose it; alone, that starts the move."""
    from lineament.services.threshold.making import UNSAID

    desk.workspace.model_to_use(name)  # a wrong name is refused before anything is measured
    in_force = desk.proposals.in_force()
    if in_force.needs_two and evaluate is None:
        why = "both packs are measured, so that whoever approves sees the error rates before and after"
        raise InvalidValue(what="--evaluate", value="", why=why)
    checked = checked_reason(reason) if in_force.needs_two else reason or UNSAID
    if evaluate is None:
        return desk.proposals.propose_pack(name, checked, None)
    strangers = in_force.threshold.strangers
    evidence = measured_change(desk, evaluate, options, (strangers, desk.workspace.pack_name), (strangers, name))
    return desk.proposals.propose_pack(name, checked, evidence)
