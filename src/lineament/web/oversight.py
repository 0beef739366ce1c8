"""Accounts given to others: of the processing, its impact and a year, and the figures that everybody may read."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.figures import BASE
from lineament.views import accountability as views
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentGuest, CurrentVisit, Form, Pages, redirect

pages = Pages()

TITLES = {
    "processing": "Record of processing",
    "impact": "Impact assessment",
    "annual": "Report of the year",
}
"""The titles of the documents."""


@pages.page("/accounts", access=Permission.READ_USAGE)
def accounts(visit: CurrentVisit) -> HTMLResponse:
    """The accounts that an agency gives of its work, made from what is recorded."""
    return visit.page("accounts.html", year=visit.desk.clock().year)


@pages.page("/accounts/processing", access=Permission.READ_USAGE)
def processing(visit: CurrentVisit, form: str = "") -> Response:
    """The record of processing (GDPR 30), with what is still to be written; ``form=json`` as JSON."""
    found = visit.desk.documents.processing()
    if form == "json":
        return JSONResponse(views.processing_json(found, "processing"))
    sections = views.processing_sections(found)
    return visit.page("document.html", document="processing", title=TITLES["processing"], sections=sections, year=None)


@pages.page("/accounts/impact", access=Permission.READ_USAGE)
def impact(visit: CurrentVisit, form: str = "") -> Response:
    """The skeleton of the impact assessment (GDPR 35), with what is still to be written; ``form=json`` as JSON."""
    found = visit.desk.documents.impact()
    if form == "json":
        return JSONResponse(views.processing_json(found, "impact"))
    sections = views.impact_sections(found)
    return visit.page("document.html", document="impact", title=TITLES["impact"], sections=sections, year=None)


@pages.page("/accounts/annual", access=Permission.READ_USAGE)
def annual(visit: CurrentVisit, year: int | None = None, form: str = "") -> Response:
    """The report of a year (EU AI Act 26(10)), counted from the ledger; ``form=json`` as JSON."""
    report = visit.desk.documents.annual(year)
    if form == "json":
        return JSONResponse(views.annual_json(report))
    sections, title = views.annual_sections(report), f"Report of {report.year}"
    return visit.page(
        "document.html", document="annual", title=title, sections=sections, year=report.year, report=report
    )


# ---------------------------------------------------------------- what is published


@pages.page("/publication", access=Permission.OWN_ACCOUNT)
def publication(visit: CurrentVisit) -> HTMLResponse:
    """Which figures are published, and the decision to publish them or no more."""
    standing = visit.desk.publications.standing()
    return visit.page("publication.html", standing=standing, base=BASE, own=visit.desk.official.agency_id)


@pages.act("/publication/workspace", access=Permission.OPERATE, page=publication)
def publish_workspace(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Publish the figures of the whole workspace, or no more."""
    publications = visit.desk.publications
    return _decide(form, publications.begin_workspace, publications.end_workspace)


@pages.act("/publication/agency", access=Permission.MANAGE_PEOPLE, page=publication)
def publish_agency(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Publish the figures of my agency, or no more."""
    publications = visit.desk.publications
    return _decide(form, publications.begin_agency, publications.end_agency)


def _decide(form: SentForm, begin: Callable[[str], None], end: Callable[[str], None]) -> RedirectResponse:
    wish = form.text("publish")
    if wish not in {"yes", "no"}:
        raise InvalidValue(what="The decision", value=wish[:20], why="choose yes or no", field="publish")
    (begin if wish == "yes" else end)(form.text("reason"))
    return redirect("/publication")


@pages.page("/transparency", access=Permission.PUBLIC)
def transparency(guest: CurrentGuest, form: str = "") -> Response:
    """The published figures of the whole workspace; until they are published there is no such page."""
    return _figures(guest, None, form)


@pages.page("/transparency/{agency_id}", access=Permission.PUBLIC)
def transparency_of_agency(guest: CurrentGuest, agency_id: str, form: str = "") -> Response:
    """The published figures of an agency; until it publishes them there is no such page."""
    return _figures(guest, agency_id, form)


def _figures(guest: CurrentGuest, agency_id: str | None, form: str) -> Response:
    public = guest.workspace.desk_at_the_machine().publications.read(agency_id)
    if form == "json":
        return JSONResponse(views.figures_json(public))
    quarters = [(figures, views.quarter_words(figures)) for figures in public.quarters]
    return guest.render("transparency.html", public=public, quarters=quarters, rows=views.figure_rows, base=BASE)
