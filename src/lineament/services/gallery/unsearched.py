"""Shows the pictures of a source from which a face is missing in every search: none was found, or it is too weak.

Looking at them is on the record, as looking at candidates is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.events.sources import SourcePicturesRead
from lineament.model.faces import DRAWN, Capture, CaptureId, EnrolledFace, FaceId
from lineament.model.runs import Run, RunId
from lineament.model.sources import Source
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

PAGE = 60
"""Pictures on one page."""
NOT_KEPT = "no face was found; the picture was not kept by the version that looked at it"
NOT_COMPARABLE = "the face is too weak to be compared"


class Which(StrEnum):
    """Which pictures are listed."""

    WITHOUT_FACE = "without face"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsearchedPicture:
    """A picture, and why a face of it is in no search."""

    capture: Capture
    why: str
    face: EnrolledFace | None = None  # the face that cannot be compared; None: no face was found


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsearchedPage:
    """A page of the list."""

    source: Source
    which: Which
    pictures: Sequence[UnsearchedPicture]
    total: int | None  # None: only the pictures of a run are listed, and were not counted
    later: int | None  # what to list the next page after; None: this is the last
    run: Run | None = None  # whose pictures alone are listed


class Unsearched:
    """Lists the pictures of a source from which a face is in no search."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record, self._stored = record, StoredPictures(keys, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def page(
        self, name: str, which: Which, after: int = 0, limit: int = PAGE, *, run_id: int | None = None
    ) -> UnsearchedPage:
        """Return the pictures after an id (of a capture, or of a face that cannot be compared), and record that.

        With the id of a run, only those without a face that were stored while it ran. Raises NotFound.
        """
        with self._record.change() as change:
            tx = change.tx
            source = tx.sources.get(name)
            run = None if run_id is None else tx.runs.get_of(source.id, RunId(run_id))
            total: int | None = None
            if which is Which.WITHOUT_FACE:
                after, up_to = (after, None) if run is None else _stored_by(tx, run, after)
                found = tx.captures.without_face(source.id, after, limit, up_to)
                pictures = [UnsearchedPicture(capture=capture, why=_why(capture)) for capture in found]
                total = None if run is not None else tx.captures.count_without_face(source.id)
                last = int(found[-1].id) if found else 0
            else:
                weak = tx.faces.not_comparable(source.id, after, limit)
                pictures = [
                    UnsearchedPicture(capture=tx.captures.get(face.capture_id), face=face, why=_why_weak(face))
                    for face in weak
                ]
                total = tx.faces.count_not_comparable(source.id)
                last = int(weak[-1].id) if weak else 0
            ids = [int(picture.capture.id) for picture in pictures]
            captures = (min(ids), max(ids)) if ids else ()
            change.record(SourcePicturesRead(source=name, which=which.value, captures=captures))
        later = last if len(pictures) == limit else None
        return UnsearchedPage(source=source, which=which, pictures=pictures, total=total, later=later, run=run)

    @needs(Permission.MANAGE_SOURCES)
    def thumbnail(self, name: str, capture_id: int) -> bytes:
        """Return a picture without a face as a small JPEG without metadata; it is part of the list."""
        with self._record.read() as tx:
            capture = self._find(tx, name, capture_id)
            return self._stored.open(tx, capture, capture.thumbnail, f"{_HINT} (it was not kept)")

    @needs(Permission.MANAGE_SOURCES)
    def crop(self, name: str, face_id: int) -> bytes:
        """Return a face that cannot be compared as JPEG; it is part of the list."""
        with self._record.read() as tx:
            source, face = tx.sources.get(name), tx.faces.get(FaceId(face_id))
            if face.source_id != source.id or face.comparable:
                raise NotFound(what="face that cannot be compared", name=face_id, hint=_HINT)
            return self._stored.face(tx, face, tx.captures.get(face.capture_id))

    def _find(self, tx: Tx, name: str, capture_id: int) -> Capture:
        """Return a capture from which a face is in no search. Raises NotFound for any other."""
        source, capture = tx.sources.get(name), tx.captures.get(CaptureId(capture_id))
        shown = tx.faces.of_capture(capture.id)
        if capture.source_id != source.id or any(face.comparable for face in shown):
            raise NotFound(what="picture without a searched face", name=capture_id, hint=_HINT)
        return capture


_HINT = "lineament source pictures NAME --without-face"


def _stored_by(tx: Tx, run: Run, after: int) -> tuple[int, int]:
    """Return the ids between which the captures lie that were stored while a run ran."""
    end = (run.ended_at or run.seen_at) + timedelta(microseconds=1)
    return max(after, tx.captures.last_before(run.begun_at)), tx.captures.last_before(end)


def _why(capture: Capture) -> str:
    return capture.no_face_because or NOT_KEPT


def _why_weak(face: EnrolledFace) -> str:
    reasons = "; ".join(reason.value for reason in face.quality.reasons)
    why = f"{NOT_COMPARABLE}: {reasons}" if reasons else NOT_COMPARABLE
    return f"{why}; {DRAWN}" if face.drawn else why
