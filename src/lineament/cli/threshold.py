"""``lineament threshold …``: the threshold in force, and changes of it and of the model (R28)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.measuring import (
    Cache,
    Enrol,
    LeftOut,
    Seed,
    WhichFace,
    measured_change,
    measuring_options,
    print_evidence,
)
from lineament.cli.terminal import AsJson, needs, print_json, print_table, say, table, when, workspace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.proposals import Proposal, ProposalState, checked_strangers
from lineament.model.texts import checked_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    help="The threshold of identification: how many strangers are expected above it. Two people change it.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(metavar="N", help="The number of the change.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]
MaybeReason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record; may be left out.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="threshold")


@app.command()
@needs(Permission.OWN_ACCOUNT)
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the threshold in force, who signed it, and the error rates that were measured for it."""
    from lineament.views.proposals import meaning_words, strangers_expected, threshold_json, who_words

    with workspace(context) as desk:
        in_force = desk.proposals.in_force()
        key = desk.audit.public_key
        listed = desk.proposals.list() if desk.official.may(Permission.CHANGE_THRESHOLD) else ()
    if as_json:
        print_json(threshold_json(in_force, key))
        return
    threshold = in_force.threshold
    say(f"{strangers_expected(threshold.strangers)} expected: {who_words(threshold)}.")
    say(meaning_words(threshold.strangers))
    if threshold.reason:
        say(f"Reason: {threshold.reason}")
    if in_force.evidence is not None:
        print_evidence(in_force.evidence)
    for note in in_force.notes:
        say(f"\n{note.rstrip()}")
    if in_force.notes:
        say(f"\nBoth signatures can be checked with the public key {key}")
    if listed:
        say("")
        _print_list(listed)


@app.command("list")
@needs(Permission.CHANGE_THRESHOLD)
def list_changes(context: typer.Context, as_json: AsJson = False) -> None:
    """List every change that was proposed, the newest first."""
    from lineament.views.proposals import proposals_json

    with workspace(context) as desk:
        listed = desk.proposals.list()
    if as_json:
        print_json(proposals_json(listed))
    elif listed:
        _print_list(listed)
    else:
        say("Nobody has proposed a change.")


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def propose(
    context: typer.Context,
    strangers: Annotated[
        float, typer.Option(metavar="N", help="The strangers expected above the threshold, 0.001 to 10.")
    ],
    reason: Reason,
    evaluate: Annotated[
        Path,
        typer.Option(metavar="DIR|CSV", help="Pictures of known people on which both are measured, as for evaluate."),
    ],
    cache: Cache = None,
    face: WhichFace = "middle",
    enrol: Enrol = 1,
    left_out: LeftOut = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Measure another threshold beside the one in force, and propose it; somebody else approves it."""
    checked_strangers(strangers)
    checked_reason(reason)
    options = measuring_options(face, enrol, left_out, seed)
    with workspace(context) as desk:
        before = desk.proposals.in_force().threshold.strangers
        if strangers == before:  # said before anything is measured
            raise InvalidValue(what="The threshold", value=f"{strangers:g}", why="it is in force")
        pack = desk.workspace.pack_name
        evidence = measured_change(desk, evaluate, options, (before, pack), (strangers, pack), cache)
        proposal = desk.proposals.propose_threshold(strangers, reason, evidence)
    print_proposal(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def approve(context: typer.Context, number: Number, reason: MaybeReason = "", as_json: AsJson = False) -> None:
    """Approve a change that somebody else proposed. A threshold holds from the next search on."""
    with workspace(context) as desk:
        proposal = desk.proposals.approve(number, reason)
    print_proposal(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def decline(context: typer.Context, number: Number, reason: Reason, as_json: AsJson = False) -> None:
    """Decline a change that somebody else proposed."""
    with workspace(context) as desk:
        proposal = desk.proposals.decline(number, reason)
    print_proposal(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def withdraw(context: typer.Context, number: Number, reason: MaybeReason = "", as_json: AsJson = False) -> None:
    """Withdraw a change that you proposed."""
    with workspace(context) as desk:
        proposal = desk.proposals.withdraw(number, reason)
    print_proposal(proposal, as_json)


def print_proposal(proposal: Proposal, as_json: bool) -> None:
    """Print a proposed change: what was measured if it is new, and what comes next."""
    from lineament.views.proposals import change_words, proposal_json

    if as_json:
        print_json(proposal_json(proposal))
        return
    if proposal.evidence is not None and proposal.decision is None:
        print_evidence(proposal.evidence)
    number, words = proposal.number, change_words(proposal)
    if proposal.state is ProposalState.PENDING:
        say(f"Change {number} is proposed: {words}.")
        say(f"Somebody else approves it with: lineament threshold approve {number}")
    elif proposal.state is ProposalState.MADE:
        alone = ", made by one person" if proposal.decision is None else ""
        say(f"Change {number} is in force: {words}{alone}; ledger entry {proposal.entry}.")
    elif proposal.state is ProposalState.APPROVED:
        say(f"Change {number} is approved: {words}. It takes effect once every picture was looked at with it:")
        say("lineament source look-again --all")
    else:
        say(f"Change {number} is {proposal.state.value}: {words}.")


def _print_list(listed: Sequence[Proposal]) -> None:
    from lineament.views.proposals import STATES, change_words

    shown = table("change", "what", "state", "proposed", "by", "decided by", "reason", right=("change",))
    for proposal in listed:
        decision = proposal.decision
        shown.add_row(
            str(proposal.number),
            change_words(proposal),
            STATES[proposal.state],
            when(proposal.by.at),
            proposal.by.name,
            "" if decision is None else decision.by.name,
            proposal.reason,
        )
    print_table(shown)
