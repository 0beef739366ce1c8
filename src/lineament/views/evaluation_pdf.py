"""An evaluation as PDF, with the content of the page."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineament.views.evaluation_charts import HEIGHT, WIDTH, Chart, ChartDot, ChartLine, ChartText, Ink, charts
from lineament.views.evaluation_shown import CAVEAT, ErrorSection, ShownFace, facts, failures, shown_errors
from lineament.views.evaluation_tables import EvaluationTable, set_words, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpdf import FPDF

    from lineament.services.evaluate.evaluate import Evaluation

MARGIN = 18.0
"""Millimetres, as all lengths here."""
INSIDE = 210 - 2 * MARGIN
GAP = 6.0
CHART = (INSIDE - GAP) / 2
FACE = 26.0
UNDER_FACE = 17.0
CAPTION = 34
"""Most characters of a line below a face."""
TEXT, SMALL = 9.5, 8.0
"""Points."""
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""The date in the file's own description, so that the same evaluation gives the same bytes."""

Colour = tuple[int, int, int]
COLOURS: dict[Ink, Colour] = {
    Ink.GRID: (213, 217, 217),
    Ink.AXIS: (86, 96, 98),
    Ink.MAIN: (11, 90, 97),
    Ink.OTHER: (122, 77, 0),
    Ink.BAND: (227, 239, 240),
    Ink.LABEL: (86, 96, 98),
}
PLAIN = {"−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "…": "...", "σ": "sigma", "≤": "<=", "≥": ">="}
"""What the standard fonts of PDF lack; other letters beyond Latin-1 are written as code points."""


def evaluation_pdf(evaluation: Evaluation, json_file: bytes) -> bytes:
    """Return the PDF; it states the digest of ``json_file``, which holds the same figures."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_creation_date(NO_DATE)
    pdf.set_producer("Lineament")
    pdf.set_title(latin(f"Evaluation of {evaluation.name}"))
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, MARGIN)
    pdf.add_page()
    _heading(pdf, f"Evaluation of {evaluation.name}", 14)
    for line in filter(None, [evaluation.date, *set_words(evaluation), CAVEAT]):
        _paragraph(pdf, line)
    _rows(pdf, None, facts(evaluation, hashlib.sha256(json_file).hexdigest()), (1, 3))
    for table in tables(evaluation):
        _table(pdf, table)
    _charts(pdf, charts(evaluation))
    for section in shown_errors(evaluation):
        _errors(pdf, section, evaluation.crops)
    if without := failures(evaluation):
        _heading(pdf, "Pictures without a template")
        _paragraph(pdf, "They count as misses.", quiet=True)
        _rows(pdf, ("picture", "why"), without, (1, 1))
    return bytes(pdf.output())


def latin(text: str) -> str:
    """Return the text in Latin-1, without line breaks and control characters."""
    for letter, plain in PLAIN.items():
        text = text.replace(letter, plain)
    text = text.encode("latin-1", "backslashreplace").decode("latin-1")
    return "".join(letter if letter.isprintable() else " " for letter in text)


# ---------------------------------------------------------------- text


def _heading(pdf: FPDF, text: str, points: float = 11) -> None:
    if pdf.will_page_break(40):
        pdf.add_page()
    pdf.ln(4)
    pdf.set_font("Helvetica", "B", points)
    pdf.set_text_color(26, 31, 32)
    pdf.multi_cell(0, points * 0.5, latin(text), new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(1)


def _paragraph(pdf: FPDF, text: str, *, quiet: bool = False) -> None:
    pdf.set_font("Helvetica", "", SMALL if quiet else TEXT)
    pdf.set_text_color(*(COLOURS[Ink.LABEL] if quiet else (26, 31, 32)))
    pdf.multi_cell(0, 4 if quiet else 4.8, latin(text), new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(1)


def _table(pdf: FPDF, table: EvaluationTable) -> None:
    _heading(pdf, table.title)
    _paragraph(pdf, table.note, quiet=True)
    widths = [max(len(row[at]) for row in (table.columns, *table.rows)) + 4 for at in range(len(table.columns))]
    _rows(pdf, table.columns, table.rows, tuple(widths))


def _rows(pdf: FPDF, columns: Sequence[str] | None, rows: Sequence[Sequence[str]], widths: tuple[int, ...]) -> None:
    """Draw rows under a header; ``widths`` are relative."""
    pdf.set_font("Helvetica", "", SMALL)
    pdf.set_text_color(26, 31, 32)
    pdf.set_draw_color(*COLOURS[Ink.GRID])
    with pdf.table(
        borders_layout="HORIZONTAL_LINES",
        col_widths=widths,
        first_row_as_headings=columns is not None,
        line_height=4.2,
        padding=0.8,
        text_align="LEFT",
        markdown=False,
    ) as drawn:
        for row in ([columns] if columns is not None else []) + [tuple(row) for row in rows]:
            cells = drawn.row()
            for cell in row:
                cells.cell(latin(cell))


# ---------------------------------------------------------------- charts


def _charts(pdf: FPDF, drawn: Sequence[Chart]) -> None:
    _heading(pdf, "Curves and scores")
    _paragraph(pdf, "In brackets and as a band: 95 % intervals by resampling people.", quiet=True)
    height = CHART * HEIGHT / WIDTH + 6
    for at, chart in enumerate(drawn):
        if at % 2 == 0 and pdf.will_page_break(height):
            pdf.add_page()
        left = MARGIN + (CHART + GAP) * (at % 2)
        top = pdf.get_y()
        pdf.set_font("Helvetica", "B", SMALL)
        pdf.set_text_color(26, 31, 32)
        pdf.text(left, top + 3, latin(chart.title))
        _chart(pdf, chart, left, top + 4)
        pdf.set_y(top + height + 3 if at % 2 or at == len(drawn) - 1 else top)


def _chart(pdf: FPDF, chart: Chart, left: float, top: float) -> None:
    scale = CHART / WIDTH
    for shape in chart.shapes:
        if isinstance(shape, ChartText):
            _label(pdf, shape, left, top, scale)
        elif isinstance(shape, ChartDot):
            pdf.set_fill_color(*COLOURS[shape.ink])
            pdf.circle(left + shape.at[0] * scale, top + shape.at[1] * scale, 3.5 * scale, style="F")
        else:
            _line(pdf, shape, left, top, scale)


def _line(pdf: FPDF, shape: ChartLine, left: float, top: float, scale: float) -> None:
    points = [(left + x * scale, top + y * scale) for x, y in shape.points]
    if shape.filled:
        pdf.set_fill_color(*COLOURS[shape.ink])
        pdf.polygon(points, style="F")
        return
    pdf.set_draw_color(*COLOURS[shape.ink])
    pdf.set_line_width(0.15 if shape.ink in {Ink.GRID, Ink.AXIS} else 0.35)
    if shape.dashed:
        pdf.set_dash_pattern(dash=1, gap=0.8)
    pdf.polyline(points)
    pdf.set_dash_pattern()


def _label(pdf: FPDF, shape: ChartText, left: float, top: float, scale: float) -> None:
    pdf.set_font("Helvetica", "", 6.5)
    pdf.set_text_color(*COLOURS[Ink.LABEL])
    text = latin(shape.text)
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * pdf.get_string_width(text)
    x, y = left + shape.at[0] * scale, top + shape.at[1] * scale
    if shape.upright:
        with pdf.rotation(90, x, y):
            pdf.text(x - back, y, text)
    else:
        pdf.text(x - back, y, text)


# ---------------------------------------------------------------- pictures


def _errors(pdf: FPDF, section: ErrorSection, crops: Mapping[int, bytes]) -> None:
    _heading(pdf, section.title)
    _paragraph(pdf, section.note, quiet=True)
    for at, faces in enumerate(section.errors):
        if at % 2 == 0 and pdf.will_page_break(FACE + UNDER_FACE):
            pdf.add_page()
        top = pdf.get_y()
        for column, face in enumerate(faces):
            _face(pdf, face, crops, MARGIN + (INSIDE / 2) * (at % 2) + column * (FACE + 2), top)
        pdf.set_y(top + FACE + UNDER_FACE if at % 2 or at == len(section.errors) - 1 else top)


def _face(pdf: FPDF, face: ShownFace, crops: Mapping[int, bytes], left: float, top: float) -> None:
    from fpdf.enums import WrapMode

    if face.row in crops:
        pdf.image(io.BytesIO(crops[face.row]), left, top, FACE, FACE, alt_text=face.role)
    else:
        pdf.set_fill_color(*COLOURS[Ink.GRID])
        pdf.rect(left, top, FACE, FACE, style="F")
    pdf.set_text_color(26, 31, 32)
    y = top + FACE + 1
    for at, line in enumerate((f"{face.role} {face.score}".strip(), face.person, face.file)):
        pdf.set_font("Helvetica", "B" if at == 0 else "", 6.5)
        short = line if len(line) <= CAPTION else f"{line[: CAPTION - 3]}..."
        pdf.set_xy(left, y)
        pdf.multi_cell(FACE, 2.6, latin(short), new_x="LEFT", new_y="NEXT", align="L", wrapmode=WrapMode.CHAR)
        y = pdf.get_y()
