"""The report of a search, to read as a page or to save as PDF."""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import HTMLResponse, Response

from lineament.model.accounts import Permission
from lineament.model.reasons import ReasonCode
from lineament.services.report import report_html
from lineament.web.addresses import search_address
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, download
from lineament.web.phrases import distressing

pages = Pages()

STANDALONE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""For a file that holds its style and pictures itself; every value in it is escaped, and nothing may run."""


class ReportFormat(StrEnum):
    """What a report is written as."""

    PAGE = "page"
    PDF = "pdf"


@pages.page("/searches/{search_id}/report", access=Permission.READ_CASES)
def report_choice(visit: CurrentVisit, search_id: str) -> HTMLResponse:
    """What the report of a search is to be."""
    search = visit.desk.search.stored(search_id).result
    case = visit.desk.casework.get(search.case_key)
    back = f"{search_address(search_id)}/report"
    against = [
        each for each in obstacles(visit.desk, case.key, back=back) if each.code is ReasonCode.SECOND_FACTOR
    ]  # the only one of a search that stands against a report too
    veiled = distressing(case) or visit.desk.sources.blurred(candidate.source for candidate in search.candidates)
    return visit.page("report.html", case=case, search=search, veiled=veiled, against=against)


@pages.act("/searches/{search_id}/report", access=Permission.READ_CASES, page=report_choice)
def write_report(visit: CurrentVisit, search_id: str, form: Form) -> Response:
    """Write the report of a search, on the record: a page that needs nothing else, or a PDF to save."""
    wanted = form.choice("as", ReportFormat)
    report = visit.desk.report.write(search_id, sharp=form.text("sharp") == "yes")
    if wanted is ReportFormat.PDF:
        from lineament.views.report_pdf import report_pdf

        return download(report_pdf(report), f"search-{search_id}.pdf")
    return HTMLResponse(report_html(report), headers={"content-security-policy": STANDALONE_POLICY})
