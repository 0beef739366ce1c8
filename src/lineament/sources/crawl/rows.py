"""What a crawl keeps of addresses, pages and pictures, as values; ``site_state`` holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from urllib.parse import urlsplit

from lineament.sources.webarchive.writer import WrittenRecord

_DIGITS = re.compile(r"[0-9]+")


class AddressKind(IntEnum):
    """What an address is expected to be."""

    PAGE = 0
    PICTURE = 1


class AddressState(IntEnum):
    """What has become of an address."""

    WAITING = 0
    DONE = 1
    REFUSED = 2
    RESERVED = 3  # by a page that shows it: not asked for before that page permits it


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedAddress:
    """An address whose turn it is."""

    id: int
    url: str
    host: str
    kind: AddressKind
    depth: int
    hops: int  # redirects that led here
    tries: int  # this one counted
    page: int | None  # that shows it
    words: str | None
    etag: str | None
    modified: str | None
    sha256: str | None  # of what was there before
    before: WrittenRecord | None  # the record of that


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """An address to be remembered."""

    url: str
    host: str
    kind: AddressKind = AddressKind.PAGE
    depth: int = 0
    hops: int = 0
    page: int | None = None
    shown_by: str | None = None  # the address of that page
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawledPage:
    """A page as it was kept."""

    uri: str
    title: str | None
    record: WrittenRecord
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What an answer said that a later one can be compared with."""

    at: datetime
    etag: str | None
    modified: str | None
    sha256: str
    record: WrittenRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalReason:
    """Why something is not brought: the kind of error and its text."""

    kind: str  # reserved, host, read
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """Something that was found, in the order in which it was."""

    number: int
    uri: str
    why: RefusalReason | None
    at: datetime | None
    words: str | None
    sha256: str | None
    record: WrittenRecord | None
    page: CrawledPage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlProgress:
    """How far a crawl is."""

    waiting: int
    answered: int
    refused: int
    pictures: int
    requests: int  # in this run
    bytes: int  # in this run


def pattern(url: str) -> str:
    """What is the same in the addresses of pages of one kind: “host/2024/05/?a=1” is “host/#/#/?a”."""
    parts = urlsplit(url)
    names = sorted({one.partition("=")[0] for one in parts.query.split("&")})
    return f"{parts.netloc}{_DIGITS.sub('#', parts.path)}?{_DIGITS.sub('#', '&'.join(names))}"


def found_row(row: Iterable[object]) -> FoundRow:
    """A row of what was found, joined with its page, as the database gives it."""
    number, uri, why, text, at, words, sha256, archive, record, offset, *page, reserved = row
    said = RefusalReason(kind=str(why), text=str(text)) if why is not None else None
    if reserved is not None:
        said = RefusalReason(kind="reserved", text=str(reserved))
    return FoundRow(
        number=_int(number),
        uri=str(uri),
        why=said,
        at=None if at is None else datetime.fromisoformat(str(at)),
        words=None if words is None else str(words),
        sha256=None if sha256 is None else str(sha256),
        record=None if record is None else WrittenRecord(archive=str(archive), id=str(record), offset=_int(offset)),
        page=_page(page) if page[0] is not None else None,
    )


def _page(row: list[object]) -> CrawledPage:
    uri, title, archive, record, offset, sha256 = row
    return CrawledPage(
        uri=str(uri),
        title=None if title is None else str(title),
        record=WrittenRecord(archive=str(archive), id=str(record), offset=_int(offset)),
        sha256=str(sha256),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the schema says so
    return value
