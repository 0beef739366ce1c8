"""``lineament case …``: opening, showing and closing them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.terminal import AsJson, needs, print_facts, print_json, print_table, say, table, when, workspace
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseStanding, CaseState, CaseTerms, Seeks
from lineament.views.cases import case_json, case_state, cases_json

if TYPE_CHECKING:
    from lineament.store.searches import StoredSearch
    from lineament.workspace import Desk

app = typer.Typer(help="Cases: every search belongs to one.", no_args_is_help=True)

MOST_LISTED = 1000
"""Cases in one list."""

Ref = Annotated[str, typer.Argument(metavar="REF", help="The agency's reference of the case.")]


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    from lineament.cli import disclosure, room, rulings, transactions

    rulings.register(app)
    room.register(app)
    disclosure.register(app)
    transactions.register(app)
    root.add_typer(app, name="case")


class Whom(StrEnum):
    """Whom a case seeks, as one word for the command line."""

    SUSPECT = "suspect"
    INITIAL = "initial"
    MISSING = "missing"
    VICTIM = "victim"
    DECEASED = "deceased"


@app.command("open")
@needs(Permission.OPEN_CASES)
def open_case(
    context: typer.Context,
    ref: Ref,
    offence: Annotated[str, typer.Option(help="The offence under investigation.")],
    purpose: Annotated[str, typer.Option(help="What the searches are for.")],
    basis: Annotated[str, typer.Option(help="The legal basis of the searches.")],
    authorised_by: Annotated[str | None, typer.Option(help="Who authorised them.")] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(metavar="CC", help="As in FR or US-MD, if not the agency's own.")
    ] = None,
    seeks: Annotated[Whom, typer.Option(help="Whom it seeks; a suspect needs an authorisation.")] = Whom.SUSPECT,
    exempt_because: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The facts behind an initial identification.")
    ] = None,
    distressing: Annotated[
        bool | None,
        typer.Option("--distressing/--not-distressing", help="Blur its pictures on the pages; else its words decide."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a case."""
    terms = CaseTerms(
        ref=ref,
        offence=offence,
        purpose=purpose,
        basis=basis,
        authorised_by=authorised_by,
        jurisdiction=jurisdiction,
        seeks=Seeks[seeks.name],
        exempt_because=exempt_because,
        distressing=distressing,
    )
    with workspace(context) as desk:
        case = desk.casework.open(terms)
        outlook = desk.casework.outlook(case.key)
    if as_json:
        print_json(case_json(case, outlook))
        return
    if doubts := case.doubts:
        words = ", ".join(doubt.words for doubt in doubts)
        doubt = f"“{words}” leaves its purpose or its offence in doubt"
        say(f"The case {case.ref} is open, but {doubt}. Next: lineament case allow")
        return
    if outlook.standing is CaseStanding.AWAITING:
        say(f"The case {case.ref} is open, and needs an authorisation before it is searched: lineament case authorise")
        return
    say(f"The case {case.ref} is open. Next: lineament search PHOTO --case {case.ref} --reason TEXT")


@app.command("list")
@needs(Permission.READ_CASES)
def list_cases(
    context: typer.Context,
    words: Annotated[str, typer.Option(help="Those whose reference, offence or purpose holds all of these.")] = "",
    state: Annotated[CaseState | None, typer.Option(help="Those in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the cases that you may read, the newest first."""
    with workspace(context) as desk:
        cases = desk.casework.page(words=words, states=() if state is None else (state,), limit=MOST_LISTED)
        standings = desk.casework.standings(cases)
    if as_json:
        print_json(cases_json(cases, standings))
        return
    if not cases:
        say("No case is open yet. Begin with: lineament case open REF --offence … --purpose … --basis …")
        return
    shown = table("reference", "state", "opened", "searches", "offence", right=("searches",))
    for case in cases:
        offence = case.terms.offence
        state_now = case_state(case, standings.get(case.id))
        shown.add_row(case.ref, state_now, when(case.opened_at), f"{case.searches:,}", offence)
    print_table(shown)


@app.command()
@needs(Permission.READ_CASES)
def show(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """Show a case with its searches."""
    with workspace(context) as desk:
        case = desk.casework.get(ref)
        print_case(desk, case, as_json, desk.casework.stored_searches(case.key))


@app.command()
@needs(Permission.OPEN_CASES)
def close(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """Close a case: no search may use it any more, and its retention period starts."""
    with workspace(context) as desk:
        case = desk.casework.close(ref)
        print_case(desk, case, as_json, desk.casework.stored_searches(case.key))


def print_case(desk: Desk, case: Case, as_json: bool, searches: Sequence[StoredSearch] | None = None) -> None:
    """Print a case as it is now."""
    outlook = desk.casework.outlook(case.key)
    if as_json:
        print_json(case_json(case, outlook, searches))
        return
    facts = case_json(case, outlook)
    facts["allowed"] = [f"{', '.join(stated['words'])}: {stated['because']}" for stated in facts["allowed"]]
    ruling = facts.pop("authorisation")
    if ruling is not None:
        until = f" until {ruling['last_day']}" if ruling["last_day"] else ""
        facts["authorisation"] = f"{ruling['outcome']} by {ruling['authority']}{until}: {ruling['scope']}"
    print_facts(facts)
    if searches:
        shown = table("search", "made", "faces", "candidates", "reason", right=("faces", "candidates"))
        for stored in searches:
            search, many = stored.result, stored.result.listed + len(stored.erased)
            count = f"{many}, {len(stored.erased)} erased" if stored.erased else str(many or "no candidate")
            reason = search.reason
            shown.add_row(search.search_id, when(search.made_at), f"{search.gallery_faces:,}", count, reason)
        say("")
        print_table(shown)
