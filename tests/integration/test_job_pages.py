"""The pages of jobs: progress, stopping, and the links from a source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.route_forms import change_rows
from tests.support.two_agencies import Pages, Participant, TwoAgencies
from tests.support.world import SOURCE

from lineament.model.jobs import JobProgress, JobState
from lineament.services.gallery.model_in_use import MODEL
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.store.tables import sources

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def pages(two_agencies: TwoAgencies, tmp_path: Path) -> Iterator[Pages]:
    with two_agencies.copy(tmp_path) as world, world.pages() as pages:
        yield pages


@pytest.fixture
def operator(pages: Pages) -> Participant:
    return pages.world.people["home operator"]


def begin(world: TwoAgencies, job: str) -> None:
    """Make a job look as if a worker began it a minute ago and did a quarter of it."""
    with world.workspace.store.begin() as tx:
        assert tx.jobs.claim_this(job, "a worker", world.clock.at - timedelta(minutes=1)) is not None
        tx.jobs.renew(job, "a worker", JobProgress(done=600, total=2400, words="pictures"), world.clock.at)


def test_a_running_job_shows_how_far_it_is(pages: Pages, operator: Participant) -> None:
    begin(pages.world, operator.job)
    page = pages.ask(operator, "GET", f"/jobs/{operator.job}").text
    assert "600 of 2,400 · 10 a second · 3 min left" in page
    assert 'aria-valuenow="25.0"' in page
    assert "data-live" in page
    assert f"/data/{operator.account.id}" in page
    listed = pages.ask(operator, "GET", "/jobs").text
    assert f'href="/jobs/{operator.job}"' in listed
    assert "600 of 2,400" in listed


def test_the_script_gets_the_progress_that_the_page_shows(pages: Pages, operator: Participant) -> None:
    begin(pages.world, operator.job)
    for address in (f"/jobs/{operator.job}/progress", "/jobs/progress"):
        jobs = pages.ask(operator, "GET", address).json()["jobs"]
        assert {
            "id": operator.job,
            "standing": "running",
            "line": "600 of 2,400 · 10 a second · 3 min left",
            "doing": "pictures",
            "took": "60 s",
            "width": 25.0,
        } in jobs


def test_a_job_is_stopped_from_its_page(pages: Pages, operator: Participant) -> None:
    begin(pages.world, operator.job)
    answer = pages.ask(operator, "POST", f"/jobs/{operator.job}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{operator.job}")
    with pages.world.workspace.store.read() as tx:
        assert tx.jobs.get(operator.job).stopping
    assert "It stops in a moment" in pages.ask(operator, "GET", f"/jobs/{operator.job}").text


def test_a_second_look_says_that_the_model_needs_approval(pages: Pages, operator: Participant) -> None:
    assert "approval needed" not in pages.ask(operator, "GET", "/jobs").text
    with pages.world.workspace.store.begin() as tx:
        assert tx.jobs.claim_this(operator.job, "a worker", pages.world.clock.at) is not None
        result = {"model": "next/0011", "looked": 5, "waits": True}
        assert tx.jobs.finish(operator.job, "a worker", result, pages.world.clock.at)
    page = pages.ask(operator, "GET", f"/jobs/{operator.job}").text
    assert "Every picture was looked at by next/0011" in page
    assert 'href="/threshold"' in page
    assert "Waits" not in page
    assert "approval needed" in pages.ask(operator, "GET", "/jobs").text
    with pages.world.workspace.store.begin() as tx:
        tx.meta.set(MODEL, "next/0011")
    assert "approval needed" not in pages.ask(operator, "GET", "/jobs").text
    assert "Every picture was looked at" not in pages.ask(operator, "GET", f"/jobs/{operator.job}").text


def test_a_job_that_is_over_is_not_stopped(pages: Pages, operator: Participant) -> None:
    with pages.world.workspace.store.begin() as tx:
        tx.jobs.request_stop(operator.job, pages.world.clock.at)
    page = pages.ask(operator, "GET", f"/jobs/{operator.job}").text
    assert "was stopped" in page
    assert "data-live" not in page
    assert f'action="/jobs/{operator.job}/stop"' not in page
    assert pages.ask(operator, "POST", f"/jobs/{operator.job}/stop").status_code == 409


def test_the_source_leads_to_its_jobs(pages: Pages, operator: Participant) -> None:
    desk = pages.world.desk_of("home operator")
    job = desk.jobs.add(INGEST, ingest_arguments(SOURCE, ["/data/new"]), source=SOURCE)
    begin(pages.world, job.id)
    assert f'href="/jobs/{job.id}"' in pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    examiner = pages.world.people["A examiner"]
    assert job.id not in pages.ask(examiner, "GET", f"/sources/{SOURCE}").text
    with pages.world.workspace.store.begin() as tx:
        run = tx.runs.begin(desk.sources.get(SOURCE).id, "folder", "/data/new", pages.world.clock.at)
    page = pages.ask(operator, "GET", f"/sources/{SOURCE}/runs/{run.id}").text
    assert f'href="/jobs/{job.id}"' in page
    assert 'href="/jobs"' in pages.ask(operator, "GET", "/sources").text


def test_a_run_has_the_number_that_it_has_within_its_source(pages: Pages, operator: Participant) -> None:
    desk = pages.world.desk_of("home operator")
    source, other = desk.sources.get(SOURCE), desk.sources.get(f"other-{SOURCE}")
    before = len(desk.sources.runs(SOURCE))
    with pages.world.workspace.store.begin() as tx:
        tx.runs.begin(other.id, "folder", "/data/new", pages.world.clock.at)
        run = tx.runs.begin(source.id, "folder", "/data/new", pages.world.clock.at)
    assert run.id > run.number == before + 1
    listed = pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    assert f'href="/sources/{SOURCE}/runs/{run.id}">Run {run.number}</a>' in listed
    assert f"<h1>Run {run.number} " in pages.ask(operator, "GET", f"/sources/{SOURCE}/runs/{run.id}").text


def test_a_crawl_of_a_listed_host_is_queued(pages: Pages, operator: Participant) -> None:
    hosts = '["press.example", "*.news.example"]'
    change_rows(pages.world, sa.update(sources).values(hosts=hosts, contact="who@press.example"))
    page = pages.ask(operator, "GET", f"/sources/{SOURCE}").text
    assert "<option>press.example</option>" in page
    assert "*.news.example</option>" not in page
    answer = pages.ask(operator, "POST", f"/sources/{SOURCE}/crawl", {"host": "press.example"})
    job = pages.world.desk_of("home operator").jobs.show(answer.headers["location"].rpartition("/")[2])
    assert job.state is JobState.QUEUED
    assert job.request.arguments == {
        "source": SOURCE,
        "what": ["https://press.example/"],
        "kind": "site",
        "workers": None,
    }
    assert pages.ask(operator, "POST", f"/sources/{SOURCE}/crawl", {"host": "other.example"}).status_code == 422


def test_the_page_says_if_there_is_no_job_yet(pages: Pages) -> None:
    examiner = pages.world.people["A examiner"]
    with pages.world.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("DELETE FROM jobs")
    assert "No job yet" in pages.ask(examiner, "GET", "/jobs").text
