"""What the server answers, as frozen values. Made by docs/generate.py; do not edit by hand.

It is made from the description of the API. Written by hand, it would fall behind the server; made at run time, type
checkers and editors would not know it; and the server's own classes would bring the engine along. Each class has all
of its fields, also those that another class has too, as in docs/reference/api.md: the description does not tell which
classes belong together and which only have equal names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lineament.client.problems import Problem, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikePicture:
    """A nearly identical picture."""

    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None
    licence: str | None = None
    connector: str | None = None
    words: str | None = None
    time_code: float | None = None
    record: Record | None = None
    page_record: Record | None = None
    source: str
    capture_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """How much of an upload is durable."""

    files: int
    """Whole files."""
    bytes: int
    refused: int
    """Files that are refused without being sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch."""

    batch: str
    case: str
    kind: str | None = None
    begun_at: datetime
    started_at: datetime | None = None
    """When somebody had it searched."""
    reason: str | None = None
    job: str | None = None
    """The job that searches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched:
    """A photograph of a batch, and what became of it."""

    photograph: str
    name: str
    state: str
    why: str | None = None
    """Why it could not be read or searched."""
    probe: str | None = None
    faces: int | None = None
    face: int | None = None
    """Which is searched."""
    search: str | None = None
    candidates: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedSearch:
    """What became of one of several photographs: a search, or a problem."""

    name: str
    """The id of the photograph, or the name of its file."""
    search: ListedSearch | None = None
    problem: Problem | None = None
    """Why it was not searched; nothing of the others depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedSearches:
    """What became of each photograph, in their order."""

    items: tuple[BatchedSearch, ...]
    searched: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A candidate as it is compared with the probe."""

    name: str
    person: int | None = None
    source: str
    reliable: bool
    """Whether there is no reason against comparing its face."""
    reasons: tuple[str, ...]
    """Why its face may not compare reliably."""
    quality: FaceQuality | None = None
    """null until this official decided about the candidate."""
    drawn: bool
    box: tuple[float, ...] | None = None
    """null until this official decided about the candidate."""
    landmarks: Landmarks | None = None
    """null until this official decided about the candidate."""
    found: Found | None = None
    """null until this official decided about the candidate."""
    listed: ListStanding | None = None
    """null until this official decided about every candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A face of the gallery that somebody should look at. It is a starting point, never a finding."""

    rank: int
    score: float
    expected_false: float
    extrapolated: tuple[float, ...] | None = None
    group: int | None = None
    person: int | None = None
    face_id: int
    capture_id: int
    source: str
    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None
    connector: str | None = None
    words: str | None = None
    record: Record | None = None
    page_record: Record | None = None
    time_code: float | None = None
    part: int | None = None
    parts: int | None = None
    incomplete: bool
    missing: float | None = None
    sha256: str
    box: tuple[float, ...]
    """x, y, width and height, in pixels."""
    drawn: bool
    near_duplicates: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case."""

    ref: str
    key: str
    """Names the case in addresses."""
    state: str
    standing: str | None = None
    """Whether its searches are covered now; null: it is not open."""
    offence: str
    purpose: str
    basis: str
    distressing: bool
    authorised_by: str | None = None
    jurisdiction: str | None = None
    seeks: str
    exempt_because: str | None = None
    opened_at: datetime
    closed_at: datetime | None = None
    hold_because: str | None = None
    searches: int
    in_doubt: tuple[str, ...]
    """Words that keep it from being searched until a supervisor allows them."""
    allowed: tuple[CaseAllowance, ...]
    urgent_since: datetime | None = None
    urgent_because: str | None = None
    locks_at: datetime | None = None
    authorisation: CaseAuthorisation | None = None
    destroyed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAllowance:
    """Why words in doubt are allowed in a case."""

    words: tuple[str, ...]
    because: str
    by: str
    at: datetime
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAuthorisation:
    """The decision of the authority."""

    outcome: str
    authority: str
    decided_at: datetime
    scope: str
    last_day: date | None = None
    document: str | None = None
    """SHA-256 of the document."""
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The newest signed state of the ledger."""

    entries: int
    checkpoint: str | None = None
    """A signed note (c2sp.org/tlog-checkpoint); null: there is no entry."""
    key: str
    """The public key that checks its signature (C2SP vkey)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A decision that was committed, and what is left."""

    decision: Decision
    left: int
    next: str | None = None
    """The candidate to decide next, in this official's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """The proof that the ledger continues from a checkpoint."""

    file: str
    """The proof as a file, which can be checked without Lineament."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A photograph that copies a candidate's picture."""

    probe: Probe
    face: int
    """The number of the candidate's face in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Content credentials (C2PA); only their signature was verified."""

    state: str
    generator: str | None = None
    issuer: str | None = None
    signed_at: str | None = None
    kinds: tuple[str, ...]
    reserved: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision about a candidate, as it was committed."""

    reviewer: str
    at: datetime
    outcome: str
    checklist: dict[str, str]
    grounds: str
    number: int
    """Of this person's decisions about this candidate, from 1."""
    because: str
    """Why it replaces the earlier one."""
    informed: bool
    """Made when its author could already read the other review."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the ledger."""

    entry: int
    """Its number, from 0."""
    at: datetime
    action: str
    case: str | None = None
    commitment: str
    """Hexadecimal."""
    details: dict[str, Any] | None = None
    """null: lawfully erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProof:
    """The proof that the ledger has an entry."""

    entry: Entry
    leaf: str
    path: tuple[str, ...]
    """Hashes from beside the leaf up to below the root."""
    checkpoint: str
    file: str
    """The proof as a file (c2sp.org/tlog-proof)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An evaluation."""

    evaluation: str
    """The id of its job."""
    state: str
    """queued, running, done, failed or stopped."""
    why: str | None = None
    """Why it failed."""
    report: dict[str, Any] | None = None
    """What was measured, as docs/reference/evaluation-json.md says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """The exclusion of the face in an earlier list of the case."""

    search_id: str
    at: datetime


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
    iso_29794_5: dict[str, IsoMeasure]
    """The measures by the names of ISO/IEC 29794-5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a picture says of itself."""

    taken_at: str | None = None
    """By the camera's clock, mostly without a zone."""
    place: Coordinates | None = None
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a watch found, and where it belongs."""

    finding: str
    search: str
    at: datetime
    candidates: int
    seen_by: str | None = None
    seen_at: datetime | None = None
    watch: str
    case: str
    probe: str
    face: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The picture of a candidate, and where it was found."""

    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None
    licence: str | None = None
    connector: str | None = None
    words: str | None = None
    time_code: float | None = None
    record: Record | None = None
    page_record: Record | None = None
    face_id: int
    capture_id: int
    sha256: str
    media_type: str
    bytes: int
    width: int
    height: int
    part: int | None = None
    parts: int | None = None
    incomplete: bool
    missing: float | None = None
    barred: bool
    """Known-abuse material: its picture is not kept."""
    enrolled_at: datetime
    archived_page: bool
    """Whether the page is kept as it was captured."""
    facts: Facts
    same_file: tuple[Place, ...]
    alike: tuple[AlikePicture, ...]
    no_copy_because: str | None = None
    """Why its picture cannot be searched with; null: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAt:
    """Where a picture was found."""

    uri: str
    page_uri: str | None = None
    page_title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFace:
    """A face found in a photograph."""

    face: int
    """Its number, from 1; the largest comes first."""
    box: tuple[float, ...]
    """x, y, width and height, in pixels."""
    landmarks: Landmarks
    quality: FaceQuality
    comparable: bool
    """Whether it is clear enough to be searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedFace:
    """A face in another photograph of the same person."""

    id: str
    face: int


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
class HiddenCandidate:
    """A candidate whose rank, score and page are hidden until this official decided about all of them."""

    name: str
    """Names it in addresses; it tells nothing of its rank."""
    faces: tuple[HiddenPicture, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenPicture:
    """A picture of a candidate that this official has yet to judge."""

    name: str
    source: str
    captured_at: datetime | None = None
    near_duplicates: int
    part: int | None = None
    parts: int | None = None
    time_code: float | None = None
    incomplete: bool
    found_at: FoundAt | None = None
    """null until this official decided about the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoMeasure:
    """A measure of a face under the name of a component of ISO/IEC 29794-5."""

    measure: str
    """Our name for it."""
    native: float
    """What we measured, in that unit."""
    unit: str
    value: int | None = None
    """0 to 100, on the scale of the reference implementation; null if it has none for this measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job."""

    job: str
    kind: str
    arguments: dict[str, Any]
    requested_by: str
    requested_at: datetime
    state: str
    """queued, running, done, failed or stopped."""
    stopping: bool
    """Whether it runs and was asked to stop."""
    attempts: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    done: int
    """Items since it was last claimed."""
    total: int | None = None
    """null: unknown."""
    doing: str
    rate: float | None = None
    """Items a second."""
    seconds_left: int | None = None
    result: dict[str, Any] | None = None
    error: JobError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWatch:
    """A watch, with what it found and why it cannot compare now."""

    watch: str
    case: str
    probe: str
    face: int
    reason: str
    sources: tuple[str, ...]
    until: date
    begun_by: str
    begun_at: datetime
    key: str | None = None
    """With which a program began it."""
    let_on_by: str | None = None
    """Who let it go on although that key was revoked."""
    ended_by: str | None = None
    ended_at: datetime | None = None
    state: str
    against: tuple[Obstacle, ...]
    faces_compared: int
    compared_at: datetime | None = None
    times_held: int
    found: tuple[ToldFinding, ...]


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
class Landmarks:
    """Five points (x, y) in pixels; left and right as the viewer sees them."""

    left_eye: tuple[float, ...]
    right_eye: tuple[float, ...]
    nose: tuple[float, ...]
    left_mouth: tuple[float, ...]
    right_mouth: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStanding:
    """Where a candidate stands in its list."""

    rank: int
    score: float
    expected_false: float
    extrapolated: tuple[float, ...] | None = None
    group: int | None = None
    near_duplicates: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCandidate:
    """An entry of a list: its best picture, with further ones of the same face."""

    rank: int
    score: float
    expected_false: float
    extrapolated: tuple[float, ...] | None = None
    group: int | None = None
    person: int | None = None
    face_id: int
    capture_id: int
    source: str
    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None
    connector: str | None = None
    words: str | None = None
    record: Record | None = None
    page_record: Record | None = None
    time_code: float | None = None
    part: int | None = None
    parts: int | None = None
    incomplete: bool
    missing: float | None = None
    sha256: str
    box: tuple[float, ...]
    """x, y, width and height, in pixels."""
    drawn: bool
    near_duplicates: tuple[int, ...]
    further: tuple[Candidate, ...]
    unlisted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCase:
    """A case in a list."""

    ref: str
    key: str
    """Names the case in addresses."""
    state: str
    standing: str | None = None
    """Whether its searches are covered now; null: it is not open."""
    offence: str
    purpose: str
    basis: str
    distressing: bool
    authorised_by: str | None = None
    jurisdiction: str | None = None
    seeks: str
    exempt_because: str | None = None
    opened_at: datetime
    closed_at: datetime | None = None
    hold_because: str | None = None
    searches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSearch:
    """A search in the list of its case."""

    search_id: str
    made_at: datetime
    reason: str
    outcome: str
    candidates: int
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note on a candidate."""

    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that told somebody."""

    notice: str
    kind: str
    by: str
    at: datetime
    state: str
    attempts: int
    why: str
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a watch cannot compare now."""

    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacles:
    """Every reason why a search may not run now; none means that it may."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A further person who was searched."""

    number: int
    probe: PersonProbe
    threshold: float
    missed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonProbe:
    """The face of a further person."""

    id: str
    sha256: str
    face: int
    box: tuple[float, ...]
    """x, y, width and height, in pixels."""
    quality: FaceQuality


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
class Place:
    """Where and when a picture was found."""

    uri: str
    page_uri: str | None = None
    page_title: str | None = None
    captured_at: datetime | None = None
    licence: str | None = None
    connector: str | None = None
    words: str | None = None
    time_code: float | None = None
    record: Record | None = None
    page_record: Record | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A photograph of a case, with the faces found in it."""

    id: str
    case: str
    kind: str
    sha256: str
    media_type: str
    width: int
    height: int
    part: int
    """Which picture of its file, from 1."""
    parts: int
    incomplete: bool
    missing: float | None = None
    edits: tuple[ProbeEdit, ...]
    origin: ProbeOrigin | None = None
    added_at: datetime
    erased_at: datetime | None = None
    faces: tuple[FoundFace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeEdit:
    """An edit that was made."""

    kind: str
    degrees: int
    box: tuple[float, ...] | None = None
    stops: float
    automatic: bool
    """Made by Lineament, to show a turned photograph upright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOrigin:
    """The face whose picture a photograph is a copy of; only the search is left once that picture is erased."""

    search_id: str | None = None
    """Whose candidate it was; null: a program named the face."""
    face_id: int | None = None
    capture_id: int | None = None
    source: str | None = None


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
class Record:
    """A record of a web archive (ISO 28500)."""

    archive: str
    id: str
    offset: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that was not taken in, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How the review of a list stands, in this official's order."""

    search_id: str
    hidden: bool
    """Whether ranks and scores are hidden from this official."""
    may_decide: bool
    why_not: str | None = None
    """Why this official may not decide now."""
    reviewers: int
    """People whose decisions it takes."""
    left: int
    candidates: tuple[Standing, ...]


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
class Search:
    """A search with its list, as this official may see it."""

    search_id: str
    case: str
    made_at: datetime
    made_by: str
    reason: str
    model: str
    gallery_faces: int
    uncompared: int
    altered: tuple[str, ...]
    sources: tuple[str, ...]
    mode: str
    threshold: float
    strangers: float | None = None
    signed: Signed | None = None
    missed: float | None = None
    outcome: str
    probe: SearchedProbe
    others: tuple[FusedFace, ...]
    together: str | None = None
    people: tuple[Person, ...]
    newest_face: int | None = None
    after: Since | None = None
    watch: str | None = None
    whole_faces: int | None = None
    candidates: tuple[ListedCandidate, ...]
    """The list, best first; empty while it is hidden."""
    hidden: tuple[HiddenCandidate, ...]
    """Where the agency's policy asks for it: the list, shuffled for this official, until they decided."""
    ledger_entry: int | None = None
    commitment: str
    warnings: tuple[str, ...]
    """Show them with the list."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedProbe:
    """The face that was searched."""

    id: str
    sha256: str
    face: int
    part: int
    parts: int
    incomplete: bool
    missing: float | None = None
    edits: tuple[ProbeEdit, ...]
    kind: str
    origin: ProbeOrigin | None = None
    erased: bool
    box: tuple[float, ...]
    """x, y, width and height, in pixels."""
    quality: FaceQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBatch:
    """A batch with its photographs, in the order in which they were sent."""

    batch: str
    case: str
    kind: str | None = None
    begun_at: datetime
    started_at: datetime | None = None
    """When somebody had it searched."""
    reason: str | None = None
    job: str | None = None
    """The job that searches it."""
    photographs: tuple[Batched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The change that set the threshold."""

    number: int
    on: date
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The search since which the faces compared were enrolled."""

    search_id: str
    at: datetime
    face: int
    whole_faces: int


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
class Standing:
    """How the review of one candidate stands, as far as this official may know."""

    name: str
    names: tuple[str, ...]
    """Of all its pictures."""
    outcome: str | None = None
    """null until everybody has decided whose decision it takes."""
    own: Decision | None = None
    decisions: tuple[Decision, ...]
    """Of everybody, once the outcome stands."""
    excluded_before: Excluded | None = None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFinding:
    """What a watch found, and who was told."""

    finding: str
    search: str
    at: datetime
    candidates: int
    seen_by: str | None = None
    seen_at: datetime | None = None
    told: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How far an upload is."""

    upload: str
    begun_at: datetime
    ended_at: datetime | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A list that waits for this official's decisions."""

    search_id: str
    case: str
    since: datetime
    asked_by: str | None = None
    left: int
    listed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A watch as it was begun, and as it was ended."""

    watch: str
    case: str
    probe: str
    face: int
    reason: str
    sources: tuple[str, ...]
    until: date
    begun_by: str
    begun_at: datetime
    key: str | None = None
    """With which a program began it."""
    let_on_by: str | None = None
    """Who let it go on although that key was revoked."""
    ended_by: str | None = None
    ended_at: datetime | None = None
