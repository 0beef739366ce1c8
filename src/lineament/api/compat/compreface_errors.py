"""What CompreFace calls what went wrong: a number and a status, as its server gives them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from lineament import errors
from lineament.api.compat.foreign import FaultWording
from lineament.errors import LineamentError
from lineament.views.failures import UNFORESEEN_WORDS, failure_for, nearest

UNDEFINED = 0
DENIED = 1
NO_SERVICE = 10
"""No service has this key; its server says so of any key that it does not know."""
NO_HEADER = 20
BAD_PICTURE = 21
INVALID = 26
NO_FACE = 28
SEVERAL_FACES = 31
NO_PARAMETER = 33
NO_PART = 34
WRONG_ARGUMENT = 36
UNAVAILABLE = 41
NO_SUBJECT = 42
SUBJECT_EXISTS = 43
NO_IMAGE = 44

NO_FACE_WORDS = "No face is found in the given image"
"""What its server says, which programs look for."""


class CompreFaceFault(Exception):
    """A fault with the number and the status that CompreFace gives it."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Told:
    code: int
    status: int
    words: str = ""  # instead of those of the error


_TOLD: dict[type[LineamentError], _Told] = {
    errors.KeyRefused: _Told(NO_SERVICE, 404),
    errors.NotAllowed: _Told(DENIED, 403),
    errors.Refused: _Told(DENIED, 403),
    errors.StepUpNeeded: _Told(DENIED, 403),
    errors.Undecided: _Told(DENIED, 403),
    errors.NoFace: _Told(NO_FACE, 400, NO_FACE_WORDS),
    errors.SeveralFaces: _Told(SEVERAL_FACES, 400),
    errors.BadPicture: _Told(BAD_PICTURE, 400),
    errors.InvalidValue: _Told(WRONG_ARGUMENT, 400),
    errors.AlreadyThere: _Told(SUBJECT_EXISTS, 400),
}
"""Those whose number is always the same; an error without a line has that of its nearest base class."""


def told(error: LineamentError) -> Response:
    """Return one of our own errors as CompreFace would say it."""
    found = nearest(_TOLD, error)
    if found is None:
        status = failure_for(error).status
        found = _Told(UNAVAILABLE if status >= 500 else UNDEFINED, status)
    return _answer(found.status, found.code, found.words or str(error))


def _answer(status: int, code: int, message: str) -> Response:
    return JSONResponse({"message": message, "code": code}, status_code=status)


_HTTP = {
    404: "There is no such address; docs/reference/compreface.md lists those that there are.",
    405: "This address does not have this method.",
    413: "The request has more bytes than this address takes; send a smaller picture.",
    500: UNFORESEEN_WORDS,
}
WORDING = FaultWording(
    fault=CompreFaceFault,
    of_fault=lambda fault: _answer(fault.status, fault.code, fault.message),
    of_error=told,
    of_status=lambda status: _answer(status, UNDEFINED, _HTTP.get(status, "This request cannot be answered.")),
)
