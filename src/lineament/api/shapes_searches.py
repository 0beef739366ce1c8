"""What is answered about searches and their candidates; docs/reference/search-json.md says what each field means."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from lineament.api.problems import Problem
from lineament.api.shapes import FaceQuality
from lineament.api.shapes_cases import LandmarksShape, Pixels, ProbeEdit, ProbeOrigin
from lineament.model.search import Mode, Outcome, ProbeKind
from lineament.model.together import Together

SearchName = Annotated[str, Path(max_length=200, description="The id of the search.")]
CandidateName = Annotated[
    str,
    Path(max_length=64, description="The rank of the candidate, or while that is hidden its `name`."),
]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


# ---------------------------------------------------------------- candidates


class RecordShape(BaseModel):
    """A record of a web archive (ISO 28500)."""

    archive: str
    id: str
    offset: int
    sha256: str | None


class CandidateShape(BaseModel):
    """A face of the gallery that somebody should look at. It is a starting point, never a finding."""

    rank: int
    score: float
    expected_false: float
    extrapolated: Interval | None
    group: int | None
    person: int | None
    face_id: int
    capture_id: int
    source: str
    uri: str
    page_uri: str | None
    page_title: str | None
    captured_at: datetime | None
    connector: str | None
    words: str | None
    record: RecordShape | None
    page_record: RecordShape | None
    time_code: float | None
    part: int | None
    parts: int | None
    incomplete: bool
    missing: float | None
    sha256: str
    box: Pixels
    drawn: bool
    near_duplicates: list[int]


class ListedCandidate(CandidateShape):
    """An entry of a list: its best picture, with further ones of the same face."""

    further: list[CandidateShape]
    unlisted: int


class FoundAtShape(BaseModel):
    """Where a picture was found."""

    uri: str
    page_uri: str | None
    page_title: str | None


class HiddenPicture(BaseModel):
    """A picture of a candidate that this official has yet to judge."""

    name: str
    source: str
    captured_at: datetime | None
    near_duplicates: int
    part: int | None
    parts: int | None
    time_code: float | None
    incomplete: bool
    found_at: FoundAtShape | None = Field(description="null until this official decided about the candidate.")


class HiddenCandidate(BaseModel):
    """A candidate whose rank, score and page are hidden until this official decided about all of them."""

    name: str = Field(description="Names it in addresses; it tells nothing of its rank.")
    faces: list[HiddenPicture]
    more: bool


class ListStanding(BaseModel):
    """Where a candidate stands in its list."""

    rank: int
    score: float
    expected_false: float
    extrapolated: Interval | None
    group: int | None
    near_duplicates: list[int]


class PlaceShape(FoundAtShape):
    """Where and when a picture was found."""

    captured_at: datetime | None
    licence: str | None
    connector: str | None
    words: str | None
    time_code: float | None
    record: RecordShape | None
    page_record: RecordShape | None


class AlikePicture(PlaceShape):
    """A nearly identical picture."""

    source: str
    capture_id: int


class CoordinatesShape(BaseModel):
    """Degrees (WGS 84)."""

    latitude: float
    longitude: float


class CredentialsShape(BaseModel):
    """Content credentials (C2PA); only their signature was verified."""

    state: str
    generator: str | None
    issuer: str | None
    signed_at: str | None
    kinds: list[str]
    reserved: list[str]


class FactsShape(BaseModel):
    """What a picture says of itself."""

    taken_at: str | None = Field(description="By the camera's clock, mostly without a zone.")
    place: CoordinatesShape | None
    credentials: CredentialsShape | None


class FoundShape(PlaceShape):
    """The picture of a candidate, and where it was found."""

    face_id: int
    capture_id: int
    sha256: str
    media_type: str
    bytes: int
    width: int
    height: int
    part: int | None
    parts: int | None
    incomplete: bool
    missing: float | None
    barred: bool = Field(description="Known-abuse material: its picture is not kept.")
    enrolled_at: datetime
    archived_page: bool = Field(description="Whether the page is kept as it was captured.")
    facts: FactsShape
    same_file: list[PlaceShape]
    alike: list[AlikePicture]
    no_copy_because: str | None = Field(description="Why its picture cannot be searched with; null: it can.")


class BesideShape(BaseModel):
    """A candidate as it is compared with the probe."""

    name: str
    person: int | None
    source: str
    reliable: bool = Field(description="Whether there is no reason against comparing its face.")
    reasons: list[str] = Field(description="Why its face may not compare reliably.")
    quality: FaceQuality | None = Field(description="null until this official decided about the candidate.")
    drawn: bool
    box: Pixels | None = Field(description="null until this official decided about the candidate.")
    landmarks: LandmarksShape | None = Field(description="null until this official decided about the candidate.")
    found: FoundShape | None = Field(description="null until this official decided about the candidate.")
    listed: ListStanding | None = Field(description="null until this official decided about every candidate.")


# ---------------------------------------------------------------- searches


class SignedShape(BaseModel):
    """The change that set the threshold."""

    number: int
    on: date
    alone: bool


class SearchedProbe(BaseModel):
    """The face that was searched."""

    id: str
    sha256: str
    face: int
    part: int
    parts: int
    incomplete: bool
    missing: float | None
    edits: list[ProbeEdit]
    kind: ProbeKind
    origin: ProbeOrigin | None
    erased: bool
    box: Pixels
    quality: FaceQuality


class FusedFace(BaseModel):
    """A face in another photograph of the same person."""

    id: str
    face: int


class PersonProbe(BaseModel):
    """The face of a further person."""

    id: str
    sha256: str
    face: int
    box: Pixels
    quality: FaceQuality


class PersonShape(BaseModel):
    """A further person who was searched."""

    number: int
    probe: PersonProbe
    threshold: float
    missed: float | None


class SinceShape(BaseModel):
    """The search since which the faces compared were enrolled."""

    search_id: str
    at: datetime
    face: int
    whole_faces: int


class SearchShape(BaseModel):
    """A search with its list, as this official may see it."""

    search_id: str
    case: str
    made_at: datetime
    made_by: str
    reason: str
    model: str
    gallery_faces: int
    uncompared: int
    altered: list[str]
    sources: list[str]
    mode: Mode
    threshold: float
    strangers: float | None
    signed: SignedShape | None
    missed: float | None
    outcome: Outcome
    probe: SearchedProbe
    others: list[FusedFace]
    together: Together | None
    people: list[PersonShape]
    newest_face: int | None
    after: SinceShape | None
    watch: str | None
    whole_faces: int | None
    candidates: list[ListedCandidate] = Field(description="The list, best first; empty while it is hidden.")
    hidden: list[HiddenCandidate] = Field(
        description="Where the agency's policy asks for it: the list, shuffled for this official, until they decided."
    )
    ledger_entry: int | None
    commitment: str
    warnings: list[str] = Field(description="Show them with the list.")
    seconds: float


class ListedSearch(BaseModel):
    """A search in the list of its case."""

    search_id: str
    made_at: datetime
    reason: str
    outcome: Outcome
    candidates: int
    erased: int


class SearchShapes(BaseModel):
    """A part of the searches of a case, the newest first."""

    items: list[ListedSearch]
    next: str | None


class BatchedSearch(BaseModel):
    """What became of one of several photographs: a search, or a problem."""

    name: str = Field(description="The id of the photograph, or the name of its file.")
    search: ListedSearch | None
    problem: Problem | None = Field(description="Why it was not searched; nothing of the others depends on it.")


class BatchedSearches(BaseModel):
    """What became of each photograph, in their order."""

    items: list[BatchedSearch]
    searched: int
    failed: int
