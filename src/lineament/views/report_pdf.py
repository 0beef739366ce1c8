"""The report of a search as PDF, with the content of the HTML file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.services.report import ALIKE, VERIFIABLE, ReportedCandidate, WrittenReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpdf import FPDF

FONT = Path(__file__).parent / "DejaVuSans.ttf"
"""Latin, Greek, Cyrillic, Hebrew, Arabic, Georgian and Armenian letters; not those of China, Japan, Korea and India."""
MARGIN = 18.0
"""Millimetres, as all lengths here."""
INSIDE = 210 - 2 * MARGIN
BOTTOM = 20.0
PROBE, FACE, GAP = 44.0, 30.0, 5.0
LABEL = 26.0
LARGE, MEDIUM, TEXT, SMALL = 14, 11, 9, 8
"""Points."""
LEADING = 0.49
"""Height of a line in millimetres for each point."""
INK, QUIET, ACCENT, LINE = (26, 31, 32), (86, 96, 98), (11, 90, 97), (213, 217, 217)
_Line = tuple[str, float, tuple[int, int, int], "str | None"]
"""A text with its size, colour and link."""
UNWRITTEN = (
    "The typeface of this PDF lacks some of the letters used; they are written as their numbers in Unicode, such as "
    "<U+5F20>. The report as a web page shows them."
)


def report_pdf(report: WrittenReport) -> bytes:
    """Return the PDF. A report with the same content gives the same bytes; when it was written is part of that."""
    paper = _Paper(report)
    paper.title("Candidate list")
    for caution in report.cautions:
        paper.paragraph(caution)
    if report.uncompared:
        paper.paragraph(f"The answer is incomplete: {report.uncompared}.")
    if report.blurred:
        paper.paragraph(report.why_blurred)
    paper.head(report)
    paper.heading(report.heading)
    if report.grouped:
        paper.paragraph(ALIKE, quiet=True)
    for shown in report.candidates:
        paper.candidate(shown)
    for text in filter(None, (report.nothing, report.erased)):
        paper.paragraph(text)
    paper.paragraph(VERIFIABLE, quiet=True)
    if paper.unwritten:
        paper.paragraph(UNWRITTEN, quiet=True)
    return bytes(paper.pdf.output())


class _Paper:
    """The pages of a report."""

    def __init__(self, report: WrittenReport) -> None:
        self.unwritten = False  # whether a letter was missing
        foot = f"Case {report.case.ref} · search {report.result.search_id}"
        self.pdf = _document(lambda: self.written(foot))
        self._letters = frozenset(self.pdf.fonts["dejavu"].cmap)  # type: ignore[union-attr]  # it is a TrueType font
        self.pdf.set_creation_date(report.written_at)
        self.pdf.set_title(f"Candidate list of search {report.result.search_id}")
        self.pdf.set_author(self.written(report.written_by))
        self.pdf.add_page()

    def written(self, text: str) -> str:
        """Return a text in letters that the typeface has, on one line; others as <U+5F20>."""
        return "".join(self._spelled(text))

    def _spelled(self, text: str) -> Iterator[str]:
        for letter in text:
            if not letter.isprintable():
                yield " "
            elif ord(letter) in self._letters:
                yield letter
            else:
                self.unwritten = True
                yield f"<U+{ord(letter):04X}>"

    def title(self, text: str) -> None:
        """Write the title of the report."""
        self.pdf.start_section(text)
        self._write(text, LARGE)
        self.pdf.ln(2)

    def heading(self, text: str) -> None:
        """Write a heading above a candidate."""
        self._room(FACE + 10)
        self.pdf.ln(4)
        self.pdf.start_section(text)
        self._write(text, MEDIUM)
        self.pdf.ln(1)

    def paragraph(self, text: str, *, quiet: bool = False) -> None:
        """Write a paragraph."""
        self._write(text, SMALL if quiet else TEXT, QUIET if quiet else INK)
        self.pdf.ln(1.5)

    def head(self, report: WrittenReport) -> None:
        """Draw the probe, and the facts of the search beside it."""
        pdf = self.pdf
        pdf.ln(2)
        top, page = pdf.get_y(), pdf.page
        if report.probe is not None:
            pdf.image(io.BytesIO(report.probe), MARGIN, top, PROBE, PROBE, alt_text="The face of the probe")
        else:
            self._write("erased", SMALL, QUIET)
            pdf.set_y(top)
        left = MARGIN + PROBE + GAP
        for name, value in report.facts():
            self._room(2 * TEXT * LEADING)
            y = pdf.get_y()
            pdf.set_xy(left, y)
            self._write(name, SMALL, QUIET)
            pdf.set_y(y)
            pdf.set_left_margin(left + LABEL)
            self._write(value, TEXT)
            pdf.set_left_margin(MARGIN)
            pdf.ln(0.8)
        if pdf.page == page:
            pdf.set_y(max(pdf.get_y(), top + PROBE))

    def candidate(self, shown: ReportedCandidate) -> None:
        """Draw a candidate with what is known of it; it stays on one page if it fits on one."""
        pdf, rank = self.pdf, shown.candidate.rank
        lines: list[_Line] = [(f"{rank} · score {shown.candidate.score:.3f}", TEXT + 1, INK, None)]
        lines += [(text, SMALL, QUIET, None) for text in shown.error_lines()]
        lines += [(text, TEXT, ACCENT if shown.page else INK, shown.page) for text in shown.place]
        lines += [(text, SMALL, QUIET, None) for text in shown.facts()]
        left = MARGIN + FACE + GAP
        pdf.set_left_margin(left)
        height = sum(self._height(text, points) for text, points, _, _ in lines)
        self._room(min(max(height, FACE), pdf.eph - 1) + 4)
        pdf.ln(4)
        top, page = pdf.get_y(), pdf.page
        if shown.crop is not None:
            pdf.image(io.BytesIO(shown.crop), MARGIN, top, FACE, FACE, alt_text=f"Candidate {rank}")
        else:
            pdf.set_draw_color(*LINE)
            pdf.rect(MARGIN, top, FACE, FACE)
            self._label("erased", MARGIN, top + FACE / 2)
        pdf.set_y(top)
        for text, points, colour, link in lines:
            self._write(text, points, colour, link)
        pdf.set_left_margin(MARGIN)
        pdf.set_y(max(pdf.get_y(), top + FACE) if pdf.page == page else pdf.get_y())

    def _label(self, text: str, left: float, y: float) -> None:
        self._style(SMALL, QUIET)
        self.pdf.text(left + (FACE - self.pdf.get_string_width(text)) / 2, y, text)

    def _room(self, height: float) -> None:
        """Begin a page if the height does not fit on this one."""
        if self.pdf.will_page_break(height):
            self.pdf.add_page()

    def _style(self, points: float, colour: tuple[int, int, int]) -> None:
        self.pdf.set_font("DejaVu", "", points)
        self.pdf.set_text_color(*colour)

    def _height(self, text: str, points: float) -> float:
        from fpdf.enums import MethodReturnValue

        self._style(points, INK)
        written = self.written(text)
        height = self.pdf.multi_cell(0, points * LEADING, written, dry_run=True, output=MethodReturnValue.HEIGHT)
        return float(height)  # type: ignore[arg-type]

    def _write(self, text: str, points: float, colour: tuple[int, int, int] = INK, link: str | None = None) -> None:
        self._style(points, colour)
        written = self.written(text)
        height = points * LEADING
        self.pdf.multi_cell(0, height, written, new_x="LMARGIN", new_y="NEXT", align="L", link=link or "")


def _document(foot: Callable[[], str]) -> FPDF:
    """Return an empty document with a line at the foot of each page."""
    from fpdf import FPDF

    class Document(FPDF):
        def footer(self) -> None:
            self.set_y(-BOTTOM + 6)
            self.set_x(MARGIN)
            self.set_font("DejaVu", "", SMALL - 1)
            self.set_text_color(*QUIET)
            width = INSIDE - 24
            line = foot()
            while self.get_string_width(line) > width:
                line = line[:-2] + "…"
            self.cell(width, 4, line)
            self.cell(24, 4, f"page {self.page_no()} of {{nb}}", align="R")

    pdf = Document(format="A4")
    pdf.set_producer("Lineament")
    pdf.set_lang("en")
    pdf.set_margin(MARGIN)
    pdf.c_margin = 0
    pdf.set_auto_page_break(True, BOTTOM)
    pdf.add_font("DejaVu", "", FONT)
    return pdf
