"""What the headers of an archived record say, and why it is not taken if its first bytes show no picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Self

from fastwarc.warc import WarcHeader, WarcRecord, WarcRecordType

from lineament.errors import LineamentError, NotAPicture, NotRead
from lineament.sources.addresses import archived_address
from lineament.sources.media_types import (
    NO_PICTURE,
    PAGES,
    START,
    UNKNOWN,
    may_hold_pictures,
    media_type,
    not_a_picture,
)
from lineament.sources.permission import reservations
from lineament.sources.permission.reading import REDIRECTS
from lineament.sources.status import why_not_whole
from lineament.sources.webarchive.bodies import decode_body, streamed, why_unreadable
from lineament.sources.webarchive.records import RestOfBody, body_of, id_of, parsed_http

_STATUS = re.compile(rb"\S+[ \t]+([1-5][0-9]{2})(?:[ \t][^\n]*)?")
_TEXTS = frozenset(
    {"application/json", "application/javascript", "application/x-javascript", "application/ecmascript"}
    | {"application/xml", "application/x-mpegurl", "application/vnd.apple.mpegurl", "image/svg+xml"}
)
NO_PICTURES = PAGES | _TEXTS | {"text/css", "text/javascript"}
"""Types of what repeats no picture or video."""
_NEVER_TEXT = frozenset(range(9)) | {0x0E, 0x0F, *range(0x10, 0x1B)}
"""Bytes that stand in no text, except in UTF-16."""


class RecordHeaders(NamedTuple):
    """The parsed headers of a record."""

    uri: str
    at: datetime | None
    media_type: str
    charset: str | None
    reserved: str | None
    why_not: str | None = None  # why its payload is not what is at the address; None if it is
    transfer: str | None = None
    encoding: str | None = None
    partial: bool = False  # its payload is a part of what is at the address
    location: str | None = None  # where it redirects to


def headers_of(record: WarcRecord, now: datetime) -> RecordHeaders:
    """Return what the headers of a record say. Raises NotRead if they cannot be used, or OSError."""
    stated = record.headers.get(WarcHeader.WARC_TARGET_URI) or ""
    address = archived_address(stated)
    if address is None:  # an address that nothing can be found by; the record has one of its own
        address = archived_address(id_of(record))
    if address is None:
        raise NotRead(why="neither its address nor the id of its record can be used")
    nothing = record.record_type == WarcRecordType.revisit and not record.content_length
    if nothing or not parsed_http(record):
        content_type = None if nothing else record.headers.get(WarcHeader.CONTENT_TYPE)
        return RecordHeaders(address, record.record_date, media_type(content_type), None, None)
    headers = record.http_headers
    line = _STATUS.fullmatch((headers.status_line_bytes or b"").strip())
    if line is None:
        raise NotRead(why="the headers of the response are truncated or malformed")
    status = int(line[1])
    pairs = headers.to_tuples()  # at once, because each look-up in the parser's map costs as much
    named = {name.lower(): value for name, value in reversed(pairs)}  # of two with one name the first counts
    encoding = named.get("content-encoding")
    if encoding is not None:  # but of encodings, all
        encoding = ", ".join(value for name, value in pairs if name.lower() == "content-encoding")
    why_not = None if status == 200 else why_not_whole(status, named.get("content-range"))
    return RecordHeaders(
        address,
        record.record_date,
        media_type(named.get("content-type")),
        record.http_charset,
        reservations.in_headers(pairs, now=now),
        why_not,
        named.get("transfer-encoding"),
        encoding,
        status == 206 and why_not is not None,
        named.get("location") if status in REDIRECTS else None,
    )


def payload(record: WarcRecord, answer: RecordHeaders, limit: int, read: bytes = b"") -> bytes:
    """Do as ``payload_of``, with the encodings that were read from the headers already."""
    body = body_of(record, limit, read)
    if answer.transfer is None and answer.encoding is None:
        return body
    return decode_body(body, answer.transfer, answer.encoding, limit)


class VideoBody:
    """The payload of a record that is a video, in parts."""

    def __init__(self, parts: Iterator[bytes], rest: RestOfBody | None = None) -> None:
        self.parts = parts
        self._rest = rest

    @classmethod
    def of(cls, record: WarcRecord, answer: RecordHeaders, read: bytes) -> Self:
        """Return that of a record of whose body ``read`` was read already."""
        rest = RestOfBody(record, read)
        return cls(streamed(read, rest.read, answer.transfer, answer.encoding), rest)

    def missing(self) -> int:
        """Return how many bytes of the record are missing, when the parts have been read."""
        return 0 if self._rest is None else self._rest.missing()


def why_no_picture(answer: RecordHeaders, start: bytes) -> LineamentError | None:
    """Return why a record is refused by name that begins as no picture, video or page; None if it is only counted.

    Refused is what may hold a picture all the same, as a document or a part of a video, and what is said to be a video.
    """
    is_video = answer.media_type.startswith("video/")
    why = why_unreadable(answer.transfer, answer.encoding)
    if answer.media_type.startswith("multipart/") or b"\nContent-Type: multipart/" in start[:START]:
        why = "it has several parts, which are not taken apart; save its pictures as files and ingest those"
    elif answer.partial and not _is_other(answer.media_type) and (is_video or _NEVER_TEXT & set(start)):
        why = f"{answer.why_not}, so what came is not what is at its address"
    elif answer.why_not is None and why is None:
        if may_hold_pictures(start):
            return NotAPicture(why=not_a_picture(start))
        if is_video:
            seen = not_a_picture(start)
            why = f"its host says that it is a video, and {'it begins as none' if seen == NO_PICTURE else seen}"
    return None if why is None else NotRead(why=why)


def may_embed(answer: RecordHeaders, start: bytes) -> bool:
    """Return whether a record is a text, which may hold pictures as “data:” addresses."""
    if answer.media_type in UNKNOWN:
        return not _NEVER_TEXT & set(start)
    return answer.media_type in PAGES | _TEXTS or _is_text(answer.media_type)


def _is_other(kind: str) -> bool:
    return kind.startswith(("audio/", "font/"))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("+xml", "+json", "/json", "javascript"))
