"""Pictures from the hosts that a source lists, as far as their publishers permit.

A worker process crawls (``crawl.worker``) and keeps what it fetched as sealed WARC; the connector yields its findings
while it runs, in the order in which they were made. An interrupted crawl resumes where it was.
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
    LineamentError,
    NotRead,
    Reserved,
    StorageFull,
    WorkspaceBusy,
)
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sandbox.confine import GUARDS, require
from lineament.sandbox.files import printable
from lineament.sandbox.launch import DISCARD, PIPE, Channels, certificates, launch
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal, number_in
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import FULL, TAKEN, UNGUARDED, Crawl
from lineament.sources.crawl.rows import CrawledPage, CrawlProgress, FoundRow, RefusalReason
from lineament.sources.crawl.state import NAME, CrawlState
from lineament.sources.html.embedded import embedded_number, picture_in
from lineament.sources.html.pages import LARGEST_PAGE, charset_of, parse_page
from lineament.sources.registry import OnReserved
from lineament.sources.webarchive.records import parsed_http, payload_of, record_at

CONNECTOR = "site 1"
LOG = "crawl.log"
_WORKER = "lineament.sources.crawl.worker"
_POLL_SECONDS = 0.2  # seconds between two polls of the findings
_PATIENCE = 5.0  # seconds that the worker gets to end by itself; whoever stops a crawl waits no longer
_LONGEST_NAME = 300


class SiteConnector:
    """Crawls hosts and yields the pictures found there."""

    def __init__(
        self,
        crawl: Crawl,
        kept: KeptCrawl,
        max_bytes: int,
        on_reserved: OnReserved | None = None,
    ) -> None:
        """``kept``: the folder for what this crawl knows and fetched, with the key of this crawl alone.

        Pictures over ``max_bytes`` are refused. ``on_reserved`` is called at the end for each picture that was found
        before its publisher reserved it, with its address and the reservation; what was taken must be erased (R4).
        """
        self._crawl, self._kept, self._folder, self._max_bytes = crawl, kept, kept.folder, max_bytes
        self._on_reserved = on_reserved

    def count(self) -> None:
        """Return None: the number is unknown before the crawl has ended."""

    def progress(self) -> CrawlProgress | None:
        """Return the progress of the crawl; None before its first run."""
        if not (self._folder / NAME).is_file():
            return None
        state = CrawlState(self._kept, write=False)
        try:
            return state.progress()
        finally:
            state.close()

    def items(self) -> Iterator[Found]:
        """Yield every picture that this crawl ever found, those of earlier runs first."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Iterator[tuple[Found, str]]:
        """Yield what was found after ``cursor``, and what is being found now.

        Raises:
            InvalidValue: ``cursor`` is not one of a crawl.
            WorkspaceBusy: Another process crawls into the folder.
            StorageFull: The disk is full; everything found before was yielded.
        GuardsMissing: The crawling process cannot be confined here; nothing was requested.
        """
        after = number_in(cursor, "one of a crawl")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        CrawlState(self._kept, write=True).close()
        process = self._start()
        try:
            for row in self._rows(process, after):
                after = row.number
                yield self._item(row), str(after)
        finally:
            _end(process)
        self._report_reserved()
        if process.returncode == TAKEN:
            raise WorkspaceBusy(what=f"a crawl into {self._folder}")
        if process.returncode == FULL:
            raise StorageFull(path=self._folder)
        if process.returncode >= UNGUARDED:
            require(sum(GUARDS) & ~(process.returncode - UNGUARDED))
        if process.returncode:
            why = f"the crawling process ended early ({process.returncode}); the next run resumes from there"
            yield Refusal(name=self._crawl.start[0], why=NotRead(why=why)), str(after)
        elif without := self._without():
            yield LeftOut(kind=LeftOutKind.NO_PICTURE, many=without), str(after)

    def _without(self) -> int:
        """Return how many answers of this run gave no finding."""
        state = CrawlState(self._kept, write=False)
        try:
            return int(state.number("without"))
        finally:
            state.close()

    def _report_reserved(self) -> None:
        state = CrawlState(self._kept, write=False)
        try:
            state.destroy_reserved()
            if self._on_reserved is not None:
                for uri, reservation in state.reserved_since():
                    self._on_reserved(uri, reservation)
        finally:
            state.close()

    # ------------------------------------------------------------ the worker

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / LOG).open("wb") as log:
            channels = Channels(stdin=PIPE, stdout=DISCARD, stderr=log)
            process = launch(_WORKER, [self._folder.resolve()], channels, environment=self._environment())
        assert process.stdin is not None  # noqa: S101 - PIPE was requested
        with suppress(BrokenPipeError):  # its exit code says why
            process.stdin.write(self._crawl.to_json() + self._kept.key.hex().encode() + b"\n")
            process.stdin.flush()
        return process

    def _environment(self) -> dict[str, str]:
        """Return its environment: certificates, and the only folder in which SQLite can make temporary files."""
        return certificates() | {"SQLITE_TMPDIR": str(self._folder.resolve())}

    def _rows(self, process: subprocess.Popen[bytes], after: int) -> Iterator[FoundRow]:
        """Yield the findings until the process has ended and none is left."""
        state = CrawlState(self._kept, write=False)
        try:
            while True:
                has_ended = process.poll() is not None
                rows = state.rows(after)
                for row in rows:
                    after = row.number
                    yield row
                if has_ended and not rows:
                    return
                if not rows:
                    time.sleep(_POLL_SECONDS)
        finally:
            state.close()

    # ------------------------------------------------------------ its findings

    def _item(self, row: FoundRow) -> Item | Refusal:
        name = printable(row.uri)[:_LONGEST_NAME]
        try:
            if row.why is not None:
                raise _error(row.why)
            return Item(name=name, untrusted=self._payload(row), provenance=_provenance(row))
        except (LineamentError, OSError) as error:
            return Refusal.from_error(name, error)

    def _payload(self, row: FoundRow) -> bytes:
        assert row.record is not None  # noqa: S101 - a row without a reason has a record
        packed = self._kept.exchange(row.record.archive, row.record.offset, row.record.id)
        found = record_at(io.BytesIO(packed), 0)
        if found is None or not parsed_http(found):
            raise NotRead(why=f"{row.record.archive} does not hold it as an answer")
        number = embedded_number(row.uri)
        if number is not None:
            return self._embedded(row.uri, payload_of(found, LARGEST_PAGE), found.http_charset, number)
        payload = payload_of(found, self._max_bytes)
        if len(payload) > self._max_bytes:
            raise FileTooLarge(size=len(payload), limit=self._max_bytes)
        return payload

    def _embedded(self, uri: str, html: bytes, charset: str | None, number: int) -> bytes:
        """Return a picture that a page holds as a “data:” address."""
        page = parse_page(html, charset_of(html, charset), uri)
        untrusted = None
        if number <= len(page.embedded):
            untrusted = picture_in(page.embedded[number - 1].data, self._max_bytes)
        if untrusted is None:
            raise NotRead(why="its page no longer holds it")
        return untrusted


def _provenance(row: FoundRow) -> Provenance:
    assert row.record is not None  # noqa: S101 - pictures have a record
    record = None
    if embedded_number(row.uri) is None:  # or else the record is that of the page
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
    if why.kind in {"reserved", "doubt"}:
        return Reserved(reservation=why.text)
    if why.kind == "host":
        host, _, text = why.text.partition("\n")
        return HostRefused(host=printable(host), why=text)
    return NotRead(why=why.text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for it to end, so that responses in transit are kept; kill it if that takes too long."""
    assert process.stdin is not None  # noqa: S101 - PIPE was requested
    with suppress(BrokenPipeError, OSError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
