"""Pictures from the hosts that a source lists: they are asked politely, and only for what their publishers permit.

A process of its own crawls (``crawl.worker``) and keeps what it fetched as WARC, sealed; here its findings are brought,
while it runs, in the order in which they were made. It can be broken off at any moment and goes on where it was.
"""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

from lineament.errors import (
    FileTooLarge,
    HostRefused,
    InvalidValue,
    LineamentError,
    NotRead,
    Reserved,
    StorageFull,
    WorkspaceBusy,
)
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sandbox.files import os_reason, printable
from lineament.sandbox.launch import DISCARD, PIPE, Channels, certificates, launch
from lineament.sources.base import Item, Refusal
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.rows import CrawledPage, CrawlProgress, FoundRow, RefusalReason
from lineament.sources.crawl.state import NAME, CrawlState
from lineament.sources.registry import OnReserved
from lineament.sources.webarchive.records import parsed_http, payload_of, record_at

CONNECTOR = "site 1"
LOG = "crawl.log"
TAKEN, FULL = 75, 74
"""Exit codes of the process: another one crawls into the folder; the disk is full."""
_WORKER = "lineament.sources.crawl.worker"
_LOOKS = 0.2  # seconds between two looks at what was found
_PATIENCE = 15.0  # seconds for the process to end by itself
_LONGEST_NAME = 300


class SiteConnector:
    """Crawls hosts and brings the pictures found there; InvalidValue or HostRefused for a host that never may be."""

    def __init__(
        self,
        crawl: Crawl,
        kept: KeptCrawl,
        max_bytes: int,
        on_reserved: OnReserved | None = None,
    ) -> None:
        """``kept``: the folder for what this crawl knows and fetched, and the key for it, of this crawl alone.

        Pictures over ``max_bytes`` are refused. ``on_reserved`` hears, at the end, of each picture that was found
        before its publisher reserved it: its address and the reservation. What was taken of it is to be removed (R4).
        """
        self._crawl, self._kept, self._folder, self._max_bytes = crawl, kept, kept.folder, max_bytes
        self._on_reserved = on_reserved

    def count(self) -> None:
        """It cannot be told before everything has been asked for."""

    def progress(self) -> CrawlProgress | None:
        """How far the crawl is, at any time; None before its first."""
        if not (self._folder / NAME).is_file():
            return None
        state = CrawlState(self._kept, write=False)
        try:
            return state.progress()
        finally:
            state.close()

    def items(self) -> Iterator[Item | Refusal]:
        """Every picture that this crawl ever found, those of former runs first."""
        for one, _ in self.items_from(None):
            yield one

    def items_from(self, cursor: str | None) -> Iterator[tuple[Item | Refusal, str]]:
        """What was found after ``cursor``, and is being found now.

        Raises:
            InvalidValue: ``cursor`` is none of a crawl.
            WorkspaceBusy: Another process crawls into the folder.
            StorageFull: The disk is full; what was found before has been brought.
        """
        after = _number(cursor)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        CrawlState(self._kept, write=True).close()
        process = self._started()
        try:
            for row in self._rows(process, after):
                after = row.number
                yield self._brought(row), str(after)
        finally:
            _ended(process)
        self._tell_reserved()
        if process.returncode == TAKEN:
            raise WorkspaceBusy(what=f"a crawl into {self._folder}")
        if process.returncode == FULL:
            raise StorageFull(path=self._folder)
        if process.returncode:
            why = f"the process that crawls ended early ({process.returncode}); the next run goes on from there"
            yield Refusal(name=self._crawl.begin[0], why=NotRead(why=why)), str(after)

    def _tell_reserved(self) -> None:
        state = CrawlState(self._kept, write=False)
        try:
            state.destroy_reserved()
            if self._on_reserved is not None:
                for uri, reservation in state.reserved_since():
                    self._on_reserved(uri, reservation)
        finally:
            state.close()

    # ------------------------------------------------------------ the process

    def _started(self) -> subprocess.Popen[bytes]:
        with (self._folder / LOG).open("wb") as log:
            channels = Channels(stdin=PIPE, stdout=DISCARD, stderr=log)
            process = launch(_WORKER, [self._folder.resolve()], channels, environment=certificates())
        assert process.stdin is not None  # noqa: S101 - as was asked for
        with suppress(BrokenPipeError):  # how it ended is seen in a moment
            process.stdin.write(self._crawl.written() + self._kept.key.hex().encode() + b"\n")
            process.stdin.flush()
        return process

    def _rows(self, process: subprocess.Popen[bytes], after: int) -> Iterator[FoundRow]:
        """What is found, until the process has ended and everything has been given out."""
        state = CrawlState(self._kept, write=False)
        try:
            while True:
                is_over = process.poll() is not None
                rows = state.rows(after)
                for row in rows:
                    after = row.number
                    yield row
                if is_over and not rows:
                    return
                if not rows:
                    time.sleep(_LOOKS)
        finally:
            state.close()

    # ------------------------------------------------------------ what it found

    def _brought(self, row: FoundRow) -> Item | Refusal:
        name = printable(row.uri)[:_LONGEST_NAME]
        try:
            if row.why is not None:
                raise _error(row.why)
            return Item(name=name, untrusted=self._payload(row), provenance=_provenance(row))
        except LineamentError as error:
            return Refusal(name=name, why=error.with_traceback(None))  # which would hold the bytes
        except OSError as error:
            return Refusal(name=name, why=NotRead(why=os_reason(error)))

    def _payload(self, row: FoundRow) -> bytes:
        assert row.record is not None  # noqa: S101 - where nothing says why not
        packed = self._kept.exchange(row.record.archive, row.record.offset, row.record.id)
        found = record_at(io.BytesIO(packed), 0)
        if found is None or not parsed_http(found):
            raise NotRead(why=f"{row.record.archive} does not hold it as an answer")
        payload = payload_of(found, self._max_bytes)
        if len(payload) > self._max_bytes:
            raise FileTooLarge(size=len(payload), limit=self._max_bytes)
        return payload


def _provenance(row: FoundRow) -> Provenance:
    assert row.record is not None  # noqa: S101 - it is a picture
    record = ArchiveRecord(
        archive=row.record.archive, id=row.record.id, offset=row.record.offset, sha256=row.sha256 or ""
    )
    page = row.page
    return Provenance(
        uri=row.uri,
        page_uri=None if page is None else page.uri,
        page_title=None if page is None else page.title,
        captured_at=row.at,
        connector=CONNECTOR,
        words=row.words,
        record=record,
        page_record=None if page is None else _page_record(page),
    )


def _page_record(page: CrawledPage) -> ArchiveRecord:
    record = page.record
    return ArchiveRecord(archive=record.archive, id=record.id, offset=record.offset, sha256=page.sha256)


def _error(why: RefusalReason) -> LineamentError:
    if why.kind == "reserved":
        return Reserved(reservation=why.text)
    if why.kind == "host":
        host, _, text = why.text.partition("\n")
        return HostRefused(host=printable(host), why=text)
    return NotRead(why=why.text)


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 18):
        raise InvalidValue(what="The cursor", value=printable(cursor)[:50], why="it is none of a crawl")
    return int(cursor)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Let it come to its end; what is on its way is kept, if it comes soon."""
    assert process.stdin is not None  # noqa: S101 - as was asked for
    with suppress(BrokenPipeError, OSError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
