"""What InsightFace Server calls what went wrong: a word and a status, in its envelope."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from lineament import errors
from lineament.api.compat.foreign import FaultWording
from lineament.errors import KeyRefused, LineamentError
from lineament.views.failures import UNFORESEEN_WORDS, failure_for, nearest

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
    if isinstance(error, KeyRefused):
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def enveloped(content: Mapping[str, Any], status: int = 200) -> Response:
    """Return an answer with the id that its request gets, in the body and in a header."""
    request_id = str(uuid.uuid4())
    return JSONResponse({**content, "request_id": request_id}, status_code=status, headers={REQUEST_ID: request_id})


def _named(error: LineamentError) -> _Named:
    return nearest(_NAMED, error) or _Named(error.code.replace("-", "_"), failure_for(error).status)


def _answer(status: int, code: str, message: str, details: Mapping[str, object]) -> Response:
    return enveloped({"error": {"code": code, "message": message, "details": details}}, status)


_HTTP = {
    404: ("route_not_found", "There is no such address; docs/reference/insightface.md lists those that there are."),
    405: ("method_not_allowed", "This address does not have this method."),
    413: ("request_too_large", "The request has more bytes than this address takes; send smaller pictures."),
    500: ("internal_error", UNFORESEEN_WORDS),
}
WORDING = FaultWording(
    fault=InsightFaceFault,
    of_fault=lambda fault: _answer(fault.status, fault.code, fault.message, fault.details),
    of_error=told,
    of_status=lambda status: _answer(
        status, *_HTTP.get(status, ("http_error", "This request cannot be answered.")), {}
    ),
)
