"""The pictures of candidates. A crop is part of the list; opening an original is on the record."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.errors import CandidateErased, NotFound, WrongState
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.searches import CandidateRead, OriginalViewed, PageOpened
from lineament.model.faces import Capture, CaptureId, EnrolledFace, PhotoFacts, Provenance
from lineament.model.reasons import Reason
from lineament.model.search import Candidate, entry_number
from lineament.services.cases.access import may_in
from lineament.services.cases.erased import erased_at
from lineament.services.copying import why_no_copy
from lineament.services.keyholder import source_key
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.review.seen import SeenList, seen_search
from lineament.services.stored_pictures import StoredPictures
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.facts import open_facts
from lineament.store.ring import KeyRing

_HINT = "lineament search (it was erased)"
MOST_PLACES = 50
"""Most further places, and most nearly identical pictures, that are shown for a candidate."""


EVEN_BYTES = 32 * 1024
"""The sizes of the faces of a hidden list are multiples of this; nearly all of them are this large."""
_COMMENT = 4
"""Bytes of an empty comment in a JPEG: its marker and its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A picture that is nearly identical to a candidate's."""

    source: str  # its name
    capture: Capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where else a candidate's picture was found."""

    places: tuple[Provenance, ...]  # the same bytes
    alike: tuple[Alike, ...]  # nearly identical pictures with other bytes, from every source searched


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideProbe:
    """A candidate as it is compared with the probe."""

    face: EnrolledFace
    source: str  # its name
    person: int | None  # whom it may show, of several who were searched together
    found: FoundPicture | None  # None while where it was found is hidden from the reader
    may_copy: bool  # the reader may add photographs to the case


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPicture:
    """A candidate's picture, with where it was found."""

    candidate: Candidate
    capture: Capture
    facts: PhotoFacts
    elsewhere: Elsewhere
    why_no_copy: Reason | None  # why it cannot be searched with; None if it can


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCandidate:
    """A candidate with its case and its picture."""

    case: Case
    candidate: Candidate
    face: EnrolledFace
    capture: Capture
    known: bool  # to the reader, where it was found


class Pictures:
    """Opens pictures of candidates, given the search and their name in it (``services/review/seen.py``)."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record = record
        self._keys = keys
        self._stored = StoredPictures(keys, blobs)

    @needs(Permission.READ_CASES, in_case=True)
    def crop(self, search_id: str, name: str) -> bytes:
        """Return the candidate's face as JPEG."""
        with self._record.read() as tx:
            found = self._find(tx, search_id, name, place=False)
            face = self._stored.face(tx, found.face, found.capture)
        return face if found.known else padded(face)

    @needs(Permission.READ_CASES, in_case=True)
    def reliable(self, search_id: str) -> frozenset[str]:
        """Return the names of the candidates whose pictures are good enough to rely on."""
        with self._record.read() as tx:
            seen = seen_search(tx, self._record, search_id)
            listed = seen.whole.result.candidates
            faces = tx.faces.describe(candidate.face_id for candidate in listed)
            described = {id_: found.face.quality.reliable for id_, found in faces.items()}
            return frozenset(
                seen.name(candidate.rank) for candidate in listed if described.get(candidate.face_id, False)
            )

    @needs(Permission.READ_CASES, in_case=True)
    def thumbnail(self, search_id: str, name: str) -> bytes:
        """Return the candidate's picture as a small JPEG without metadata."""
        with self._record.read() as tx:
            capture = self._find(tx, search_id, name).capture
            return self._stored.open(tx, capture, capture.thumbnail, _HINT)

    @needs(Permission.READ_CASES, in_case=True)
    def face(self, search_id: str, name: str) -> EnrolledFace:
        """Return the candidate's face: its box in the picture, its landmarks and its quality."""
        with self._record.read() as tx:
            return self._find(tx, search_id, name).face

    @needs(Permission.READ_CASES, in_case=True)
    def capture(self, search_id: str, name: str, alike: CaptureId | None = None) -> Capture:
        """Return the candidate's capture, or its near-duplicate ``alike``. Raises NotFound if it is not a duplicate."""
        with self._record.read() as tx:
            return _capture_of(tx, self._find(tx, search_id, name), alike)

    @needs(Permission.READ_CASES, in_case=True)
    def beside_probe(self, search_id: str, name: str) -> BesideProbe:
        """Return a candidate's face and picture to compare with the probe, and record that (R39)."""
        with self._record.change() as change:
            found = self._find(change.tx, search_id, name, place=False)
            change.concerns(found.case)
            candidate, rank = found.candidate, found.candidate.rank
            shown = BesideProbe(
                face=found.face,
                source=candidate.source,
                person=candidate.person,
                found=self._found(change.tx, found) if found.known else None,
                may_copy=may_in(change.tx, self._record, found.case, Permission.OPEN_CASES),
            )
            change.record(CandidateRead(case=found.case.ref, search=search_id, rank=rank, face=found.face.id))
        return shown

    def _found(self, tx: Tx, found: FoundCandidate) -> FoundPicture:
        source = tx.sources.by_id(found.capture.source_id)
        return FoundPicture(
            candidate=found.candidate,
            capture=found.capture,
            facts=open_facts(found.capture, source_key(tx, self._keys, source)),
            elsewhere=_elsewhere(tx, found),
            why_no_copy=why_no_copy(self._record, found.capture, source),
        )

    @needs(Permission.READ_CASES, in_case=True)
    def original(self, search_id: str, name: str) -> tuple[bytes, str]:
        """Record the opening of the original, and return its bytes and media type."""
        with self._record.change() as change:
            found = self._find(change.tx, search_id, name)
            capture = found.capture
            change.concerns(found.case)
            picture = self._stored.open(change.tx, capture, capture.original, _HINT)
            rank, face = found.candidate.rank, found.face.id
            change.record(OriginalViewed(search=search_id, rank=rank, face=face, capture=capture.id))
        return picture, capture.media_type

    @needs(Permission.READ_CASES, in_case=True)
    def page(self, search_id: str, name: str, alike: CaptureId | None = None) -> bytes:
        """Return the untrusted WARC record of the page that showed the candidate's picture, or its near-duplicate.

        It is recorded before it is given.
        """
        with self._record.change() as change:
            found = self._find(change.tx, search_id, name)
            change.concerns(found.case)
            capture = _capture_of(change.tx, found, alike)
            if capture.page is None:
                raise WrongState(what="archived page", name=f"of candidate {name}", state="not kept", event="opened")
            record = self._stored.open(change.tx, capture, capture.page, _HINT)
            rank, face = found.candidate.rank, found.face.id
            change.record(PageOpened(search=search_id, rank=rank, face=face, capture=capture.id))
        return record

    def _find(self, tx: Tx, search_id: str, name: str, *, place: bool = True) -> FoundCandidate:
        return find_candidate(tx, self._record, search_id, name, place=place)


def padded(jpeg: bytes) -> bytes:
    """Return a JPEG whose size a comment makes a multiple of ``EVEN_BYTES``: sizes tell pictures apart (R17)."""
    short = (-len(jpeg) - _COMMENT) % EVEN_BYTES
    comment = b"\xff\xfe" + (short + 2).to_bytes(2, "big") + bytes(short)
    return jpeg[:2] + comment + jpeg[2:]


def find_candidate(tx: Tx, record: Record, search_id: str, name: str, *, place: bool = True) -> FoundCandidate:
    """Return a candidate with its case and its picture, given its name in the list (``services/review/seen.py``).

    Raises NotFound, CandidateErased, or Undecided if the ``place`` where it was found is hidden from the reader.
    """
    seen = seen_search(tx, record, search_id)
    candidate = _candidate_at(tx, seen, name)
    if place:
        seen.require_known(entry_number(candidate))
    face = tx.faces.get(candidate.face_id)
    capture, known = tx.captures.get(face.capture_id), seen.knows(entry_number(candidate))
    return FoundCandidate(case=seen.case, candidate=candidate, face=face, capture=capture, known=known)


def _elsewhere(tx: Tx, found: FoundCandidate) -> Elsewhere:
    """Return where else the same bytes were found, and the nearly identical pictures."""
    captures = [tx.captures.get(capture_id) for capture_id in _alike(tx, found)[:MOST_PLACES]]
    alike = tuple(Alike(source=tx.sources.by_id(capture.source_id).name, capture=capture) for capture in captures)
    return Elsewhere(places=tuple(tx.places.of_capture(found.capture.id, MOST_PLACES)), alike=alike)


def _capture_of(tx: Tx, found: FoundCandidate, alike: CaptureId | None) -> Capture:
    """Return the candidate's capture, or its near-duplicate ``alike``. Raises NotFound if it is not a duplicate."""
    if alike is None:
        return found.capture
    if alike not in _alike(tx, found):
        hint = "the page of the candidate"
        raise NotFound(what="nearly identical picture", name=alike, hint=hint)
    return tx.captures.get(alike)


def _alike(tx: Tx, found: FoundCandidate) -> list[CaptureId]:
    """Return the captures that the search folded into the candidate, then the near-duplicates in its source."""
    folded = [tx.faces.get(face).capture_id for face in found.candidate.near_duplicates]
    ids = dict.fromkeys(folded + tx.places.group_of(found.capture.id))
    return [capture_id for capture_id in ids if capture_id != found.capture.id]


def _candidate_at(tx: Tx, seen: SeenList, name: str) -> Candidate:
    """Return the candidate of that name. Raises CandidateErased, or NotFound if the list never had one."""
    rank, stored = seen.rank(name), seen.whole
    for candidate in stored.result.candidates:
        if candidate.rank == rank:
            return candidate
    if seen.is_open and any(erased.rank == rank for erased in stored.erased):
        at = erased_at(tx, stored, rank)
        when = "at a time that the record does not tell" if at is None else f"on {at:%Y-%m-%d at %H:%M} UTC"
        raise CandidateErased(what="candidate", name=rank, rank=rank, when=when, at=at)
    raise NotFound(what="candidate", name=name[:32], hint="lineament search")
