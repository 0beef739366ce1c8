"""Candidates: one beside the probe, with its pictures as far as this official may see them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from lineament.api.binary import FOUND, JPEG, as_found, jpeg
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes_cases import ProbeShape
from lineament.api.shapes_searches import BesideShape, CandidateName, SearchName
from lineament.model.accounts import Permission
from lineament.model.faces import CaptureId
from lineament.views.candidates import beside_json
from lineament.views.photographs import probe_json

routes = Routes("candidates")


class CopyShape(BaseModel):
    """A photograph that copies a candidate's picture."""

    probe: ProbeShape
    face: int = Field(description="The number of the candidate's face in it.")


_CANDIDATE = "/v1/searches/{search}/candidates/{candidate}"


@routes.read(_CANDIDATE, access=Permission.READ_CASES, response_model=BesideShape)
def get_candidate(call: CurrentCall, search: SearchName, candidate: CandidateName) -> Any:
    """Read a candidate, to compare it with the probe; that is on the record.

    Where it was found is null until this official decided about it, and its rank and score until they decided about
    every candidate of the list.
    """
    shown = call.desk.pictures.beside_probe(search, candidate)
    review = call.desk.reviews.of_search(search)  # after that, so that nothing is shown that was hidden then
    return beside_json(review.name_now(candidate), shown, hidden=review.hidden)


@routes.read(f"{_CANDIDATE}/crop", access=Permission.READ_CASES, response_class=Response, responses=JPEG)
def get_candidate_face(call: CurrentCall, search: SearchName, candidate: CandidateName) -> Response:
    """Get the face of a candidate."""
    return jpeg(call.desk.pictures.crop(search, candidate))


@routes.read(f"{_CANDIDATE}/thumbnail", access=Permission.READ_CASES, response_class=Response, responses=JPEG)
def get_candidate_picture(call: CurrentCall, search: SearchName, candidate: CandidateName) -> Response:
    """Get the whole picture of a candidate, small and without metadata; once this official decided about it."""
    return jpeg(call.desk.pictures.thumbnail(search, candidate))


@routes.act(f"{_CANDIDATE}/probe", access=Permission.OPEN_CASES, status_code=201, response_model=CopyShape)
def copy_candidate(call: CurrentCall, search: SearchName, candidate: CandidateName, response: Response) -> Any:
    """Make a photograph of a candidate's picture, to search with this face; once this official decided about it."""
    copy = call.desk.copies.take(search, candidate)
    response.headers["location"] = f"/v1/probes/{copy.probe.id}"
    return {"probe": probe_json(copy.probe), "face": copy.face}


@routes.act(f"{_CANDIDATE}/original", access=Permission.READ_CASES, response_class=Response, responses=FOUND)
def open_candidate_original(call: CurrentCall, search: SearchName, candidate: CandidateName) -> Response:
    """Open the original of a candidate's picture, as it was found; the opening is recorded before a byte is sent."""
    untrusted, _ = call.desk.pictures.original(search, candidate)
    return as_found(untrusted, "original")


@routes.act(f"{_CANDIDATE}/page", access=Permission.READ_CASES, response_class=Response, responses=FOUND)
def open_candidate_page(
    call: CurrentCall,
    search: SearchName,
    candidate: CandidateName,
    alike: Annotated[
        int | None, Query(ge=1, le=2**53, description="A nearly identical picture, by its number.")
    ] = None,
) -> Response:
    """Open the page that showed a candidate's picture, a WARC record; the opening is recorded before a byte is sent."""
    record = call.desk.pictures.page(search, candidate, None if alike is None else CaptureId(alike))
    return as_found(record, "page.warc")
