"""``lineament case …``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from lineament.cli.terminal import AsJson, iso, needs, out, print_json, say, table, when, workspace
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseTerms
from lineament.store.searches import StoredSearch

app = typer.Typer(help="Cases: every search belongs to one.", no_args_is_help=True)

MOST_LISTED = 1000
"""Cases in one list."""

Ref = Annotated[str, typer.Argument(metavar="REF", help="The agency's reference of the case.")]


@app.command("open")
@needs(Permission.OPEN_CASES)
def open_case(
    context: typer.Context,
    ref: Ref,
    offence: Annotated[str, typer.Option(help="The offence under investigation.")],
    purpose: Annotated[str, typer.Option(help="What the searches are for.")],
    basis: Annotated[str, typer.Option(help="The legal basis of the searches.")],
    authorised_by: Annotated[str | None, typer.Option(help="Who authorised them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a case."""
    terms = CaseTerms(ref=ref, offence=offence, purpose=purpose, basis=basis, authorised_by=authorised_by)
    with workspace(context) as opened:
        case = opened.casework.open(terms)
    if as_json:
        print_json(_described(case))
        return
    say(f"The case {case.ref} is open. Next: lineament search PHOTO --case {case.ref} --reason TEXT")


@app.command("list")
@needs(Permission.READ_CASES)
def list_cases(context: typer.Context, as_json: AsJson = False) -> None:
    """List all cases."""
    with workspace(context) as opened:
        cases = opened.casework.page(limit=MOST_LISTED)
    if as_json:
        print_json({"cases": [_described(case) for case in cases]})
        return
    if not cases:
        say("No case is open yet. Begin with: lineament case open REF --offence … --purpose … --basis …")
        return
    shown = table("reference", "state", "opened", "searches", "offence", right=("searches",))
    for case in cases:
        shown.add_row(case.ref, case.state.value, when(case.opened_at), f"{case.searches:,}", case.terms.offence)
    out.print(shown)


@app.command()
@needs(Permission.READ_CASES)
def show(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """Show a case with its searches."""
    with workspace(context) as opened:
        _print(opened.casework.get(ref), opened.casework.stored_searches(ref), as_json)


@app.command()
@needs(Permission.OPEN_CASES)
def close(context: typer.Context, ref: Ref, as_json: AsJson = False) -> None:
    """Close a case: no search may use it any more."""
    with workspace(context) as opened:
        _print(opened.casework.close(ref), opened.casework.stored_searches(ref), as_json)


def _print(case: Case, searches: Sequence[StoredSearch], as_json: bool) -> None:
    if as_json:
        print_json({**_described(case), "list": [_listed(search) for search in searches]})
        return
    facts = table("", "")
    facts.show_header = False
    for key, value in _described(case).items():
        facts.add_row(key.replace("_", " "), "" if value is None else str(value))
    out.print(facts)
    if searches:
        shown = table("search", "made", "faces", "candidates", "reason", right=("faces", "candidates"))
        for stored in searches:
            search, many = stored.result, len(stored.result.candidates) + len(stored.erased)
            count = f"{many}, {len(stored.erased)} erased" if stored.erased else str(many or "no candidate")
            shown.add_row(search.search_id, when(search.made_at), f"{search.gallery_faces:,}", count, search.reason)
        out.print()
        out.print(shown)


def _described(case: Case) -> dict[str, Any]:
    return {
        "ref": case.ref,
        "state": case.state.value,
        "offence": case.terms.offence,
        "purpose": case.terms.purpose,
        "basis": case.terms.basis,
        "authorised_by": case.terms.authorised_by,
        "opened_at": iso(case.opened_at),
        "closed_at": iso(case.closed_at),
        "searches": case.searches,
    }


def _listed(stored: StoredSearch) -> dict[str, Any]:
    search = stored.result
    return {
        "search_id": search.search_id,
        "made_at": iso(search.made_at),
        "reason": search.reason,
        "outcome": stored.outcome.value,
        "candidates": len(search.candidates),
        "erased": len(stored.erased),
    }
