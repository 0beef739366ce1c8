"""Jobs and runs as JSON and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.samples import AT, ISO, job, run

from lineament.model.jobs import Awaited, Job, JobError, JobProgress, JobState
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.views.jobs import (
    awaited_words,
    duration,
    job_json,
    jobs_json,
    outcome,
    progress_line,
    standing,
    title,
    took,
)
from lineament.views.runs import (
    collected_json,
    report_beside,
    report_counts,
    report_json,
    run_counts,
    run_json,
    run_outcomes,
    run_with_refusals_json,
    runs_json,
)

QUEUED_JSON = {
    "job": "j1",
    "kind": "ingest",
    "arguments": {"source": "press", "what": ["/a", "/b"]},
    "requested_by": "Eve",
    "requested_at": ISO,
    "state": "queued",
    "stopping": False,
    "attempts": 0,
    "started_at": None,
    "ended_at": None,
    "done": 0,
    "total": None,
    "doing": "",
    "rate": None,
    "seconds_left": None,
    "result": None,
    "error": None,
}
RUNNING = job(
    state=JobState.RUNNING,
    attempts=1,
    started_at=AT,
    claimed_at=AT,
    seen_at=AT + timedelta(seconds=30),
    progress=JobProgress(done=300, total=1500, words="7 new faces so far"),
)


def test_a_queued_job_is_json() -> None:
    assert job_json(job()) == QUEUED_JSON
    assert jobs_json([job()]) == {"jobs": [QUEUED_JSON]}


def test_a_running_job_says_how_fast_it_is_and_what_is_left() -> None:
    assert job_json(RUNNING) == {
        **QUEUED_JSON,
        "state": "running",
        "attempts": 1,
        "started_at": ISO,
        "done": 300,
        "total": 1500,
        "doing": "7 new faces so far",
        "rate": 10.0,
        "seconds_left": 120,
    }
    assert progress_line(RUNNING) == "300 of 1,500 · 10 a second · 2 min left"


def test_a_failed_job_says_why() -> None:
    failed = job(state=JobState.FAILED, ended_at=AT, error=JobError(code="nothing-taken", message="Nothing was taken."))
    shown = job_json(failed)
    assert shown["error"] == {"code": "nothing-taken", "message": "Nothing was taken."}
    assert (shown["state"], shown["ended_at"]) == ("failed", ISO)


def test_a_second_look_says_that_the_model_needs_approval() -> None:
    counts = {"model": "next/0011", "looked": 5, "adopted": []}
    done = job(state=JobState.DONE, ended_at=AT, result={**counts, "waits": True})
    words = awaited_words(done, Awaited.APPROVAL)
    assert words.startswith("Every picture was looked at by next/0011. It is used once a second person")
    assert "has approved it; it is used once" in awaited_words(done, Awaited.SECOND_LOOK)
    assert outcome(done) == counts
    assert awaited_words(done, None) == ""
    assert (awaited_words(job(), Awaited.APPROVAL), outcome(job())) == ("", {})


def test_a_job_that_was_asked_to_stop_is_stopping_until_it_stops() -> None:
    assert standing(RUNNING) == "running"
    assert standing(replace(RUNNING, stop_requested_at=AT)) == "stopping"
    assert standing(job(state=JobState.STOPPED, stop_requested_at=AT)) == "stopped"


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("ingest", {"source": "press"}, "Ingest of press"),
        ("look again", {"sources": ["press", "web"]}, "Second look of press, web"),
        ("look again", {"sources": None}, "Second look"),
        ("sweep", {}, "Retention sweep"),
        ("of-tomorrow", {"source": "press"}, "of-tomorrow of press"),
    ],
)
def test_a_job_is_called_by_its_kind_and_its_source(kind: str, arguments: dict[str, object], words: str) -> None:
    request = replace(job().request, kind=kind, arguments=arguments)
    assert title(replace(job(), request=request)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5940, "99 min"), (6000, "1 h 40 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_has_about_two_figures(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (job(), ""),
        (job(progress=JobProgress(total=20)), "0 of 20"),
        (job(progress=JobProgress(done=7)), "7"),
        (replace(RUNNING, progress=JobProgress(done=15)), "15 · 30 a minute"),
        (replace(RUNNING, progress=JobProgress(done=294)), "294 · 9.8 a second"),
        (replace(RUNNING, progress=JobProgress(done=3000)), "3,000 · 100 a second"),
    ],
    ids=["nothing yet", "nothing done", "total unknown", "slow", "some a second", "fast"],
)
def test_progress_says_what_is_known(found: Job, line: str) -> None:
    assert progress_line(found) == line


def test_how_long_a_job_took_ends_with_what_is_known_of_it() -> None:
    assert took(job()) == ""
    assert took(RUNNING) == "30 s"
    assert took(replace(RUNNING, ended_at=AT + timedelta(seconds=45))) == "45 s"


REPORT = IngestReport(
    "press",
    outcomes=Counter({IngestOutcome.ENROLLED: 1200, IngestOutcome.REFUSED: 2, IngestOutcome.SIDE_CAR: 2}),
    faces=1300,
    seconds=1.23456,
    refusals=[("a.jpg", "it is empty")],
)


def test_the_report_of_an_ingest_counts_every_outcome() -> None:
    shown = {
        "source": "press",
        "seen": 1202,
        "enrolled": 1200,
        "too_weak": 0,
        "no_face": 0,
        "another_place": 0,
        "already_there": 0,
        "less_good": 0,
        "erased_before": 0,
        "past_retention": 0,
        "hidden": 0,
        "side_car": 2,
        "no_picture": 0,
        "hinted": 0,
        "unused_mark": 0,
        "faces": 1300,
        "refused": [{"name": "a.jpg", "why": "it is empty"}],
        "refused_in_all": 2,
        "gone_on": False,
        "seconds": 1.235,
    }
    assert report_json(REPORT) == shown
    assert collected_json(REPORT, 4) == {**shown, "reserved_later": 4}
    assert report_counts(REPORT) == "1,200 enrolled, 2 refused"
    assert report_beside(REPORT) == "2 read as side-cars"


def test_outcomes_of_a_run_are_in_one_order_and_unknown_ones_are_left_out() -> None:
    counts = {"refused": 2, "of_a_later_version": 5, "enrolled": 1200}
    assert run_counts(run(counts=counts)) == "1,200 enrolled, 2 refused"
    with_none = {**counts, "no_face": 0}
    assert run_outcomes(run(counts=with_none)) == [("enrolled", 1200), ("no face", 0), ("refused", 2)]


def test_runs_are_listed_and_one_shows_what_it_refused() -> None:
    shown = {
        "run": 3,
        "connector": "folder",
        "what": ["a", "b"],
        "begun_at": ISO,
        "last_at": ISO,
        "ended_at": None,
        "cursor": None,
        "counts": {"enrolled": 1},
        "faces": 1,
    }
    found = run(counts={"enrolled": 1}, faces=1)
    assert run_json(found) == shown
    assert runs_json([found]) == {"runs": [shown]}
    refused = [{"name": "a.jpg", "why": "it is empty"}]
    assert run_with_refusals_json(found, [("a.jpg", "it is empty")]) == {**shown, "refused_first": refused}
