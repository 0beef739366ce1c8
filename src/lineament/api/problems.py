"""Errors as problems (RFC 9457), with the words and the codes that the terminal and the pages have."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from lineament.errors import InvalidValue, KeyRefused, LineamentError, TooManyAttempts
from lineament.views.errors import error_json
from lineament.views.failures import FAILURES, UNFORESEEN, UNFORESEEN_WORDS, failure_for

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPES = "/v1/problems/"
"""Where the type of a problem is explained, with its code behind it."""
_WRONG = FAILURES[InvalidValue]
_SHOWN = 20
"""Most faults of a request that are named."""


class ProblemReason(BaseModel):
    """One reason of a refusal, and what can be done about it."""

    code: str
    words: str
    remedy: str | None = None
    command: str | None = None


class ProblemFace(BaseModel):
    """A face that can be chosen: its number, and its box in pixels (x, y, width, height)."""

    face: int
    box: list[float]


class ProblemField(BaseModel):
    """A part of the request that is wrong."""

    field: str
    why: str


class Problem(BaseModel):
    """What is wrong, and what to do about it (RFC 9457)."""

    type: str = Field(description="Where this kind of problem is explained.")
    title: str
    status: int
    detail: str = Field(description="One line: what is wrong, and what to do next.")
    code: str = Field(description="Never changes; the terminal and the pages have the same codes.")
    reasons: list[ProblemReason] = Field(default=[], description="Every reason of a refusal.")
    faces: list[ProblemFace] = Field(default=[], description="The faces of which one has to be chosen.")
    errors: list[ProblemField] = Field(default=[], description="The parts of the request that are wrong.")


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response:
    """Return a problem as a response."""
    content = _content(status, code, title, detail, **more)
    return JSONResponse(content, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def of_error(error: LineamentError) -> Response:
    """Return one of our own errors as a problem."""
    headers: dict[str, str] = {}
    seconds = error.seconds if isinstance(error, TooManyAttempts) else error.details.get("retry_after")
    if seconds is not None:
        headers["retry-after"] = str(seconds)
    if isinstance(error, KeyRefused):
        headers["www-authenticate"] = 'Bearer realm="lineament"'
    content = problem_json(error)
    return JSONResponse(content, status_code=content["status"], headers=headers, media_type=MEDIA_TYPE)


def problem_json(error: LineamentError) -> dict[str, Any]:
    """Return one of our own errors as the JSON of a problem."""
    failure, told = failure_for(error), error_json(error)["error"]
    field = error.details.get("field")
    wrong = [{"field": field, "why": str(error.details.get("why", error))}] if field else []
    faces = told.get("faces", ())
    found = {"reasons": told["reasons"], "faces": faces, "errors": wrong}
    return _content(failure.status, error.code, failure.title, told["message"], **found)


def _content(status: int, code: str, title: str, detail: str, **more: object) -> dict[str, Any]:
    content = {"type": f"{TYPES}{code}", "title": title, "status": status, "detail": detail, "code": code}
    return content | {name: value for name, value in more.items() if value}


async def lineament_error(request: Request, error: Exception) -> Response:
    """Answer one of our own errors."""
    if not isinstance(error, LineamentError):
        return unforeseen(request, error)
    if failure_for(error).status == UNFORESEEN.status:
        log.error("%s %s: %s", request.method, _route(request), error)
    return of_error(error)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer a request for what does not exist, or with a method that it does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 400:  # FastAPI: a body that is no text, or no form
        return problem(_WRONG.status, InvalidValue.code, _WRONG.title, "The body cannot be read.")
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    if status == 405:
        headers = {"allow": ", ".join(_methods(request))}
    title, detail = _HTTP.get(status, ("This request cannot be answered", str(getattr(error, "detail", ""))))
    code = _CODES.get(status, "bad-request" if status < 500 else LineamentError.code)
    return problem(status, code, title, detail or title, headers=headers)


async def bad_request(request: Request, error: Exception) -> Response:
    """Answer a request with parts that are missing or wrong; values are not repeated."""
    if not isinstance(error, RequestValidationError):
        return unforeseen(request, error)
    faults = [_field(fault) for fault in error.errors()[:_SHOWN]]
    named = "; ".join(f"{fault['field']}: {fault['why']}" for fault in faults[:3])
    return problem(_WRONG.status, InvalidValue.code, _WRONG.title, f"{named}.", errors=faults)


def unforeseen(request: Request, error: Exception) -> Response:
    """Answer any other error: with the traceback in the terminal, and one line for the program."""
    log.error("%s %s", request.method, _route(request), exc_info=error)
    return problem(500, LineamentError.code, UNFORESEEN.title, UNFORESEEN_WORDS)


def _methods(request: Request) -> list[str]:
    """Return every method of an address: Starlette names those of the first route alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    fitting = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted(method for route in fitting for method in route.methods or ())


def _field(fault: Mapping[str, Any]) -> dict[str, str]:
    place: Sequence[object] = fault["loc"]
    names = [str(part) for part in place if part not in {"body", "query", "path", "header"}]
    why = str(fault["msg"]).encode(errors="backslashreplace").decode()[:200]
    return {"field": ".".join(names)[:100].encode(errors="backslashreplace").decode() or "body", "why": why}


def _route(request: Request) -> str:
    """Return the pattern of the address, without what it names."""
    return str(getattr(request.scope.get("route"), "path", "an unknown address"))


_HTTP = {
    404: ("There is nothing here", "There is no such address; the addresses are in /v1/openapi.json."),
    405: ("This address works in another way", "It does not have this method; the header “Allow” names those it has."),
    413: ("The request is too large", "It has more bytes than this address takes; send less at once."),
}
_CODES = {404: "no-address", 405: "no-method", 413: "file-too-large"}


def dumps(content: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
