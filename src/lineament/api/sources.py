"""Sources: who gave us pictures, on what legal basis and until when, and the runs that took them in."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from lineament.api.lists import USUAL, After, Limit, first_part, place_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes import AskedFor, Day, Line, RefusedShape
from lineament.errors import HostRefused, InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.runs import RunId
from lineament.model.sources import MOST_HOSTS, Source, SourceTerms
from lineament.services.gallery.register import PermissionDocument
from lineament.views.runs import run_json, run_with_refusals_json
from lineament.views.sources import source_json

routes = Routes("sources")

MOST_DOCUMENT = 16 * 2**20
"""Most bytes of a request with the document that permits a source."""
_MOST_SHARES = 1000


class SourceShape(BaseModel):
    """A source."""

    name: str
    state: str = Field(description="drafted, live, suspended, expired or withdrawn; only a live one is searched.")
    captures: int
    faces: int
    controller: str = Field(description="Who is responsible for the pictures.")
    basis: str = Field(description="The legal basis on which they are processed.")
    jurisdiction: str
    permission_sha256: str | None = Field(description="Digest of the document that permits it.")
    permission_kept: str | None = Field(description="The name of that document, if it is kept.")
    licence: str | None
    hosts: list[str] = Field(description="Where pictures may be fetched from.")
    contact: str | None
    expires: date | None = Field(description="The last day on which it may be searched.")
    days_left: int | None
    retention_days: int | None
    page_base: str | None
    registered_at: datetime
    approved_at: datetime | None
    drafted_by: str | None = Field(default=None, description="Only for those who manage sources, as the next two.")
    approved_by: str | None = None
    shared_with: list[str] | None = Field(default=None, description="The agencies that alone may search it.")


class SourceList(BaseModel):
    """A part of the list of sources."""

    items: list[SourceShape]
    next: str | None


class DocumentAsked(AskedFor):
    """The document that permits a source."""

    name: Line
    content: Annotated[str, StringConstraints(max_length=MOST_DOCUMENT)] = Field(description="In base64.")


class SourceAsked(AskedFor):
    """The terms of a new source."""

    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Lower-case letters, digits, . - _")
    controller: Line = Field(description="Who is responsible for the pictures.")
    basis: Line = Field(description="The legal basis on which they are processed.")
    jurisdiction: Annotated[str, StringConstraints(max_length=10)] = Field(description="ISO 3166, as FR or US-MD.")
    expires: Day | None = Field(default=None, description="The last day on which it may be searched.")
    retention_days: Annotated[int, Field(ge=1, le=36_525)] | None = None
    page_base: Line | None = None
    hosts: Annotated[list[Line], Field(max_length=MOST_HOSTS)] = Field(default=[])
    licence: Line | None = None
    contact: Line | None = None
    permission: DocumentAsked | None = None
    shares: Annotated[dict[Line, Day | None], Field(max_length=_MOST_SHARES)] = Field(
        default={}, description="The agencies that alone may search it, each with its last day or null."
    )


class RunShape(BaseModel):
    """One ingest into a source."""

    run: int = Field(description="Its number within the source, from 1.")
    connector: str
    what: list[str] = Field(description="What was given to it.")
    begun_at: datetime
    last_at: datetime
    ended_at: datetime | None = Field(description="null: it runs, or was interrupted.")
    cursor: str | None
    counts: dict[str, int] = Field(description="Pictures by outcome.")
    faces: int


class RunWithRefusals(RunShape):
    """One ingest, with the first pictures that it refused."""

    refused_first: list[RefusedShape]


class RunList(BaseModel):
    """A part of the list of runs, newest first."""

    items: list[RunShape]
    next: str | None


@routes.read("/v1/sources", access=Permission.READ_SOURCES, response_model=SourceList)
def list_sources(call: CurrentCall, limit: Limit = USUAL, after: After = None) -> Any:
    """List the sources that this key may see, by name."""
    place = place_of(after, str)
    found = [source for source in call.desk.sources.list() if place is None or source.name > place]
    sources, following = first_part(found, limit, lambda source: source.name)
    return {"items": [_shape(call, source) for source in sources], "next": following}


@routes.act(
    "/v1/sources",
    access=Permission.MANAGE_SOURCES,
    most=MOST_DOCUMENT,
    status_code=201,
    response_model=SourceShape,
)
def register_source(call: CurrentCall, asked: SourceAsked, response: Response) -> Any:
    """Register a source.

    In an agency its state is "drafted" until a second person has approved it; nothing is taken in before.
    """
    today = call.desk.clock().date()
    if asked.expires is not None and asked.expires < today:
        raise InvalidValue(what="The last day", value=asked.expires, why="it is in the past", field="expires")
    try:
        source = call.desk.sources.add(_terms(asked), _document(asked.permission), asked.shares)
    except HostRefused as error:
        host, why = error.details["host"], error.details["why"]
        raise InvalidValue(what="A host", value=host, why=why, field="hosts") from None
    except NotFound as error:
        why = "there is no such agency; write its name as it is registered"
        raise InvalidValue(what="An agency", value=error.details["name"], why=why, field="shares") from None
    response.headers["location"] = f"/v1/sources/{source.name}"
    return _shape(call, source)


@routes.read("/v1/sources/{source}", access=Permission.READ_SOURCES, response_model=SourceShape)
def show_source(call: CurrentCall, source: str) -> Any:
    """Read a source: its terms and what it holds."""
    return _shape(call, call.desk.sources.get(call.source(source)))


@routes.act("/v1/sources/{source}/suspend", access=Permission.MANAGE_SOURCES, response_model=SourceShape)
def suspend_source(call: CurrentCall, source: str) -> Any:
    """Take a source out of every search until it is resumed."""
    return _shape(call, call.desk.sources.suspend(call.source(source)))


@routes.act("/v1/sources/{source}/resume", access=Permission.MANAGE_SOURCES, response_model=SourceShape)
def resume_source(call: CurrentCall, source: str) -> Any:
    """Let a suspended source be searched again."""
    return _shape(call, call.desk.sources.resume(call.source(source)))


@routes.read("/v1/sources/{source}/runs", access=Permission.MANAGE_SOURCES, response_model=RunList)
def list_runs(call: CurrentCall, source: str, limit: Limit = USUAL, after: After = None) -> Any:
    """List the runs that took something into a source, newest first."""
    place = place_of(after, int)
    found = call.desk.sources.runs(call.source(source), limit + 1, None if place is None else RunId(place))
    runs, following = first_part(found, limit, lambda run: run.id)
    return {"items": [run_json(run) for run in runs], "next": following}


@routes.read("/v1/sources/{source}/runs/{run}", access=Permission.MANAGE_SOURCES, response_model=RunWithRefusals)
def show_run(call: CurrentCall, source: str, run: Annotated[int, Field(ge=1, le=2**53)]) -> Any:
    """Read a run: its progress, and what it refused and why."""
    return run_with_refusals_json(*call.desk.sources.numbered_run(call.source(source), run))


def _shape(call: CurrentCall, source: Source) -> dict[str, Any]:
    manages = call.desk.official.may(Permission.MANAGE_SOURCES)
    standing = call.desk.sources.standing(source.name) if manages else None
    return source_json(source, call.desk.clock().date(), standing)


def _terms(asked: SourceAsked) -> SourceTerms:
    return SourceTerms(
        name=asked.name,
        controller=asked.controller,
        basis=asked.basis,
        jurisdiction=asked.jurisdiction.upper(),
        expires_on=asked.expires,
        retention_days=asked.retention_days,
        page_base=asked.page_base or None,
        hosts=tuple(asked.hosts),
        licence=asked.licence or None,
        contact=asked.contact or None,
    )


def _document(asked: DocumentAsked | None) -> PermissionDocument | None:
    if asked is None:
        return None
    try:
        return PermissionDocument(name=asked.name, untrusted=base64.b64decode(asked.content, validate=True))
    except (binascii.Error, ValueError):
        why = "its content is not base64"
        raise InvalidValue(what="The permission", value="…", why=why, field="permission") from None
