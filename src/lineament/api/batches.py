"""Batches: many photographs, sent one by one and searched by a job, each with its list and its entry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from lineament.api.asked_searches import HowSearched, request_of
from lineament.api.jobs import JobShape
from lineament.api.probes import Kind
from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import OF_BYTES, SentBytes
from lineament.api.shapes import Line, Notify
from lineament.api.shapes_cases import CaseName, FaceNumber
from lineament.model.accounts import Permission
from lineament.model.search import Mode, ProbeKind
from lineament.services.batches import MOST_SENT
from lineament.views.batches import batch_json, batch_row_json, shown_batch_json
from lineament.views.jobs import job_json

routes = Routes("batches")

BatchName = Annotated[str, Path(max_length=200, description="The id of the batch.")]


class BatchShape(BaseModel):
    """A batch."""

    batch: str
    case: str
    kind: ProbeKind | None
    begun_at: datetime
    started_at: datetime | None = Field(description="When somebody had it searched.")
    reason: str | None
    job: str | None = Field(description="The job that searches it.")


class BatchedShape(BaseModel):
    """A photograph of a batch, and what became of it."""

    photograph: str
    name: str
    state: Literal["searched", "not searched", "no face", "waits", "choose a face"]
    why: str | None = Field(description="Why it could not be read or searched.")
    probe: str | None
    faces: int | None
    face: int | None = Field(description="Which is searched.")
    search: str | None
    candidates: int | None


class ShownBatchShape(BatchShape):
    """A batch with its photographs, in the order in which they were sent."""

    photographs: list[BatchedShape]


class NewBatchSearch(HowSearched):
    """How the photographs of a batch are searched."""

    mode: Literal[Mode.IDENTIFICATION, Mode.INVESTIGATION] = Mode.IDENTIFICATION
    faces: dict[Line, FaceNumber] = Field(
        default={}, max_length=MOST_SENT, description="Of photographs that show several, by the photograph."
    )
    notify: Notify = False


@routes.act("/v1/cases/{case}/batches", access=Permission.OPEN_CASES, status_code=201, response_model=BatchShape)
def begin_batch(call: CurrentCall, case: CaseName, response: Response, kind: Kind = None) -> Any:
    """Begin a batch in a case."""
    batch = call.desk.batches.begin(case, kind)
    response.headers["location"] = f"/v1/batches/{batch.id}"
    return batch_json(batch)


@routes.read("/v1/batches/{batch}", access=Permission.READ_CASES, response_model=ShownBatchShape)
def get_batch(call: CurrentCall, batch: BatchName) -> Any:
    """Read what became of each photograph of a batch; its job tells how far it is."""
    return shown_batch_json(call.desk.batches.show(batch))


@routes.act(
    "/v1/batches/{batch}/photographs",
    access=Permission.OPEN_CASES,
    most=None,
    status_code=201,
    response_model=BatchedShape,
    openapi_extra=OF_BYTES,
)
def add_to_batch(
    call: CurrentCall,
    batch: BatchName,
    untrusted: SentBytes,
    name: Annotated[str, Query(max_length=200, description="As the program calls it.")] = "photograph",
) -> Any:
    """Add a photograph to a batch; one that cannot be read is listed with the reason."""
    return batch_row_json(call.desk.batches.add(batch, name, untrusted))


@routes.act("/v1/batches/{batch}/search", access=Permission.SEARCH, status_code=202, response_model=JobShape)
def search_batch(call: CurrentCall, batch: BatchName, asked: NewBatchSearch, response: Response) -> Any:
    """Search the photographs of a batch whose face is known, by a job, within the bounds of this key.

    The gate is asked before each. The job ends with its key.
    """
    request = request_of(call, call.desk.batches.get(batch).case_key, asked, asked.mode)
    job = call.desk.batches.start(batch, asked.faces, request, notify=asked.notify)
    response.headers["location"] = f"/v1/jobs/{job.id}"
    return job_json(job)
