"""What the figures of a process tell, and when."""

from __future__ import annotations

import re

import pytest

from lineament.observe import stages
from lineament.observe.catalogue import CATALOGUE, OTHER, OUTCOMES, Label, Told, allowed
from lineament.observe.exposition import Exposition
from lineament.observe.figures import RunningFigures
from lineament.observe.stages import Fact, Level, Stage, Total
from lineament.services.gallery.items import IngestOutcome

VALUES = allowed(routes=frozenset({"/cases/{ref}"}), kinds=frozenset({"ingest"}), codes=frozenset({"refused"}))


@pytest.fixture
def figures() -> RunningFigures:
    return RunningFigures(VALUES)


def search(figures: RunningFigures, seconds: float = 0.02) -> None:
    figures.counted(Total.COMPARED, 1000, "")
    for stage in (Stage.GATE, Stage.SCAN, Stage.SCORE, Stage.COMMIT, Stage.SEARCH):
        figures.ended(stage, None, seconds, {})


def request(figures: RunningFigures, route: str, status: int) -> None:
    facts = {Fact.ROUTE: route, Fact.METHOD: "GET", Fact.STATUS: str(status)}
    figures.ended(Stage.REQUEST, None, 0.01, facts)


def samples(figures: RunningFigures) -> dict[str, float]:
    """Return what is told, without the memory of the process."""
    lines = Exposition(figures, VALUES, dict).text().decode().splitlines()
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#") and "resident" not in line)
    return {name: float(value) for name, value in told.items()}


def test_what_people_do_is_told_by_tens(figures: RunningFigures) -> None:
    count = 'lineament_stage_seconds_count{stage="search"}'
    nothing = samples(figures)
    for _ in range(9):
        search(figures)
        request(figures, "/cases/{ref}", 200)
        assert samples(figures) == nothing
    search(figures)
    ten = samples(figures)
    assert ten[count] == 10
    assert ten['lineament_stage_seconds_count{stage="scan"}'] == 10
    assert ten["lineament_faces_compared_total"] == 10_000
    for _ in range(9):
        search(figures, seconds=7.0)
        assert samples(figures) == ten
    search(figures)
    assert samples(figures)[count] == 20


def test_failures_and_ingests_are_told_at_once(figures: RunningFigures) -> None:
    search(figures)
    request(figures, "/cases/{ref}", 503)
    figures.counted(Total.PHOTOGRAPHS, 3, "no_face")
    figures.counted(Total.REFUSED, 1, "refused")
    figures.level(Level.INGEST_WAITING, 12)
    assert samples(figures) == {
        'lineament_failed_requests_total{route="/cases/{ref}",status="503"}': 1,
        'lineament_ingest_photographs_total{outcome="no_face"}': 3,
        'lineament_ingest_refused_total{code="refused"}': 1,
        "lineament_ingest_in_progress": 12,
    }


def test_a_value_that_is_not_on_the_list_is_never_told(figures: RunningFigures) -> None:
    request(figures, "/cases/K-2026-17", 500)
    figures.counted(Total.REFUSED, 1, "the photograph of Jane")
    figures.ended(Stage.JOB, None, 1.0, {Fact.KIND: "x", Fact.ERROR: "Jane"})
    text = Exposition(figures, VALUES, lambda: {"lineament_jobs": {("Jane", "queued"): 2, ("Joe", "queued"): 3}}).text()
    assert not re.search(rb"Jane|Joe|K-2026", text)
    told = samples(figures)
    assert told[f'lineament_failed_requests_total{{route="{OTHER}",status="500"}}'] == 1
    assert told[f'lineament_ingest_refused_total{{code="{OTHER}"}}'] == 1
    assert told[f'lineament_failed_stages_total{{code="{OTHER}",stage="job"}}'] == 1
    assert f'lineament_jobs{{kind="{OTHER}",state="queued"}} 5.0' in text.decode()


def test_the_labels_are_those_that_name_nobody() -> None:
    assert set(Label) == {"stage", "route", "method", "status", "outcome", "code", "kind", "state", "pool"}
    assert {label for metric in CATALOGUE for label in metric.labels} == set(Label)
    assert frozenset(outcome.name.lower() for outcome in IngestOutcome) == OUTCOMES
    moved = {metric.name for metric in CATALOGUE if metric.told is Told.BY_TENS}
    assert moved == {
        "lineament_stage_seconds",
        "lineament_request_seconds",
        "lineament_failed_stages",
        "lineament_faces_compared",
    }


def test_without_an_observer_nothing_is_done() -> None:
    assert not stages.observed()
    assert stages.stage(Stage.SCAN) is stages.stage(Stage.JOB)

    def work() -> int:
        return 3

    assert stages.carried(work) is work
    assert stages.timed(Stage.SCAN)(work)() == 3


def test_an_observer_sees_stages_with_their_errors_until_it_is_removed(figures: RunningFigures) -> None:
    remove = stages.install(figures)

    @stages.timed(Stage.SCAN)
    def fail() -> None:
        raise ValueError("of the scan")

    try:
        with pytest.raises(ValueError, match="of the scan"):
            fail()
        with stages.stage(Stage.DETECT):
            pass
    finally:
        remove()
    with stages.stage(Stage.DETECT):
        pass
    told = samples(figures)
    assert told['lineament_stage_seconds_count{stage="detect"}'] == 1
    assert told['lineament_failed_stages_total{code="other",stage="scan"}'] == 1
