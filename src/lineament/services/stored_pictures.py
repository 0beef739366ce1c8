"""The pictures of the gallery as they are stored, opened with the key of their source."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.errors import NotFound, Refused
from lineament.model.faces import Capture, EnrolledFace
from lineament.model.reasons import ReasonCode
from lineament.services.keyholder import source_key
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True)
class StoredPictures:
    """Opens stored pictures. Who may see them is for the caller to check."""

    keys: KeyRing
    blobs: Blobs

    def open(self, tx: Tx, capture: Capture, address: str | None, hint: str) -> bytes:
        """Return what is stored of a capture at an address.

        Raises NotFound with the hint if nothing is, or Refused if that is because it is known-abuse material.
        """
        if address is None and capture.barred:
            raise Refused(ReasonCode.KNOWN_ABUSE.reason())
        if address is None:
            raise NotFound(what="picture", name=f"of capture {capture.id}", hint=hint)
        return self.blobs.get(source_key(tx, self.keys, tx.sources.by_id(capture.source_id)), address)

    def face(self, tx: Tx, face: EnrolledFace, capture: Capture) -> bytes:
        """Return a face as JPEG, upright, without the grey of what lies outside its picture."""
        from lineament.vision.derive import without_grey

        stored = self.open(tx, capture, face.crop, "")
        return without_grey(stored, face.box, (capture.width, capture.height), face.quality.quarters)
