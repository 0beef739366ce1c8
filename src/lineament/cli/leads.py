"""``lineament lead``: the leads of a case, the evidence that is independent of their search, and their reports."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.cases import Ref
from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    day,
    needs,
    print_json,
    print_table,
    say,
    table,
    workspace,
    write_private,
)
from lineament.model.accounts import Permission
from lineament.model.defence import DefenceNoticeDraft, NoticeWay
from lineament.model.evidence import EvidenceDraft, EvidenceKind
from lineament.views.leads import defence_notice_json, evidence_json, leads_json
from lineament.views.values import counted

if TYPE_CHECKING:
    from lineament.services.leads.defence import DefenceTold

app = typer.Typer(help="Leads: their independent evidence, without which none leaves, and their reports.")

SearchId = Annotated[str, typer.Argument(metavar="SEARCH", help="Its number, from: lineament lead list REF.")]
CandidateName = Annotated[str, typer.Argument(metavar="CANDIDATE", help="Its name, from: lineament lead list REF.")]


def register(parent: typer.Typer) -> None:
    """Add the commands to ``parent``."""
    parent.add_typer(app, name="lead")


@app.command("list")
@needs(Permission.READ_CASES)
def list_leads(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """List the leads of a case, with the evidence of each and what may be done with it."""
    with workspace(context) as desk:
        found = desk.leads.of_case(ref)
    if as_json:
        print_json(leads_json(found))
        return
    _say_defence(found.defence)
    if not found.leads:
        say("No lead yet: two people decide about each candidate first.")
        return
    shown = table("search", "candidate", "source", "evidence", "state")
    for lead in found.leads:
        pieces = counted(len(lead.evidence), "piece")
        shown.rows.append((lead.stored.result.search_id, lead.name, lead.candidate.source, pieces, lead.state.value))
    print_table(shown)
    for line in found.case.law.warnings:
        say(line.words)


def _say_defence(told: DefenceTold) -> None:
    """Print what the law has the defence told, and what it was told."""
    for line in told.asked:
        say(f"Due to the defence: {line.words} {line.time_limit}. {line.act}, {line.section}.")
    for notice in told.recorded:
        replaced = "" if notice in told.given else " Replaced since."
        to = f"{notice.given_on}, {notice.way.value}, to {notice.given_to}"
        say(f"Notice {notice.id}: {to}: {notice.text}{replaced}")
    if told.is_due:
        say("No notice to the defence is recorded yet: lineament lead notice REF")


@app.command()
@needs(Permission.OPEN_CASES)
def notice(
    context: typer.Context,
    ref: Ref,
    to: Annotated[str, typer.Option(metavar="WHOM", help="To whom notice was given.")],
    on: Annotated[date, typer.Option(parser=day, metavar="DATE", help="On which day.")],
    way: Annotated[NoticeWay, typer.Option(help="How.")],
    text: Annotated[str, typer.Option(metavar="TEXT", help="What was told or handed over.")],
    replaces: Annotated[str | None, typer.Option(metavar="ID", help="The notice that it replaces.")] = None,
    because: Annotated[str, typer.Option(metavar="TEXT", help="Why that is replaced.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record that the defence was told of the searches of a case; only ever replaced, with a reason."""
    draft = DefenceNoticeDraft(given_to=to, given_on=on, way=way, text=text, replaces=replaces, because=because)
    with workspace(context) as desk:
        recorded = desk.defence.record(ref, draft)
    if as_json:
        print_json(defence_notice_json(recorded))
        return
    say(f"Recorded as {recorded.id}.")


@app.command()
@needs(Permission.OPEN_CASES)
def evidence(
    context: typer.Context,
    search: SearchId,
    candidate: CandidateName,
    kind: Annotated[EvidenceKind, typer.Option(help="What kind it is.")],
    text: Annotated[str, typer.Option(metavar="TEXT", help="What it is, and what it shows.")],
    reference: Annotated[str, typer.Option(metavar="TEXT", help="Where it is filed.")],
    independent: Annotated[
        bool,
        typer.Option("--independent", help="It was found without this search, and not by showing this picture."),
    ] = False,
    replaces: Annotated[str | None, typer.Option(metavar="ID", help="The piece that it replaces.")] = None,
    because: Annotated[str, typer.Option(metavar="TEXT", help="Why that is replaced.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record evidence for a lead that is independent of the search; only ever replaced, with a reason."""
    draft = EvidenceDraft(
        kind=kind, text=text, reference=reference, independent=independent, replaces=replaces, because=because
    )
    with workspace(context) as desk:
        piece = desk.leads.record(search, candidate, draft)
    if as_json:
        print_json(evidence_json(piece))
        return
    say(f"Recorded as {piece.id}. Next: lineament lead report {search} {candidate} OUT.pdf")


@app.command()
@needs(Permission.READ_CASES)
def report(
    context: typer.Context,
    search: SearchId,
    candidate: CandidateName,
    file: Annotated[
        Path, typer.Argument(metavar="OUT", help="Where to write it: a PDF, or a page if it ends in .html.")
    ],
    sharp: Annotated[
        bool, typer.Option("--sharp/--blurred", help="Show pictures marked as distressing sharp, or blur them.")
    ] = True,
) -> None:
    """Write the report of a lead, on the record; refused until independent evidence is recorded."""
    from lineament.services.leads.report import lead_html
    from lineament.views.lead_pdf import lead_pdf

    checked_writable(file)
    with workspace(context) as desk:
        written = desk.lead_reports.write(search, candidate, sharp=sharp)
    made = lead_html(written).encode() if file.suffix.casefold() in {".html", ".htm"} else lead_pdf(written)
    write_private(file, made)
    say(f"The report is at {file}, for its owner alone.")
