"""Errors as Amazon Rekognition names them, so that its clients raise what they were written to handle."""

from __future__ import annotations

import json

from starlette.responses import Response

from lineament import errors
from lineament.api.compat.foreign import FaultWording
from lineament.errors import LineamentError
from lineament.views.errors import error_json
from lineament.views.failures import UNFORESEEN_WORDS, failure_for, nearest

MEDIA_TYPE = "application/x-amz-json-1.1"
NO_FACES = "There are no faces in the image. Should be at least 1."
"""The text for which clients look."""
NOT_FETCHED = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
"""Likewise, for an image in a bucket."""


class RekognitionFault(Exception):
    """A fault with the name and the status that AWS gives it."""

    def __init__(self, name: str, words: str, status: int = 400) -> None:
        self.name, self.words, self.status = name, words, status
        super().__init__(words)


_NAMES: dict[type[LineamentError], tuple[str, int]] = {
    errors.KeyEnded: ("ExpiredTokenException", 403),
    errors.SignatureRefused: ("InvalidSignatureException", 403),
    errors.KeyRefused: ("UnrecognizedClientException", 403),
    errors.TooManyAttempts: ("ThrottlingException", 400),
    errors.NotFound: ("ResourceNotFoundException", 400),
    errors.AlreadyThere: ("ResourceAlreadyExistsException", 400),
    errors.Undecided: ("AccessDeniedException", 400),
    errors.NotAllowed: ("AccessDeniedException", 400),
    errors.Refused: ("AccessDeniedException", 400),
    errors.StepUpNeeded: ("AccessDeniedException", 400),
    errors.WrongState: ("AccessDeniedException", 400),
    errors.FileTooLarge: ("ImageTooLargeException", 400),
    errors.PictureTooLarge: ("ImageTooLargeException", 400),
    errors.BadPicture: ("InvalidImageFormatException", 400),
    errors.InvalidValue: ("InvalidParameterException", 400),
    errors.SeveralFaces: ("InvalidParameterException", 400),
}
_NOT_FOUND = {
    "case of this key": ("AccessDeniedException", "A key that searches is bound to a case; this one is not."),
    "collection": ("ResourceNotFoundException", "The collection id: {name} does not exist"),
    "face": ("InvalidParameterException", "faceId was not found in the collection."),
}


def fault_of(error: LineamentError) -> RekognitionFault:
    """Return one of our own errors as the client knows it."""
    special = _special(error)
    if special is not None:
        return special
    words = str(error_json(error)["error"]["message"])
    if (named := nearest(_NAMES, error)) is not None:
        name, status = named
        return RekognitionFault(name, words, status)
    return RekognitionFault("InternalServerError", words, max(500, failure_for(error).status))


def _special(error: LineamentError) -> RekognitionFault | None:
    """Return the error for what clients know by a text, or by another name than others of its kind."""
    about = str(error.details.get("what", ""))
    if isinstance(error, errors.NoFace):
        return RekognitionFault("InvalidParameterException", NO_FACES)
    if isinstance(error, (errors.HostRefused, errors.NotRead)):
        return RekognitionFault("InvalidS3ObjectException", f"{NOT_FETCHED} {error}")
    if isinstance(error, errors.NotFound) and about in _NOT_FOUND:
        name, words = _NOT_FOUND[about]
        return RekognitionFault(name, words.format(name=error.details.get("name", "")))
    if isinstance(error, errors.AlreadyThere) and about == "subject":
        return RekognitionFault("ConflictException", str(error))
    if isinstance(error, errors.InvalidValue) and error.details.get("field") == "after":
        return RekognitionFault("InvalidPaginationTokenException", str(error))
    return None


def answer(content: object, status: int = 200) -> Response:
    """Return JSON as AWS sends it."""
    return Response(json.dumps(content).encode(), status_code=status, media_type=MEDIA_TYPE)


def fault_answer(fault: RekognitionFault) -> Response:
    """Return an error as AWS sends it."""
    response = answer({"__type": fault.name, "message": fault.words, "Message": fault.words}, fault.status)
    response.headers["x-amzn-errortype"] = fault.name
    return response


def _of_status(status: int) -> Response:
    if status == 413:
        return fault_answer(RekognitionFault("ImageTooLargeException", "The request is too large.", status))
    if status >= 500:
        return fault_answer(RekognitionFault("InternalServerError", UNFORESEEN_WORDS, status))
    words = "Every operation is sent to one address, by POST; docs/reference/rekognition.md lists them."
    return fault_answer(RekognitionFault("UnknownOperationException", words, status))


WORDING = FaultWording(
    fault=RekognitionFault,
    of_fault=fault_answer,
    of_error=lambda error: fault_answer(fault_of(error)),
    of_status=_of_status,
)
