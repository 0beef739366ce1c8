"""Jobs: what runs, its progress, and the button that stops it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.jobs import Job
from lineament.model.runs import Run
from lineament.services.jobs.kinds import INGEST
from lineament.views import jobs as job_views
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()

NEWEST_RUNS = 20
"""Most runs of a source among which that of a job is looked for."""


@pages.page("/jobs", access=Permission.OWN_ACCOUNT)
def jobs(visit: CurrentVisit) -> HTMLResponse:
    """The newest jobs that I may see, with their progress."""
    newest = visit.desk.jobs.newest()
    return visit.page("jobs.html", jobs=newest, awaited=visit.desk.jobs.awaited(newest))


@pages.page("/jobs/progress", access=Permission.OWN_ACCOUNT)
def newest_progress(visit: CurrentVisit) -> JSONResponse:
    """The progress of these jobs, as JSON for the script of the page."""
    return JSONResponse({"jobs": [live_job(job) for job in visit.desk.jobs.newest()]})


@pages.page("/jobs/{job_id}", access=Permission.OWN_ACCOUNT)
def job(visit: CurrentVisit, job_id: str) -> HTMLResponse:
    """One job: what it does, its progress, how it ended."""
    found = visit.desk.jobs.show(job_id)
    awaited = job_views.awaited_words(found, visit.desk.jobs.awaited([found]).get(found.id))
    return visit.page("job.html", job=found, awaited=awaited, run=_run_of(visit, found))


@pages.page("/jobs/{job_id}/progress", access=Permission.OWN_ACCOUNT)
def progress(visit: CurrentVisit, job_id: str) -> JSONResponse:
    """The progress of a job, as JSON for the script of its page."""
    return JSONResponse({"jobs": [live_job(visit.desk.jobs.show(job_id))]})


@pages.act("/jobs/{job_id}/stop", access=Permission.OWN_ACCOUNT, page=job)
def stop(visit: CurrentVisit, job_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Stop a job that is queued, or ask one that runs to stop."""
    return redirect(f"/jobs/{visit.desk.jobs.stop(job_id).id}")


def live_job(job: Job) -> dict[str, Any]:
    """Return what changes on a page while a job runs; the page reloads if the standing differs."""
    return {
        "id": job.id,
        "standing": job_views.standing(job),
        "line": job_views.progress_line(job),
        "doing": job.progress.words,
        "took": job_views.took(job),
        "width": None if job.fraction is None else round(100 * job.fraction, 1),
    }


def _run_of(visit: Visit, job: Job) -> Run | None:
    """Return the newest run of an ingest; None before it has begun one, and for who may not see it."""
    source = job.request.arguments.get("source")
    if (
        job.request.kind != INGEST.name
        or job.started_at is None
        or not visit.desk.official.may(Permission.MANAGE_SOURCES)
    ):
        return None
    names = set(job.request.arguments.get("what") or ())
    with suppress(NotFound):  # its source is gone
        for run in visit.desk.sources.runs(str(source), limit=NEWEST_RUNS):
            touched = run.ended_at is None or run.ended_at >= job.started_at
            if touched and set(run.what.split("\n")) <= names:
                return run
    return None
