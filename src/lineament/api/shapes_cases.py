"""What is sent and answered about cases and their photographs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from lineament.api.problems import ProblemReason
from lineament.api.shapes import AskedFor, FaceQuality
from lineament.model.cases import AuthorisationOutcome, CaseStanding, CaseState, Seeks
from lineament.model.search import EditKind, ProbeKind

CaseName = Annotated[str, Path(max_length=200, description="The key of the case, or its reference in your agency.")]
ProbeName = Annotated[str, Path(max_length=200, description="The id of the photograph.")]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Annotated[str, Field(max_length=4000)]
Pixels = Annotated[list[float], Field(min_length=4, max_length=4, description="x, y, width and height, in pixels.")]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]
MOST_NUMBER = 100_000
"""The highest number of a face or of a picture in its file that may be asked for."""
FaceNumber = Annotated[int, Field(ge=1, le=MOST_NUMBER)]


# ---------------------------------------------------------------- cases


class NewCase(AskedFor):
    """The terms under which a case is opened."""

    ref: str = Field(max_length=100, description="The agency's own reference.")
    offence: str = Field(max_length=4000)
    purpose: str = Field(max_length=4000)
    basis: str = Field(max_length=4000, description="The legal basis.")
    seeks: Seeks = Field(
        default=Seeks.SUSPECT, strict=False, description="Decides whether the case needs an authorisation."
    )
    exempt_because: str | None = Field(default=None, max_length=4000, description="For an initial identification.")
    authorised_by: str | None = Field(default=None, max_length=4000)
    jurisdiction: str | None = Field(default=None, max_length=10, description="ISO 3166; null: that of the agency.")
    distressing: bool | None = Field(default=None, description="Its pictures are; null: as its words suggest.")


class ListedCase(BaseModel):
    """A case in a list."""

    ref: str
    key: str = Field(description="Names the case in addresses.")
    state: CaseState
    standing: CaseStanding | None = Field(description="Whether its searches are covered now; null: it is not open.")
    offence: str
    purpose: str
    basis: str
    distressing: bool
    authorised_by: str | None
    jurisdiction: str | None
    seeks: Seeks
    exempt_because: str | None
    opened_at: datetime
    closed_at: datetime | None
    hold_because: str | None
    searches: int


class CaseShapes(BaseModel):
    """A part of the list of cases, the newest first."""

    items: list[ListedCase]
    next: str | None


class CaseAllowance(BaseModel):
    """Why words in doubt are allowed in a case."""

    words: list[str]
    because: str
    by: str
    at: datetime
    alone: bool


class CaseAuthorisation(BaseModel):
    """The decision of the authority."""

    outcome: AuthorisationOutcome
    authority: str
    decided_at: datetime
    scope: str
    last_day: date | None
    document: str | None = Field(description="SHA-256 of the document.")
    recorded_by: str
    recorded_at: datetime


class CaseShape(ListedCase):
    """A case."""

    in_doubt: list[str] = Field(description="Words that keep it from being searched until a supervisor allows them.")
    allowed: list[CaseAllowance]
    urgent_since: datetime | None
    urgent_because: str | None
    locks_at: datetime | None
    authorisation: CaseAuthorisation | None
    destroyed_on: date | None


class Obstacles(BaseModel):
    """Every reason why a search may not run now; none means that it may."""

    reasons: list[ProblemReason]


# ---------------------------------------------------------------- photographs


class NewEdit(AskedFor):
    """An edit of a photograph."""

    kind: EditKind = Field(strict=False)
    degrees: Literal[0, 90, 180, 270] = Field(default=0, description="Of a turn, clockwise.")
    box: Pixels | None = Field(default=None, description="Of a crop, after the edits before it.")
    stops: float = Field(default=0.0, allow_inf_nan=False, description="Of exposure, -3 to 3.")


class NewEdits(AskedFor):
    """The edits of a photograph, in order; they take the place of earlier ones, and the original is kept."""

    edits: list[NewEdit] = Field(max_length=50)


class ProbeEdit(BaseModel):
    """An edit that was made."""

    kind: EditKind
    degrees: int
    box: Pixels | None
    stops: float
    automatic: bool = Field(description="Made by Lineament, to show a turned photograph upright.")


class LandmarksShape(BaseModel):
    """Five points (x, y) in pixels; left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class FoundFace(BaseModel):
    """A face found in a photograph."""

    face: int = Field(description="Its number, from 1; the largest comes first.")
    box: Pixels
    landmarks: LandmarksShape
    quality: FaceQuality
    comparable: bool = Field(description="Whether it is clear enough to be searched.")


class ProbeOrigin(BaseModel):
    """The face whose picture a photograph is a copy of; only the search is left once that picture is erased."""

    search_id: str | None = Field(description="Whose candidate it was; null: a program named the face.")
    face_id: int | None
    capture_id: int | None
    source: str | None


class ProbeShape(BaseModel):
    """A photograph of a case, with the faces found in it."""

    id: str
    case: str
    kind: ProbeKind
    sha256: str
    media_type: str
    width: int
    height: int
    part: int = Field(description="Which picture of its file, from 1.")
    parts: int
    incomplete: bool
    missing: float | None
    edits: list[ProbeEdit]
    origin: ProbeOrigin | None
    added_at: datetime
    erased_at: datetime | None
    faces: list[FoundFace]


class ProbeShapes(BaseModel):
    """A part of the list of photographs, the newest first."""

    items: list[ProbeShape]
    next: str | None
