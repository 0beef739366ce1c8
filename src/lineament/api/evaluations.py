"""Evaluations: an outside tester measures the error rates on pictures of its own, which are enrolled nowhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from lineament.api.jobs import JobShape
from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import SentBytes
from lineament.model.accounts import Permission
from lineament.services.evaluate.asked import AskedEvaluation
from lineament.views.jobs import job_json

routes = Routes("evaluations")

MOST_ARCHIVE = 128 * 2**20
"""Most bytes of an archive; larger sets are measured with the command."""
_ARCHIVE = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class EvaluationShape(BaseModel):
    """An evaluation."""

    evaluation: str = Field(description="The id of its job.")
    state: str = Field(description="queued, running, done, failed or stopped.")
    why: str | None = Field(description="Why it failed.")
    report: dict[str, Any] | None = Field(description="What was measured, as docs/reference/evaluation-json.md says.")


@routes.act(
    "/v1/evaluations",
    access=Permission.MANAGE_SOURCES,
    most=MOST_ARCHIVE,
    status_code=202,
    response_model=JobShape,
    openapi_extra=_ARCHIVE,
)
def ask_for_evaluation(  # noqa: PLR0913, PLR0917 - what can be chosen
    call: CurrentCall,
    archive: SentBytes,
    response: Response,
    face: Annotated[Literal["middle", "largest"], Query(description="The face that a picture is about.")] = "middle",
    enrol: Annotated[int, Query(ge=1, le=100, description="Pictures of each person in the gallery.")] = 1,
    searches: Annotated[int, Query(ge=1, le=100_000, description="Most mated, and most other ones.")] = 10_000,
    seed: Annotated[int, Query(ge=0, le=2**31)] = 1,
    notify: Annotated[bool, Query(description="Whether the agency's web hooks are told when it has ended.")] = False,
) -> Any:
    """Measure error rates on pictures of known people, by a job.

    The body is a ZIP archive; the folder in which a picture lies is its person. Nothing of it is enrolled or searched:
    the archive is sealed until the job has ended, then deleted, and the report is kept for seven days.
    """
    asked = AskedEvaluation(face=face, enrol=enrol, searches=searches, seed=seed, notify=notify)
    job = call.desk.evaluations.ask(archive, asked)
    response.headers["location"] = f"/v1/evaluations/{job.id}"
    return job_json(job)


@routes.read("/v1/evaluations/{evaluation}", access=Permission.MANAGE_SOURCES, response_model=EvaluationShape)
def show_evaluation(call: CurrentCall, evaluation: str) -> Any:
    """Read an evaluation, with its report once it is done."""
    found = call.desk.evaluations.show(evaluation)
    error = found.job.error
    return {
        "evaluation": found.job.id,
        "state": found.job.state.value,
        "why": None if error is None else error.message,
        "report": found.report,
    }


@routes.act("/v1/evaluations/{evaluation}", method="DELETE", access=Permission.MANAGE_SOURCES, status_code=204)
def delete_evaluation(call: CurrentCall, evaluation: str) -> None:
    """Delete the report of an evaluation, and stop it if it has not ended."""
    call.desk.evaluations.delete(evaluation)
