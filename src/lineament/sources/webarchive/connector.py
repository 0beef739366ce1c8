"""Pictures in web archives (WARC, WACZ), each with the page that showed it and its alternative text.

An archive is read once, from beginning to end. Pages go into an index on disk. A picture that an earlier page showed,
which is the order in which crawlers write, is yielded at once; the others are yielded after all pages have been read.
The first page in the order of the archives is a picture's page, but the reservation of any page counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from fastwarc.warc import WarcHeader, WarcRecord, WarcRecordType

from lineament.errors import EmptyPicture, FileTooLarge, InvalidValue, LineamentError, NotRead, Reserved, UnknownFormat
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sandbox.files import SourcePath, list_names, locate, printable
from lineament.sources.addresses import absolute, is_plain, uri_key
from lineament.sources.base import Item, Refusal
from lineament.sources.html.pages import LARGEST_PAGE, PageParser, charset_of
from lineament.sources.media_types import PAGES, UNKNOWN, is_picture, media_type
from lineament.sources.permission import reservations
from lineament.sources.permission.reading import REDIRECTS
from lineament.sources.provenance import Unusable, checked_uri
from lineament.sources.registry import OnReserved
from lineament.sources.webarchive.index import ArchivedPage, PageIndex, ShowingPage
from lineament.sources.webarchive.records import id_of, parsed_http, payload_of, record_at, records
from lineament.sources.webarchive.registration import WACZ_SUFFIX, WARC_SUFFIXES
from lineament.sources.webarchive.wacz import WarcFile, warc_files

CONNECTOR = "warc 1"
LONGEST_NAME = 1000
"""Most characters of an address in a message."""
MOST_FOLDERS = 100_000
"""Nested folders that are searched."""
_DRAWINGS = frozenset({"image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon"})
_ENDINGS = tuple(ending.encode() for ending in (*WARC_SUFFIXES, WACZ_SUFFIX))
_CURSOR = re.compile(r"([01])\.([0-9]{1,9})\.([0-9]{1,18})")


class _Position(NamedTuple):
    """A position of reading: the pass (1 for deferred pictures), the archive, and the byte in it."""

    later: int
    archive: int
    offset: int

    def __str__(self) -> str:
        return f"{self.later}.{self.archive}.{self.offset}"


class _RecordHeaders(NamedTuple):
    """The parsed headers of a record."""

    uri: str
    at: datetime | None
    media_type: str
    charset: str | None
    reserved: str | None


class WarcConnector:
    """Yields the pictures of WARC and WACZ files, and of all such files in folders."""

    def __init__(self, paths: Sequence[Path], max_bytes: int, on_reserved: OnReserved | None = None) -> None:
        """Pictures over ``max_bytes`` are refused unread. Raises NoSuchFile if one of ``paths`` does not exist.

        ``on_reserved`` is called, when everything has been read, for each picture that a later page or a later answer
        at its address reserved, with its address and the reservation; what was taken of it must be erased (R4).
        """
        self._given = list({place.path: (place, is_folder) for place, is_folder in map(locate, paths)}.values())
        self._max_bytes = max_bytes
        self._on_reserved = on_reserved

    def count(self) -> int | None:
        """Return None: the number is unknown before everything has been read."""
        return None

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every picture: those whose page came earlier, then the others, each in the order of the archives."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Iterator[tuple[Item | Refusal, str]]:
        """Yield what comes after ``cursor``. The archives are still read from the beginning, for their pages."""
        after = _position(cursor)
        with closing(PageIndex()) as index:
            for found, position in _Reading(index, self._max_bytes, after).everything(self._archives()):
                yield found, str(position)
            if self._on_reserved is not None:
                for uri, reservation in index.reserved_since():
                    self._on_reserved(uri, reservation)

    def _archives(self) -> Iterator[WarcFile | Refusal]:
        for place, is_folder in self._given:
            for found in _in_folder(place) if is_folder else [place]:
                if isinstance(found, Refusal):
                    yield found
                else:
                    yield from warc_files(found)


class _Reading:
    """One reading of all archives."""

    def __init__(self, index: PageIndex, max_bytes: int, after: _Position) -> None:
        self._index = index
        self._pages = PageParser()
        self._max_bytes = max_bytes
        self._after = after
        self._now = datetime.now(UTC)

    def everything(self, archives: Iterator[WarcFile | Refusal]) -> Iterator[tuple[Item | Refusal, _Position]]:
        """Yield what was found, in order, behind the position to resume from."""
        opened: list[WarcFile] = []
        for archive in archives:
            if isinstance(archive, Refusal):
                at = _Position(0, len(opened), 0)
                if at > self._after:
                    yield archive, at
            else:
                opened.append(archive)
                yield from self._first(archive, len(opened) - 1)
        yield from self._later(opened)

    def _first(self, archive: WarcFile, number: int) -> Iterator[tuple[Item | Refusal, _Position]]:
        """Read one archive in the first pass."""
        try:
            with archive.open() as file:
                for place in records(archive, file):
                    at = _Position(0, number, place.offset)
                    found = self._handle(archive, place.record, at) if place.record else place.refusal
                    if found is not None and at > self._after:
                        yield found, at
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(archive.shown, error), _Position(0, number, 0)

    def _later(self, archives: list[WarcFile]) -> Iterator[tuple[Item | Refusal, _Position]]:
        """Yield the deferred pictures, now that all pages are known."""
        after = (self._after.archive, self._after.offset) if self._after.later else (-1, -1)
        for number, offsets in groupby(self._index.deferred(after), key=itemgetter(0)):
            archive = archives[number]
            try:
                with archive.open() as file:
                    for _, offset in offsets:
                        at = _Position(1, number, offset)
                        found = self._handle(archive, record_at(file, offset), at)
                        if found is not None:
                            yield found, at
            except (LineamentError, OSError) as error:
                yield Refusal.from_error(archive.shown, error), _Position(1, number, 0)

    def _handle(self, archive: WarcFile, record: WarcRecord | None, at: _Position) -> Item | Refusal | None:
        """Return the picture or refusal that a record gives, if any; a page goes into the index."""
        if record is None:
            return None
        uri = (record.headers.get(WarcHeader.WARC_TARGET_URI) or "").strip("<> ")
        try:
            return self._by_type(archive, record, uri, at)
        except Unusable as error:
            why: LineamentError = NotRead(why=error)
        except LineamentError as error:
            why = error.with_traceback(None)  # its traceback would keep the bytes alive
        except OSError as error:
            why = NotRead(why=printable(str(error))[:200].rstrip(".").lower())
        return Refusal(name=printable(uri or f"{archive.shown}:{at.offset}")[:LONGEST_NAME], why=why)

    def _by_type(self, archive: WarcFile, record: WarcRecord, uri: str, at: _Position) -> Item | Refusal | None:
        answer = self._headers(record, uri)
        if answer is None:
            return None
        if answer.media_type in PAGES:
            self._page(archive, record, answer, at)
        elif answer.media_type.startswith("image/") or answer.media_type in UNKNOWN:
            return self._picture(archive, record, answer, at)
        return None

    def _headers(self, record: WarcRecord, uri: str) -> _RecordHeaders | None:
        """Return what the headers say; None if the record is not a useful answer."""
        if record.record_type == WarcRecordType.resource:
            content_type, charset, reserved = record.headers.get(WarcHeader.CONTENT_TYPE), None, None
        elif parsed_http(record):
            headers = record.http_headers
            if headers.status_code is None:
                raise NotRead(why="the headers of the response are truncated or malformed")
            if headers.status_code in REDIRECTS:
                self._redirect(uri, headers.get("Location"))
            if headers.status_code != 200:
                return None
            content_type, charset = headers.get(WarcHeader.CONTENT_TYPE), record.http_charset
            reserved = reservations.in_headers(headers.to_tuples(), now=self._now)
        else:
            return None
        address = uri if is_plain(uri) else checked_uri("address", uri)
        return _RecordHeaders(address, record.record_date, media_type(content_type), charset, reserved)

    def _redirect(self, uri: str, location: str | None) -> None:
        come_from, to = uri_key(uri), absolute(uri, location or "")
        if come_from and to and come_from != to:
            self._index.redirect(come_from, to)

    # ------------------------------------------------------------ pages

    def _page(self, archive: WarcFile, record: WarcRecord, answer: _RecordHeaders, at: _Position) -> None:
        try:
            html = payload_of(record, LARGEST_PAGE)
        except FileTooLarge:
            raise NotRead(why=f"the page has more than {LARGEST_PAGE} bytes") from None
        page = self._pages.page(html, charset_of(html, answer.charset), answer.uri)
        reserved = answer.reserved or reservations.in_meta(page.meta, now=self._now)
        row = ArchivedPage(
            record=_record_place(archive, record, at, hashlib.sha256(html).hexdigest()),
            uri=answer.uri,
            title=page.title,
            at=None if answer.at is None else answer.at.isoformat(),
            reserved=None if reserved is None else f"{reserved}, on the page {answer.uri}",
        )
        self._index.add(row, page.links)

    # ------------------------------------------------------------ pictures

    def _picture(
        self, archive: WarcFile, record: WarcRecord, answer: _RecordHeaders, at: _Position
    ) -> Item | Refusal | None:
        if answer.media_type in _DRAWINGS:
            return None
        key = uri_key(answer.uri)
        if answer.reserved is not None:
            if key is not None:
                self._index.reserve(key, at.archive, at.offset, answer.reserved)
            raise Reserved(reservation=answer.reserved)
        data = payload_of(record, self._max_bytes)
        if not is_picture(data):
            if answer.media_type in UNKNOWN:
                return None
            raise EmptyPicture if not data else UnknownFormat
        shown = None if key is None else self._index.shown(key)
        if shown is not None and shown.reserved is not None:
            raise Reserved(reservation=shown.reserved)
        if key is not None and not at.later:
            self._index.note_found(key, answer.uri, at.archive, at.offset)
            if shown is None:
                self._index.defer(at.archive, at.offset)
                return None
        if at <= self._after:
            return None
        provenance = _provenance(answer, shown, _record_place(archive, record, at))
        return Item(name=printable(answer.uri)[:LONGEST_NAME], untrusted=data, provenance=provenance)


def _record_place(archive: WarcFile, record: WarcRecord, at: _Position, sha256: str | None = None) -> ArchiveRecord:
    return ArchiveRecord(archive=archive.name, id=id_of(record), offset=at.offset, sha256=sha256)


def _provenance(answer: _RecordHeaders, shown: ShowingPage | None, record: ArchiveRecord) -> Provenance:
    if shown is None:
        return Provenance(uri=answer.uri, captured_at=answer.at, connector=CONNECTOR, record=record)
    page = shown.page
    return Provenance(
        uri=answer.uri,
        page_uri=page.uri,
        page_title=page.title,
        captured_at=answer.at,
        connector=CONNECTOR,
        words=shown.words,
        record=record,
        page_record=page.record,
    )


def _position(cursor: str | None) -> _Position:
    if cursor is None:
        return _Position(0, -1, -1)
    read = _CURSOR.fullmatch(cursor)
    if read is None:
        raise InvalidValue(what="The cursor", value=printable(cursor)[:50], why="it is not one of a web archive")
    return _Position(*(int(part) for part in read.groups()))


def _in_folder(given: SourcePath) -> Iterator[SourcePath | Refusal]:
    """Yield the web archives in a folder and its subfolders, each folder in the byte order of its names."""
    waiting = [given]
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder = waiting.pop()
        try:
            for name, _ in list_names(folder, folders=False):
                if not name.startswith(b".") and name.lower().endswith(_ENDINGS):
                    yield folder.child(name)
            inner = [folder.child(name) for name, _ in list_names(folder, folders=True) if not name.startswith(b".")]
        except OSError as error:
            yield Refusal.from_error(folder.name, error)
        else:
            waiting += reversed(inner)
    if waiting:
        why = NotRead(why=f"it holds more than {MOST_FOLDERS} folders; the rest was skipped")
        yield Refusal(name=given.name, why=why)
