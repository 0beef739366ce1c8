"""The room of a case: its members' messages, notes and files, sealed under the case's key."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lineament.errors import FileTooLarge, InvalidValue
from lineament.model.accounts import Permission
from lineament.model.cases import GONE, ROOM_KINDS, Case, Paper, PaperKind
from lineament.model.events.cases import PaperAdded, PaperOpened
from lineament.model.folding import says_something
from lineament.model.reasons import ReasonCode
from lineament.services.cases.access import case_for, require_open
from lineament.services.filenames import stored_name
from lineament.services.keyholder import case_key, require_current_case
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.store.blobs import Blobs
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing

LONGEST = 20_000
"""Most characters of a message or a note."""
LARGEST = 64 * 2**20
"""Most bytes of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A file in the blob folder, sealed but not yet added to a case."""

    address: str
    size: int
    sha256: str
    key: DataKey  # of the case


class Room:
    """Messages, notes and files of a case; they are destroyed with it."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs

    @needs(Permission.TAKE_PART, in_case=True)
    def say(self, name: str, text: str) -> Paper:
        """Send a message to everybody in the room."""
        return self._add_text(name, PaperKind.MESSAGE, text)

    @needs(Permission.TAKE_PART, in_case=True)
    def note(self, name: str, text: str) -> Paper:
        """Write a note for one's own agency only."""
        return self._add_text(name, PaperKind.NOTE, text)

    @needs(Permission.TAKE_PART, in_case=True)
    def file(self, name: str, filename: str, untrusted: bytes) -> Paper:
        """Add a file for everybody in the room; it is kept as it is and never opened here."""
        stored = self.seal_file(name, Permission.TAKE_PART, untrusted)
        with self._record.change() as change:
            case = self._open_case(change, name)
            return self.add_sealed_file(change, case, PaperKind.FILE, filename, stored)

    @needs(Permission.TAKE_PART, Permission.MANAGE_CASES, in_case=True)
    def seal_file(
        self, name: str, permission: Permission, untrusted: bytes, code: ReasonCode = ReasonCode.ROOM_CLOSED
    ) -> SealedFile:
        """Seal a file under the key of a case; needs ``permission``.

        Raises FileTooLarge, InvalidValue if it is empty, or Refused with ``code`` if the case is not open.
        """
        if not untrusted:
            raise InvalidValue(what="The file", value="", why="choose one with content", field="file")
        if len(untrusted) > LARGEST:
            raise FileTooLarge(size=len(untrusted), limit=LARGEST, field="file")
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, permission)
            require_open(case, code)  # before anything is stored: nothing would refer to it, and nothing delete it
            key = case_key(tx, self._keys, case)
        address = self._blobs.put(key, untrusted)
        self._blobs.flush()
        return SealedFile(address=address, size=len(untrusted), sha256=hashlib.sha256(untrusted).hexdigest(), key=key)

    @needs(Permission.TAKE_PART, Permission.MANAGE_CASES, in_case=True)
    def add_sealed_file(self, change: Change, case: Case, kind: PaperKind, filename: str, stored: SealedFile) -> Paper:
        """Add a sealed file to the papers of the case, within a change."""
        require_current_case(change.tx, self._keys, case, stored.key)
        paper = self._paper(change, kind, stored_name(filename, "file"), size=stored.size, sha256=stored.sha256)
        change.tx.papers.add(case.id, paper, case_key(change.tx, self._keys, case), blob=stored.address)
        change.record(
            PaperAdded(case=case.ref, paper=paper.id, kind=kind.value, sha256=stored.sha256, size=stored.size)
        )
        return paper

    @needs(Permission.READ_CASES, in_case=True)
    def papers(self, name: str, kinds: Collection[PaperKind] = ROOM_KINDS, limit: int | None = None) -> Sequence[Paper]:
        """Return the newest messages, files and notes of the own agency, oldest first; none for a destroyed case."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if case.state in GONE:
                return []
            key = case_key(tx, self._keys, case)
            own = self._record.official.agency_id
            return tx.papers.of_case(case.id, key, notes_of=own, kinds=kinds, limit=limit)

    @needs(Permission.READ_CASES, in_case=True)
    def open(self, name: str, paper_id: str) -> tuple[bytes, Paper]:
        """Record the opening of a file, and return its untrusted bytes and its entry."""
        with self._record.change() as change:
            case = case_for(change.tx, self._record, name, Permission.READ_CASES)
            change.concerns(case)
            key = case_key(change.tx, self._keys, case)
            paper, address = change.tx.papers.get(case.id, paper_id, key, ROOM_KINDS)
            untrusted = self._blobs.get(key, address)
            change.record(PaperOpened(case=case.ref, paper=paper_id))
        return untrusted, paper

    def _add_text(self, name: str, kind: PaperKind, text: str) -> Paper:
        content = text.strip()
        if not says_something(content) or len(content) > LONGEST:
            why = f"write 1 to {LONGEST:,} characters"
            value = f"{len(content):,} characters long"
            raise InvalidValue(what=f"The {kind.value}", value=value, why=why, field="text")
        with self._record.change() as change:
            case = self._open_case(change, name)
            paper = self._paper(change, kind, content)
            change.tx.papers.add(case.id, paper, case_key(change.tx, self._keys, case))
            agency = paper.agency_id if kind is PaperKind.NOTE else None
            change.record(PaperAdded(case=case.ref, paper=paper.id, kind=kind.value, notes_of=agency))
        return paper

    def _open_case(self, change: Change, name: str) -> Case:
        case = case_for(change.tx, self._record, name, Permission.TAKE_PART)
        change.concerns(case)
        require_open(case, ReasonCode.ROOM_CLOSED)
        return case

    def _paper(self, change: Change, kind: PaperKind, text: str, *, size: int = 0, sha256: str | None = None) -> Paper:
        official = self._record.official
        return Paper(
            id=secrets.token_hex(8),
            kind=kind,
            author=official.name,
            agency_id=official.agency_id,
            agency_name=change.tx.agencies.name(official.agency_id),
            at=change.at,
            text=text,
            size=size,
            sha256=sha256,
        )
