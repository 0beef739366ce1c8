"""The disclosure packs of a case: what one holds, making one, and saving it to hand it over."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.model.accounts import Permission
from lineament.model.reasons import ReasonCode
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import read_case
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, download, redirect

pages = Pages()


@pages.page("/cases/{ref}/disclosure", access=Permission.MANAGE_CASES)
def disclosure(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """What a disclosure pack of a case would hold and what is missing, and the packs that were made."""
    desk = visit.desk
    jobs = desk.disclosure.under_way(unslug(ref))  # before the packs that they make; refuses guests before all else
    kept = desk.disclosure.packs(unslug(ref))
    case, frame = read_case(visit, ref, "disclosure")
    back = f"{case_address(case.key)}/disclosure"
    against = [each for each in obstacles(desk, case.key, back=back) if each.code is ReasonCode.SECOND_FACTOR]
    own = desk.official.account_id
    return visit.page(
        "case_disclosure.html",
        holds=None if frame["gone"] else desk.disclosure.holdings(case.key),
        packs=kept,
        under_way=[(job, job.request.account_id == own) for job in jobs],
        against=against,
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
