"""Jobs: long work that a worker does, its progress, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import StreamingResponse

from lineament.api.admission import Call
from lineament.api.listening import MEDIA_TYPE, Listening, News
from lineament.api.lists import After, Limit, cursor, place_of
from lineament.api.routes import CurrentCall, Routes
from lineament.views.jobs import job_json

routes = Routes("jobs")


class JobErrorShape(BaseModel):
    """Why a job failed."""

    code: str
    message: str


class JobShape(BaseModel):
    """A job."""

    job: str
    kind: str
    arguments: dict[str, Any]
    requested_by: str
    requested_at: datetime
    state: str = Field(description="queued, running, done, failed or stopped.")
    stopping: bool = Field(description="Whether it runs and was asked to stop.")
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    done: int = Field(description="Items since it was last claimed.")
    total: int | None = Field(description="null: unknown.")
    doing: str
    rate: float | None = Field(description="Items a second.")
    seconds_left: int | None
    result: dict[str, Any] | None
    error: JobErrorShape | None


class JobList(BaseModel):
    """A part of the list of jobs, newest first."""

    items: list[JobShape]
    next: str | None


@routes.read("/v1/jobs", access=None, response_model=JobList)
def list_jobs(call: CurrentCall, limit: Limit = 50, after: After = None) -> Any:
    """The jobs that this key could have asked for, newest first.

    These are the official's own, and for keys that manage sources those of the agency; of its sources alone if the key
    is bound to some, and of the cases that it sees.
    """
    place = place_of(after, str)
    found = call.desk.jobs.page(None if place is None else str(place), limit + 1)
    more = cursor(found[limit - 1].id) if len(found) > limit else None
    return {"items": [job_json(job) for job in found[:limit]], "next": more}


@routes.read("/v1/jobs/{job}", access=None, response_model=JobShape)
def show_job(call: CurrentCall, job: str) -> Any:
    """One job: its progress, and how it ended."""
    return job_json(call.desk.jobs.show(job))


@routes.act("/v1/jobs/{job}/stop", access=None, response_model=JobShape)
def stop_job(call: CurrentCall, job: str) -> Any:
    """Stop a job that is queued, or ask one that runs to stop; what it committed is kept."""
    return job_json(call.desk.jobs.stop(job))


@routes.read(
    "/v1/jobs/{job}/events",
    access=None,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events, each with a job in JSON, or for “closed” with a code and a detail.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
def listen_to_job(call: CurrentCall, request: Request, job: str) -> Listening:
    """The progress of a job as server-sent events.

    Each “progress” has the job as it is then, at most one a second, and “ended” has how it ended; then the answer ends.
    It ends with “closed” if the server ends, the key opens nothing any more, or the job is gone.
    """
    found = call.desk.jobs.show(job)

    def look(again: Call) -> News:
        now = again.desk.jobs.show(found.id)
        return News(job_json(now), last=now.ended)

    return Listening(request, call, look)
