"""The report of a lead as PDF, with the content of the HTML file."""

from __future__ import annotations

from lineament.services.leads.report import LEVELLED, LeadSection, WrittenLead, moment
from lineament.views.paper import Sheets, Shown


def lead_pdf(report: WrittenLead) -> bytes:
    """Return the PDF. A report with the same content gives the same bytes; when it was written is part of that."""
    search_id = report.lead.stored.result.search_id
    sheets = Sheets(
        title=report.title,
        author=report.written_by,
        foot=f"{report.title} · search {search_id}",
        at=report.written_at,
    )
    sheets.heading(report.title, 1)
    sheets.paragraph(f"Written {moment(report.written_at)} by {report.written_by}", quiet=True)
    for caution in report.cautions:
        sheets.caution(caution)
    sheets.paragraph(report.law, quiet=True)
    if report.why_blurred:
        sheets.paragraph(report.why_blurred)
    probe, found = report.captions
    sheets.pair(
        Shown(jpeg=report.probe, alt="The probe", caption=probe),
        Shown(jpeg=report.found, alt="The candidate", caption=found),
    )
    sheets.paragraph(LEVELLED, quiet=True)
    for section in report.sections():
        _add(sheets, section)
    return sheets.pdf()


def _add(sheets: Sheets, section: LeadSection) -> None:
    sheets.heading(section.heading)
    for text in section.texts:
        sheets.paragraph(text)
    if section.rows:
        sheets.facts(section.rows)
    if section.table is not None:
        sheets.table(section.table.head, section.table.rows, section.table.widths)
    for text in section.quiet:
        sheets.paragraph(text, quiet=True)
