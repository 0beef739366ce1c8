"""Erases rows, templates, pictures and codes for good; the ledger keeps the fact (R32, R33)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from lineament.errors import NotFound, PicturesNotDeleted, Refused
from lineament.ledger import receipts
from lineament.model.accounts import Permission
from lineament.model.events.base import JSON
from lineament.model.events.sources import CaptureErased, FaceErased, RetentionEnded, SourceDeclined, SourceWithdrawn
from lineament.model.faces import Capture, CaptureId, FaceId
from lineament.model.jobs import JobProgress
from lineament.model.lifecycle import advance
from lineament.model.reasons import ReasonCode
from lineament.model.sources import NEXT, Source, SourceEvent, SourceState
from lineament.model.texts import checked_reason, require_said
from lineament.services.copying import forget_copies
from lineament.services.gallery.embedding import forget_embedding_pages
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.suppression import Suppression
from lineament.services.jobs import deletions
from lineament.services.jobs.kinds import Report
from lineament.services.keyholder import source_key
from lineament.services.needs import needs, open_to_all
from lineament.services.record import Change, Record
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

if TYPE_CHECKING:
    from lineament.services.gallery.crawls import Crawls
    from lineament.services.gallery.drops import DropFolders
    from lineament.services.gallery.indexes import Gallery

RETRY_FOR = 60.0
"""Seconds after which a job that waits for readers lets others run."""
RETRY_EVERY = 3.0
"""Seconds between its attempts."""
AT_ONCE = 200
"""Most pictures erased in one transaction of a sweep."""


@dataclass(slots=True)
class Erasure:
    """The result of an erasure."""

    source: str
    faces: list[FaceId] = field(default_factory=list)
    captures: list[CaptureId] = field(default_factory=list)
    ledger_entry: int = -1
    scrubbed: bool = True  # False: somebody reads the database, whose files still hold it; a job tries again


@dataclass(slots=True)
class RetentionReport:
    """Counts of the pictures whose retention had run out."""

    pictures: int = 0  # erased
    faces: int = 0  # of them
    held: int = 0  # pictures kept by a legal hold, sealed and out of every search


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFolders:
    """The folders in which sources have files of their own."""

    crawls: Crawls
    drops: DropFolders


class _NothingDueError(Exception):
    """Another process erased it, or a case was put on hold, since it was read; the change is rolled back."""


class Erase:
    """Erases a face, a capture or a whole source."""

    def __init__(
        self,
        record: Record,
        keys: KeyRing,
        blobs: Blobs,
        gallery: Callable[[], Gallery],
        folders: SourceFolders,
    ) -> None:
        self._record = record
        self._keys = keys
        self._shredder = Shredder(record, blobs)
        self._gallery = gallery
        self._crawls, self._drops = folders.crawls, folders.drops
        self._suppression = Suppression(keys)

    @needs(Permission.MANAGE_SOURCES)
    def face(self, face_id: FaceId, reason: str) -> Erasure:
        """Erase one face, and every picture that shows it; also the original of the other pictures of its file.

        If it is the only face, the capture is erased too. In a group picture the other faces keep their crops and
        their page, but the original and the thumbnail are deleted, because they show the erased face.
        """
        require_said(reason, "The reason", "reason")
        with self._record.change() as change:
            face = change.tx.faces.get(face_id)
            capture = change.tx.captures.get(face.capture_id)
            siblings = change.tx.faces.of_capture(capture.id)
            source = change.tx.sources.by_id(face.source_id)
            if len(siblings) == 1:
                erasure = self._capture(change, source, capture)
            else:
                change.tx.faces.erase(source.id, [face_id], source_key(change.tx, self._keys, source))
                change.tx.deletions.note_erased()
                pages = forget_embedding_pages(change.tx, capture, change.tx.places.of_capture(capture.id))
                change.tx.captures.forget_pictures(capture.id)
                change.tx.searches.forget_faces([face_id])
                forget_copies(change, [capture.id])
                suppressed = self._suppression.face(capture.sha256, face.box, capture.part)
                change.tx.suppressions.add([suppressed], change.at)
                self._forget_file(change, capture)
                self._unlink_later(change, [face.crop, capture.original, capture.thumbnail, capture.page, *pages])
                change.tx.deletions.add_crawl_records(source.id, [capture.sha256])
                erasure = Erasure(source.name, faces=[face_id])
            erasure.ledger_entry = change.record(
                FaceErased(face=face_id, capture=capture.id, source=source.name, reason=reason)
            )
        erasure.scrubbed = self._finish(source, erasure.faces)
        return erasure

    @needs(Permission.MANAGE_SOURCES)
    def capture(self, capture_id: CaptureId, reason: str) -> Erasure:
        """Erase a picture with all its faces; the same bytes and the same URI are not ingested again."""
        require_said(reason, "The reason", "reason")
        with self._record.change() as change:
            capture = change.tx.captures.get(capture_id, to_erase=True)
            source = change.tx.sources.by_id(capture.source_id)
            erasure = self._capture(change, source, capture)
            erasure.ledger_entry = change.record(
                CaptureErased(capture=capture_id, faces=tuple(erasure.faces), source=source.name, reason=reason)
            )
        erasure.scrubbed = self._finish(source, erasure.faces)
        return erasure

    @needs(Permission.MANAGE_SOURCES)
    def erase_reserved(self, name: str, found: Mapping[str, str]) -> int:
        """Erase the pictures of a source whose publishers turned out to reserve them (R4); return how many.

        ``found`` holds the reservations by the addresses of the pictures. The crawl's records of them are destroyed
        too.
        """
        with self._record.read() as tx:
            source = tx.sources.get(name)
            captures = tx.captures.at(source.id, found)
        erased = 0
        for capture_id, uri in captures:
            with suppress(NotFound):  # another process has erased it since
                self.capture(capture_id, f"reserved by its publisher: {found[uri]}")
                erased += 1
        self.finish_deletions()
        return erased

    @needs(Permission.MACHINE)
    def past_retention(self) -> RetentionReport:
        """Erase the pictures of every source that are older than its retention, in any state of the source.

        Each transaction erases and records at most ``AT_ONCE`` pictures. A picture that a case on legal hold has in a
        candidate list is kept until the hold is released; no search compares it.
        """
        report = RetentionReport()
        with self._record.read() as tx:
            sources = [source for source in tx.sources.all() if source.captures]
        for source in sources:
            if (since := source.kept_since(self._record.today)) is None:
                continue
            before, erased = report.pictures, list[FaceId]()
            with suppress(_NothingDueError):
                while True:
                    erased += self._erase_batch(source, since, report)
            if report.pictures > before:
                self._finish(source, erased)
            with self._record.read() as tx:
                report.held += tx.captures.held_past_retention(source.id, since)
        return report

    def _erase_batch(self, source: Source, since: date, report: RetentionReport) -> list[FaceId]:
        """Erase the first captures from before a day; return their faces. Raises _NothingDueError if there is none."""
        with self._record.read() as tx:
            if not tx.captures.past_retention(source.id, since, 1):
                raise _NothingDueError
        with self._record.change() as change:
            due = change.tx.captures.past_retention(source.id, since, AT_ONCE)
            faces: list[FaceId] = []
            for capture_id in due:
                faces += self._capture(change, source, change.tx.captures.get(capture_id, to_erase=True)).faces
            if not due:
                raise _NothingDueError
            days = source.terms.retention_days or 0
            change.record(RetentionEnded(source=source.name, days=days, captures=tuple(due), faces=tuple(faces)))
        report.pictures += len(due)
        report.faces += len(faces)
        return faces

    @needs(Permission.MANAGE_SOURCES)
    def source(self, name: str, reason: str) -> Erasure:
        """Withdraw a source: its key is destroyed, its rows, pictures and index files are deleted."""
        require_said(reason, "The reason", "reason")
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            advance(NEXT, source.state, SourceEvent.WITHDRAWN, what="source", name=name)
            erasure = self._destroy_source(change, source, {"reason": reason})
            erasure.ledger_entry = change.record(
                SourceWithdrawn(source=name, reason=reason, captures=source.captures, faces=source.faces)
            )
        return self._finish_source(source, erasure)

    @needs(Permission.MANAGE_SOURCES)
    def decline(self, name: str, reason: str) -> Erasure:
        """Decline a drafted source: its key and its document are destroyed.

        Raises Refused for the official who drafted it, WrongState if it is not a draft.
        """
        reason = checked_reason(reason)
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            advance(NEXT, source.state, SourceEvent.DECLINED, what="source", name=name)
            if not source.may_be_decided_by(self._record.official.account_id):
                raise Refused(ReasonCode.OWN_DRAFT_DECLINED.reason(name=name))
            erasure = self._destroy_source(change, source, {"reason": reason, "declined": True})
            erasure.ledger_entry = change.record(SourceDeclined(source=name, reason=reason))
        return self._finish_source(source, erasure)

    @needs(Permission.MANAGE_SOURCES)
    def finish(self, name: str) -> bool:
        """Complete what a killed process left of an erasure from a source that it had committed.

        Returns whether nothing of it is left in the files of the database.
        """
        with self._record.read() as tx:
            source = tx.sources.get(name)
        if source.state is SourceState.WITHDRAWN:
            return self._finish_source(source, Erasure(name)).scrubbed
        return self._finish(source)

    def _destroy_source(self, change: Change, source: Source, why: Mapping[str, Any]) -> Erasure:
        """Delete the rows of a source with its key, and store what was destroyed and ``why``."""
        erasure = Erasure(source.name)
        pictures = change.tx.deletions.add_source(source.id)
        erasure.faces = [FaceId(face) for face in change.tx.faces.all_ids(source.id)]
        change.tx.searches.forget_source(source.name)
        forget_copies(change, source=source.name)
        runs = change.tx.runs.delete_of(source.id)
        change.tx.jobs.delete_of(source.id)
        change.tx.drops.delete_of(source.id)
        counts = {**change.tx.sources.destroy(source.id), "runs": runs, "blobs": pictures, "keys": 1}
        destruction = {"at": change.at.isoformat(), **why, "entry": change.next_entry, "destroyed": counts}
        change.tx.sources.set_destroyed(source.id, destruction)
        return erasure

    def _finish_source(self, source: Source, erasure: Erasure) -> Erasure:
        """Delete the files of a source that is withdrawn, whatever of them is left."""
        self._gallery().destroy(source.id)
        self._crawls.destroy(source.id)
        self._drops.destroy_source(source.id)
        self.finish_deletions()
        erasure.scrubbed = self._record.store.is_scrubbed()
        return erasure

    @needs(Permission.MANAGE_SOURCES)
    def receipt(self, name: str) -> str:
        """Return the signed receipt for a withdrawn source, as JSON; it can be written again at any time.

        Raises Refused if the source is not withdrawn, or if anything of it is left after another attempt to delete it.
        """
        self.finish_deletions()
        cleaned = self._record.store.is_scrubbed()
        with self._record.read() as tx:
            source = tx.sources.get(name)
            destruction = tx.sources.destroyed(source.id)
            if destruction is None:
                raise Refused(ReasonCode.NOT_WITHDRAWN.reason(name=name, state=source.state))
            left = tx.sources.left(source.id) + len(tx.deletions.all(1))
            folders = (self._crawls.folder(source.id), self._drops.of_source(source.id))
            files = self._gallery().holds(source.id) or any(folder.exists() for folder in folders)
            if left or files or tx.sources.wrapped_key(source.id) is not None:
                raise Refused(ReasonCode.NOT_ALL_DESTROYED.reason(name=name))
            return self._sign_receipt(tx, source, destruction, cleaned)

    def _sign_receipt(self, tx: Tx, source: Source, destruction: dict[str, Any], cleaned: bool) -> str:
        ledger, terms, rows = self._record.ledger, source.terms, tx.ledger
        (entry,) = rows.entries(destruction["entry"], destruction["entry"] + 1)
        path = ledger.prove(rows, entry.seq, rows.size())
        statement: dict[str, JSON] = {
            "what": "source withdrawn",
            "source": source.name,
            "controller": terms.controller,
            "jurisdiction": terms.jurisdiction,
            "permission_sha256": terms.permission_sha256,
            "registered_at": source.registered_at.isoformat(),
            "withdrawn_at": destruction["at"],
            "reason": destruction["reason"],
            "destroyed": destruction["destroyed"],
            "left": {"rows": 0, "blobs": 0, "keys": 0, "index files": 0, "crawls": 0, "drops": 0},
            "database_files_cleaned": cleaned,
            "issued_at": self._record.clock().isoformat(),
            "ledger": receipts.proof(entry, path, str(rows.checkpoint())),
        }
        return receipts.sign_receipt(ledger, statement)

    @open_to_all("it ends what was decided before")
    def finish_deletions(self) -> int:
        """Delete the blobs and records that committed erasures left to delete; also run when a workspace is opened."""
        return self._crawls.finish() + self._drops.finish() + self._shredder.finish()

    @open_to_all("it ends what was decided before")
    def finish_job(self, report: Report) -> dict[str, int]:
        """Delete what committed erasures left, and try for a while to scrub the database's files of it.

        If somebody still reads what was there before, another job goes on behind those that wait.
        """
        deleted, began = 0, time.monotonic()
        while True:
            try:
                deleted += self.finish_deletions()
                waiting = "waiting until nobody reads what was erased"
                if self._record.store.is_scrubbed():
                    break
            except PicturesNotDeleted as error:
                waiting = error.why
            if time.monotonic() - began >= RETRY_FOR:
                with self._record.begin() as tx:
                    deletions.queue_again(tx, self._record.official, self._record.clock())
                break
            report(JobProgress(done=deleted, words=waiting))
            time.sleep(RETRY_EVERY)
        return {"deleted": deleted}

    def _capture(self, change: Change, source: Source, capture: Capture) -> Erasure:
        """Erase a picture, whatever somebody changed in its rows; only what nothing else refers to is deleted."""
        faces = change.tx.faces.of_capture(capture.id, to_erase=True)
        ids = [face.id for face in faces]
        change.tx.searches.forget_faces(ids)
        forget_copies(change, [capture.id])
        further = change.tx.places.of_capture(capture.id, to_erase=True)
        pages = forget_embedding_pages(change.tx, capture, further)
        found = [capture.provenance, *further]
        change.tx.captures.erase(capture.id, source_key(change.tx, self._keys, source))
        change.tx.deletions.note_erased()
        digests = [digest for place in found for digest in self._suppression.capture(place.uri, capture.sha256)]
        change.tx.suppressions.add(digests, change.at)
        self._forget_file(change, capture)
        pictures = [capture.original, capture.thumbnail, capture.page, *pages, *(face.crop for face in faces)]
        self._unlink_later(change, pictures)
        change.tx.deletions.add_crawl_records(source.id, [capture.sha256])
        return Erasure(source.name, faces=ids, captures=[capture.id])

    def _forget_file(self, change: Change, capture: Capture) -> None:
        """Remove the original from the other captures of the same file: it holds the erased picture too."""
        parts = change.tx.places.parts_with_bytes(capture.source_id, [capture.sha256]).get(capture.sha256, [])
        others = [part.capture_id for part in parts if part.capture_id != capture.id]
        change.tx.captures.forget_originals(others)
        forget_copies(change, others)

    def _unlink_later(self, change: Change, addresses: Iterable[str | None]) -> None:
        """Note blobs that nothing refers to any more; they are deleted once the erasure is committed."""
        stored = [address for address in addresses if address is not None]
        change.tx.deletions.add([address for address in stored if change.tx.captures.references(address) == 0])

    def _finish(self, source: Source, faces: Collection[FaceId] | None = None) -> bool:
        """Delete what is left of an erasure, of these faces if they are known.

        Returns whether nothing of it is left in the database's files.
        """
        self._gallery().forget(source, faces)
        self.finish_deletions()
        return self._record.store.is_scrubbed()
