"""Events of sources and of what was ingested from them. ``source`` is the name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import Event


class SourceRegistered(Event, action=Action.SOURCE_REGISTERED):
    """A source was registered."""

    name: str
    controller: str
    basis: str
    jurisdiction: str
    permission_sha256: str | None
    expires_on: date | None
    retention_days: str | None  # a number in decimal digits
    page_base: str | None
    hosts: tuple[str, ...]
    licence: str | None
    contact: str | None
    live: bool  # otherwise it is drafted and waits for approval


class SourceApproved(Event, action=Action.SOURCE_APPROVED):
    """A second person approved a source."""

    source: str
    permission_sha256: str | None = None  # of the document that this person added; None: none was added


class SourceDeclined(Event, action=Action.SOURCE_DECLINED):
    """A second person declined a drafted source, and its key and document were destroyed."""

    source: str
    reason: str


class SourceShared(Event, action=Action.SOURCE_SHARED):
    """A source was shared with an agency, or with all."""

    source: str
    agency: str | None  # its id; None: every agency
    until: date | None


class SourceUnshared(Event, action=Action.SOURCE_UNSHARED):
    """A source is no longer shared with an agency."""

    source: str
    agency: str


class SourceSuspended(Event, action=Action.SOURCE_SUSPENDED):
    """A source was suspended."""

    source: str


class SourceBlurSet(Event, action=Action.SOURCE_BLUR_SET):
    """Somebody said whether the pictures of a source are distressing, and so blurred."""

    source: str
    distressing: bool


class SourceResumed(Event, action=Action.SOURCE_RESUMED):
    """A suspended source was resumed."""

    source: str


class SourceWithdrawn(Event, action=Action.SOURCE_WITHDRAWN):
    """A source was withdrawn, and everything from it destroyed."""

    source: str
    reason: str
    captures: int
    faces: int


class PermissionOpened(Event, action=Action.PERMISSION_OPENED):
    """Somebody opened the document that permits a source."""

    source: str


class SourcePicturesRead(Event, action=Action.SOURCE_PICTURES_READ):
    """Somebody looked at pictures of a source from which no face is searched."""

    source: str
    which: str
    captures: tuple[int, ...]  # first and last; empty if there are none


class KnownAbuseLoaded(Event, action=Action.KNOWN_ABUSE_LOADED):
    """Digests or perceptual hashes of known-abuse material were loaded, or pictures near them were barred."""

    digests: int
    new: int
    barred: tuple[int, ...]  # captures
    list: str = "digests"  # how it was written
    categories: tuple[int, ...] = ()  # those that were taken of a VICS hash set
    hashes: int = 0  # PDQ hashes
    new_hashes: int = 0


class WarcTakenOut(Event, action=Action.WARC_TAKEN_OUT):
    """What crawls of a source fetched was exported as a WARC file."""

    source: str
    exchanges: int
    bytes: int
    sha256: str


class DropBegun(Event, action=Action.DROP_BEGUN):
    """Somebody began to send files into a source through the browser."""

    source: str
    drop: str


class DropDiscarded(Event, action=Action.DROP_DISCARDED):
    """What somebody sent through the browser was deleted before all of it was ingested."""

    source: str
    drop: str
    files: int  # of the drop
    ingested: int  # of these
    because: str  # “stopped” or “abandoned”


class RunStarted(Event, action=Action.RUN_BEGUN):
    """An ingest run started or resumed."""

    source: str
    run: int
    connector: str
    what: str


class RunEnded(Event, action=Action.RUN_ENDED):
    """An ingest run ended."""

    source: str
    run: int
    counts: Mapping[str, int]  # pictures by outcome
    faces: int


class BatchIngested(Event, action=Action.BATCH_INGESTED):
    """A batch of pictures was committed."""

    source: str
    run: int
    captures: tuple[int, ...]  # first and last; empty if there are none
    faces: tuple[int, ...]  # the same
    places: int
    barred: int
    digest: str  # SHA-256 of the digests of its pictures


class FaceDrawn(Event, action=Action.FACE_DRAWN):
    """Somebody drew the box of a face that the detector had missed, and it was enrolled."""

    source: str
    capture: int
    face: int
    box: tuple[float, ...]  # x, y, width, height, as drawn, in pixels of the upright original
    estimated: bool  # the landmarks, because no face was seen in the box
    comparable: bool


class LookedAgain(Event, action=Action.LOOKED_AGAIN):
    """Another model looked at a batch of pictures."""

    source: str
    model: str
    captures: tuple[int, ...]  # first and last; empty if they were erased meanwhile
    looked: int
    described: int  # faces that were known
    found: int  # faces that were missed before


class ModelAdopted(Event, action=Action.MODEL_ADOPTED):
    """The faces of a source are now what another model describes."""

    source: str
    model: str
    faces: int
    lost: int  # faces that it could not describe


class FacesCounted(Event, action=Action.FACES_COUNTED):
    """The faces of a source were counted as they were stored; from then on the source vouches for them."""

    source: str
    faces: int
    reason: str | None = None  # None: it is of a version before 0.4


class ErasureRequested(Event, action=Action.ERASURE_REQUESTED):
    """Somebody asked for a source to be withdrawn, or for a face or a picture of it to be erased; a job does it."""

    source: str
    reason: str
    face: int | None = None
    capture: int | None = None


class FaceErased(Event, action=Action.FACE_ERASED):
    """A face was erased."""

    face: int
    capture: int
    source: str
    reason: str


class CaptureErased(Event, action=Action.CAPTURE_ERASED):
    """A picture was erased with all its faces."""

    capture: int
    faces: tuple[int, ...]
    source: str
    reason: str


class RetentionEnded(Event, action=Action.RETENTION_ENDED):
    """A batch of pictures whose retention had run out was erased, with all their faces."""

    source: str
    days: int  # the retention of the source
    captures: tuple[int, ...]
    faces: tuple[int, ...]
