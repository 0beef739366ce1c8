"""The key itself: what a program may do with it, and what the API is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lineament.api.routes import CurrentCall, Routes
from lineament.errors import LineamentError, NotFound
from lineament.model.accounts import Permission
from lineament.views.api_keys import rights_json
from lineament.views.failures import failure_for
from lineament.views.values import iso

routes = Routes("key")


class KeyShape(BaseModel):
    """A key, and what a program may do that has it."""

    id: str
    name: str
    acts_for: str = Field(description="The official in whose name the program acts.")
    rights: list[str]
    case: str | None = Field(description="The only case that it sees; null: those that the official sees.")
    reason: str = Field(description="The reason of searches that state none.")
    sources: list[str] = Field(description="The only sources that it works with; empty: those the official may.")
    per_minute: int = Field(description="Requests that it may make in a minute.")
    ends_at: datetime


class ProblemType(BaseModel):
    """What a kind of problem means."""

    code: str
    status: int
    title: str
    detail: str = Field(description="The form of its message; what stands in braces is filled in.")


@routes.read("/v1/key", access=None, response_model=KeyShape)
def this_key(call: CurrentCall) -> Any:
    """Read what this key may do."""
    key = call.admitted.key
    return {
        "id": key.id,
        "name": key.name,
        "acts_for": call.desk.official.name,
        "rights": rights_json(key.rights),
        "case": call.admitted.case_key,
        "reason": key.reason,
        "sources": list(key.sources),
        "per_minute": key.per_minute,
        "ends_at": iso(key.ends_at),
    }


@routes.read("/v1/openapi.json", access=Permission.PUBLIC, response_model=dict[str, Any])
def description(request: Request) -> Response:
    """Get this description, in OpenAPI 3.1."""
    return JSONResponse(request.app.openapi())


@routes.read("/v1/problems/{code}", access=Permission.PUBLIC, response_model=ProblemType)
def problem_type(code: str) -> Any:
    """Read what a kind of problem means; the type of each problem leads here."""
    kind = next((kind for kind in _kinds(LineamentError) if kind.code == code), None)
    if kind is None:
        raise NotFound(what="kind of problem", name=code[:60], hint="docs/reference/errors.md")
    failure = failure_for(kind.__new__(kind))
    detail = " ".join((kind.__doc__ or "").split())
    return {"code": kind.code, "status": failure.status, "title": failure.title, "detail": detail}


def _kinds(kind: type[LineamentError]) -> list[type[LineamentError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in _kinds(below))]
