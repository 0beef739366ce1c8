"""One reading of web archives: what each record gives, and the position to resume from after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, groupby
from operator import itemgetter
from typing import NamedTuple

from fastwarc.warc import WarcHeader, WarcRecord, WarcRecordType

from lineament.errors import (
    EmptyPicture,
    FileTooLarge,
    LineamentError,
    NotAPicture,
    NotRead,
    Reserved,
    UnknownFormat,
)
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sandbox.files import printable
from lineament.sources.addresses import absolute, archived_address, page_viewed, uri_key
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.html.embedded import embedded_address, picture_in
from lineament.sources.html.pages import LARGEST_PAGE, Embedded, Page, PageParser, charset_of
from lineament.sources.media_types import (
    DRAWINGS,
    PAGES,
    START,
    UNKNOWN,
    is_picture,
    is_video,
    media_type,
    not_a_picture,
)
from lineament.sources.permission import reservations
from lineament.sources.permission.reading import REDIRECTS
from lineament.sources.provenance import Unusable
from lineament.sources.status import why_not_whole
from lineament.sources.webarchive.bodies import beginning, decode_body
from lineament.sources.webarchive.index import ArchivedPage, PageIndex, ShowingPage, shown_in
from lineament.sources.webarchive.position import END, Position
from lineament.sources.webarchive.records import body_of, id_of, parsed_http, payload_of, record_at, records
from lineament.sources.webarchive.wacz import WarcFile

CONNECTOR = "warc 1"
LONGEST_NAME = 1000
"""Most characters of an address in a message."""
_SILENT = (WarcRecordType.warcinfo, WarcRecordType.request)
_ENCODED_START = 2**12  # bytes of an encoded body from which the beginning of the payload can be told
_LARGEST_ENCODED_VIDEO = 2**28
_AT_ONCE = 2**20
REPEATS = "it repeats an earlier answer that is not in these archives; ingest it together with the archive that has it"


class _RecordHeaders(NamedTuple):
    """The parsed headers of a record."""

    uri: str
    at: datetime | None
    media_type: str
    charset: str | None
    reserved: str | None
    why_not: str | None = None  # why its payload is not what is at the address; None if it is
    transfer: str | None = None
    encoding: str | None = None


_Findings = Iterable[tuple[Found, Position]]
"""What a record gives, each with the position to resume from after it."""


class Reading:
    """One reading of all archives."""

    def __init__(self, index: PageIndex, max_bytes: int, after: Position) -> None:
        self._index = index
        self._pages = PageParser()
        self._max_bytes = max_bytes
        self._after = after
        self._now = datetime.now(UTC)
        self._archives: list[WarcFile] = []
        self._without = 0  # records of the present archive that hold no picture

    def everything(self, archives: Iterator[WarcFile | Refusal | LeftOut]) -> Iterator[tuple[Found, Position]]:
        """Yield what was found, in order, behind the position to resume from."""
        for archive in archives:
            if isinstance(archive, WarcFile):
                self._archives.append(archive)
                yield from self._first(archive, len(self._archives) - 1)
            else:
                at = Position(0, len(self._archives), 0)
                if at > self._after:
                    yield archive, at
        yield from self._later()

    def _first(self, archive: WarcFile, number: int) -> Iterator[tuple[Found, Position]]:
        """Read one archive in the first pass."""
        self._without = 0
        try:
            with archive.open() as file:
                for place in records(archive, file):
                    at = Position(0, number, place.offset)
                    if place.record is not None:
                        yield from self._handle(archive, place.record, at)
                    elif place.refusal is not None and at > self._after:
                        yield place.refusal, at
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(archive.shown, error), Position(0, number, 0)
        at = Position(0, number, END)
        if self._without and at > self._after:  # all of them: an archive is always read from its beginning
            yield LeftOut(kind=LeftOutKind.NO_PICTURE, many=self._without), at

    def _later(self) -> Iterator[tuple[Found, Position]]:
        """Yield the deferred pictures, now that all pages are known."""
        after = (self._after.archive, self._after.offset) if self._after.later else (-1, -1)
        for number, offsets in groupby(self._index.deferred(after), key=itemgetter(0)):
            archive = self._archives[number]
            try:
                with archive.open() as file:
                    for _, offset in offsets:
                        at = Position(1, number, offset)
                        record = record_at(file, offset)
                        if record is not None:
                            self._without = 0
                            yield from self._handle(archive, record, at)
                            if self._without:
                                yield LeftOut(kind=LeftOutKind.NO_PICTURE), at
            except (LineamentError, OSError) as error:
                yield Refusal.from_error(archive.shown, error), Position(1, number, 0)

    def _handle(self, archive: WarcFile, record: WarcRecord, at: Position) -> _Findings:
        """Return what a record gives, or why it is refused; a page goes into the index."""
        if record.record_type in _SILENT:
            self._without += 1
            return ()
        try:
            return self._read(archive, record, at)
        except Unusable as error:
            why: LineamentError = NotRead(why=error)
        except LineamentError as error:
            why = error.with_traceback(None)  # its traceback would keep the bytes alive
        except OSError as error:
            why = NotRead(why=printable(str(error))[:200].rstrip(".").lower())
        if at <= self._after:
            return ()
        name = record.headers.get(WarcHeader.WARC_TARGET_URI) or f"{archive.shown}:{at.offset}"
        return ((Refusal(name=printable(name.strip("<> "))[:LONGEST_NAME], why=why), at),)

    def _read(self, archive: WarcFile, record: WarcRecord, at: Position) -> _Findings:
        answer = self._headers(record)
        if record.record_type == WarcRecordType.revisit:
            return self._revisit(record, answer, at)
        if answer.media_type.startswith("image/") and answer.media_type not in DRAWINGS:
            return self._image(archive, record, answer, at)
        read = record.reader.read(START if answer.encoding is None else _ENCODED_START)
        start = read
        if answer.transfer is not None or answer.encoding is not None:
            start = beginning(read, answer.transfer, answer.encoding)
        if is_picture(start):
            return self._picture(archive, record, answer, at, _payload(record, answer, self._max_bytes, read))
        if answer.media_type in PAGES and answer.why_not is None:
            return self._page(archive, record, answer, at, read)
        if not answer.media_type.startswith("audio/") and is_video(start):
            return self._video(record, answer, at, read)
        self._without += 1
        return ()

    def _image(self, archive: WarcFile, record: WarcRecord, answer: _RecordHeaders, at: Position) -> _Findings:
        """Do as ``_read`` for what is said to be a picture: it is read at once, because copying it would cost most."""
        if answer.reserved is not None:
            self._require_open(record, answer, at)
        data = _payload(record, answer, self._max_bytes)
        if is_picture(data):
            return self._picture(archive, record, answer, at, data)
        if answer.why_not is not None:
            self._without += 1
            return ()
        if is_video(data):
            raise NotAPicture(why="it is a video, and its host says that it is a picture")
        raise UnknownFormat if data else EmptyPicture

    def _headers(self, record: WarcRecord) -> _RecordHeaders:
        """Return what the headers say."""
        stated = record.headers.get(WarcHeader.WARC_TARGET_URI) or ""
        address = archived_address(stated)
        if address is None:  # an address that nothing can be found by; the record has one of its own
            address = archived_address(id_of(record))
        if address is None:
            raise NotRead(why="neither its address nor the id of its record can be used")
        if not parsed_http(record):
            content_type = record.headers.get(WarcHeader.CONTENT_TYPE)
            return _RecordHeaders(address, record.record_date, media_type(content_type), None, None)
        headers = record.http_headers
        status = headers.status_code
        if status is None:
            raise NotRead(why="the headers of the response are truncated or malformed")
        pairs = headers.to_tuples()  # at once, because each look-up in the parser's map costs as much
        named = {name.lower(): value for name, value in reversed(pairs)}  # of two with one name the first counts
        if status in REDIRECTS:
            self._redirect(stated, named.get("location"))
        return _RecordHeaders(
            address,
            record.record_date,
            media_type(named.get("content-type")),
            record.http_charset,
            reservations.in_headers(pairs, now=self._now),
            None if status == 200 else why_not_whole(status, named.get("content-range")),
            named.get("transfer-encoding"),
            named.get("content-encoding"),
        )

    def _redirect(self, uri: str, location: str | None) -> None:
        come_from, to = uri_key(uri), absolute(uri, location or "")
        if come_from and to and come_from != to:
            self._index.redirect(come_from, to)

    # ------------------------------------------------------------ pages

    def _page(
        self, archive: WarcFile, record: WarcRecord, answer: _RecordHeaders, at: Position, read: bytes
    ) -> _Findings:
        self._without += 1
        try:
            html = _payload(record, answer, LARGEST_PAGE, read)
        except FileTooLarge:
            self._without -= 1
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
        self._index.add(row, page.links, uri_key(answer.uri))
        return self._embedded(page, row, answer, at) if page.embedded else ()

    def _embedded(self, page: Page, row: ArchivedPage, answer: _RecordHeaders, at: Position) -> _Findings:
        """Yield what a page holds as “data:” addresses. A run that is interrupted among them reads the page again."""
        if at <= self._after:
            return
        before = at._replace(offset=at.offset - 1)
        for number, embedded in enumerate(page.embedded, 1):
            uri = embedded_address(answer.uri, number)
            try:
                yield self._embedded_one(embedded, uri, row, answer, at), before
            except LineamentError as error:
                yield Refusal.from_error(printable(uri)[:LONGEST_NAME], error), before
        if page.more_embedded:
            why = NotRead(why=f"the page holds {page.more_embedded} more “data:” addresses than the most that are read")
            yield Refusal(name=printable(answer.uri)[:LONGEST_NAME], why=why), before

    def _embedded_one(
        self, embedded: Embedded, uri: str, row: ArchivedPage, answer: _RecordHeaders, at: Position
    ) -> Item | LeftOut:
        """Return what a “data:” address holds. Raises NotRead, NotAPicture, FileTooLarge or Reserved."""
        untrusted = picture_in(embedded.data, self._max_bytes)
        if untrusted is None:
            return LeftOut(kind=LeftOutKind.NO_PICTURE)
        if row.reserved is not None:
            raise Reserved(reservation=row.reserved)
        if (key := uri_key(answer.uri)) is not None:
            self._index.note_found(shown_in(key), uri, at.archive, at.offset)
        provenance = _provenance(uri, answer, ShowingPage(row, embedded.words, None), None)
        return Item(name=printable(uri)[:LONGEST_NAME], untrusted=untrusted, provenance=provenance)

    # ------------------------------------------------------------ pictures

    def _picture(
        self, archive: WarcFile, record: WarcRecord, answer: _RecordHeaders, at: Position, data: bytes
    ) -> _Findings:
        provenance = self._taken_now(archive, record, answer, at)
        if provenance is None:
            return ()
        return ((Item(name=printable(answer.uri)[:LONGEST_NAME], untrusted=data, provenance=provenance), at),)

    def _taken_now(
        self, archive: WarcFile | None, record: WarcRecord, answer: _RecordHeaders, at: Position
    ) -> Provenance | None:
        """Return the provenance of a picture or a video; None if it is taken later, or an earlier run took it.

        ``archive``: of a picture; None for a video, whose frames are not in the archive themselves.

        Raises:
            NotRead: It is not taken.
            Reserved: Its publisher reserves it.
        """
        key = self._require_open(record, answer, at)
        shown = self._shown(key)
        if key is not None and not at.later:
            self._index.note_found(key, answer.uri, at.archive, at.offset)
            if archive is not None and (digest := record.headers.get("WARC-Payload-Digest")) is not None:
                self._index.note_body(digest, at.archive, at.offset)
            if shown is None:
                self._index.defer(at.archive, at.offset)
                return None
        if at <= self._after:
            return None
        place = None if archive is None else _record_place(archive, record, at)
        return _provenance(answer.uri, answer, shown, place)

    def _require_open(self, record: WarcRecord, answer: _RecordHeaders, at: Position) -> str | None:
        """Return the key under which pages show a picture or video; raise NotRead or Reserved if it is not taken."""
        viewed = page_viewed(answer.uri)
        key = uri_key(answer.uri) if viewed is None else shown_in(viewed)
        if answer.reserved is not None:
            if key is not None:
                self._index.reserve(key, at.archive, at.offset, answer.reserved)
            raise Reserved(reservation=answer.reserved)
        if answer.why_not is not None:
            raise NotRead(why=f"{answer.why_not}, so what came is not what is at its address")
        if "WARC-Segment-Number" in record.headers:
            raise NotRead(why="it is split over several records, which are not joined; ask for the archive unsplit")
        return key

    def _shown(self, key: str | None) -> ShowingPage | None:
        """Return the page that shows a picture, if one is known. Raises Reserved if one reserves it."""
        shown = None if key is None else self._index.shown(key)
        if shown is not None and shown.reserved is not None:
            raise Reserved(reservation=shown.reserved)
        return shown

    def _video(self, record: WarcRecord, answer: _RecordHeaders, at: Position, read: bytes) -> _Findings:
        whole = self._taken_now(None, record, answer, at)
        return () if whole is None else self._frames(record, answer, at, read, whole)

    def _frames(
        self, record: WarcRecord, answer: _RecordHeaders, at: Position, read: bytes, whole: Provenance
    ) -> _Findings:
        """Yield the frames of a video. A run that is interrupted among them reads the video again."""
        from lineament.sources.video.sampled import copied, frame_items

        name, before = printable(answer.uri)[:LONGEST_NAME], at._replace(offset=at.offset - 1)
        try:
            if answer.transfer is None and answer.encoding is None:
                file = copied(chain([read], iter(lambda: record.reader.read(_AT_ONCE), b"")))
            else:
                file = copied(iter([_payload(record, answer, _LARGEST_ENCODED_VIDEO, read)]))
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(name, error), at
            return
        for found in frame_items(name, whole, file, self._max_bytes):
            yield found, before

    # ------------------------------------------------------------ revisits

    def _revisit(self, record: WarcRecord, answer: _RecordHeaders, at: Position) -> _Findings:
        """Return the picture that a record says was found again, once all archives are read."""
        digest = record.headers.get("WARC-Payload-Digest")
        of = record.headers.get("WARC-Refers-To-Target-URI") or record.headers.get(WarcHeader.WARC_TARGET_URI)
        original = self._index.repeated(digest, uri_key((of or "").strip("<> ")))
        may_be_a_picture = answer.media_type in UNKNOWN or answer.media_type.startswith("image/")
        if original is None and not may_be_a_picture:
            self._without += 1
            return ()
        if not at.later:
            self._index.defer(at.archive, at.offset)
            return ()
        if original is None and answer.media_type in UNKNOWN:
            self._without += 1
            return ()
        key = self._require_open(record, answer._replace(why_not=None), at)
        if original is None:
            raise NotRead(why=REPEATS)
        shown = self._shown(key)
        archive = self._archives[original[0]]
        with archive.open() as file:
            found = record_at(file, original[1])
            if found is None:
                raise NotRead(why=REPEATS)
            parsed_http(found)
            data = payload_of(found, self._max_bytes)
            place = _record_place(archive, found, Position(0, *original))
        if not is_picture(data):
            raise NotAPicture(why=f"it repeats an answer that is none: {not_a_picture(data)}")
        provenance = _provenance(answer.uri, answer, shown, place)
        return ((Item(name=printable(answer.uri)[:LONGEST_NAME], untrusted=data, provenance=provenance), at),)


def _payload(record: WarcRecord, answer: _RecordHeaders, limit: int, read: bytes = b"") -> bytes:
    """Do as ``payload_of``, with the encodings that were read from the headers already."""
    body = body_of(record, limit, read)
    if answer.transfer is None and answer.encoding is None:
        return body
    return decode_body(body, answer.transfer, answer.encoding, limit)


def _record_place(archive: WarcFile, record: WarcRecord, at: Position, sha256: str | None = None) -> ArchiveRecord:
    return ArchiveRecord(archive=archive.name, id=id_of(record), offset=at.offset, sha256=sha256)


def _provenance(
    uri: str, answer: _RecordHeaders, shown: ShowingPage | None, record: ArchiveRecord | None
) -> Provenance:
    if shown is None:
        page_uri = page_viewed(uri)
        return Provenance(uri=uri, page_uri=page_uri, captured_at=answer.at, connector=CONNECTOR, record=record)
    page = shown.page
    return Provenance(
        uri=uri,
        page_uri=page.uri,
        page_title=page.title,
        captured_at=answer.at,
        connector=CONNECTOR,
        words=shown.words,
        record=record,
        page_record=page.record,
    )
