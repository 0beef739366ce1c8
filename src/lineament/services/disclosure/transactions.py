"""Writes whom a search asked about as an ANSI/NIST-ITL transaction for another system, on the record."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.cases import TransactionWritten
from lineament.model.search import Probe, ProbeKind, SearchResult
from lineament.services.cases.access import managed_case
from lineament.services.disclosure.itl import ItlFace, ItlHeader, ItlPicture, as_it_is, transaction
from lineament.services.keyholder import case_key, require_current_case
from lineament.services.needs import needs
from lineament.services.people.policies import require_step_up
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.store.searches import StoredSearch
from lineament.vision.analyse import Analyser, lossless_picture

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,34}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTransaction:
    """A transaction, with what the ledger says of it."""

    content: bytes
    case: str
    search: str
    number: str  # of the transaction
    photographs: int
    unchanged: int  # of them: the original itself is in it
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _AskedFaces:
    """The faces that a search asked about, read in one transaction."""

    case: Case
    key: DataKey
    agency: str
    result: SearchResult
    faces: tuple[tuple[Probe, int, str], ...]  # photograph, number of the face, address of the original


class Transactions:
    """Writes transactions about searches of the official's own agency."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Callable[[], Analyser]) -> None:
        self._record, self._keys, self._blobs, self._analyser = record, keys, blobs, analyser

    @needs(Permission.MANAGE_CASES)
    def searches(self, name: str, most: int) -> list[StoredSearch]:
        """Return the newest searches of a case, at most so many, the newest first. Raises as ``write`` does."""
        with self._record.read() as tx:
            return tx.searches.stored_of_case(managed_case(tx, self._record, name).id, limit=most)

    @needs(Permission.MANAGE_CASES)
    def write(self, name: str, search_id: str | None, *, to: str, sender: str) -> MadeTransaction:
        """Return a transaction about whom a search (None: the newest of the case) asked about; record it first.

        It holds each photograph of the person, as it was searched with, and where the face is. Candidates, the names of
        officials and further people of the search are not in it.

        Raises:
            NotFound: The case has no such search, or no search.
            InvalidValue: ``to`` or ``sender`` is no identifier of an agency.
            Refused: The case was destroyed.
            ProbeErased: A photograph was erased.
            StepUpNeeded: The second factor is not recent enough (R49).
        """
        for label, field, value in (("The receiver", "to", to), ("The sender", "sender", sender)):
            if _IDENTIFIER.fullmatch(value) is None:
                why = "an identifier of an agency has 1 to 35 letters, digits, blanks, dots, dashes and slashes"
                raise InvalidValue(what=label, value=value[:100], why=why, field=field)
        with self._record.read() as tx:
            require_step_up(tx, self._record.official, self._record.clock())
            asked = self._asked(tx, name, search_id)
        made = self._made(
            asked,
            ItlHeader(to=to, sender=sender, number=secrets.token_hex(8).upper(), at=self._record.clock(), about=()),
        )
        with self._record.change() as change:
            case = managed_case(change.tx, self._record, name)
            require_current_case(change.tx, self._keys, case, asked.key)
            change.concerns(case)
            change.record(
                TransactionWritten(
                    case=case.ref,
                    search=made.search,
                    transaction=made.number,
                    to=to,
                    photographs=made.photographs,
                    sha256=made.sha256,
                )
            )
        return made

    def _asked(self, tx: Tx, name: str, search_id: str | None) -> _AskedFaces:
        case = managed_case(tx, self._record, name)
        result, key = _search_of(tx, case, search_id), case_key(tx, self._keys, case)
        numbers = [(result.probe_id, result.face), *((other.probe_id, other.face) for other in result.others)]
        faces = tuple((tx.probes.get(probe_id, key), number, tx.probes.blob(probe_id)) for probe_id, number in numbers)
        agency = tx.agencies.get(case.agency_id).name
        return _AskedFaces(case=case, key=key, agency=agency, result=result, faces=faces)

    def _made(self, asked: _AskedFaces, header: ItlHeader) -> MadeTransaction:
        shown = [self._shown(probe, number, self._blobs.get(asked.key, blob)) for probe, number, blob in asked.faces]
        result = asked.result
        about = (asked.agency, asked.case.ref, result.search_id, f"{result.made_at:%Y-%m-%dT%H:%M:%SZ}")
        content = transaction(replace(header, about=about), [face for face, _ in shown])
        return MadeTransaction(
            content=content,
            case=asked.case.ref,
            search=result.search_id,
            number=header.number,
            photographs=len(shown),
            unchanged=sum(unchanged for _, unchanged in shown),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def _shown(self, probe: Probe, number: int, original: bytes) -> tuple[ItlFace, bool]:
        """Return a face with its photograph as it was searched with, and whether that is the original itself."""
        picture = self._analyser().decode(original, probe.edits, probe.part)
        codes = as_it_is(original)
        unchanged = codes is not None and not probe.edits and picture.orientation == 1 and picture.parts == 1
        if codes is not None and unchanged:
            written = ItlPicture(
                content=original, compression=codes[0], colours=codes[1], width=picture.width, height=picture.height
            )
        else:
            down, across = picture.pixels.shape[:2]
            written = ItlPicture(
                content=lossless_picture(picture), compression="PNG", colours="SRGB", width=across, height=down
            )
        face, scales = probe.faces[number - 1], (written.width / picture.width, written.height / picture.height)
        how = "the original" if unchanged else "upright, as searched; not the bytes of the original"
        shown = ItlFace(
            picture=written,
            face=replace(face, box=face.box.scaled(*scales), landmarks=face.landmarks.scaled(*scales)),
            surveillance=probe.kind is ProbeKind.CCTV,
            taken_on=None if picture.taken_at is None else picture.taken_at.date(),
            comment=f"probe face {number} of photograph {probe.id}; {how}",
        )
        return shown, unchanged


def _search_of(tx: Tx, case: Case, search_id: str | None) -> SearchResult:
    """Return a search of a case (None: the newest) as its entry recorded it. Raises NotFound or RecordAltered."""
    found = tx.searches.stored_of_case(case.id, limit=1) if search_id is None else [tx.searches.stored(search_id)]
    if not found or found[0].result.case_key != case.key:
        raise NotFound(what="search", name=search_id or f"of case {case.ref}", hint="lineament case show")
    return tx.searches.compared(found)[0].result
