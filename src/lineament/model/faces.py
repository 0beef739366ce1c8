"""Captures, faces, quality, embeddings and templates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, TypeAlias

from lineament.model.credentials import Credentials

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"
"""One embedding, shape (d,), unit length."""
Vectors: TypeAlias = "NDArray[np.float32]"
"""Embeddings, shape (n, d), each of unit length."""
FaceIds: TypeAlias = "NDArray[np.int64]"
"""Face ids, shape (n,); ids grow in the order of enrolment within a workspace and are never used twice."""
Pixels: TypeAlias = "NDArray[np.uint8]"
"""An upright picture, shape (height, width, 3), RGB, 0 to 255."""

FaceId = NewType("FaceId", int)
CaptureId = NewType("CaptureId", int)
SourceId = NewType("SourceId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A region in pixels of the upright original; x and y are its left upper corner and may lie outside."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.width * self.height + other.width * other.height - shared)

    def scaled(self, across: float, down: float) -> Box:
        """Return the box in a picture whose sides are ``across`` and ``down`` times as long."""
        return Box(x=self.x * across, y=self.y * down, width=self.width * across, height=self.height * down)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """Five points (x, y) in pixels of the upright original; left and right as the viewer sees them."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]
    left_mouth: tuple[float, float]
    right_mouth: tuple[float, float]

    def scaled(self, across: float, down: float) -> Landmarks:
        """Return the points in a picture whose sides are ``across`` and ``down`` times as long."""
        points = {field.name: getattr(self, field.name) for field in fields(self)}
        return Landmarks(**{name: (x * across, y * down) for name, (x, y) in points.items()})


class QualityReason(StrEnum):
    """Why a face may not compare reliably; the value is its text for people."""

    SMALL = "the face is small"
    UNSURE = "the detector is unsure that this is a face"
    WEAK = "too little detail"
    BLURRED = "the face is blurred"
    DARK = "the face is too dark"
    BRIGHT = "the face is too bright"
    TURNED = "the head is turned"
    CROPPED = "the face is cropped by the border"
    HINTED = "it was found only where another program had marked a face"


ABOUT_UPRIGHT = 20.0
"""Degrees of tilt that are not worth mentioning."""
DRAWN = "box drawn by hand"
"""What is said of a face that the detector had missed."""
NO_GRADE = -1
"""The grade of a template that is too weak to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well a face can be compared (after ISO/IEC 29794-5), with the reasons against it."""

    face_height: float  # pixels in the original
    detector_score: float  # 0 to 1
    norm: float  # length of the embedding before normalisation, higher is better
    sharpness: float  # variance of the Laplacian over the aligned face, higher is sharper
    exposure: float  # mean luminance of the aligned face, 0 to 1
    yaw: float  # degrees, estimated from the landmarks; 0 is frontal, positive turns to the viewer's right
    cropped: float  # share of the box that lies outside the picture, 0 to 1
    roll: float = 0.0  # degrees that the face is tilted clockwise, -180 to 180; 0 is upright
    grade: int = 0  # of the template, higher is stronger (``model.rates``); NO_GRADE: too weak to compare
    reasons: tuple[QualityReason, ...] = ()

    @property
    def quarters(self) -> int:
        """By how many quarter turns clockwise the face is turned, 0 to 3; crops are shown turned back by as many."""
        return round(self.roll / 90) % 4

    @property
    def tilt(self) -> str:
        """In words how far the face is tilted; empty if it is about upright."""
        if abs(self.roll) <= ABOUT_UPRIGHT:
            return ""
        if abs(self.roll) >= 180 - ABOUT_UPRIGHT:
            return "upside down"
        return f"tilted by {abs(self.roll):.0f}° {'clockwise' if self.roll > 0 else 'counterclockwise'}"

    @property
    def reliable(self) -> bool:
        """Whether there is no reason against comparing this face."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Template:
    """An embedding with its model. Templates of different models are never compared."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face found in a picture."""

    box: Box
    landmarks: Landmarks
    quality: Quality
    template: Template

    @property
    def comparable(self) -> bool:
        """Whether its template is strong enough to compare."""
        return self.quality.grade != NO_GRADE


def common_quarters(faces: Iterable[Face | EnrolledFace]) -> int:
    """Return by how many quarters clockwise more than half of the faces are turned, 0 to 3; 0 if they disagree."""
    turns = [face.quality.quarters for face in faces]
    return next((quarters for quarters in (1, 2, 3) if 2 * turns.count(quarters) > len(turns)), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a photograph was taken, from its EXIF, in degrees (WGS 84)."""

    latitude: float  # -90 to 90
    longitude: float  # -180 to 180


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What a photograph says of itself: it may tell where somebody was, and who took it."""

    taken_at: datetime | None = None  # by the camera's clock, from EXIF; mostly without a zone
    place: Place | None = None
    credentials: Credentials | None = None  # its content credentials (C2PA)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """A record of a web archive (ISO 28500)."""

    archive: str  # the name of the WARC file
    id: str  # WARC-Record-ID, as “urn:uuid:…”
    offset: int  # bytes from the beginning of the file
    sha256: str | None = None  # of the record's payload; None until its bytes are digested


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where and when an image was found; every face leads back to one of these (R5)."""

    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None  # when the source found it, with zone
    licence: str | None = None
    connector: str | None = None  # the connector, with its version: “warc 1”
    words: str | None = None  # its alternative text and the text around it on the page, one line
    record: ArchiveRecord | None = None  # in the web archive that it came from
    page_record: ArchiveRecord | None = None  # the record of the page that showed it, in a web archive
    time_code: float | None = None  # seconds from the beginning of the video or animation that it is a frame of
    part: int | None = None  # which picture of its file, from 1; None: the file holds only one
    parts: int | None = None  # pictures in the file, if there are several


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    """One image from one source, before it has an id."""

    source_id: SourceId
    provenance: Provenance
    sha256: str  # of the bytes as found, hexadecimal
    phash: bytes  # 256-bit perceptual hash (PDQ)
    media_type: str
    size: int  # bytes
    width: int  # pixels, upright
    height: int
    enrolled_at: datetime
    original: str | None  # blob addresses; None if erased, or if a version before 0.3 found no face
    thumbnail: str | None
    page: str | None = None  # the WARC record of the page that showed it, a blob address too
    facts: bytes | None = None  # what it says of itself (PhotoFacts), sealed under the key of its source
    barred: bool = False  # known-abuse material: its picture is never shown, and not kept (R52)
    part: int = 1  # which picture of its file, from 1: a page, a frame
    incomplete: bool = False  # the file is damaged; what could be read of the picture is there
    missing: float | None = None  # the share of its rows that is missing at the bottom, 0 to 1; None: unknown
    looked_at_by: str | None = None  # the model that last looked for faces in it
    no_face_because: str | None = None  # why no face of it was taken, if none was


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(NewCapture):
    """One image from one source, as it is stored."""

    id: CaptureId


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledFace:
    """A face of the gallery, without its template."""

    id: FaceId
    capture_id: CaptureId
    source_id: SourceId
    box: Box
    landmarks: Landmarks
    quality: Quality
    model: str
    crop: str  # blob address
    comparable: bool = True  # whether it has a template; without one, no search finds it
    drawn: bool = False  # somebody drew its box, because the detector had missed it
