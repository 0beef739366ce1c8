"""The addresses, pages and pictures of a crawl, as values; ``crawl.state`` stores them."""

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
    """The expected kind of content at an address."""

    PAGE = 0
    PICTURE = 1


class AddressState(IntEnum):
    """The state of an address."""

    WAITING = 0
    DONE = 1
    REFUSED = 2
    RESERVED = 3  # by a page that shows it; not requested until that page permits it


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedAddress:
    """The next address of a host."""

    id: int
    url: str
    host: str
    kind: AddressKind
    depth: int
    hops: int  # redirects that led here
    tries: int  # including this one
    page: int | None  # the number of the page that shows it
    words: str | None
    etag: str | None
    modified: str | None
    sha256: str | None  # of the previous response
    before: WrittenRecord | None  # the record of the previous response


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """An address to remember."""

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
    """A kept response, with which a later one from the same address is compared."""

    at: datetime
    etag: str | None
    modified: str | None
    sha256: str
    record: WrittenRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalReason:
    """Why something is refused: the kind of error and its text."""

    kind: str  # reserved, doubt (a file that may reserve it cannot be read), host or read
    text: str  # of a host: its name, a line break, and why

    @classmethod
    def of_host(cls, host: object, why: object) -> RefusalReason:
        """Return why a host is not requested."""
        return cls(kind="host", text=f"{host}\n{why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """A picture or refusal, numbered in the order in which they were found."""

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
    """The progress of a crawl."""

    waiting: int
    answered: int
    refused: int
    pictures: int
    requests: int  # in this run
    bytes: int  # in this run


def pattern(url: str) -> str:
    """Return what the addresses of similar pages share: “host/2024/05/?a=1” gives “host/#/#/?a”."""
    parts = urlsplit(url)
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&")})
    return f"{parts.netloc}{_DIGITS.sub('#', parts.path)}?{_DIGITS.sub('#', '&'.join(names))}"


def found_row(row: Iterable[object]) -> FoundRow:
    """Return the value of a database row of a finding joined with its page."""
    number, uri, why, text, at, words, sha256, archive, record, offset, *page, reserved = row
    refusal = RefusalReason(kind=str(why), text=str(text)) if why is not None else None
    if reserved is not None:
        refusal = RefusalReason(kind="reserved", text=str(reserved))
    return FoundRow(
        number=_int(number),
        uri=str(uri),
        why=refusal,
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
    assert isinstance(value, int)  # noqa: S101 - by the schema
    return value
