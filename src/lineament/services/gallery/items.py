"""The pictures of an ingest, from the connector to the commit, and the outcome of each."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from lineament.errors import LineamentError
from lineament.model.faces import ArchiveRecord, CaptureId, Face, NewCapture, Provenance, QualityReason
from lineament.model.runs import BESIDE, Run
from lineament.model.sources import Source
from lineament.observe.stages import Total, count
from lineament.services.gallery.opened import EPOCH
from lineament.sources.base import Connector, Found, Item, LeftOut, Refusal, Resumable
from lineament.store.faces import NewFace
from lineament.store.keys import DataKey

BATCH = 64
"""Most pictures in a transaction; each transaction has one ledger entry."""
PATIENCE = 2.0
"""Seconds after which a smaller batch is committed."""


class IngestOutcome(StrEnum):
    """The outcome of one picture; the value is its text for people."""

    ENROLLED = "enrolled"
    TOO_WEAK = "only faces that are too weak to compare"
    NO_FACE = "no face"
    ANOTHER_PLACE = "there already, from another place"
    ALREADY_THERE = "already there"
    LESS_GOOD = "frames of which a better one is kept"
    ERASED_BEFORE = "erased before, so not taken again"
    PAST_RETENTION = "older than the source may keep pictures, so not taken"
    HIDDEN = "hidden, left out as asked"
    REFUSED = "refused"
    SIDE_CAR = "read as side-cars"
    NO_PICTURE = "without a picture"
    HINTED = "faces found only where metadata mark one"
    UNUSED_MARK = "marks of faces in metadata that gave none"

    @property
    def is_picture(self) -> bool:
        """Whether it is the outcome of a picture, or of a file that might be one; the others are counted beside."""
        return self.name.lower() not in BESIDE


@dataclass(slots=True)
class IngestReport:
    """The report of an ingest so far."""

    source: str
    total: int | None = None  # pictures expected
    outcomes: Counter[IngestOutcome] = field(default_factory=Counter)
    faces: int = 0
    batches: int = 0
    seconds: float = 0.0
    refusals: list[tuple[str, str]] = field(default_factory=list)  # the first refusals: name and reason
    resumed: bool = False  # whether it continued an interrupted run
    run: int | None = None  # its number within the source; of several runs, that of the last with a refusal

    @property
    def seen(self) -> int:
        """The number of finished pictures, without what is counted beside them."""
        return sum(many for outcome, many in self.outcomes.items() if outcome.is_picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to ingest, and its kind and name in the list of runs."""

    connector: Connector
    kind: str = "folder"
    what: str = ""  # names as given; a run resumes an interrupted one with equal kind and names
    page: Callable[[ArchiveRecord], bytes | None] = lambda _: None  # reads the record of the page that showed a picture
    most_faces: int | None = None  # enrolled of a picture, the largest; None: all
    tell: Callable[[IngestItem], None] = lambda _: None  # called with each picture once it is committed


@dataclass(frozen=True, slots=True)
class RunContext:
    """The values that all stages of one run share."""

    source: Source
    key: DataKey
    run: Run
    task: Task


@dataclass(frozen=True, slots=True)
class DerivedPictures:
    """The JPEGs derived from one picture."""

    thumbnail: bytes | None  # None: neither the thumbnail nor the original is kept
    crops: tuple[bytes, ...]  # one crop for each face
    shows_erased: bool = False  # the picture shows somebody whose face was erased before
    original: bool = True  # whether the file may be kept; it may not if any picture of it shows such a person


@dataclass(frozen=True, slots=True)
class IngestItem:
    """A picture in the ingest pipeline; each stage returns a copy with more fields set."""

    collected: Item  # as the connector yielded it; its bytes are dropped once stored or not needed
    sha256: str = ""
    cursor: str | None = None  # the position after it, from which a run can resume
    outcome: IngestOutcome = IngestOutcome.ENROLLED
    many: int = 1  # things of this outcome; above 1 only for what is counted beside the pictures
    why: str = ""
    erasures: bool = False  # whether anything had been erased when it was sifted
    listed: bool = False  # whether the list of known abuse held anything then; asked again at the commit
    abuse: tuple[bytes, ...] = ()  # its keyed digests for the list of known-abuse material
    hashes_upto: int = 0  # the newest part of the list of perceptual hashes then; later ones are asked at the commit
    capture: NewCapture | None = None
    found: tuple[Face, ...] = ()
    left_out: tuple[Face, ...] = ()  # beyond the most faces that are enrolled of a picture
    derived: DerivedPictures | None = None  # until they are stored
    faces: tuple[NewFace, ...] = ()  # once its crops are stored
    unused: int = 0  # marks of faces in its metadata that gave none
    more: bool = False  # further pictures of its file follow, which are committed with it

    def without(self, outcome: IngestOutcome, why: str = "") -> IngestItem:
        """Return the picture with a final outcome, without its bytes and faces."""
        return IngestItem(_without_pictures(self.collected), self.sha256, self.cursor, outcome, why=why)

    def of_faces(self, which: Iterable[int]) -> IngestItem:
        """Return the picture with only these of its faces, numbered from 0."""
        chosen = sorted(which)
        derived = (
            None
            if self.derived is None
            else replace(self.derived, crops=tuple(self.derived.crops[at] for at in chosen))
        )
        return replace(self, found=tuple(self.found[at] for at in chosen), derived=derived)

    def with_blobs(
        self, original: str | None, thumbnail: str | None, crops: Iterable[str], page: str | None = None
    ) -> IngestItem:
        """Return the picture with the addresses of its blobs instead of its bytes."""
        if self.capture is None:
            return self
        faces = tuple(NewFace(face=face, crop=crop) for face, crop in zip(self.found, crops, strict=True))
        capture = replace(self.capture, original=original, thumbnail=thumbnail, page=page)
        return replace(self, collected=_without_pictures(self.collected), capture=capture, faces=faces, derived=None)

    @property
    def is_frame(self) -> bool:
        """Whether it is a frame of a video."""
        return self.collected.provenance.time_code is not None

    @property
    def part(self) -> int:
        """Which picture of its file it is, from 1."""
        return 1 if self.capture is None else self.capture.part

    @property
    def counts(self) -> dict[IngestOutcome, int]:
        """How many things of each outcome it counts as: itself, and what its metadata mark."""
        hinted = sum(QualityReason.HINTED in new.face.quality.reasons for new in self.faces)
        found = {self.outcome: self.many, IngestOutcome.HINTED: hinted, IngestOutcome.UNUSED_MARK: self.unused}
        return {outcome: many for outcome, many in found.items() if many}

    @property
    def pair(self) -> tuple[str, str]:
        """Its URI and SHA-256, which together are unique in its source."""
        return self.collected.provenance.uri, self.sha256

    @property
    def addresses(self) -> list[str]:
        """The addresses of its blobs."""
        if self.capture is None:
            return []
        capture = self.capture
        pictures = (capture.original, capture.thumbnail, capture.page, *(face.crop for face in self.faces))
        return [address for address in pictures if address is not None]


def refused_item(refusal: Refusal, cursor: str | None) -> IngestItem:
    """Return the item for a refusal by the connector."""
    item = Item(name=refusal.name, untrusted=b"", provenance=Provenance(uri=""))
    return IngestItem(item, cursor=cursor, outcome=IngestOutcome.REFUSED, why=str(refusal.why))


def left_out_item(found: LeftOut, cursor: str | None) -> IngestItem:
    """Return the item for what a connector only counts."""
    item = Item(name="", untrusted=b"", provenance=Provenance(uri=""))
    return IngestItem(item, cursor=cursor, outcome=IngestOutcome[found.kind.name], many=found.many)


def refused_for(item: IngestItem, error: LineamentError) -> IngestItem:
    """Return the picture as refused because of ``error``."""
    count(Total.REFUSED, 1, error.code)
    return item.without(IngestOutcome.REFUSED, str(error))


def walk(connector: Connector, cursor: str | None) -> Iterator[tuple[Found, str | None]]:
    """Yield what a connector collects, each with the cursor after it; start at ``cursor`` if it can resume."""
    if isinstance(connector, Resumable):
        yield from connector.items_from(cursor)
    else:
        for found in connector.items():
            yield found, None


def chunks(found: Iterator[tuple[Found, str | None]], size: int) -> Iterator[list[tuple[Found, str | None]]]:
    """Yield lists of at most ``size``."""
    while some := list(itertools.islice(found, size)):
        yield some


def in_batches(items: Iterable[IngestItem]) -> Iterator[list[IngestItem]]:
    """Yield batches of at most BATCH pictures, smaller ones if pictures come slowly.

    The pictures of one file are in one batch, however many they are: a file is known by its first capture, so that one
    of which only some were committed would never be completed.
    """
    batch: list[IngestItem] = []
    began = time.monotonic()
    for item in items:
        if not batch:
            began = time.monotonic()
        batch.append(item)
        if not item.more and (len(batch) >= BATCH or time.monotonic() - began > PATIENCE):
            yield batch
            batch = []
    if batch:
        yield batch


def by_capture(ids: list[CaptureId], new: list[IngestItem]) -> list[tuple[CaptureId, int, tuple[NewFace, ...]]]:
    """Return captures with their days and faces, in the form that the store takes."""
    return [
        (capture_id, day_of(item.capture), item.faces)
        for capture_id, item in zip(ids, new, strict=True)
        if item.capture is not None
    ]


def day_of(capture: NewCapture) -> int:
    """Return the day of capture, in days since 1970-01-01 UTC; that of the enrolment if it is unknown or later."""
    at: datetime = min(capture.provenance.captured_at or capture.enrolled_at, capture.enrolled_at)
    day: date = at.astimezone(UTC).date()
    return (day - EPOCH).days


def _without_pictures(item: Item) -> Item:
    return Item(name=item.name, untrusted=b"", provenance=item.provenance)
