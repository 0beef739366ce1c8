"""The options of CompreFace's addresses, in the query of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import QueryParams

from lineament.api.compat.compreface_errors import (
    INVALID,
    NO_IMAGE,
    NO_PARAMETER,
    WRONG_ARGUMENT,
    CompreFaceFault,
)
from lineament.api.compat.values import share_in, truth_in, whole_in
from lineament.sandbox.files import printable

LANDMARKS = "landmarks"
CALCULATOR = "calculator"
MOST_SUBJECTS = 100
"""Most subjects that are told for a face."""
LONGEST_SUBJECT = 50
"""CompreFace's own limit for a name that is given by itself."""
MOST_PAGE = 1000
_NAME = re.compile(r"[^;/\\]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOptions:
    """What a program asks for about the faces of a picture."""

    limit: int = 0  # most faces, the largest first; 0: all
    least_score: float = 0.0  # of the detector, 0 to 1
    subjects: int = 1  # most subjects of a face
    landmarks: bool = False
    status: bool = False  # whether versions and times are told


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPart:
    """A part of the list of faces."""

    number: int  # from 0
    size: int
    subject: str | None  # the only one


def face_options(query: QueryParams) -> FaceOptions:
    """Return the options of a request. Raises CompreFaceFault."""
    plugins = _plugins(query.get("face_plugins", ""))
    if not _truth(query, "detect_faces", usual=True):
        why = "detect_faces=false is not supported: every face is looked for, and none is taken for granted"
        raise CompreFaceFault(WRONG_ARGUMENT, why)
    count = _whole(query, "prediction_count", usual=1, least=-1, most=MOST_SUBJECTS)
    return FaceOptions(
        limit=_whole(query, "limit", usual=0, least=0, most=10**6),
        least_score=_share(query, "det_prob_threshold"),
        subjects=MOST_SUBJECTS if count == -1 else max(1, count),
        landmarks=LANDMARKS in plugins,
        status=_truth(query, "status", usual=False),
    )


def list_part(query: QueryParams) -> ListPart:
    """Return which part of a list a program asks for. Raises CompreFaceFault."""
    return ListPart(
        number=_whole(query, "page", usual=0, least=0, most=10**6),
        size=_whole(query, "size", usual=20, least=1, most=MOST_PAGE),
        subject=query.get("subject") or None,
    )


def subject_in(query: QueryParams) -> str:
    """Return the subject that the query names. Raises CompreFaceFault if it names none."""
    if "subject" not in query:
        raise CompreFaceFault(NO_PARAMETER, "Required parameter subject is missing")
    name = query["subject"]
    if not name.strip():
        raise CompreFaceFault(INVALID, "Subject name is empty")
    return name


def new_subject(value: object) -> str:
    """Return the name in a body such as ``{"subject": "name"}``; other fields are ignored. Raises CompreFaceFault."""
    name = value.get("subject") if isinstance(value, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise CompreFaceFault(INVALID, "Subject name cannot be empty")
    if len(name) > LONGEST_SUBJECT:
        raise CompreFaceFault(INVALID, f"Subject name size must be between 1 and {LONGEST_SUBJECT}")
    if not _NAME.fullmatch(name):
        raise CompreFaceFault(WRONG_ARGUMENT, "The name cannot contain these characters: ; / \\")
    return name


def image_id(untrusted: str) -> str:
    """Return the id of an image as it is stored. Raises CompreFaceFault for what cannot be one."""
    try:
        return str(UUID(untrusted))
    except ValueError:
        raise CompreFaceFault(NO_IMAGE, f"Image {printable(untrusted[:40])} not found", 404) from None


def _plugins(untrusted: str) -> frozenset[str]:
    """Return the names of plugins. Those that are not there are ignored, as CompreFace does; double-take sends some."""
    names = frozenset(name.strip() for name in untrusted.split(","))
    if CALCULATOR in names:
        why = "face_plugins cannot have calculator: a template never leaves Lineament"
        raise CompreFaceFault(WRONG_ARGUMENT, why)
    return names


def _whole(query: QueryParams, name: str, *, usual: int, least: int, most: int) -> int:
    text = query.get(name, "")
    number = whole_in(text, least, most) if text else usual
    if number is None:
        raise CompreFaceFault(INVALID, f"{name} must be a whole number from {least} to {most}")
    return number


def _share(query: QueryParams, name: str) -> float:
    share = share_in(query.get(name, "") or "0")
    if share is None:
        raise CompreFaceFault(INVALID, f"{name} must be a number from 0 to 1")
    return share


def _truth(query: QueryParams, name: str, *, usual: bool) -> bool:
    text = query.get(name, "")
    truth = truth_in(text) if text else usual
    if truth is None:
        raise CompreFaceFault(INVALID, f"{name} must be true or false")
    return truth
