"""What leaves a case: its disclosure packs, and its exports for other systems."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.model.accounts import Permission
from lineament.model.exports import DataModel
from lineament.model.reasons import ReasonCode
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import read_case
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, download, redirect

pages = Pages()
MOST_OFFERED = 200
"""Most searches that a transaction can be about on the page; the terminal takes any."""


@pages.page("/cases/{ref}/disclosure", access=Permission.MANAGE_CASES)
def disclosure(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """What a disclosure pack of a case would hold, the packs that were made, and exports for other systems."""
    desk = visit.desk
    jobs = desk.disclosure.under_way(unslug(ref))  # before the packs that they make; refuses guests before all else
    kept = desk.disclosure.packs(unslug(ref))
    case, frame = read_case(visit, ref, "disclosure")
    back = f"{case_address(case.key)}/disclosure"
    against = [each for each in obstacles(desk, case.key, back=back) if each.code is ReasonCode.SECOND_FACTOR]
    own = desk.official.account_id
    searches = [] if frame["gone"] else desk.transactions.searches(case.key, MOST_OFFERED + 1)
    return visit.page(
        "case_disclosure.html",
        holds=None if frame["gone"] else desk.disclosure.holdings(case.key),
        packs=kept,
        under_way=[(job, job.request.account_id == own) for job in jobs],
        against=against,
        exported=None if frame["gone"] else desk.case_export.holdings(case.key),
        models=list(DataModel)[::-1],
        searches=searches[:MOST_OFFERED],
        more_searches=len(searches) > MOST_OFFERED,
        **frame,
    )


@pages.act("/cases/{ref}/disclosure", access=Permission.MANAGE_CASES, page=disclosure)
def make(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Let a job make a disclosure pack, on the record."""
    visit.desk.disclosure.ask(unslug(ref), sharp=form.text("sharp") == "yes", regions=form.text("regions") == "yes")
    return redirect(f"{case_address(unslug(ref))}/disclosure")


@pages.page("/cases/{ref}/disclosure/{pack_id}", access=Permission.MANAGE_CASES)
def save(visit: CurrentVisit, ref: str, pack_id: str) -> Response:
    """Save a disclosure pack to hand it over; that is recorded before a byte is sent."""
    made = visit.desk.disclosure.open(unslug(ref), pack_id)
    return download(made.zipped, made.paper.text)


@pages.act("/cases/{ref}/disclosure/vics", access=Permission.MANAGE_CASES, page=disclosure)
def export_vics(visit: CurrentVisit, ref: str, form: Form) -> Response:
    """Save a case's photographs and leads for forensic suites (VICS); that is recorded before a byte is sent."""
    found = visit.desk.case_export.zipped(unslug(ref), form.choice("version", DataModel))
    return download(found.zipped, f"vics-{found.made.sha256[:16]}.zip")


@pages.act("/cases/{ref}/disclosure/itl", access=Permission.MANAGE_CASES, page=disclosure)
def write_transaction(visit: CurrentVisit, ref: str, form: Form) -> Response:
    """Save whom a search asked about as an ANSI/NIST-ITL transaction; that is recorded before a byte is sent."""
    to, sender = form.text("to"), form.text("sender")
    made = visit.desk.transactions.write(unslug(ref), form.text("search") or None, to=to, sender=sender)
    return download(made.content, f"search-{made.search}.an2")
