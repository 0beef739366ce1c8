"""The report of a search as PDF, with the content of the HTML file."""

from __future__ import annotations

from lineament.services.report import ALIKE, VERIFIABLE, ReportedCandidate, WrittenReport
from lineament.views.paper import Said, Sheets, Shown


def report_pdf(report: WrittenReport) -> bytes:
    """Return the PDF. A report with the same content gives the same bytes; when it was written is part of that."""
    paper = Sheets(
        title=f"Candidate list of search {report.result.search_id}",
        author=report.written_by,
        foot=f"Case {report.case.ref} · search {report.result.search_id}",
        at=report.written_at,
    )
    paper.heading("Candidate list", 1)
    for caution in report.cautions:
        paper.caution(caution)
    if report.uncompared:
        paper.paragraph(f"The answer is incomplete: {report.uncompared}.")
    if report.blurred:
        paper.paragraph(report.why_blurred)
    paper.facts(report.facts(), Shown(jpeg=report.probe, alt="The face of the probe"))
    paper.heading(report.heading)
    if report.grouped:
        paper.paragraph(ALIKE, quiet=True)
    for shown in report.candidates:
        paper.item(Shown(jpeg=shown.crop, alt=f"Candidate {shown.candidate.rank}"), _lines(shown))
    for text in filter(None, (report.nothing, report.erased)):
        paper.paragraph(text)
    paper.paragraph(VERIFIABLE, quiet=True)
    return paper.pdf()


def _lines(shown: ReportedCandidate) -> list[Said]:
    lines = [Said(text=f"{shown.candidate.rank} · score {shown.candidate.score:.3f}", tone="strong")]
    lines += [Said(text=text, tone="quiet") for text in shown.error_lines()]
    lines += [Said(text=text, link=shown.page) for text in shown.place]
    return lines + [Said(text=text, tone="quiet") for text in shown.facts()]
