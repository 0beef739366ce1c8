"""Which page shows which picture: an index over web archives, on disk while they are read."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lineament.model.faces import ArchiveRecord
from lineament.sources.html.pages import Link

MEMORY = 2**25
"""Bytes of the index that are cached in memory."""
MOST_REDIRECTS = 3
"""Redirects that are followed from the address on a page to the picture."""
AT_ONCE = 1000
"""Pictures that are handled in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedPage:
    """A page in an archive."""

    record: ArchiveRecord
    uri: str
    title: str | None
    at: str | None  # ISO 8601
    reserved: str | None


class ShowingPage(NamedTuple):
    """The first page that shows a picture."""

    page: ArchivedPage
    words: str | None
    reserved: str | None  # the reservation of any page that shows it


class PageIndex:
    """Pages, the pictures on them, and pictures that were read before any page that shows them."""

    def __init__(self) -> None:
        """Create an unnamed database, which SQLite keeps in a temporary file that nobody else can open."""
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.executescript(_SCHEMA)
        self._rows.execute("BEGIN")
        self._last: tuple[int, ArchivedPage] | None = None
        self._found: list[tuple[str, str, int, int]] = []  # not yet in the database
        self._bodies: list[tuple[str, int, int]] = []  # likewise

    def add(self, page: ArchivedPage, links: Iterable[Link], key: str | None) -> None:
        """Add a page, whose address uri_key() writes as ``key``, and the pictures on it."""
        record = page.record
        row = (record.archive, record.id, record.offset, record.sha256, page.uri, page.title, page.at, page.reserved)
        number = self._rows.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
        rows = [(_key(link.uri), number, link.words, page.reserved) for link in links]
        if key is not None:
            rows.append((_key(shown_in(key)), number, None, page.reserved))
        self._rows.executemany(_ADD_LINK, rows)

    def redirect(self, come_from: str, to: str) -> None:
        """Note that ``come_from`` redirects to ``to``."""
        self._rows.execute("INSERT OR IGNORE INTO redirects VALUES (?, ?)", (_key(to), _key(come_from)))

    def shown(self, uri: str) -> ShowingPage | None:
        """Return the first page that shows the picture at ``uri``; None if none does so far."""
        key = _key(uri)
        row = self._rows.execute(_SHOWN, (key,)).fetchone()
        for _ in range(MOST_REDIRECTS):
            if row is not None:
                break
            before = self._rows.execute("SELECT come_from FROM redirects WHERE key = ?", (key,)).fetchone()
            if before is None:
                return None
            key = before[0]
            row = self._rows.execute(_SHOWN, (key,)).fetchone()
        return None if row is None else ShowingPage(self._page(row[0]), row[1], row[2])

    def _page(self, number: int) -> ArchivedPage:
        """Return a page; the last one is cached, because pictures of a page come together."""
        if self._last is None or self._last[0] != number:
            row = self._rows.execute("SELECT * FROM pages WHERE rowid = ?", (number,)).fetchone()
            archive, id_, offset, sha256, uri, title, at, reserved = row
            record = ArchiveRecord(archive=archive, id=id_, offset=offset, sha256=sha256)
            self._last = number, ArchivedPage(record=record, uri=uri, title=title, at=at, reserved=reserved)
        return self._last[1]

    def note_found(self, key: str, uri: str, archive: int, offset: int) -> None:
        """Remember where the picture at ``uri``, which uri_key() writes as ``key``, was found without a reservation."""
        self._found.append((key, uri, archive, offset))
        if len(self._found) >= AT_ONCE:
            self._flush()

    def note_body(self, name: str, archive: int, offset: int) -> None:
        """Remember where a picture with this payload digest or record id, as its record states it, was found."""
        self._bodies.append((name, archive, offset))
        if len(self._bodies) >= AT_ONCE:
            self._flush()

    def repeated(self, digest: str | None, record_id: str | None, key: str | None) -> tuple[int, int] | None:
        """Return the archive and offset of the picture with this payload digest, this record id or this address."""
        self._flush()
        row = None
        for name in (digest, record_id):
            if name is not None and row is None:
                row = self._rows.execute(_BODY, (_body_key(name),)).fetchone()
        if row is None and key is not None:
            row = self._rows.execute("SELECT archive, offset FROM found WHERE key = ? LIMIT 1", (_key(key),)).fetchone()
        return None if row is None else (row[0], row[1])

    def _flush(self) -> None:
        bodies = [(_body_key(name), archive, offset) for name, archive, offset in self._bodies]
        self._bodies.clear()
        if bodies:
            self._rows.executemany("INSERT OR IGNORE INTO bodies VALUES (?, ?, ?)", bodies)
        rows = [(_key(key), *found) for key, *found in self._found]
        self._found.clear()
        self._rows.executemany("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", rows)

    def reserve(self, key: str, archive: int, offset: int, reservation: str) -> None:
        """Note that the answer there with the picture ``key`` reserves it; later answers may lift that."""
        self._rows.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (_key(key), archive, offset, reservation)
        )

    def reserved_since(self) -> Iterator[tuple[str, str]]:
        """Yield the pictures that a page, or a later answer, reserved after they were found, with the reservation."""
        self._flush()
        yield from self._rows.execute(_RESERVED_SINCE)

    def defer(self, archive: int, offset: int) -> None:
        """Defer a picture that no page shows so far."""
        self._rows.execute("INSERT OR IGNORE INTO deferred VALUES (?, ?)", (archive, offset))

    def deferred(self, after: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """Yield the deferred pictures after a position, in the order of the archives."""
        while batch := self._rows.execute(_DEFERRED, (*after, AT_ONCE)).fetchall():
            yield from batch
            after = batch[-1]

    def close(self) -> None:
        """Delete the index."""
        self._rows.close()


def shown_in(page_key: str) -> str:
    """Return the key of the pictures that a page holds itself or that are of it, as if it linked to them."""
    return f"page {page_key}"


def _key(uri: str) -> bytes:
    return hashlib.blake2b(uri.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _body_key(name: str) -> bytes:
    """Return the key of a digest or a record id, which archives write in small or capital letters."""
    return _key(name.strip("<> ").upper())


_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{MEMORY >> 10};
CREATE TABLE pages (
  archive TEXT, record TEXT, offset INTEGER, sha256 TEXT, uri TEXT, title TEXT, at TEXT, reserved TEXT
);
CREATE TABLE links (key BLOB PRIMARY KEY, page INTEGER, words TEXT, reserved TEXT) WITHOUT ROWID;
CREATE TABLE redirects (key BLOB PRIMARY KEY, come_from BLOB) WITHOUT ROWID;
CREATE TABLE found (key BLOB, uri TEXT, archive INTEGER, offset INTEGER, PRIMARY KEY (key, uri)) WITHOUT ROWID;
CREATE TABLE bodies (digest BLOB PRIMARY KEY, archive INTEGER, offset INTEGER) WITHOUT ROWID;
CREATE TABLE answers (key BLOB PRIMARY KEY, archive INTEGER, offset INTEGER, reserved TEXT) WITHOUT ROWID;
CREATE TABLE deferred (archive INTEGER, offset INTEGER, PRIMARY KEY (archive, offset)) WITHOUT ROWID;
"""
_ADD_LINK = """
INSERT INTO links (key, page, words, reserved) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET reserved = excluded.reserved
WHERE links.reserved IS NULL AND excluded.reserved IS NOT NULL
"""
_RESERVED_SINCE = """
SELECT uri, coalesce(links.reserved, answers.reserved) AS reservation FROM found
LEFT JOIN links ON links.key = found.key
LEFT JOIN answers ON answers.key = found.key
  AND (answers.archive, answers.offset) > (found.archive, found.offset)
WHERE reservation IS NOT NULL ORDER BY uri
"""
_BODY = "SELECT archive, offset FROM bodies WHERE digest = ?"
_SHOWN = "SELECT page, words, reserved FROM links WHERE key = ?"
_DEFERRED = """
SELECT archive, offset FROM deferred WHERE (archive, offset) > (?, ?) ORDER BY archive, offset LIMIT ?
"""
