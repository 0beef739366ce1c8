"""Takes files in that an official sends through the browser: lists them, keeps them sealed, and has them ingested.

A file is acknowledged part by part, each once it is durable, so that whoever sends goes on at the first part that is
missing, whatever ended the connection or this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lineament.errors import InvalidValue, NotFound, Refused, WrongState
from lineament.model.accounts import Permission
from lineament.model.drops import (
    KEPT_FOR,
    LONGEST_PATH,
    MOST_FILES,
    PART,
    Drop,
    DropArrivals,
    DroppedFile,
    OfferedFile,
)
from lineament.model.events.sources import DropBegun, DropDiscarded
from lineament.model.jobs import Job, JobRequest
from lineament.model.runs import Run
from lineament.model.sources import Source
from lineament.sandbox.files import printable
from lineament.services.gallery.drops import DropFolders
from lineament.services.jobs.ended import wanting_notice, wants_notice
from lineament.services.jobs.kinds import INGEST
from lineament.services.keyholder import require_current_source, source_key
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

MOST_LISTED = 1000
"""Most files in one page of a list."""
MOST_PARTS = 500
"""Most parts in one request."""
MOST_SENT = 2 * PART
"""Most bytes of parts in one request."""
MOST_NAMED = 100
"""Most refused files that are named while a drop is ingested; the page of its run names more."""
KIND = "upload"
"""The kind of connector that reads a drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """A part of a file, as it was sent."""

    number: int  # of the file
    first: int  # its first byte
    untrusted: memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class DropStanding:
    """How far a drop is."""

    drop: Drop
    arrived: DropArrivals
    run: Run | None  # that ingests it; None: none has begun
    job: Job | None  # the last one; None: none was queued, or it was deleted in time
    refusals: list[tuple[str, str]]  # the first files that were refused, and why


class _BegunMeanwhileError(Exception):
    """Another request of the official has begun a drop; the change is rolled back."""


class TakeIn:
    """The drops of an official into the sources that they may manage."""

    def __init__(self, record: Record, keys: KeyRing, folders: DropFolders) -> None:
        self._record, self._keys, self._folders = record, keys, folders

    @needs(Permission.MANAGE_SOURCES)
    def begin(self, name: str) -> Drop:
        """Return the official's drop into a source that is under way, or begin one.

        Raises NotFound, or Refused if nothing may be ingested into the source.
        """
        self._folders.require_room(0)
        while True:
            with self._record.read() as tx:
                source = self._open_source(tx, name)
                if (drop := self._under_way(tx, source)) is not None:
                    return drop
            with suppress(_BegunMeanwhileError), self._record.change() as change:
                source = self._open_source(change.tx, name)
                if self._under_way(change.tx, source) is not None:
                    raise _BegunMeanwhileError
                official = self._record.official
                drop = change.tx.drops.add(source.id, official.agency_id, official.account_id, change.at)
                change.record(DropBegun(source=source.name, drop=drop.id))
                return drop

    @needs(Permission.MANAGE_SOURCES)
    def current(self, name: str) -> DropStanding | None:
        """Return the official's drop into a source that is under way; None if there is none. Raises NotFound."""
        with self._record.read() as tx:
            drop = self._under_way(tx, tx.sources.get(name))
            return None if drop is None else self._standing(tx, drop)

    @needs(Permission.MANAGE_SOURCES)
    def standing(self, name: str, drop_id: str) -> DropStanding:
        """Return how far a drop is, also one that has ended. Raises NotFound if the official has no such drop."""
        with self._record.read() as tx:
            return self._standing(tx, self._own(tx, name, drop_id)[1])

    @needs(Permission.MANAGE_SOURCES)
    def offer(
        self, name: str, drop_id: str, offered: Sequence[OfferedFile], *, last: bool, notify: bool = False
    ) -> list[DroppedFile]:
        """Add files to the list of a drop, and return each with its number and what of it has arrived.

        A file with the path, the size and the time of one in the list is that file. ``last`` says that the list is
        complete, and has the drop ingested; with ``notify`` the web hooks of the agency are told when that has ended.

        Raises NotFound, Refused, WrongState if the drop has ended, InvalidValue for too many files, or StorageFull if
        the disk has no room for what is to come.
        """
        if len(offered) > MOST_LISTED:
            raise InvalidValue(what="A list", value=f"{len(offered):,} files", why=f"send {MOST_LISTED} at a time")
        checked = [_checked(file) for file in offered]
        with self._record.begin() as tx:
            source, drop = self._own(tx, name, drop_id, under_way=True)
            if drop.files + len(checked) > MOST_FILES:
                why = f"a drop has at most {MOST_FILES:,}; drop the others once these are taken in"
                raise InvalidValue(what="The drop", value=f"more than {MOST_FILES:,} files", why=why)
            files = tx.drops.add_files(drop, checked)
            drop = tx.drops.get(drop.id)
            self._folders.require_room(drop.bytes - tx.drops.arrivals(drop.id).bytes)
            at = self._record.clock()
            tx.drops.note(drop.id, listed=last, seen_at=at)
            if last:
                self._ingest(tx, source, drop, at, notify=notify)
        return files

    @needs(Permission.MANAGE_SOURCES)
    def missing(self, name: str, drop_id: str, after: int, most: int) -> list[DroppedFile]:
        """Return the next files of a drop, after a number, of which something is yet to arrive. Raises NotFound."""
        with self._record.read() as tx:
            _, drop = self._own(tx, name, drop_id)
            return tx.drops.missing(drop.id, after, min(most, MOST_LISTED))

    @needs(Permission.MANAGE_SOURCES)
    def take(self, name: str, drop_id: str, parts: Sequence[SentPart]) -> dict[int, int]:
        """Make parts of files durable; return how many bytes of each of these files are, by its number.

        A part that is there already is not written again, and one that comes before its turn is left out: whoever
        sends reads from the answer where to go on.

        Raises NotFound if the drop has no such file, Refused, WrongState if the drop has ended, InvalidValue for
        something that is no part of the file, KeyRotated, or StorageFull.
        """
        if len(parts) > MOST_PARTS:
            raise InvalidValue(what="A request", value=f"{len(parts):,} parts", why=f"send {MOST_PARTS} at a time")
        with self._record.read() as tx:
            source, drop = self._own(tx, name, drop_id, under_way=True)
            key = source_key(tx, self._keys, source)
        self._folders.require_room(sum(len(part.untrusted) for part in parts))
        with self._folders.locked(drop):
            with self._record.read() as tx:
                files = tx.drops.files(drop.id, [part.number for part in parts])
            received = {file.number: file.received for file in files.values()}
            fresh = []
            for part in parts:
                file = _file_of(files, part)
                if part.first == received[part.number] and len(part.untrusted):
                    fresh.append((file, part.first, part.untrusted))
                    received[part.number] += len(part.untrusted)
            if fresh:
                self._folders.write(drop, key, fresh)
            self._note_received(source, drop, key, received)
        return received

    @needs(Permission.MANAGE_SOURCES)
    def give_up(self, name: str, drop_id: str, numbers: Sequence[int]) -> None:
        """Refuse files that their sender cannot read any more, so that nothing waits for them. Raises as ``take``."""
        with self._record.begin() as tx:
            _, drop = self._own(tx, name, drop_id, under_way=True)
            tx.drops.refuse(drop.id, numbers, "its sender could not read it any more; it was moved or changed")
            tx.drops.note(drop.id, seen_at=self._record.clock())

    def _note_received(self, source: Source, drop: Drop, key: Any, received: Mapping[int, int]) -> None:
        with self._record.begin() as tx:
            require_current_source(tx, self._keys, source, key)
            drop = tx.drops.get(drop.id)
            _require_under_way(drop)
            tx.drops.receive(drop.id, received)
            at = self._record.clock()
            tx.drops.note(drop.id, seen_at=at)
            if drop.listed and not self._was_stopped(tx, drop):
                job = _job_of(tx, drop)
                self._ingest(tx, source, drop, at, notify=job is not None and wants_notice(job.request.arguments))

    @needs(Permission.MANAGE_SOURCES)
    def stop(self, name: str, drop_id: str) -> Drop:
        """Delete what of a drop is not ingested yet; what is ingested stays. Raises NotFound, or WrongState."""
        with self._record.change() as change:
            source, drop = self._own(change.tx, name, drop_id, under_way=True)
            drop = _discard(change, source, drop, "stopped")
        self._folders.destroy(drop)
        return drop

    # ------------------------------------------------------------ the job

    def _ingest(self, tx: Tx, source: Source, drop: Drop, at: datetime, *, notify: bool) -> None:
        """Queue the job that ingests a drop unless one is open."""
        if (job := _job_of(tx, drop)) is not None and not job.ended:
            return
        official = self._record.official
        request = JobRequest(
            kind=INGEST.name,
            arguments=wanting_notice({"source": source.name, "what": [drop.what], "kind": KIND}, notify=notify),
            source_id=source.id,
            agency_id=official.agency_id,
            account_id=official.account_id,
            requested_by=official.name,
        )
        tx.drops.note(drop.id, job_id=tx.jobs.add(request, at).id)

    def _was_stopped(self, tx: Tx, drop: Drop) -> bool:
        """Return whether somebody stopped the job; then it is queued again once the files are listed again."""
        job = _job_of(tx, drop)
        return job is not None and job.ended and job.stop_requested_at is not None

    # ------------------------------------------------------------ whose it is

    def _under_way(self, tx: Tx, source: Source) -> Drop | None:
        official = self._record.official
        return tx.drops.open_of(source.id, official.agency_id, official.account_id)

    def _open_source(self, tx: Tx, name: str) -> Source:
        source = tx.sources.get(name)
        if (why := source.why_closed(self._record.clock().date())) is not None:
            raise Refused(why)
        return source

    def _own(self, tx: Tx, name: str, drop_id: str, *, under_way: bool = False) -> tuple[Source, Drop]:
        """Return a drop of the official and its source. Raises NotFound, or if it has to be ``under_way``, WrongState.

        What may no longer be ingested into the source is not taken either: Refused.
        """
        official, found = self._record.official, tx.sources.get(name)
        drop = tx.drops.get(drop_id)
        if (drop.source_id, drop.agency_id, drop.account_id) != (found.id, official.agency_id, official.account_id):
            raise NotFound(what="drop", name=drop_id[:100], hint="lineament source show NAME")
        if under_way:
            _require_under_way(drop)
            self._open_source(tx, name)
        return found, drop

    def _standing(self, tx: Tx, drop: Drop) -> DropStanding:
        run = tx.runs.newest_of(drop.source_id, KIND, drop.what)
        return DropStanding(
            drop=drop,
            arrived=tx.drops.arrivals(drop.id),
            run=run,
            job=_job_of(tx, drop),
            refusals=[] if run is None else tx.runs.refusals(run.id, MOST_NAMED),
        )


def discard_abandoned(record: Record, folders: DropFolders) -> int:
    """Delete the drops of which nothing arrived for KEPT_FOR, and forget those that ended then; return how many."""
    before = record.clock() - KEPT_FOR
    with record.read() as tx:
        due = [drop for drop in tx.drops.under_way() if drop.seen_at < before]
    for drop in due:
        with record.change() as change:
            source = change.tx.sources.by_id(drop.source_id)
            gone = _discard(change, source, drop, "abandoned")
        folders.destroy(gone)
    with record.begin() as tx:
        tx.drops.delete_ended(before)
    folders.finish()
    return len(due)


def _discard(change: Change, source: Source, drop: Drop, because: str) -> Drop:
    if (job := _job_of(change.tx, drop)) is not None and not job.ended:
        change.tx.jobs.request_stop(job.id, change.at)
    change.tx.drops.end(drop.id, change.at)
    change.tx.deletions.note_erased()
    change.record(
        DropDiscarded(source=source.name, drop=drop.id, files=drop.files, ingested=drop.done, because=because)
    )
    return drop


def _job_of(tx: Tx, drop: Drop) -> Job | None:
    if drop.job_id is None:
        return None
    with suppress(NotFound):
        return tx.jobs.get(drop.job_id)
    return None


def _require_under_way(drop: Drop) -> None:
    if drop.ended_at is not None:
        raise WrongState(what="drop", name=drop.id, state="ended", event="added to; drop the files again")


def _file_of(files: Mapping[int, DroppedFile], part: SentPart) -> DroppedFile:
    """Return the file that a part belongs to. Raises NotFound or InvalidValue."""
    file = files.get(part.number)
    if file is None or file.why is not None:
        raise NotFound(what="file", name=part.number, hint="the list of the drop")
    whole = min(PART, file.size - part.first)
    if part.first < 0 or part.first % PART or whole < 0 or len(part.untrusted) != whole:
        size = f"{len(part.untrusted):,} bytes from byte {part.first:,} of a file of {file.size:,}"
        why = f"every part has {PART:,} bytes, except the last; choose the file again if it was changed since"
        raise InvalidValue(what="A part", value=size, why=why)
    return file


def _checked(file: OfferedFile) -> OfferedFile:
    """Return the file, refused with a reason and under a name that can be stored if its own cannot be."""
    try:
        size = len(file.path.encode())
        why = _why_refused(file.path, size)
    except UnicodeEncodeError:
        why = "its name is not text"
    if not why:
        return file
    digest = hashlib.sha256(file.path.encode(errors="surrogatepass")).hexdigest()[:16]
    shown = printable(file.path[:200].encode(errors="backslashreplace").decode())
    return OfferedFile(path=f"{shown}… ({digest})", size=file.size, modified=file.modified, why=why)


def _why_refused(path: str, size: int) -> str:
    if not path.strip():
        return "it has no name"
    if size > LONGEST_PATH:
        return f"its path has more than {LONGEST_PATH} bytes; drop a folder further down"
    if "\0" in path:
        return "its name contains a NUL"
    if path.startswith("/") or any(part in {"", ".", ".."} for part in path.split("/")):
        return "its path leads out of what was dropped"
    return ""
