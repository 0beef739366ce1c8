"""Errors as JSON, and what can be done about them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from lineament.errors import LineamentError, Refused, SeveralFaces
from lineament.model.faces import Box
from lineament.model.reasons import Reason
from lineament.views.values import sides, upper_first


def error_json(error: LineamentError) -> dict[str, Any]:
    """Return an error as JSON; ``reasons`` is empty unless it is a refusal.

    If a face has to be chosen, ``faces`` has the number and the box of each.
    """
    reasons = [reason_json(reason) for reason in _reasons(error)]
    return {"error": {"code": error.code, "message": str(error), "reasons": reasons, **_faces_json(error)}}


def named_error_json(file: str, error: LineamentError) -> dict[str, Any]:
    """Return an error as JSON, with the file of the photograph that it is about."""
    return {"file": file, **error_json(error)}


def _faces_json(error: LineamentError) -> dict[str, Any]:
    boxes = _boxes(error)
    return (
        {"faces": [{"face": number, "box": sides(box)} for number, box in enumerate(boxes, start=1)]} if boxes else {}
    )


def reason_json(reason: Reason) -> dict[str, Any]:
    """Return a reason of a refusal as JSON."""
    remedy = None if reason.command is None else str(reason.remedy)
    return {"code": str(reason.code), "words": reason.words, "remedy": remedy, "command": reason.command}


def remedy_lines(error: LineamentError) -> list[str]:
    """Return a line with a command for each remedy of a refusal; empty if nothing can be done in the terminal."""
    lines = [_remedy_line(reason.remedy, reason.command) for reason in _reasons(error) if reason.command is not None]
    return list(dict.fromkeys(lines))


def _remedy_line(remedy: str, command: str) -> str:
    return f"{upper_first(remedy)}: {command}"


def _reasons(error: LineamentError) -> list[Reason]:
    return [reason for reason in error.reasons if isinstance(reason, Reason)] if isinstance(error, Refused) else []


def face_rows(error: LineamentError) -> list[tuple[str, str, str]]:
    """Return the number, place and size of each face that can be chosen, in pixels; empty if there is no choice."""
    return [
        (str(number), f"{box.x:.0f}, {box.y:.0f}", f"{box.width:.0f} × {box.height:.0f}")
        for number, box in enumerate(_boxes(error), start=1)
    ]


def _boxes(error: LineamentError) -> Sequence[Box]:
    boxes = error.details["boxes"] if isinstance(error, SeveralFaces) else ()
    return cast("Sequence[Box]", boxes)
