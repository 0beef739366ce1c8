"""What InsightFace Server calls what went wrong: a word and a status, in its envelope."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lineament import errors
from lineament.errors import KeyRefused, LineamentError, TooManyAttempts
from lineament.views.failures import UNFORESEEN, failure_for

log = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"


class InsightFaceFault(Exception):
    """A fault with the word and the status that InsightFace Server gives it."""

    def __init__(self, code: str, message: str, status: int = 400, **details: object) -> None:
        self.code, self.message, self.status, self.details = code, message, status, details
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Named:
    code: str
    status: int


_NAMED: dict[type[LineamentError], _Named] = {
    errors.KeyRefused: _Named("unauthorized", 401),
    errors.NoFace: _Named("face_not_found", 422),
    errors.SeveralFaces: _Named("multiple_faces", 422),
    errors.BadPicture: _Named("invalid_image", 422),
    errors.FileTooLarge: _Named("image_too_large", 413),
    errors.InvalidValue: _Named("invalid_request", 400),
    errors.AlreadyThere: _Named("resource_conflict", 409),
    errors.NotFound: _Named("resource_not_found", 404),
}
"""Those that have a word of its own; any other error keeps our code."""


def code_of(error: LineamentError) -> str:
    """Return the word for an error."""
    return _named(error).code


def told(error: LineamentError) -> Response:
    """Return one of our own errors as InsightFace Server would say it."""
    named = _named(error)
    answer = _answer(named.status, named.code, str(error), {})
    if isinstance(error, TooManyAttempts):
        answer.headers["retry-after"] = str(error.seconds)
    if isinstance(error, KeyRefused):
        answer.headers["www-authenticate"] = "Bearer"
    return answer


async def lineament_error(request: Request, error: Exception) -> Response:
    """Answer one of our own errors."""
    if not isinstance(error, LineamentError):
        return await unforeseen(request, error)
    if failure_for(error).status == UNFORESEEN.status:
        log.error("%s: %s", request.method, error)
    return told(error)


async def fault(_request: Request, error: Exception) -> Response:
    """Answer what InsightFace Server has a word for, and we have no error."""
    if not isinstance(error, InsightFaceFault):
        raise error
    return _answer(error.status, error.code, error.message, error.details)


async def http_error(_request: Request, error: Exception) -> Response:
    """Answer a request for what does not exist, with a method that it does not have, or that is too large."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, message = _HTTP.get(status, ("http_error", "This request cannot be answered."))
    answer = _answer(status, code, message, {})
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def unforeseen(request: Request, error: Exception) -> Response:
    """Answer any other error: with the traceback in the terminal, and one line for the program."""
    log.error("%s", request.method, exc_info=error)
    return _answer(500, "internal_error", "Lineament did not expect this. The log of the server shows the details.", {})


def enveloped(content: Mapping[str, Any], status: int = 200) -> Response:
    """Return an answer with the id that its request gets, in the body and in a header."""
    request_id = str(uuid.uuid4())
    return JSONResponse({**content, "request_id": request_id}, status_code=status, headers={REQUEST_ID: request_id})


def _named(error: LineamentError) -> _Named:
    found = next((_NAMED[kind] for kind in type(error).__mro__ if kind in _NAMED), None)
    return found or _Named(error.code.replace("-", "_"), failure_for(error).status)


def _answer(status: int, code: str, message: str, details: Mapping[str, object]) -> Response:
    return enveloped({"error": {"code": code, "message": message, "details": details}}, status)


_HTTP = {
    404: ("route_not_found", "There is no such address; docs/reference/insightface.md lists those that there are."),
    405: ("method_not_allowed", "This address does not have this method."),
    413: ("request_too_large", "The request has more bytes than this address takes; send smaller pictures."),
}
