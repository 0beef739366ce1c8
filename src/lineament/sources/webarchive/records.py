"""Reads the records of a WARC file (ISO 28500), however damaged it is, and single records."""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcHeader, WarcRecord, WarcRecordType

from lineament.errors import Damaged, FileTooLarge, LineamentError, NotRead
from lineament.model.faces import ArchiveRecord
from lineament.sandbox.files import locate, os_reason, printable
from lineament.sources.base import LeftOut, Refusal
from lineament.sources.media_types import UNKNOWN, media_type
from lineament.sources.webarchive.bodies import decode_body
from lineament.sources.webarchive.wacz import FileWindow, WarcFile, warc_files

MOST_DAMAGES = 1000
"""Damaged places of one file, after which the rest is skipped."""
MOST_TRIES = 20_000
"""Places of one file that are tried for the beginning of a record after damage."""
LARGEST_RECORD = 2**31
"""Most bytes of a record that is returned whole."""
HEADERS = 2**15
"""Most bytes of the headers of a record and of the response in it."""
_AT_ONCE = 2**20
_RESPONSES = (WarcRecordType.response, WarcRecordType.revisit)
_NO_RESPONSES = (WarcRecordType.request, WarcRecordType.warcinfo)
_HTTP = frozenset({"application/http", "message/http"})
_WEB = ("http://", "https://")
_GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = 0x184D2A50
_DICTIONARY = b"\x5d\x2a\x4d\x18"
LARGEST_DICTIONARY = 2**25
"""Most bytes of the dictionary at the beginning of a .warc.zst."""
_WHOLE_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """The offset of a record, or of damage in the file."""

    record: WarcRecord | None
    offset: int  # bytes
    refusal: Refusal | None = None


def records(archive: WarcFile, file: FileWindow) -> Iterator[RecordPlace]:
    """Yield every record and every damaged place; a record must be read before the next one. Raises OSError."""
    walk = _RecordWalk(archive, file)
    if (why := walk.unfit()) is not None:
        yield RecordPlace(None, 0, Refusal(name=archive.shown, why=NotRead(why=why)))
        return
    yield from walk.places()


class _RecordWalk:
    """Reads one file, and continues after damaged places."""

    def __init__(self, archive: WarcFile, file: FileWindow) -> None:
        self._archive = archive
        self._file = file
        file.seek(0)
        start = file.read(4)
        packed = start.startswith(_GZIP)
        self._sign = _GZIP if packed else _ZSTD if start == _ZSTD or _is_skippable(start) else b"WARC/"
        self._packed = packed
        self._tries = 0
        self._last = -1  # the offset of the last record

    def unfit(self) -> str | None:
        """Return why nothing is read at all, or None: records that are not compressed singly cannot be found again."""
        if not self._file.size:
            return "it is empty"
        if not self._packed:
            return None
        self._file.seek(0)
        inflate = zlib.decompressobj(wbits=31)
        try:
            start = inflate.decompress(self._file.read(2**16), 2**18)
        except zlib.error:
            return None  # damaged, which is reported where it is met
        head, between, body = start.partition(b"\r\n\r\n")
        length = _WHOLE_LENGTH.search(head)
        if not between or length is None or len(body) <= int(length[1]) + 4:
            return None
        return "it is compressed as a whole, not record by record; repair it with: warcio recompress OLD NEW"

    def places(self) -> Iterator[RecordPlace]:
        """Yield records and damage, in the order of the file."""
        at = _first_frame(self._file)
        for _ in range(MOST_DAMAGES):
            why = yield from self._run(at)
            if why is None:
                return
            broken = self._last + 1 if self._last >= at else at + 1
            begin = self._next(broken)
            if begin is None:
                yield self._damage(broken - 1, f"{why}; nothing after it can be read")
                return
            yield self._damage(broken - 1, f"{why}; reading continues at byte {begin}")
            at = begin
        yield self._damage(at, f"it is damaged in {MOST_DAMAGES} places; the rest is skipped")

    def _damage(self, offset: int, why: str) -> RecordPlace:
        name = f"{self._archive.shown}:{max(offset, 0)}"
        return RecordPlace(None, max(offset, 0), Refusal(name=name, why=NotRead(why=why)))

    def _run(self, at: int) -> Generator[RecordPlace, None, str | None]:
        """Yield the records from ``at`` to the end or the next damage; return what is wrong there."""
        stream, before = _from(self._file, at)
        try:
            for record in ArchiveIterator(stream, parse_http=False, max_header_len=HEADERS, buffer_size=_AT_ONCE):
                offset = record.stream_pos + before
                if offset <= self._last or offset >= self._file.size:
                    return "it is not packed record by record; unpack it with zstd -d, and ingest that"
                self._last = offset
                if WarcHeader.CONTENT_LENGTH not in record.headers:
                    return "the file is truncated or malformed in the headers of a record"
                yield RecordPlace(record, offset)
        except OSError as error:
            return printable(str(error)).rstrip(".").lower()[:200] or "it cannot be read"
        return self._broken_off()

    def _broken_off(self) -> str | None:
        """Return why the file ends inside a compressed record, or None; the parser does not report that."""
        if not self._packed:
            return None
        after = self._find(self._last + 1)
        while after is not None:
            self._file.seek(after)
            with suppress(zlib.error):
                start = zlib.decompressobj(wbits=31).decompress(self._file.read(2**12), 5)
                if b"WARC/".startswith(start):  # or nothing, if so little is left
                    self._last = max(self._last, after)
                    return "the file is truncated"
            after = self._find(after + 1)
        return None

    def _next(self, begin: int) -> int | None:
        """Return where the next record begins, from ``begin`` on."""
        at = self._find(begin)
        while at is not None:
            with suppress(OSError):
                record = record_at(self._file, at)
                if record is not None and record.headers.get("WARC-Type"):
                    return at
            at = self._find(at + 1)
        return None

    def _find(self, begin: int) -> int | None:
        """Return where the first bytes of a record occur next; None if they do not, or after too many tries."""
        self._tries += 1
        if self._tries > MOST_TRIES:
            return None
        at = begin
        while at < self._file.size:
            self._file.seek(at)
            part = self._file.read(_AT_ONCE)
            found = part.find(self._sign)
            if found >= 0:
                return at + found
            if len(part) < len(self._sign):
                return None
            at += len(part) - len(self._sign) + 1
        return None


def record_at(file: FileWindow | io.BytesIO, offset: int) -> WarcRecord | None:
    """Return the record that begins at ``offset``, or None. Raises OSError."""
    stream, before = _from(file, offset)
    found = next(iter(ArchiveIterator(stream, parse_http=False, max_header_len=HEADERS)), None)
    return found if found is not None and found.stream_pos + before == offset else None


# ---------------------------------------------------------------- Zstandard


def _is_skippable(start: bytes) -> bool:
    """Return whether a frame of Zstandard begins there that holds something else, as a dictionary."""
    return len(start) >= 4 and int.from_bytes(start[:4], "little") & 0xFFFFFFF0 == _SKIPPABLE


def _first_frame(file: FileWindow) -> int:
    """Return where the dictionary of a .warc.zst, or else its first record, begins."""
    at = 0
    for _ in range(MOST_DAMAGES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not _is_skippable(head) or head.startswith(_DICTIONARY):
            break
        at += 8 + int.from_bytes(head[4:], "little")
    return at if at < file.size else 0


def _from(file: FileWindow | io.BytesIO, offset: int) -> tuple[FileWindow | io.BytesIO | _WithDictionary, int]:
    """Return the file at ``offset``, and what to add to the offsets that the parser counts from there.

    If its records are compressed with a dictionary, the parser has to meet that first.
    """
    file.seek(0)
    head = file.read(8)
    size = int.from_bytes(head[4:], "little") + 8
    if head.startswith(_DICTIONARY) and len(head) == 8 and size <= min(offset, LARGEST_DICTIONARY):
        return _WithDictionary(file, head + file.read(size - 8), offset), offset - size
    file.seek(offset)
    return file, 0


class _WithDictionary:
    """What is in a file from an offset on, behind the dictionary of the file."""

    def __init__(self, file: FileWindow | io.BytesIO, dictionary: bytes, offset: int) -> None:
        self._file, self._dictionary, self._offset = file, dictionary, offset
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes."""
        if self._at < len(self._dictionary):
            data = self._dictionary[self._at :][: None if size < 0 else size]
        else:
            self._file.seek(self._offset + self._at - len(self._dictionary))
            data = self._file.read(size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset, counted from the dictionary."""
        if whence == 2:
            offset += self._file.seek(0, 2) - self._offset + len(self._dictionary)
        self._at = max(offset + (self._at if whence == 1 else 0), 0)
        return self._at

    def tell(self) -> int:
        """Return the offset, counted from the dictionary."""
        return self._at

    def close(self) -> None:
        """Do nothing: the file is closed by whoever opened it."""


# ---------------------------------------------------------------- what a record holds


def body_of(record: WarcRecord, limit: int, start: bytes = b"") -> bytes:
    """Return the body of a record, of which ``start`` was read already.

    Raises FileTooLarge over ``limit`` bytes, NotRead if truncated, or OSError.
    """
    size = record.content_length
    if size > limit:
        raise FileTooLarge(size=size, limit=limit)
    parts, left = [start] if start else [], size - len(start)
    while left and (part := record.reader.read(left)):
        parts.append(part)
        left -= len(part)
    if left:
        raise NotRead(why=f"the record is truncated: {left} of its {size} bytes are missing")
    return parts[0] if len(parts) == 1 else b"".join(parts)


class RestOfBody:
    """The body of a record behind the ``start`` that was read already."""

    def __init__(self, record: WarcRecord, start: bytes) -> None:
        self._reader = record.reader
        self._left = record.content_length - len(start)

    def read(self) -> bytes:
        """Return the next part; b"" at the end."""
        part = self._reader.read(_AT_ONCE)
        self._left -= len(part)
        return part

    def missing(self) -> int:
        """Return how many bytes the file lacks, when everything has been read."""
        while self.read():
            pass
        return max(self._left, 0)


def payload_of(record: WarcRecord, limit: int) -> bytes:
    """Return the payload of an HTTP response or resource, its encodings undone; raises like ``body_of``."""
    body = body_of(record, limit)
    if record.is_http and record.is_http_parsed:
        headers = record.http_headers
        encoding = ", ".join(headers.get_multiple("Content-Encoding")) or None
        return decode_body(body, headers.get("Transfer-Encoding"), encoding, limit)
    return body


def parsed_http(record: WarcRecord) -> bool:
    """Return whether the record is an HTTP response, or repeats one. Raises OSError if its headers are hostile."""
    if record.record_type in _NO_RESPONSES or not _says_http(record):
        return False
    if not record.is_http_parsed:
        record.is_http = True  # without it nothing is parsed
        record.parse_http(max_header_len=HEADERS)
    return True


def _says_http(record: WarcRecord) -> bool:
    """Return whether the block of a record is an HTTP message, as far as its headers tell.

    That of an answer from a web server is one, unless a type says that it is something else.
    """
    if record.is_http:
        return True
    stated = media_type(record.headers.get(WarcHeader.CONTENT_TYPE))
    if stated in _HTTP:
        return True
    if record.record_type not in _RESPONSES or stated not in UNKNOWN | {"text/plain"}:
        return False
    return (record.headers.get(WarcHeader.WARC_TARGET_URI) or "").strip("<> ").lower().startswith(_WEB)


def id_of(record: WarcRecord) -> str:
    """Return the WARC-Record-ID without its brackets."""
    return printable((record.record_id or "").strip("<> "))[:256]


# ---------------------------------------------------------------- single records


def record_of(archive_path: Path, record: ArchiveRecord) -> bytes:
    """Return one record of an archive, decompressed: its headers and its block.

    Raises NoSuchFile, NotRead, FileTooLarge, or Damaged if the archive no longer holds it as it was ingested.
    """
    with _open_window(archive_path, record) as file:
        found = _at(file, record)
        size = found.content_length
        if size > LARGEST_RECORD:
            raise FileTooLarge(size=size, limit=LARGEST_RECORD)
        headers = _headers(found)
        block = _read(found)
    with _open_window(archive_path, record) as file:
        _check_digest(_at(file, record), record)
    return headers + block + b"\r\n\r\n"


def _open_window(path: Path, record: ArchiveRecord) -> FileWindow:
    place, _ = locate(path)
    for archive in warc_files(place):
        if isinstance(archive, LeftOut):
            continue
        if isinstance(archive, Refusal):
            if record.archive not in archive.name:
                continue
            raise archive.why
        if archive.name.partition("/")[2] == record.archive.partition("/")[2]:
            try:
                return archive.open()
            except OSError as error:
                raise NotRead(why=os_reason(error)) from error
    raise NotRead(why=f"there is no {printable(record.archive)} in it")


def _at(file: FileWindow, record: ArchiveRecord) -> WarcRecord:
    try:
        found = record_at(file, record.offset)
    except OSError as error:
        raise _damaged_record(record, "no record begins there") from error
    if found is None or id_of(found) != record.id:
        raise _damaged_record(record, "another record is there")
    return found


def _check_digest(found: WarcRecord, record: ArchiveRecord) -> None:
    """Raise Damaged if the digest of the payload differs."""
    try:
        parsed_http(found)
        payload = payload_of(found, LARGEST_RECORD)
    except OSError as error:
        raise _damaged_record(record, printable(str(error))) from error
    if hashlib.sha256(payload).hexdigest() != record.sha256:
        raise _damaged_record(record, "its digest has changed since it was ingested")


def _read(found: WarcRecord) -> bytes:
    try:
        return body_of(found, LARGEST_RECORD)
    except OSError as error:
        raise NotRead(why=printable(str(error))) from error


def _headers(found: WarcRecord) -> bytes:
    lines = [found.headers.status_line_bytes or b"WARC/1.1"]
    lines += [name + b": " + value for name, value in found.headers.items_bytes()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _damaged_record(record: ArchiveRecord, why: str) -> LineamentError:
    label = f"record {printable(record.id)} at byte {record.offset} of {printable(record.archive)}"
    return Damaged(what=label, why=why, remedy="put back the archive that was ingested")
