"""Leads: those of a case, the evidence that is independent of the search, and their reports."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import Refused
from lineament.model.accounts import Permission
from lineament.model.defence import DefenceNoticeDraft, NoticeWay
from lineament.model.evidence import EvidenceDraft, EvidenceKind
from lineament.model.reasons import ReasonCode
from lineament.services.leads.leads import Lead
from lineament.services.leads.report import lead_html
from lineament.web.addresses import candidate_address, case_address, unslug
from lineament.web.cases import read_case
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, download, redirect
from lineament.web.phrases import distressing
from lineament.web.reports import STANDALONE_POLICY, ReportFormat

pages = Pages()


@pages.page("/cases/{ref}/leads", access=Permission.READ_CASES)
def leads(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """The leads of a case: both pictures, who decided, what independent evidence there is, and what may be done."""
    case, frame = read_case(visit, ref, "leads")
    found = visit.desk.leads.of_case(case.key)
    blurred = visit.desk.sources.blurred(lead.candidate.source for lead in found.leads)
    ways = [way.value for way in NoticeWay]
    return visit.page("case_leads.html", found=found, blurred=blurred, ways=ways, **frame)


@pages.act("/cases/{ref}/defence-notices", access=Permission.OPEN_CASES, page=leads)
def record_defence_notice(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Record that the defence was told of the searches of a case, perhaps in place of an earlier record."""
    draft = DefenceNoticeDraft(
        given_to=form.text("given_to"),
        given_on=form.day("given_on"),
        way=form.choice("way", NoticeWay),
        text=form.text("text"),
        replaces=form.text("replaces") or None,
        because=form.text("because"),
    )
    key = visit.desk.casework.get(unslug(ref)).key
    visit.desk.defence.record(key, draft)
    return redirect(f"{case_address(key)}/leads#defence")


@pages.page("/searches/{search_id}/candidates/{picture}/lead", access=Permission.READ_CASES)
def lead(visit: CurrentVisit, search_id: str, picture: str) -> Response:
    """A lead with its evidence, the form that records some, and its report; of a candidate that is none, its page."""
    address = candidate_address(search_id, picture)
    try:
        found = visit.desk.leads.get(search_id, picture)
    except Refused:
        return redirect(address)
    blurred = visit.desk.sources.blurred([found.candidate.source])
    return visit.page(
        "lead.html",
        address=address,
        lead=found,
        case=found.case,
        search=found.stored.result,
        kinds=[kind.value for kind in EvidenceKind],
        may_record=Permission.OPEN_CASES in visit.desk.casework.outlook(found.case.key).may,
        veiled=distressing(found.case) or bool(blurred),
        against=_against(visit, found, address),
    )


@pages.act("/searches/{search_id}/candidates/{picture}/evidence", access=Permission.OPEN_CASES, page=lead)
def record_evidence(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> RedirectResponse:
    """Record evidence that is independent of the search, perhaps in place of an earlier piece."""
    draft = EvidenceDraft(
        kind=form.choice("kind", EvidenceKind),
        text=form.text("text"),
        reference=form.text("reference"),
        independent=form.text("independent") == "yes",
        replaces=form.text("replaces") or None,
        because=form.text("because"),
    )
    visit.desk.leads.record(search_id, picture, draft)
    return redirect(f"{candidate_address(search_id, picture)}/lead")


@pages.act("/searches/{search_id}/candidates/{picture}/lead-report", access=Permission.READ_CASES, page=lead)
def write_lead_report(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> Response:
    """Write the report of a lead, on the record: a page that needs nothing else, or a PDF to save."""
    wanted = form.choice("as", ReportFormat)
    report = visit.desk.lead_reports.write(search_id, picture, sharp=form.text("sharp") == "yes")
    if wanted is ReportFormat.PDF:
        from lineament.views.lead_pdf import lead_pdf

        return download(lead_pdf(report), f"lead-{search_id}-{report.lead.entry}.pdf")
    return HTMLResponse(lead_html(report), headers={"content-security-policy": STANDALONE_POLICY})


def _against(visit: Visit, found: Lead, address: str) -> list[object]:
    """Return what stands against the report of a lead now, except for missing evidence."""
    back = f"{address}/lead"
    listed: list[object] = [
        each for each in obstacles(visit.desk, found.case.key, back=back) if each.code is ReasonCode.SECOND_FACTOR
    ]
    return listed
