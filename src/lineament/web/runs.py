"""Runs of a source: their progress while they move, what they refused and why, and how to go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from lineament.errors import WrongState
from lineament.model.accounts import Permission
from lineament.model.jobs import Job, JobState
from lineament.model.runs import Run
from lineament.model.sources import Source
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.sources.crawl.registration import crawl_name
from lineament.views import refusals as refusal_views
from lineament.views.runs import OUTCOMES, run_outcomes
from lineament.web import phrases
from lineament.web.jobs import live_job
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()

NEWEST = 20
"""Most runs on the page of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRun:
    """A run with what tells how it stands."""

    source: Source
    run: Run
    refusals: Sequence[tuple[str, str]]  # names and reasons
    job: Job | None  # that does, will do or last did its work
    now: datetime

    @property
    def standing(self) -> str:
        """How it stands, in words."""
        return phrases.run_state(self.run, self.now, self.job)

    @property
    def can_go_on(self) -> bool:
        """Whether it was cut off and its source may be ingested into; drops go on where they are dropped."""
        cut_off = self.standing in {"stopped", "failed"} and self.run.connector != "upload"
        return cut_off and self.source.why_closed(self.now.date()) is None


def _watched(visit: Visit, name: str, run_id: int) -> WatchedRun:
    source = visit.desk.sources.get(name)
    jobs = visit.desk.jobs.newest_of_source(source.id)  # before the run, which has ended when its job has
    found, refusals = visit.desk.sources.run(name, run_id)
    return WatchedRun(source=source, run=found, refusals=refusals, job=job_of(found, jobs), now=visit.desk.clock())


@pages.page("/sources/{name}/runs/{run_id}", access=Permission.MANAGE_SOURCES)
def run(visit: CurrentVisit, name: str, run_id: int) -> HTMLResponse:
    """One run of a connector: its progress, what it ingested, and what it refused and why."""
    watched = _watched(visit, name, run_id)
    return visit.page(
        "run.html",
        source=watched.source,
        run=watched.run,
        refusals=refusal_views.grouped(watched.refusals),
        named=len(watched.refusals),
        now=watched.now,
        job=watched.job,
        standing=watched.standing,
        crawl=live_crawl(visit, watched),
        continues=watched.can_go_on,
    )


@pages.page("/sources/{name}/runs/{run_id}/progress", access=Permission.MANAGE_SOURCES)
def run_progress(visit: CurrentVisit, name: str, run_id: int) -> JSONResponse:
    """The progress of a run, as JSON for the script of its page."""
    watched = _watched(visit, name, run_id)
    job, crawl = watched.job, live_crawl(visit, watched)
    live = [live_run(watched.run, watched.now, job), None if job is None else live_job(job), crawl]
    return JSONResponse({"jobs": [each for each in live if each is not None]})


@pages.page("/sources/{name}/progress", access=Permission.MANAGE_SOURCES)
def source_progress(visit: CurrentVisit, name: str) -> JSONResponse:
    """The progress of a source's newest runs and of its jobs, as JSON for the script of its page."""
    source, now = visit.desk.sources.get(name), visit.desk.clock()
    jobs, runs = visit.desk.jobs.newest_of_source(source.id), visit.desk.sources.runs(name, limit=NEWEST)
    open_jobs = [live_job(job) for job in jobs if not job.ended]
    return JSONResponse({"jobs": [*open_jobs, *(live_run(found, now, job_of(found, jobs)) for found in runs)]})


@pages.act("/sources/{name}/runs/{run_id}/go-on", access=Permission.MANAGE_SOURCES, page=run)
def go_on(visit: CurrentVisit, name: str, run_id: int, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Queue what a run that was cut off has left; it goes on where it was."""
    watched = _watched(visit, name, run_id)
    found = watched.run
    if not watched.can_go_on:
        raise WrongState(what="run", name=f"{found.number} of {name}", state=watched.standing, event="continued here")
    kept_out = "hidden" in found.counts
    arguments = ingest_arguments(name, found.what.split("\n"), found.connector, skip_hidden=kept_out)
    return redirect(f"/jobs/{visit.desk.jobs.add(INGEST, arguments, source=name).id}")


def job_of(run: Run, jobs: Iterable[Job]) -> Job | None:
    """Return the job that does, will do or last did the work of a run that has not ended; None if it is unknown.

    ``jobs`` are those of its source, newest first.
    """
    names = set(run.what.split("\n"))
    of_run = [
        job
        for job in jobs
        if job.request.kind == INGEST.name
        and names <= set(job.request.arguments.get("what") or ())
        and (job.ended_at is None or job.ended_at >= run.begun_at)
    ]
    running = (job for job in of_run if job.state is JobState.RUNNING)
    return None if run.ended_at is not None else next(running, next(iter(of_run), None))


def live_run(run: Run, now: datetime, job: Job | None) -> dict[str, Any]:
    """Return what changes on a page while a run moves; the page reloads if the standing differs."""
    counts = {name: f"{run.counts.get(name, 0):,}" for name in OUTCOMES}
    return {
        "id": f"run-{run.id}",
        "standing": phrases.run_state(run, now, job),
        "width": None,
        "line": ", ".join(f"{number:,} {words}" for words, number in run_outcomes(run)),
        "seen": f"{run.seen:,}",
        "faces": f"{run.faces:,}",
        **counts,
    }


def live_crawl(visit: Visit, watched: WatchedRun) -> dict[str, Any] | None:
    """Return what changes on a page while a crawl moves; None if the run is none, or has ended."""
    run = watched.run
    if run.connector != "site" or run.ended_at is not None:
        return None
    progress = visit.workspace.crawls.progress(watched.source, crawl_name(run.what))
    if progress is None:
        return None
    done = progress.answered + progress.refused
    known, seconds = done + progress.waiting, (watched.now - run.begun_at).total_seconds()
    moves = watched.standing == "under way" and seconds >= 60
    pace = f", {progress.requests * 60 / seconds:.1f} a minute" if moves else ""
    return {
        "id": f"crawl-{run.id}",
        "standing": "",
        "width": round(100 * done / known, 1) if known else 0,
        "line": f"{done:,} of {known:,} known addresses",
        "pictures": f"{progress.pictures:,}",
        "refused": f"{progress.refused:,}",
        "requests": f"{progress.requests:,}",
        "pace": f"{phrases.size(progress.bytes)}{pace}",
    }
