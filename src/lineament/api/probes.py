"""Photographs of a case: added, with the faces found in them, shown, edited and removed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from lineament.api.binary import JPEG, jpeg
from lineament.api.lists import USUAL, After, Limit, part_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import OF_BYTES, SentBytes
from lineament.api.shapes_cases import (
    MOST_NUMBER,
    CaseName,
    NewEdit,
    NewEdits,
    ProbeName,
    ProbeShape,
    ProbeShapes,
)
from lineament.model.accounts import Permission
from lineament.model.faces import Box
from lineament.model.search import Edit, ProbeKind
from lineament.views.photographs import probe_json

routes = Routes("photographs")

Kind = Annotated[ProbeKind | None, Query(description="What kind of photograph it is; the policy may ask for it.")]
Part = Annotated[
    int | None,
    Query(ge=1, le=MOST_NUMBER, description="Which picture of the file, from 1; else the first that shows a face."),
]


@routes.act(
    "/v1/cases/{case}/probes",
    access=Permission.OPEN_CASES,
    most=None,
    status_code=201,
    response_model=ProbeShape,
    openapi_extra=OF_BYTES,
)
def add_probe(  # noqa: PLR0913, PLR0917 - what the request consists of
    call: CurrentCall, case: CaseName, untrusted: SentBytes, response: Response, kind: Kind = None, part: Part = None
) -> Any:
    """Keep a photograph with its case, and find the faces in it; the same bytes again are the same photograph."""
    probe = call.desk.probes.take(case, untrusted, kind=kind, part=part)
    response.headers["location"] = f"/v1/probes/{probe.id}"
    return probe_json(probe)


@routes.read("/v1/cases/{case}/probes", access=Permission.READ_CASES, response_model=ProbeShapes)
def list_probes(call: CurrentCall, case: CaseName, limit: Limit = USUAL, after: After = None) -> Any:
    """List the photographs of a case, the newest first."""
    probes = call.desk.casework.probes(case)
    found, following = part_of(probes, lambda probe: probe.id, limit, after)
    return {"items": [probe_json(probe) for probe in found], "next": following}


@routes.read("/v1/probes/{probe}", access=Permission.READ_CASES, response_model=ProbeShape)
def get_probe(call: CurrentCall, probe: ProbeName) -> Any:
    """Read a photograph: the faces found in it, where they are, and how well each can be compared."""
    return probe_json(call.desk.probes.get(probe))


@routes.read("/v1/probes/{probe}/picture", access=Permission.READ_CASES, response_class=Response, responses=JPEG)
def get_probe_picture(call: CurrentCall, probe: ProbeName) -> Response:
    """Get a photograph for the screen, with its edits, at most 1600 pixels on its long side."""
    return jpeg(call.desk.probes.picture(probe))


@routes.read("/v1/probes/{probe}/faces/{face}", access=Permission.READ_CASES, response_class=Response, responses=JPEG)
def get_probe_face(
    call: CurrentCall, probe: ProbeName, face: Annotated[int, Path(ge=1, le=MOST_NUMBER, description="Its number.")]
) -> Response:
    """Get one face of a photograph."""
    return jpeg(call.desk.probes.crop(probe, face))


@routes.act("/v1/probes/{probe}/edits", access=Permission.OPEN_CASES, status_code=201, response_model=ProbeShape)
def edit_probe(call: CurrentCall, probe: ProbeName, asked: NewEdits, response: Response) -> Any:
    """Make another photograph from the same original, with these edits in place of earlier ones.

    The faces are found again. An empty list undoes every edit.
    """
    edited = call.desk.probes.edit(probe, [_edit(edit) for edit in asked.edits])
    response.headers["location"] = f"/v1/probes/{edited.id}"
    return probe_json(edited)


@routes.act("/v1/probes/{probe}", method="DELETE", access=Permission.OPEN_CASES, status_code=204)
def remove_probe(call: CurrentCall, probe: ProbeName) -> None:
    """Destroy a photograph that was the wrong one, and whatever was made of it; refused once it was searched with."""
    call.desk.probes.remove(probe)


def _edit(asked: NewEdit) -> Edit:
    box = None if asked.box is None else Box(**dict(zip(("x", "y", "width", "height"), asked.box, strict=True)))
    return Edit(kind=asked.kind, degrees=asked.degrees, box=box, stops=asked.stops)
