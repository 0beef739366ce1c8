"""Jobs: long work that a worker does, its progress, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from lineament.api.admission import Call
from lineament.api.listening import MEDIA_TYPE, Listening, News
from lineament.api.lists import USUAL, After, Limit, first_part, place_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes import AskedFor, Line, Notify
from lineament.model.accounts import Permission
from lineament.services.jobs.ended import wanting_notice
from lineament.services.jobs.kinds import INGEST, LOOK_AGAIN, JobKind, crawl_arguments, look_again_arguments
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


class CrawlAsked(AskedFor):
    """Where a crawl starts."""

    host: Line = Field(description="One that the source lists by name.")
    path: Line = Field(default="/", description="The page at which it starts.")
    notify: Notify = False


class SecondLookAsked(AskedFor):
    """A second look at the pictures of a source."""

    notify: Notify = False


@routes.act("/v1/sources/{source}/crawls", access=Permission.MANAGE_SOURCES, status_code=202, response_model=JobShape)
def begin_crawl(call: CurrentCall, source: str, asked: CrawlAsked, response: Response) -> Any:
    """Have a host crawled that a source lists, by a job; nothing is fetched from any other."""
    found = call.desk.sources.get(call.source(source))
    arguments = crawl_arguments(found, asked.host, asked.path)
    return _queued(call, INGEST, wanting_notice(arguments, notify=asked.notify), found.name, response)


@routes.act(
    "/v1/sources/{source}/second-looks", access=Permission.MANAGE_SOURCES, status_code=202, response_model=JobShape
)
def look_again(call: CurrentCall, source: str, asked: SecondLookAsked, response: Response) -> Any:
    """Have the model in use look again at the pictures of a source, by a job."""
    name = call.source(source)
    arguments = wanting_notice(look_again_arguments(name), notify=asked.notify)
    return _queued(call, LOOK_AGAIN, arguments, name, response)


def _queued(call: Call, kind: JobKind, arguments: dict[str, Any], source: str, response: Response) -> dict[str, Any]:
    job = call.desk.jobs.add(kind, arguments, source=source)
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return job_json(job)


@routes.read("/v1/jobs", access=None, response_model=JobList)
def list_jobs(call: CurrentCall, limit: Limit = USUAL, after: After = None) -> Any:
    """List the jobs that this key could have asked for, newest first.

    These are the official's own, and for keys that manage sources those of the agency; of its sources alone if the key
    is bound to some, and of the cases that it sees.
    """
    found = call.desk.jobs.page(place_of(after, str), limit + 1)
    jobs, following = first_part(found, limit, lambda job: job.id)
    return {"items": [job_json(job) for job in jobs], "next": following}


@routes.read("/v1/jobs/{job}", access=None, response_model=JobShape)
def show_job(call: CurrentCall, job: str) -> Any:
    """Read a job: its progress, and how it ended."""
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
            "content": {MEDIA_TYPE: {}},  # a schema would be of the whole stream to some, and of each event to others
        }
    },
)
def listen_to_job(call: CurrentCall, request: Request, job: str) -> Listening:
    """Listen to the progress of a job, as server-sent events.

    Each “progress” has the job as it is then, at most one a second, and “ended” has how it ended; then the answer ends.
    It ends with “closed” if the server ends, the key opens nothing any more, or the job is gone.
    """
    found = call.desk.jobs.show(job)

    def look(again: Call) -> News:
        now = again.desk.jobs.show(found.id)
        return News(job_json(now), last=now.ended)

    return Listening(request, call, look)
