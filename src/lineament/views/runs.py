"""Runs of connectors, and what they ingested, as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lineament.model.runs import Run
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.views.values import iso


def report_json(report: IngestReport) -> dict[str, Any]:
    """Return the report of an ingest as JSON."""
    refused = IngestOutcome.REFUSED
    counts = {outcome.name.lower(): report.outcomes[outcome] for outcome in IngestOutcome if outcome is not refused}
    return {
        "source": report.source,
        "seen": report.seen,
        **counts,
        "faces": report.faces,
        "refused": [{"name": name, "why": why} for name, why in report.refusals],
        "refused_in_all": report.outcomes[refused],
        "gone_on": report.resumed,
        "seconds": round(report.seconds, 3),
    }


def collected_json(report: IngestReport, reserved_later: int) -> dict[str, Any]:
    """Return the report of an ingest as JSON with how many pictures their publishers have reserved since."""
    return report_json(report) | {"reserved_later": reserved_later}


def report_counts(report: IngestReport) -> str:
    """Return the outcomes of the pictures of an ingest in one line; those without an item are left out."""
    return _line(_outcomes(report, pictures=True))


def report_beside(report: IngestReport) -> str:
    """Return in one line what an ingest found beside the pictures; empty if nothing."""
    return _line(_outcomes(report, pictures=False))


def _outcomes(report: IngestReport, *, pictures: bool) -> Iterator[tuple[str, int]]:
    for outcome in IngestOutcome:
        if outcome.is_picture is pictures and (count := report.outcomes[outcome]):
            yield outcome.value, count


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "run": run.number,
        "connector": run.connector,
        "what": run.what.split("\n"),
        "begun_at": iso(run.begun_at),
        "last_at": iso(run.seen_at),
        "ended_at": iso(run.ended_at),
        "cursor": run.cursor,
        "counts": dict(run.counts),
        "faces": run.faces,
    }


def runs_json(runs: Iterable[Run]) -> dict[str, Any]:
    """Return a list of runs as JSON."""
    return {"runs": [run_json(run) for run in runs]}


def run_with_refusals_json(run: Run, refusals: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a run as JSON with the first items that it refused, and why."""
    return run_json(run) | {"refused_first": [{"name": name, "why": why} for name, why in refusals]}


OUTCOMES: Mapping[str, str] = {outcome.name.lower(): outcome.value for outcome in IngestOutcome}
"""The words of each outcome by its name in the counts of a run, most interesting first."""


def run_outcomes(run: Run) -> list[tuple[str, int]]:
    """Return the outcomes of a run's items in words with their counts, most interesting first."""
    return [(words, run.counts[name]) for name, words in OUTCOMES.items() if name in run.counts]


def run_counts(run: Run) -> str:
    """Return the outcomes of a run in one line."""
    return _line(run_outcomes(run))


def _line(outcomes: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {words}" for words, count in outcomes)
