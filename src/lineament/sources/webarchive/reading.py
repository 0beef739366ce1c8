"""One reading of web archives: what each record gives, and the position to resume from after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

from fastwarc.warc import WarcHeader, WarcRecord, WarcRecordType

from lineament.errors import (
    MACHINE_FAULTS,
    EmptyPicture,
    FileTooLarge,
    LineamentError,
    NotAPicture,
    NotRead,
    Reserved,
    UnknownFormat,
)
from lineament.model.faces import Provenance
from lineament.sandbox.files import printable
from lineament.sources.addresses import absolute, page_viewed, uri_key
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.html.embedded import embedded_address, mentions_data, picture_or_video_in
from lineament.sources.html.pages import LARGEST_PAGE, MOST_TAGS, Embedded, PageParser, charset_of, embedded_in
from lineament.sources.media_types import DRAWINGS, PAGES, START, is_picture, is_video, not_a_picture
from lineament.sources.permission import reservations
from lineament.sources.provenance import Unusable
from lineament.sources.webarchive.bodies import beginning, start_size, why_unreadable
from lineament.sources.webarchive.headers import (
    NO_PICTURES,
    RecordHeaders,
    VideoBody,
    headers_of,
    may_embed,
    payload,
    why_no_picture,
)
from lineament.sources.webarchive.index import ArchivedPage, PageIndex, ShowingPage, shown_in
from lineament.sources.webarchive.position import END, Position
from lineament.sources.webarchive.provenance import page_at, provenance_of, record_place
from lineament.sources.webarchive.records import id_of, record_at, records
from lineament.sources.webarchive.wacz import WarcFile

LONGEST_NAME = 1000
"""Most characters of an address in a message."""
_SILENT = (WarcRecordType.warcinfo, WarcRecordType.request)
REPEATS = "it repeats an earlier answer that is not in these archives; ingest it together with the archive that has it"


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

    def _handle(self, archive: WarcFile, record: WarcRecord, at: Position) -> Iterator[tuple[Found, Position]]:
        """Yield what a record gives, or why it is refused; a page goes into the index."""
        if record.record_type in _SILENT:
            self._without += 1
            return
        try:
            yield from self._read(archive, record, at)
        except Unusable as error:
            yield from self._refused(archive, record, at, NotRead(why=error))
        except MACHINE_FAULTS:
            raise
        except LineamentError as error:
            yield from self._refused(archive, record, at, error.with_traceback(None))  # which would keep the bytes
        except OSError as error:
            why = printable(str(error))[:200].rstrip(".").lower()
            yield from self._refused(archive, record, at, NotRead(why=why))

    def _refused(self, archive: WarcFile, record: WarcRecord, at: Position, why: LineamentError) -> _Findings:
        if at <= self._after:
            return ()
        name = record.headers.get(WarcHeader.WARC_TARGET_URI) or f"{archive.shown}:{at.offset}"
        return ((Refusal(name=printable(name.strip("<> "))[:LONGEST_NAME], why=why), at),)

    def _read(self, archive: WarcFile, record: WarcRecord, at: Position) -> _Findings:
        answer = headers_of(record, self._now)
        if answer.location is not None:
            self._redirect(record.headers.get(WarcHeader.WARC_TARGET_URI) or "", answer.location)
        if record.record_type == WarcRecordType.revisit:
            return self._revisit(archive, record, answer, at)
        if answer.media_type.startswith("image/") and answer.media_type not in DRAWINGS:
            return self._image(archive, record, answer, at)
        read = record.reader.read(start_size(answer.transfer, answer.encoding))
        start = read
        if answer.transfer is not None or answer.encoding is not None:
            start = beginning(read, answer.transfer, answer.encoding)
        if is_picture(start):
            return self._picture(archive, record, answer, at, payload(record, answer, self._max_bytes, read))
        if is_video(start):
            return self._video(record, answer, at, VideoBody.of(record, answer, read))
        why = why_no_picture(answer, start)
        if why is not None:
            raise why
        if answer.media_type in PAGES and answer.why_not is None:
            return self._page(archive, record, answer, at, read)
        self._without += 1
        return self._text(archive, record, answer, at, read) if may_embed(answer, start) else ()

    def _image(self, archive: WarcFile, record: WarcRecord, answer: RecordHeaders, at: Position) -> _Findings:
        """Do as ``_read`` for what is said to be a picture: it is read at once, because copying it would cost most."""
        if answer.reserved is not None:
            self._require_open(record, answer, at)
        data = payload(record, answer, self._max_bytes)
        if is_picture(data):
            return self._picture(archive, record, answer, at, data)
        if is_video(data[:START]):
            return self._video(record, answer, at, VideoBody(iter([data])))
        if answer.partial:
            self._require_open(record, answer, at)
        if answer.why_not is not None:
            self._without += 1
            return ()
        if (unread := why_unreadable(answer.transfer, answer.encoding)) is not None:
            raise NotRead(why=unread)
        raise UnknownFormat if data else EmptyPicture

    def _redirect(self, uri: str, location: str) -> None:
        come_from, to = uri_key(uri), absolute(uri, location)
        if come_from and to and come_from != to:
            self._index.redirect(come_from, to)

    # ------------------------------------------------------------ pages

    def _page(
        self, archive: WarcFile, record: WarcRecord, answer: RecordHeaders, at: Position, read: bytes
    ) -> _Findings:
        self._without += 1
        try:
            html = payload(record, answer, LARGEST_PAGE, read)
        except FileTooLarge:
            self._without -= 1
            raise NotRead(why=f"the page has more than {LARGEST_PAGE} bytes") from None
        page = self._pages.page(html, charset_of(html, answer.charset), answer.uri)
        reserved = answer.reserved or reservations.in_meta(page.meta, now=self._now)
        place = record_place(archive, record, at, hashlib.sha256(html).hexdigest())
        row = page_at(place, answer, page.title, reserved and f"{reserved}, on the page {answer.uri}")
        self._index.add(row, page.links, uri_key(answer.uri))
        if page.cut:
            more = f"the page has more than {MOST_TAGS} elements or pieces of text; what it holds after them"
        else:
            more = f"the page holds {page.more_embedded} more “data:” addresses than the most that are read; the rest"
        return self._embedded(page.embedded, more if page.more_embedded or page.cut else None, row, answer, at)

    def _text(
        self, archive: WarcFile, record: WarcRecord, answer: RecordHeaders, at: Position, read: bytes
    ) -> _Findings:
        """Return the pictures that a text holds as “data:” addresses, as a style sheet does."""
        try:
            text = payload(record, answer, LARGEST_PAGE, read)
        except FileTooLarge:
            self._without -= 1
            raise NotRead(why=f"it has more than {LARGEST_PAGE} bytes, and may hold pictures") from None
        if not mentions_data(text):
            return ()
        embedded, more = embedded_in(text, charset_of(text, answer.charset))
        place = record_place(archive, record, at, hashlib.sha256(text).hexdigest())
        row = page_at(place, answer, None, answer.reserved and f"{answer.reserved}, on {answer.uri}")
        why = f"it holds {more} more “data:” addresses than the most that are read; the rest" if more else None
        return self._embedded(embedded, why, row, answer, at)

    def _embedded(
        self, embedded: Sequence[Embedded], more: str | None, row: ArchivedPage, answer: RecordHeaders, at: Position
    ) -> _Findings:
        """Return what a page or text holds as “data:” addresses; ``more`` says why some were not read."""
        return self._each_embedded(embedded, more, row, answer, at) if embedded or more else ()

    def _each_embedded(
        self, embedded: Sequence[Embedded], more: str | None, row: ArchivedPage, answer: RecordHeaders, at: Position
    ) -> _Findings:
        """Yield what ``_embedded`` returns. A run that is interrupted among them reads the page again."""
        if at <= self._after:
            return
        before = at._replace(offset=at.offset - 1)
        for number, held in enumerate(embedded, 1):
            uri = embedded_address(answer.uri, number)
            try:
                for found in self._embedded_one(held, uri, row, answer, at):
                    yield found, before
            except LineamentError as error:
                yield Refusal.from_error(printable(uri)[:LONGEST_NAME], error), before
        if more is not None:
            yield Refusal(name=printable(answer.uri)[:LONGEST_NAME], why=NotRead(why=f"{more} was not read")), before

    def _embedded_one(
        self, embedded: Embedded, uri: str, row: ArchivedPage, answer: RecordHeaders, at: Position
    ) -> Iterable[Found]:
        """Return what a “data:” address holds. Raises NotRead, NotAPicture, FileTooLarge or Reserved."""
        untrusted = picture_or_video_in(embedded.data, self._max_bytes)
        if untrusted is None:
            return (LeftOut(kind=LeftOutKind.NO_PICTURE),)
        if answer.why_not is not None:
            raise NotRead(why=f"{answer.why_not}, so what came is not what is at its address")
        if row.reserved is not None:
            raise Reserved(reservation=row.reserved)
        if (key := uri_key(answer.uri)) is not None:
            self._index.note_found(shown_in(key), uri, at.archive, at.offset)
        provenance = provenance_of(uri, answer, ShowingPage(row, embedded.words, None), None)
        name = printable(uri)[:LONGEST_NAME]
        if is_picture(untrusted):
            return (Item(name=name, untrusted=untrusted, provenance=provenance),)
        from lineament.sources.video.sampled import frames_of

        return frames_of(name, iter([untrusted]), provenance, self._max_bytes)

    # ------------------------------------------------------------ pictures

    def _picture(
        self, archive: WarcFile, record: WarcRecord, answer: RecordHeaders, at: Position, data: bytes
    ) -> _Findings:
        provenance = self._taken_now(archive, record, answer, at)
        if provenance is None:
            return ()
        return ((Item(name=printable(answer.uri)[:LONGEST_NAME], untrusted=data, provenance=provenance), at),)

    def _taken_now(
        self, archive: WarcFile | None, record: WarcRecord, answer: RecordHeaders, at: Position
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
            for name in (record.headers.get("WARC-Payload-Digest"), id_of(record)):
                if name:
                    self._index.note_body(name, at.archive, at.offset)
            if shown is None:
                self._index.defer(at.archive, at.offset)
                return None
        if at <= self._after:
            return None
        place = None if archive is None else record_place(archive, record, at)
        return provenance_of(answer.uri, answer, shown, place)

    def _require_open(self, record: WarcRecord, answer: RecordHeaders, at: Position) -> str | None:
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

    def _video(self, record: WarcRecord, answer: RecordHeaders, at: Position, body: VideoBody) -> _Findings:
        provenance = self._taken_now(None, record, answer, at)
        return () if provenance is None else self._frames(body, answer.media_type, at, provenance)

    def _frames(self, body: VideoBody, kind: str, at: Position, provenance: Provenance) -> _Findings:
        """Yield the frames of a video. A run that is interrupted among them reads the video again."""
        from lineament.sources.video.sampled import frames_of

        name, before = printable(provenance.uri)[:LONGEST_NAME], at._replace(offset=at.offset - 1)
        sound = kind.startswith("audio/")  # which may come in the containers of videos
        any_frame = False
        for found in frames_of(name, body.parts, provenance, self._max_bytes):
            any_frame = any_frame or isinstance(found, Item)
            if any_frame or not sound:
                yield found, before
        if sound and not any_frame:
            yield LeftOut(kind=LeftOutKind.NO_PICTURE), before
        if missing := body.missing():
            why = f"the record is truncated: {missing} of its bytes are missing; what is there was taken"
            yield Refusal(name=name, why=NotRead(why=why)), before

    # ------------------------------------------------------------ revisits

    def _revisit(self, archive: WarcFile, record: WarcRecord, answer: RecordHeaders, at: Position) -> _Findings:
        """Return the picture or video that a record says was found again, once all archives are read."""
        get = record.headers.get
        of = get("WARC-Refers-To-Target-URI") or get(WarcHeader.WARC_TARGET_URI) or ""
        refers = (get("WARC-Payload-Digest"), get("WARC-Refers-To"), uri_key(of.strip("<> ")))
        original = self._index.repeated(*refers)
        if original is None and answer.media_type in NO_PICTURES:  # as nearly all are, which need not be read again
            self._without += 1
            return ()
        if not at.later:
            self._index.defer(at.archive, at.offset)
            return ()
        key = self._require_open(record, answer._replace(why_not=None), at)
        if original is None:
            read = record.reader.read(start_size(answer.transfer, answer.encoding))
            if is_picture(beginning(read, answer.transfer, answer.encoding)):  # it is here all the same
                data = payload(record, answer, self._max_bytes, read)
                return self._picture(archive, record, answer._replace(why_not=None), at, data)
            if not answer.media_type.startswith(("image/", "video/")):
                self._without += 1
                return ()
            raise NotRead(why=REPEATS)
        return self._repeated(original, answer, at, self._shown(key))

    def _repeated(
        self, original: tuple[int, int], answer: RecordHeaders, at: Position, shown: ShowingPage | None
    ) -> _Findings:
        """Yield the picture, or the frames of the video, in the record ``original`` as found at another address."""
        archive = self._archives[original[0]]
        with archive.open() as file:
            found = record_at(file, original[1])
            if found is None:
                raise NotRead(why=REPEATS)
            before = headers_of(found, self._now)
            read = found.reader.read(start_size(before.transfer, before.encoding))
            if is_video(beginning(read, before.transfer, before.encoding)):
                provenance = provenance_of(answer.uri, answer, shown, None)
                yield from self._frames(VideoBody.of(found, before, read), before.media_type, at, provenance)
                return
            data = payload(found, before, self._max_bytes, read)
            place = record_place(archive, found, Position(0, *original))
        if not is_picture(data):
            raise NotAPicture(why=f"it repeats an answer that is none: {not_a_picture(data)}")
        provenance = provenance_of(answer.uri, answer, shown, place)
        yield Item(name=printable(answer.uri)[:LONGEST_NAME], untrusted=data, provenance=provenance), at
