"""``lineament threshold …``: the threshold in force, and changes of it and of the model (R28)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    needs,
    print_json,
    print_table,
    progress,
    say,
    table,
    when,
    working,
    workspace,
)
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.proposals import Proposal, ProposalState, checked_reason, checked_strangers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.progress import TaskID

    from lineament.model.events.base import JSON
    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.services.evaluate.templates import Progress as Done
    from lineament.workspace import Desk

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
        _print_evidence(in_force.evidence)
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
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the templates in this .npz for the next run.")
    ] = None,
    face: Annotated[
        str, typer.Option(metavar="WHICH", help="The face of a picture that counts: middle or largest.")
    ] = "middle",
    enrol: Annotated[int, typer.Option(metavar="N", help="Pictures enrolled of each person, in order of name.")] = 1,
    left_out: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of people to leave out of the gallery. [default: 0, or a third if all have several pictures]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of everything that is drawn at random.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure another threshold beside the one in force, and propose it; somebody else approves it."""
    from lineament.model.evaluation.measure import Protocol
    from lineament.services.evaluate.evaluate import EvaluationOptions
    from lineament.services.evaluate.templates import FaceChoice

    checked_strangers(strangers)
    checked_reason(reason)
    if face not in list(FaceChoice):
        raise InvalidValue(what="--face", value=face[:40], why=f"it is one of {', '.join(FaceChoice)}")
    protocol = Protocol(enrol=enrol, left_out=left_out, seed=seed)
    options = EvaluationOptions(protocol=protocol, choice=FaceChoice(face))
    with workspace(context) as desk:
        evidence = _measured(desk, strangers, evaluate, options, cache)
        proposal = desk.proposals.propose_threshold(strangers, reason, evidence)
    _print(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def approve(context: typer.Context, number: Number, reason: MaybeReason = "", as_json: AsJson = False) -> None:
    """Approve a change that somebody else proposed. A threshold holds from the next search on."""
    with workspace(context) as desk:
        proposal = desk.proposals.approve(number, reason)
    _print(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def decline(context: typer.Context, number: Number, reason: Reason, as_json: AsJson = False) -> None:
    """Decline a change that somebody else proposed."""
    with workspace(context) as desk:
        proposal = desk.proposals.decline(number, reason)
    _print(proposal, as_json)


@app.command()
@needs(Permission.CHANGE_THRESHOLD)
def withdraw(context: typer.Context, number: Number, reason: MaybeReason = "", as_json: AsJson = False) -> None:
    """Withdraw a change that you proposed."""
    with workspace(context) as desk:
        proposal = desk.proposals.withdraw(number, reason)
    _print(proposal, as_json)


def _measured(
    desk: Desk, strangers: float, evaluate: Path, options: EvaluationOptions, cache: Path | None
) -> dict[str, JSON]:
    """Measure the threshold in force and ``strangers`` on the same templates."""
    from lineament.services.evaluate.cache import TemplateCache, checked_cache
    from lineament.services.evaluate.evaluate import cache_key
    from lineament.services.evaluate.labelled import read_set
    from lineament.services.evaluate.templates import Extractor
    from lineament.services.threshold.evidence import MeasuredSide, measure_change

    if cache is not None:
        checked_cache(cache)
    labelled = read_set(evaluate)
    before = desk.proposals.in_force().threshold.strangers
    with working("Loading the models"):
        analyser = desk.workspace.analyser
    kept = TemplateCache(cache, cache_key(analyser, options.choice), analyser.dimension)
    most, workers = desk.settings.max_file_bytes, desk.workspace.workers
    extractor = Extractor(analyser, kept, choice=options.choice, most=most, workers=workers)
    first, second = (
        MeasuredSide(strangers=expected, pack=desk.workspace.pack, extractor=extractor)
        for expected in (before, strangers)
    )
    with progress() as bar:
        shown: dict[str, TaskID] = {}

        def report(act: str, now: Done) -> None:
            if act not in shown:
                shown[act] = bar.add_task(act, total=now.total, rate="")
            rate = f"{now.done / now.seconds:.0f} pictures/s" if now.seconds else ""
            bar.update(shown[act], completed=now.done, rate=rate)

        return measure_change(labelled, options, first, second, report)


def _print(proposal: Proposal, as_json: bool) -> None:
    from lineament.views.proposals import change_words, proposal_json

    if as_json:
        print_json(proposal_json(proposal))
        return
    if proposal.evidence is not None and proposal.decision is None:
        _print_evidence(proposal.evidence)
    number, words = proposal.number, change_words(proposal)
    if proposal.state is ProposalState.PENDING:
        say(f"Change {number} is proposed: {words}.")
        say(f"Somebody else approves it with: lineament threshold approve {number}")
    elif proposal.state is ProposalState.MADE:
        alone = ", made by one person" if proposal.decision is None else ""
        say(f"Change {number} is in force: {words}{alone}; ledger entry {proposal.entry}.")
    else:
        say(f"Change {number} is {proposal.state.value}: {words}.")


def _print_evidence(evidence: Mapping[str, JSON]) -> None:
    from lineament.views.proposals import COLUMNS, evidence_note, evidence_rows

    shown = table(*COLUMNS)
    for row in evidence_rows(evidence):
        shown.add_row(*row)
    print_table(shown)
    say(evidence_note(evidence))


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
