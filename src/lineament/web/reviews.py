"""Reviews: decisions about candidates, notes on them, requests, and what waits for whom."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.model.accounts import Permission
from lineament.model.review import Assessment, Draft, Feature, ReviewOutcome, field_of
from lineament.web.addresses import candidate_address, search_address
from lineament.web.cases import read_case
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, redirect
from lineament.web.searches import candidate, result

pages = Pages()

LISTS = 10
"""Lists of a case whose candidates are shown on a page."""


@pages.page("/reviews", access=Permission.REVIEW)
def queue(visit: CurrentVisit) -> HTMLResponse:
    """The lists that wait for my decisions, those that wait longest first."""
    return visit.page("reviews.html", waiting=visit.desk.reviews.waiting(), now=visit.desk.clock())


@pages.act("/searches/{search_id}/candidates/{picture}/decision", access=Permission.REVIEW, page=candidate)
def decide(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> RedirectResponse:
    """Commit a decision about a candidate, and go on to the next that waits."""
    draft = Draft(
        outcome=form.choice("outcome", ReviewOutcome),
        checklist=_checklist(form),
        grounds=form.text("grounds"),
        because=form.text("because"),
    )
    visit.desk.reviews.decide(search_id, picture, draft)
    following = None if draft.because else visit.desk.reviews.of_search(search_id).after(picture)
    return redirect(search_address(search_id) if following is None else candidate_address(search_id, following))


def _checklist(form: SentForm) -> dict[Feature, Assessment]:
    """Return what was chosen; features of which nothing was are left out, which the service refuses."""
    chosen = {feature: field_of(feature) for feature in Feature}
    return {feature: form.choice(name, Assessment) for feature, name in chosen.items() if form.text(name)}


@pages.act("/searches/{search_id}/candidates/{picture}/notes", access=Permission.REVIEW, page=candidate)
def write_note(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> RedirectResponse:
    """Write a note on a candidate."""
    visit.desk.reviews.note(search_id, picture, form.text("text"))
    return redirect(f"{candidate_address(search_id, picture)}#notes")


@pages.act("/searches/{search_id}/ask", access=Permission.REVIEW, page=result)
def ask(visit: CurrentVisit, search_id: str, form: Form) -> RedirectResponse:
    """Ask a colleague to review the candidates of a search."""
    visit.desk.reviews.ask(search_id, form.text("of"))
    return redirect(f"{search_address(search_id)}#asked")


@pages.page("/cases/{ref}/candidates", access=Permission.READ_CASES)
def candidates(visit: CurrentVisit, ref: str, before: str = "") -> HTMLResponse:
    """The candidates of the searches of a case, with how their review stands."""
    found, frame = read_case(visit, ref, "candidates")
    last = visit.desk.search.get(before).ledger_entry if before else None
    lists = visit.desk.reviews.of_case(found.key, last, LISTS + 1)
    return visit.page(
        "case_candidates.html",
        lists=lists[:LISTS],
        older=lists[LISTS - 1].stored.result.search_id if len(lists) > LISTS else None,
        first=not before,
        outcomes=ReviewOutcome,
        **frame,
    )
