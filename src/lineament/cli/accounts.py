"""``lineament account …`` and ``lineament publication …``: accounts given to others, and what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import (
    AsJson,
    checked_writable,
    machine,
    needs,
    print_facts,
    print_json,
    say,
    when,
    workspace,
    write_private,
)
from lineament.model.accounts import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lineament.views.accountability import Section

account = typer.Typer(help="Accounts given to others: of the processing, its impact, and a year.", no_args_is_help=True)
publication = typer.Typer(help="Figures for everybody: published only if somebody decides so.", no_args_is_help=True)

Html = Annotated[Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page to print instead.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]
End = Annotated[bool, typer.Option("--end", help="Publish no more.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(account, name="account")
    root.add_typer(publication, name="publication")


@account.command()
@needs(Permission.READ_USAGE)
def processing(context: typer.Context, html: Html = None, as_json: AsJson = False) -> None:
    """Make the record of processing (GDPR 30), with what is still to be written."""
    from lineament.views.accountability import processing_json, processing_sections

    with workspace(context) as desk:
        found = desk.documents.processing()
    if as_json:
        print_json(processing_json(found, "processing"))
        return
    _give("Record of processing", found.agency.name, found.made_at, processing_sections(found), html)


@account.command()
@needs(Permission.READ_USAGE)
def impact(context: typer.Context, html: Html = None, as_json: AsJson = False) -> None:
    """Make the skeleton of the impact assessment (GDPR 35), filled in with what is known."""
    from lineament.views.accountability import impact_sections, processing_json

    with workspace(context) as desk:
        found = desk.documents.impact()
    if as_json:
        print_json(processing_json(found, "impact"))
        return
    _give("Impact assessment", found.agency.name, found.made_at, impact_sections(found), html)


@account.command()
@needs(Permission.READ_USAGE)
def annual(
    context: typer.Context,
    year: Annotated[int | None, typer.Option(help="Else this one.")] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Make the report of a year (EU AI Act 26(10)), counted from the ledger."""
    from lineament.views.accountability import annual_json, annual_sections

    with workspace(context) as desk:
        report = desk.documents.annual(year)
    if as_json:
        print_json(annual_json(report))
        return
    _give(f"Report of {report.year}", report.agency.name, report.made_at, annual_sections(report), html)


@publication.command()
@needs(Permission.OWN_ACCOUNT)
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which figures are published: of the workspace, and of your agency."""
    from lineament.views.accountability import standing_json

    with workspace(context) as desk:
        standing = desk.publications.standing()
    if as_json:
        print_json(standing_json(standing))
        return
    for whose, found in (("The workspace", standing.workspace), ("Your agency", standing.own)):
        published = "not published" if found is None else f"published since {when(found.at)} UTC"
        say(f"{whose}: {published}.")


@publication.command()
@needs(Permission.MANAGE_PEOPLE)
def agency(context: typer.Context, reason: Reason, end: End = False, as_json: AsJson = False) -> None:
    """Publish the figures of your agency, with its name, or no more."""
    from lineament.views.accountability import standing_json

    with workspace(context) as desk:
        (desk.publications.end_agency if end else desk.publications.begin_agency)(reason)
        standing = desk.publications.standing()
    if as_json:
        print_json(standing_json(standing))
        return
    say("The page of your agency is closed." if end else "The page of your agency is open: /transparency/…")


@publication.command(name="workspace")
@needs(Permission.OPERATE)
def whole(context: typer.Context, reason: Reason, end: End = False, as_json: AsJson = False) -> None:
    """Publish the figures of the whole workspace, without names, or no more."""
    from lineament.views.accountability import standing_json

    with workspace(context) as desk:
        (desk.publications.end_workspace if end else desk.publications.begin_workspace)(reason)
        standing = desk.publications.standing()
    if as_json:
        print_json(standing_json(standing))
        return
    say("The page of the workspace is closed." if end else "The page of the workspace is open: /transparency")


@publication.command()
@needs(Permission.MACHINE)
def make(context: typer.Context, as_json: AsJson = False) -> None:
    """Make the figures of every quarter that is due. A worker does it by itself."""
    from lineament.services.jobs.kinds import FIGURES
    from lineament.views.accountability import made_json

    with machine(context) as desk:
        made = desk.jobs.run_here(FIGURES, {}, desk.publications.make, lambda result: result)
    if as_json:
        print_json(made_json(made))
        return
    say(f"Quarters made: {made['quarters']}." if made["quarters"] else "No quarter is due.")


def _give(title: str, agency_name: str, made_at: datetime, sections: Sequence[Section], html: Path | None) -> None:
    """Print a document, or write it as a page."""
    if html is not None:
        from lineament.views.accountability import document_page

        write_private(checked_writable(html), document_page(title, agency_name, made_at, sections).encode())
        say(f"Written to {html}.")
        return
    say(f"{title}, {agency_name}")
    for section in sections:
        say("")
        say(section.title)
        if section.rows:
            print_facts(dict(section.rows))
        for item in section.items:
            say(f"- {item}")
        if section.to_write:
            say(f"To be written by the controller: {section.to_write}")
