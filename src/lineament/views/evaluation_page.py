"""An evaluation as a page: one HTML file that needs nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lineament.services.standalone import data_uri, page_template
from lineament.views.evaluation_charts import charts, svg
from lineament.views.evaluation_shown import CAVEAT, facts, failures, shown_errors
from lineament.views.evaluation_tables import set_words, tables

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation


def evaluation_html(evaluation: Evaluation, json_file: bytes) -> bytes:
    """Return the page; it states the digest of ``json_file``, which holds the same figures."""
    from markupsafe import Markup

    page = page_template("lineament.views", "evaluation.html.j2").render(
        evaluation=evaluation,
        lines=set_words(evaluation),
        caveat=CAVEAT,
        facts=facts(evaluation, hashlib.sha256(json_file).hexdigest()),
        tables=list(tables(evaluation)),
        charts=[(chart, Markup(svg(chart))) for chart in charts(evaluation)],  # noqa: S704 - every text is escaped there
        errors=shown_errors(evaluation),
        crops={row: data_uri(jpeg) for row, jpeg in evaluation.crops.items()},
        failures=failures(evaluation),
    )
    return page.encode(errors="backslashreplace")
