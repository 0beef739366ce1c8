"""Searching with a candidate: its picture becomes a photograph of the case, of kind gallery, with its origin kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lineament.errors import Refused
from lineament.model.accounts import Permission
from lineament.model.faces import FaceId
from lineament.model.search import CopyOrigin, Probe
from lineament.services.cases.access import case_for, case_of_search, seen_source
from lineament.services.copying import why_no_copy
from lineament.services.needs import needs
from lineament.services.pictures import find_candidate
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A photograph that copies a candidate's picture."""

    probe: Probe
    face: int  # of the candidate in it, from 1


class Copies:
    """Makes photographs of candidates' pictures."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, probes: Callable[[], Probes]) -> None:
        self._record = record
        self._stored = StoredPictures(keys, blobs)
        self._probes = probes

    @needs(Permission.OPEN_CASES, in_case=True)
    def of_face(self, case_name: str, face_id: FaceId) -> Copy:
        """Make a photograph of the picture of an enrolled face, which a program names. Raises as ``take`` does."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, case_name, Permission.OPEN_CASES)
            face = tx.faces.get(face_id)
            capture = tx.captures.get(face.capture_id)
            source = seen_source(tx, self._record, tx.sources.by_id(capture.source_id).name)
            if (why := why_no_copy(self._record, capture, source)) is not None:
                raise Refused(why)
            untrusted = self._stored.open(tx, capture, capture.original, "the faces of the collection")
        origin = CopyOrigin(search_id=None, face_id=face.id, capture_id=capture.id, source=source.name)
        probe, number = self._probes().copy(case.key, untrusted, origin, face.box, capture.part)
        return Copy(probe=probe, face=number)

    @needs(Permission.OPEN_CASES, in_case=True)
    def take(self, search_id: str, name: str) -> Copy:
        """Make a photograph of a candidate's picture in its case; the same candidate gives the same photograph.

        Raises NotFound or CandidateErased, and Refused if the picture is known-abuse material, if its original is not
        kept, or if its source may not be searched now.
        """
        with self._record.read() as tx:
            case_for(tx, self._record, case_of_search(tx, self._record, search_id)[0].key, Permission.OPEN_CASES)
            found = find_candidate(tx, self._record, search_id, name)
            capture, face = found.capture, found.face
            source = tx.sources.by_id(capture.source_id)
            if (why := why_no_copy(self._record, capture, source)) is not None:
                raise Refused(why)
            untrusted = self._stored.open(tx, capture, capture.original, "lineament search (it was erased)")
        origin = CopyOrigin(search_id=search_id, face_id=face.id, capture_id=capture.id, source=source.name)
        probe, number = self._probes().copy(found.case.key, untrusted, origin, face.box, capture.part)
        return Copy(probe=probe, face=number)
