"""What the server answers, as frozen values. Made by docs/generate.py from the API; do not edit by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lineament.client.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """How much of an upload is durable."""

    files: int
    """Whole files."""
    bytes: int
    refused: int
    """Files that are refused without being sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceQuality:
    """How well a face can be compared."""

    face_height: float
    """In pixels of the original."""
    detector_score: float
    """0 to 1."""
    norm: float
    """Length of the embedding before normalisation; higher is better."""
    sharpness: float
    exposure: float
    """0 to 1."""
    yaw: float
    """Degrees; 0 is frontal."""
    cropped: float
    """The share of its box outside the picture, 0 to 1."""
    roll: float
    """Degrees clockwise."""
    grade: int
    """Higher is stronger; -1: too weak to compare."""
    reasons: tuple[str, ...]
    """Why it may not compare reliably."""
    reliable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryFace:
    """A face of the gallery, without its template."""

    face: int
    box: tuple[float, ...]
    """x, y, width and height in pixels of the upright picture."""
    comparable: bool
    """Whether a search can find it."""
    drawn: bool
    """Whether somebody drew its box."""
    model: str
    quality: FaceQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, and what a program may do that has it."""

    id: str
    name: str
    acts_for: str
    """The official in whose name the program acts."""
    rights: tuple[str, ...]
    case: str | None = None
    """The only case that it sees; null: those that the official sees."""
    reason: str
    """The reason of searches that state none."""
    sources: tuple[str, ...]
    """The only sources that it works with; empty: those the official may."""
    per_minute: int
    """Requests that it may make in a minute."""
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What became of a picture."""

    name: str
    """As it was sent."""
    sha256: str
    outcome: str
    """enrolled, no_face, too_weak, already_there, another_place, refused or another."""
    words: str
    """The outcome in words."""
    why: str | None = None
    """Why it was refused."""
    faces: tuple[GalleryFace, ...]
    """The faces that the gallery has of this file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What became of the pictures, in the order in which they were sent."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """What a kind of problem means."""

    code: str
    status: int
    title: str
    detail: str
    """The form of its message; what stands in braces is filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How much of each file in a request is durable."""

    received: tuple[ReceivedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """How much of a file is durable."""

    file: int
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that was not taken in, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One ingest into a source."""

    run: int
    """Its number within the source, from 1."""
    connector: str
    what: tuple[str, ...]
    """What was given to it."""
    begun_at: datetime
    last_at: datetime
    ended_at: datetime | None = None
    """null: it runs, or was interrupted."""
    cursor: str | None = None
    counts: dict[str, int]
    """Pictures by outcome."""
    faces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWithRefusals:
    """One ingest, with the first pictures that it refused."""

    run: int
    """Its number within the source, from 1."""
    connector: str
    what: tuple[str, ...]
    """What was given to it."""
    begun_at: datetime
    last_at: datetime
    ended_at: datetime | None = None
    """null: it runs, or was interrupted."""
    cursor: str | None = None
    counts: dict[str, int]
    """Pictures by outcome."""
    faces: int
    refused_first: tuple[Refused, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source."""

    name: str
    state: str
    """drafted, live, suspended, expired or withdrawn; only a live one is searched."""
    captures: int
    faces: int
    controller: str
    """Who is responsible for the pictures."""
    basis: str
    """The legal basis on which they are processed."""
    jurisdiction: str
    permission_sha256: str | None = None
    """Digest of the document that permits it."""
    permission_kept: str | None = None
    """The name of that document, if it is kept."""
    licence: str | None = None
    hosts: tuple[str, ...]
    """Where pictures may be fetched from."""
    contact: str | None = None
    expires: date | None = None
    """The last day on which it may be searched."""
    days_left: int | None = None
    retention_days: int | None = None
    page_base: str | None = None
    registered_at: datetime
    approved_at: datetime | None = None
    drafted_by: str | None = None
    """Only for those who manage sources, as the next two."""
    approved_by: str | None = None
    shared_with: tuple[str, ...] | None = None
    """The agencies that alone may search it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How far an upload is."""

    upload: str
    begun_at: str
    ended_at: str | None = None
    """When all of it was taken in, or it was stopped."""
    files: int
    """Files that are listed."""
    bytes: int
    listed: bool
    """Whether the list is complete."""
    arrived: Arrived
    job: str | None = None
    """The last job that takes it in."""
    run: int | None = None
    """The number of its run within the source, once one has begun."""
    counts: dict[str, int]
    """Pictures by outcome, so far."""
    faces: int
    refused_first: tuple[Refused, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFiles:
    """Files of an upload."""

    files: tuple[UploadedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file of an upload."""

    file: int
    """Its number."""
    path: str
    size: int
    received: int
    """Bytes that are durable; the next part begins here."""
    why: str | None = None
    """Why it is refused without being sent."""
