"""What of a source is fresh: its newest faces, and how much was taken in on each of the last days.

Looking at the faces is on the record, as looking at candidates is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from lineament.errors import NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.events.sources import SourcePicturesRead
from lineament.model.faces import Capture, EnrolledFace, FaceId
from lineament.model.reasons import ReasonCode
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing

MOSAIC = 24
"""Faces in the mosaic of a source."""
REACH = 500
"""A face that has more newer ones than this is not shown: new ones may arrive while the mosaic loads."""
DAYS = 60
"""Days of the coverage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh a source is."""

    days: Mapping[date, int]  # pictures taken in, by the day (UTC) on which their run ended or last took something in
    newest: Capture | None  # the picture of the newest face


class NewestFaces:
    """Shows what of a source is fresh."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record, self._stored = record, StoredPictures(keys, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def freshness(self, name: str) -> Freshness:
        """Return how fresh a source is, over the last DAYS days; it is read from the counts of its runs."""
        with self._record.read() as tx:
            source = tx.sources.get(name)
            first = self._record.today - timedelta(days=DAYS - 1)
            days = {first + timedelta(days=number): 0 for number in range(DAYS)}
            for run in tx.runs.since(source.id, datetime.combine(first, time.min, UTC)):
                day = (run.ended_at or run.seen_at).astimezone(UTC).date()
                days[day] = days.get(day, 0) + run.kept
            newest = tx.faces.newest(source.id, 1)
            return Freshness(days=days, newest=tx.captures.get(newest[0].capture_id) if newest else None)

    @needs(Permission.MANAGE_SOURCES)
    def faces(self, name: str) -> Sequence[EnrolledFace]:
        """Return the newest faces of a source, newest first, and record that they are looked at."""
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            found = change.tx.faces.newest(source.id, MOSAIC)
            ids = [int(face.capture_id) for face in found]
            captures = (min(ids), max(ids)) if ids else ()
            change.record(SourcePicturesRead(source=name, which="newest faces", captures=captures))
        return found

    @needs(Permission.MANAGE_SOURCES)
    def crop(self, name: str, face_id: int) -> bytes:
        """Return one of the newest faces of a source as JPEG; it is part of the mosaic. Raises NotFound for others."""
        with self._record.read() as tx:
            source, face = tx.sources.get(name), tx.faces.get(FaceId(face_id))
            if face.source_id != source.id or tx.faces.count_newer(source.id, face.id, REACH) >= REACH:
                raise NotFound(what="newest face", name=face_id, hint=f"lineament source show {name}")
            capture = tx.captures.get(face.capture_id)
            if capture.barred:
                raise Refused(ReasonCode.KNOWN_ABUSE.reason())
            return self._stored.face(tx, face, capture)
