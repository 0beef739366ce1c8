"""Jobs: what runs, how far it is, and the button that stops it."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from lineament.model.accounts import Permission
from lineament.model.jobs import Job
from lineament.services.jobs import words
from lineament.services.jobs.kinds import KINDS
from lineament.web.pages import Form, Here, Pages, go_on_to

pages = Pages()


@pages.page("/jobs", access=Permission.OWN_ACCOUNT)
def jobs(here: Here) -> HTMLResponse:
    """The newest jobs that one may see, with how far each is."""
    return here.page("jobs.html", jobs=here.desk.jobs.newest())


@pages.page("/jobs/progress", access=Permission.OWN_ACCOUNT)
def newest_progress(here: Here) -> JSONResponse:
    """How far these jobs are, as JSON for the script of the page."""
    return JSONResponse({"jobs": [_live(job) for job in here.desk.jobs.newest()]})


@pages.page("/jobs/{job_id}", access=Permission.OWN_ACCOUNT)
def job(here: Here, job_id: str) -> HTMLResponse:
    """One job: what it does, how far it is, how it ended."""
    found = here.desk.jobs.show(job_id)
    kind = KINDS.get(found.request.kind)
    return here.page("job.html", job=found, can_stop=kind is not None and kind.can_stop and not found.ended)


@pages.page("/jobs/{job_id}/progress", access=Permission.OWN_ACCOUNT)
def progress(here: Here, job_id: str) -> JSONResponse:
    """How far a job is, as JSON for the script of its page."""
    return JSONResponse({"jobs": [_live(here.desk.jobs.show(job_id))]})


@pages.act("/jobs/{job_id}/stop", access=Permission.OWN_ACCOUNT)
def stop(here: Here, job_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Stops a job that waits, or asks one that runs to stop."""
    return go_on_to(f"/jobs/{here.desk.jobs.stop(job_id).id}")


def _live(job: Job) -> dict[str, Any]:
    """What changes on a page while a job runs; the page is read again when the standing is another."""
    return {
        "id": job.id,
        "standing": words.standing(job),
        "line": words.progress_line(job),
        "doing": job.progress.words,
        "took": words.took(job),
        "width": None if job.fraction is None else round(100 * job.fraction, 1),
    }
