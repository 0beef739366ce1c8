"""Enrols faces that the detector missed: somebody who manages the source draws a box around each.

Looking at the picture is on the record, and so is the box, with whoever drew it. A second look keeps the face: if the
new model finds none at its place, it is described at the landmarks that are known (docs/adr/0018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineament.errors import InvalidValue, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.events.sources import FaceDrawn, SourcePicturesRead
from lineament.model.faces import Box, Capture, CaptureId, EnrolledFace
from lineament.model.reasons import ReasonCode
from lineament.model.sources import Source
from lineament.services.gallery.items import day_of
from lineament.services.gallery.look_again import SAME
from lineament.services.gallery.model_in_use import require_model
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.suppression import Suppression
from lineament.services.gallery.upright import show_upright
from lineament.services.keyholder import require_current_source, source_key
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.watches.asking import ask_to_compare
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.faces import NewFace
from lineament.store.ring import KeyRing

if TYPE_CHECKING:
    from lineament.vision.analyse import Analyser

LEAST_SIDE = 8
"""Pixels of a box that are needed at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureToDraw:
    """A picture of a source with the faces that are enrolled from it."""

    source: Source
    capture: Capture
    faces: tuple[EnrolledFace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFace:
    """A face that was enrolled from a drawn box."""

    source: str
    face: EnrolledFace
    estimated: bool  # its landmarks, because no face was seen in the box


class DrawFaces:
    """Shows pictures of a source, and enrols the faces in drawn boxes."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Callable[[], Analyser]) -> None:
        self._record, self._keys, self._blobs = record, keys, blobs
        self._analyser = analyser
        self._suppression = Suppression(keys)
        self._shredder = Shredder(record, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def page(self, name: str, capture_id: int) -> PictureToDraw:
        """Return a picture of a source whose original is kept, and record that somebody looks at it."""
        with self._record.change() as change:
            source, capture, _ = self._find(change.tx, name, capture_id)
            faces = change.tx.faces.of_capture(capture.id)
            read = (int(capture.id), int(capture.id))
            change.record(SourcePicturesRead(source=source.name, which="one picture", captures=read))
        return PictureToDraw(source=source, capture=capture, faces=tuple(faces))

    @needs(Permission.MANAGE_SOURCES)
    def picture(self, name: str, capture_id: int) -> bytes:
        """Return the picture as JPEG for the screen, long side at most 1600 pixels; it is part of the page."""
        from lineament.vision.analyse import screen_picture

        with self._record.read() as tx:
            source, capture, original = self._find(tx, name, capture_id)
            untrusted = self._blobs.get(source_key(tx, self._keys, source), original)
        return screen_picture(self._analyser().decode(untrusted, part=capture.part))

    @needs(Permission.MANAGE_SOURCES)
    def add(self, name: str, capture_id: int, box: Box) -> DrawnFace:
        """Enrol the face in a box, in pixels of the upright original.

        Its landmarks are those of the face that is seen in the box, or else where they are in most faces. If its
        template is too weak, it is kept as a face that cannot be compared.

        Raises:
            NotFound: The source has no such picture, or keeps no original of it.
            InvalidValue: The box lies outside the picture, is too small, or holds a face that is enrolled.
            Refused: The source is closed, the picture is known-abuse material, or the face was erased before.
            KeyRotated: The key of the source was rotated meanwhile.
        """
        from lineament.vision.analyse import face_crop, thumbnail

        analyser = self._analyser()
        with self._record.read() as tx:
            source, capture, original = self._find(tx, name, capture_id)
            key = source_key(tx, self._keys, source)
            untrusted = self._blobs.get(key, original)
            first = not tx.faces.of_capture(capture.id)
        _require_within(box, capture)
        face, picture, estimated = analyser.describe_region(untrusted, box, part=capture.part)
        quarters = face.quality.quarters
        crop = self._blobs.put(key, face_crop(picture, face.box, quarters))
        upright = self._blobs.put(key, thumbnail(picture, quarters)) if first and quarters else None
        self._blobs.flush()
        with self._record.change() as change:
            tx = change.tx
            source, capture, _ = self._find(tx, name, capture_id)
            if (closed := source.why_closed(change.at.date())) is not None:
                raise Refused(closed)
            require_current_source(tx, self._keys, source, key)
            require_model(tx, analyser.model)
            if self._suppression.erased_near(tx, capture.sha256, face.box, capture.part):
                raise Refused(ReasonCode.FACE_ERASED.reason())
            known = tx.faces.of_capture(capture.id)
            for other in known:
                if other.box.overlap(face.box) > SAME:
                    raise _invalid(box, f"face {other.id} is enrolled from this place", field="x")
            new = NewFace(face=face, crop=crop, drawn=True)
            (face_id,) = tx.faces.add(capture.id, source.id, [new], key, day_of(capture))
            if not known:
                tx.places.group(source.id, {capture.id: capture.phash})
            if upright is not None:
                show_upright(change, capture, (), {None: upright})
            if face.comparable:
                ask_to_compare(tx, self._record.official, change.at)
            tx.prepared.looked_at(analyser.model, {capture.id: None})  # a model that is to come looks again
            change.record(
                FaceDrawn(
                    source=source.name,
                    capture=capture.id,
                    face=face_id,
                    box=(box.x, box.y, box.width, box.height),
                    estimated=estimated,
                    comparable=face.comparable,
                )
            )
            enrolled = tx.faces.get(face_id)
        self._shredder.finish()
        return DrawnFace(source=source.name, face=enrolled, estimated=estimated)

    def _find(self, tx: Tx, name: str, capture_id: int) -> tuple[Source, Capture, str]:
        """Return a capture of a source, and the address of its original. Raises NotFound if it is not kept."""
        source, capture = tx.sources.get(name), tx.captures.get(CaptureId(capture_id))
        if capture.source_id != source.id:
            raise NotFound(what="picture of the source", name=capture_id, hint=_HINT)
        if capture.barred:
            raise Refused(ReasonCode.KNOWN_ABUSE.reason())
        if capture.original is None:
            raise NotFound(what="original", name=f"of capture {capture_id}", hint=f"{_HINT} (it is not kept)")
        return source, capture, capture.original


_HINT = "lineament source pictures NAME --without-face"


def _require_within(box: Box, capture: Capture) -> None:
    """Raise InvalidValue if the box is too small or too large, or its middle lies outside the picture."""
    across, down = box.x + box.width / 2, box.y + box.height / 2
    if not (box.width >= LEAST_SIDE and box.height >= LEAST_SIDE):
        raise _invalid(box, f"draw it at least {LEAST_SIDE} pixels wide and high", field="width")
    size = f"the picture, which has {capture.width} × {capture.height} pixels"
    if not (0 <= across <= capture.width and 0 <= down <= capture.height):
        raise _invalid(box, f"it lies outside {size}", field="x")
    if box.width > 2 * capture.width or box.height > 2 * capture.height:
        raise _invalid(box, f"it is larger than {size}", field="width")


def _invalid(box: Box, why: str, *, field: str) -> InvalidValue:
    value = ",".join(f"{side:g}" for side in (box.x, box.y, box.width, box.height))
    return InvalidValue(what="The box", value=value, why=why, field=field)
