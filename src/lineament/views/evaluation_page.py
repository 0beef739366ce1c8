"""An evaluation as a page: one HTML file that needs nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING

from lineament.views.evaluation_charts import charts, svg
from lineament.views.evaluation_shown import CAVEAT, facts, failures, shown_errors
from lineament.views.evaluation_tables import set_words, tables

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation


def evaluation_html(evaluation: Evaluation, json_file: bytes) -> bytes:
    """Return the page; it states the digest of ``json_file``, which holds the same figures."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("lineament.views", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("evaluation.html.j2").render(
        evaluation=evaluation,
        lines=set_words(evaluation),
        caveat=CAVEAT,
        facts=facts(evaluation, hashlib.sha256(json_file).hexdigest()),
        tables=list(tables(evaluation)),
        charts=[(chart, Markup(svg(chart))) for chart in charts(evaluation)],  # noqa: S704 - every text is escaped there
        errors=shown_errors(evaluation),
        crops={row: "data:image/jpeg;base64," + b64encode(jpeg).decode() for row, jpeg in evaluation.crops.items()},
        failures=failures(evaluation),
    )
    return page.encode(errors="backslashreplace")
