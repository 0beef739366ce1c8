"""``lineament misuse …``: the weekly report of misuse, and the faces that are searched only with a supervisor."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    day,
    file_bytes,
    machine,
    needs,
    print_facts,
    print_json,
    print_table,
    say,
    table,
    when,
    working,
    workspace,
)
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from lineament.model.misuse.reports import KeptFinding
    from lineament.services.misuse.reports import ShownReport

app = typer.Typer(help="Misuse: the weekly report, its answers, and guarded faces.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="misuse")


@app.command()
@needs(Permission.READ_MISUSE)
def report(
    context: typer.Context,
    week: Annotated[
        date | None, typer.Option(parser=day, metavar="MONDAY", help="The week; else the newest that was reported.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the report of misuse of a week: what needs an answer, and what was looked at and found ordinary."""
    from lineament.model.misuse.findings import KIND_WORDS
    from lineament.views import misuse as views

    with workspace(context) as desk:
        shown = desk.misuse.read(week)
    if as_json:
        print_json(views.report_json(shown))
        return
    say(views.headline(shown))
    if shown.report is None:
        say("A worker makes a report after each week; at once: lineament misuse make")
        return
    for kept in (*shown.findings, *(each for _, each in shown.waiting)):
        _print_finding(shown, kept)
    found = [kept.finding.kind for kept in shown.findings]
    lines = table(f"week of {shown.report.week}", "looked at", "outcome", right=("looked at",))
    for line in shown.report.looked_at:
        outcome = views.outcome(line, found.count(line.kind))
        lines.add_row(KIND_WORDS[line.kind], f"{line.of}: {line.looked_at:,}", outcome)
    print_table(lines)


@app.command()
@needs(Permission.READ_MISUSE)
def answer(
    context: typer.Context,
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="Its id, as the report shows it.")],
    reason: Reason,
    passed_on: Annotated[
        bool,
        typer.Option("--passed-on", help="It was passed on to whoever decides about people; else it is explained."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Explain a finding, or say that it was passed on; the answer is on the record."""
    from lineament.model.misuse.reports import FindingState
    from lineament.views.misuse import answered_json

    with workspace(context) as desk:
        kept = desk.misuse.answer(finding, FindingState.PASSED_ON if passed_on else FindingState.EXPLAINED, reason)
    if as_json:
        print_json(answered_json(kept))
        return
    say(f"{kept.id}: {kept.state.value}.")


@app.command()
@needs(Permission.MACHINE)
def make(context: typer.Context, as_json: AsJson = False) -> None:
    """Make every weekly report that is due, of every agency. A worker does it by itself."""
    from lineament.services.jobs.kinds import MISUSE
    from lineament.views.misuse import made_json

    with machine(context) as desk, working("Comparing"):
        made = desk.jobs.run_here(MISUSE, {}, desk.misuse.make, lambda result: result)
    if as_json:
        print_json(made_json(made))
        return
    say(f"Reports made: {made['reports']}." if made["reports"] else "No report is due.")


@app.command()
@needs(Permission.READ_MISUSE)
def faces(context: typer.Context, as_json: AsJson = False) -> None:
    """List the faces that are searched only with a supervisor."""
    from lineament.views.misuse import guarded_json

    with workspace(context) as desk:
        found = desk.guarded.list()
    if as_json:
        print_json(guarded_json(found))
        return
    if not found:
        say("No face is guarded. A supervisor adds one with: lineament misuse guard PHOTOGRAPH --name NAME")
        return
    shown = table("face", "name", "kind", "why", "added", "by")
    for face in found:
        shown.add_row(face.id, face.name, face.kind.value, face.because, when(face.added_at), face.added_by)
    print_table(shown)


@app.command()
@needs(Permission.MANAGE_CASES)
def guard(
    context: typer.Context,
    photograph: Annotated[Path, typer.Argument(metavar="PHOTOGRAPH", help="It is not kept.")],
    name: Annotated[str, typer.Option(help="Whose face it is.")],
    reason: Reason,
    public: Annotated[bool, typer.Option("--public", help="A public person; else a colleague, who agreed.")] = False,
    face: Annotated[int | None, typer.Option(min=1, help="Which face, if it shows several; from 1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Guard the face that a photograph shows: searching it without a supervisor becomes a finding."""
    from lineament.model.misuse.reports import GuardedKind
    from lineament.views.misuse import guarded_face_json

    kind = GuardedKind.PUBLIC if public else GuardedKind.COLLEAGUE
    with workspace(context, nets=True) as desk:
        untrusted = file_bytes(photograph, desk.settings.max_file_bytes)
        added = desk.guarded.add(untrusted, name, reason, kind, face)
    if as_json:
        print_json(guarded_face_json(added))
        return
    say(f"{added.name} is guarded as {added.id}.")


@app.command()
@needs(Permission.MANAGE_CASES)
def unguard(
    context: typer.Context,
    face: Annotated[str, typer.Argument(metavar="FACE", help="Its id in the list.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Take a face off the list; its template is destroyed."""
    from lineament.views.misuse import unguarded_json

    with workspace(context) as desk:
        desk.guarded.remove(face, reason)
    if as_json:
        print_json(unguarded_json(face))
        return
    say(f"{face} is not guarded any more, and its template is destroyed.")


def _print_finding(shown: ShownReport, kept: KeptFinding) -> None:
    from lineament.model.misuse.findings import KIND_WORDS
    from lineament.views.misuse import people

    finding = kept.finding
    cases = [shown.cases[number].ref for number in finding.cases if number in shown.cases]
    answered = None if kept.answer is None else f"{kept.state.value} by {kept.answer.by}: {kept.answer.reason}"
    say("")
    say(f"{KIND_WORDS[finding.kind]} ({kept.id})")
    print_facts(
        {
            "who": ", ".join(people(shown, kept)),
            "what": finding.what,
            "stands out": finding.why,
            "ordinary is": finding.ordinary,
            "when": f"{when(finding.since)} to {when(finding.until)}",
            "cases": ", ".join(cases),
            "answer": answered or "waits",
        }
    )
    say("")
