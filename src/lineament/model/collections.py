"""Collections: sources as programs of others know them, and the people whose faces these say they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from lineament.errors import InvalidValue
from lineament.model.faces import Box, CaptureId, Face, FaceId, Landmarks, Quality, SourceId

LONGEST_CALLED = 255
"""Most characters of a name that a program gives to a collection, a face or a subject."""


class Dialect(StrEnum):
    """Whose interface a program speaks. Collections of two dialects never share a name by accident."""

    REKOGNITION = "rekognition"
    COMPREFACE = "compreface"
    INSIGHTFACE = "insightface"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCollection:
    """A collection before it has a source."""

    terms_id: SourceId  # the source whose terms it is made with
    dialect: Dialect
    called: str  # its name for the program
    distressing: bool | None = None  # as of that source
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the program says of it besides: JSON, kept as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCollection:
    """How programs know a source that one of them made."""

    source_id: SourceId
    terms_id: SourceId
    dialect: Dialect
    called: str
    made_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCollection:
    """A source as a program sees it."""

    called: str  # its name for the program; for a source that no program made, its own
    source: str
    source_id: SourceId
    faces: int
    made_at: datetime
    made_here: bool  # by a program; only such a collection can be deleted by one
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the program says of it besides: JSON, kept as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSubject:
    """Whom faces of a collection show, as a program says; nothing that Lineament found out."""

    id: str
    source_id: SourceId
    called: str
    made_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the program says of them besides


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFace:
    """An enrolled face with what programs say of it."""

    id: FaceId
    capture_id: CaptureId
    box: Box
    landmarks: Landmarks
    quality: Quality
    width: int  # of its picture, pixels, upright
    height: int
    comparable: bool
    key: str  # its name for programs, like a UUID
    picture_key: str  # that of its picture
    called: str | None  # what the program that enrolled it calls it
    subject: FaceSubject | None
    enrolled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What became of a picture that a program enrolled."""

    faces: tuple[CollectionFace, ...]  # largest first
    left_out: tuple[Face, ...]  # beyond the most that were wanted
    outcome: str
    refused: str  # why the picture was refused; empty otherwise


def checked_called(untrusted: str, label: str, field: str) -> str:
    """Return a name that a program gives. Raises InvalidValue if it is empty, too long, or cannot be printed."""
    if not untrusted.strip() or len(untrusted) > LONGEST_CALLED or not untrusted.isprintable():
        why = f"use 1 to {LONGEST_CALLED} printable characters"
        shown = untrusted[:40].encode(errors="backslashreplace").decode()
        raise InvalidValue(what=label, value=shown, why=why, field=field)
    return untrusted
