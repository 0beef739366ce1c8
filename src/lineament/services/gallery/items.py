"""What a connector brought on its way down: found, looked at, kept, committed; and what became of it in the end."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from lineament.errors import LineamentError
from lineament.model.faces import CaptureId, Face, NewCapture, Provenance
from lineament.services.gallery.indexes import EPOCH
from lineament.sources.base import Connector, Item, Refusal, Resumable
from lineament.store.faces import NewFace

BATCH = 64
"""Pictures a transaction; one ledger entry each."""
PATIENCE = 2.0
"""Seconds after which a smaller batch is committed too."""


class Seen(StrEnum):
    """What became of a picture; the value is what a person reads."""

    ENROLLED = "enrolled"
    NO_FACE = "no face"
    ANOTHER_PLACE = "there already, from another place"
    ALREADY_THERE = "already there"
    LESS_GOOD = "frames of which a better one is kept"
    ERASED_BEFORE = "erased before, so not taken again"
    REFUSED = "refused"


@dataclass(slots=True)
class IngestReport:
    """What an ingest did, and while it runs, how far it is."""

    source: str
    total: int | None = None  # pictures expected
    outcomes: Counter[Seen] = field(default_factory=Counter)
    faces: int = 0
    batches: int = 0
    seconds: float = 0.0
    refusals: list[tuple[str, str]] = field(default_factory=list)  # the first of them: name and reason
    gone_on: bool = False  # from where an earlier one was stopped

    @property
    def seen(self) -> int:
        """Pictures dealt with."""
        return self.outcomes.total()


@dataclass(frozen=True, slots=True)
class Small:
    """The pictures that are made of one, as JPEG."""

    thumbnail: bytes | None  # None: neither it nor the original is kept
    crops: tuple[bytes, ...]  # one a face


@dataclass(frozen=True, slots=True)
class Brought:
    """A picture on its way; every step makes a new one that knows more."""

    item: Item  # its bytes are dropped once they are kept, or not needed
    sha256: str = ""
    cursor: str | None = None  # from which to go on after it
    outcome: Seen = Seen.ENROLLED
    why: str = ""
    erasures: bool = False  # whether anything had been erased when it was sifted
    listed: bool = False  # whether the list of known abuse held anything then; asked again at the commit
    abuse: tuple[bytes, ...] = ()  # what it would be called on the list of known-abuse material
    capture: NewCapture | None = None
    found: tuple[Face, ...] = ()
    small: Small | None = None  # until it is kept
    faces: tuple[NewFace, ...] = ()  # once it is kept

    def without(self, outcome: Seen, why: str = "") -> Brought:
        """The end of its way; nothing of it is taken."""
        ended = Brought(_emptied(self.item), self.sha256, self.cursor, outcome, why)
        return replace(ended, erasures=self.erasures)

    def of_faces(self, which: Iterable[int]) -> Brought:
        """The same with some of its faces alone."""
        chosen = sorted(which)
        small = None if self.small is None else replace(self.small, crops=tuple(self.small.crops[at] for at in chosen))
        return replace(self, found=tuple(self.found[at] for at in chosen), small=small)

    def kept(
        self, original: str | None, thumbnail: str | None, crops: Iterable[str], page: str | None = None
    ) -> Brought:
        """The same with its pictures in the blob folder, at these addresses."""
        if self.capture is None:
            return self
        faces = tuple(NewFace(face=face, crop=crop) for face, crop in zip(self.found, crops, strict=True))
        capture = replace(self.capture, original=original, thumbnail=thumbnail, page=page)
        return replace(self, item=_emptied(self.item), capture=capture, faces=faces, small=None)

    @property
    def pair(self) -> tuple[str, str]:
        """What makes it unique in its source: its place and its bytes."""
        return self.item.provenance.uri, self.sha256

    @property
    def addresses(self) -> list[str]:
        """Of its pictures in the blob folder."""
        if self.capture is None:
            return []
        capture = self.capture
        pictures = (capture.original, capture.thumbnail, capture.page, *(face.crop for face in self.faces))
        return [address for address in pictures if address is not None]


def refused(refusal: Refusal, cursor: str | None) -> Brought:
    """What the connector itself refused."""
    item = Item(name=refusal.name, untrusted=b"", provenance=Provenance(uri=""))
    return Brought(item, cursor=cursor, outcome=Seen.REFUSED, why=str(refusal.why))


def refused_for(one: Brought, error: LineamentError) -> Brought:
    """What cannot be read."""
    return one.without(Seen.REFUSED, str(error))


def walked(connector: Connector, cursor: str | None) -> Iterator[tuple[Item | Refusal, str | None]]:
    """What a connector brings, from where it goes on if it can, each with the cursor after it."""
    if isinstance(connector, Resumable):
        yield from connector.items_from(cursor)
    else:
        for found in connector.items():
            yield found, None


def chunks(
    found: Iterator[tuple[Item | Refusal, str | None]], size: int
) -> Iterator[list[tuple[Item | Refusal, str | None]]]:
    """Lists of at most ``size``."""
    while some := list(itertools.islice(found, size)):
        yield some


def in_batches(brought: Iterable[Brought]) -> Iterator[list[Brought]]:
    """Batches of at most BATCH pictures, cut earlier where they come slowly."""
    batch: list[Brought] = []
    began = time.monotonic()
    for one in brought:
        if not batch:
            began = time.monotonic()
        batch.append(one)
        if len(batch) >= BATCH or time.monotonic() - began > PATIENCE:
            yield batch
            batch = []
    if batch:
        yield batch


def by_capture(ids: list[CaptureId], new: list[Brought]) -> list[tuple[CaptureId, int, tuple[NewFace, ...]]]:
    """Captures with their days and their faces, as the store takes faces in."""
    return [
        (capture_id, _day(one.capture), one.faces)
        for capture_id, one in zip(ids, new, strict=True)
        if one.capture is not None
    ]


def _day(capture: NewCapture) -> int:
    """The day of capture, in days since 1970-01-01 UTC."""
    at: datetime = capture.provenance.captured_at or capture.enrolled_at
    day: date = at.astimezone(UTC).date()
    return (day - EPOCH).days


def _emptied(item: Item) -> Item:
    return Item(name=item.name, untrusted=b"", provenance=item.provenance)
