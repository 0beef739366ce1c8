"""The state of a crawl on disk: waiting and answered addresses, findings, and where their records are.

Each response is one transaction, made after its record is in the WARC file. A killed process has therefore either dealt
with an address or not, and the next one repeats only the requests that were in transit.
"""

from __future__ import annotations

import json
import sqlite3
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from lineament.errors import KeyRotated
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.rows import (
    AddressKind,
    AddressState,
    CrawledPage,
    CrawlProgress,
    FoundRow,
    KeptAnswer,
    NewAddress,
    QueuedAddress,
    RefusalReason,
    found_row,
    pattern,
)
from lineament.sources.html.embedded import embedded_range
from lineament.sources.permission.rules import FileAnswer
from lineament.sources.webarchive.writer import WrittenRecord

NAME = "crawl.db"
_LONGEST = 1000
_FINDING = "finding"
"""The name of the sealed key that digests the addresses of what was erased."""


class CrawlState:
    """The database of a crawl. One process writes; others may read meanwhile."""

    def __init__(self, kept: KeptCrawl, *, write: bool) -> None:
        """Open the database, or create it to ``write``.

        Raises sqlite3.Error if it is only read and does not exist, KeyRotated if it is to be written and the key of the
        crawl is not known here any more.
        """
        self._kept = kept
        self.fresh: set[str] = set()  # hosts with a new address; whoever reads it empties it
        self._last = time.monotonic()
        if write:
            self._db = sqlite3.connect(kept.folder / NAME, isolation_level=None, timeout=30)
            self._db.executescript(_SCHEMA)
            self._find_with_kept_key()
        else:
            uri = f"{(kept.folder / NAME).resolve().as_uri()}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False)

    def _find_with_kept_key(self) -> None:
        kept = self.value(_FINDING)
        if kept is None:
            self.keep_finding_key()
        elif not self._kept.seal.take_finding(bytes.fromhex(kept)):
            self._db.close()
            raise KeyRotated(what="crawl", name=self._kept.folder.name)

    def keep_finding_key(self) -> None:
        """Keep the key that digests the addresses of what was erased, sealed under the newest key of the crawl."""
        self.set(_FINDING, self._kept.seal.sealed_finding().hex())

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything inside it, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # ------------------------------------------------------------ a run

    def start_run(self, again_before: float) -> None:
        """Resume the interrupted run, or start one that requests again what was answered before that time."""
        if self.value("run") == "on":
            return
        with self.transaction():
            if self._db.execute("SELECT 1 FROM urls WHERE state = 0 LIMIT 1").fetchone() is None:
                self._db.execute(
                    "UPDATE urls SET state = 0, tries = 0 WHERE state IN (1, 2) AND asked < ?", (again_before,)
                )
            self._db.execute("DELETE FROM patterns")
            self._db.execute("DELETE FROM told")
            for name, value in (("run", "on"), ("requests", 0), ("bytes", 0), ("seconds", 0), ("without", 0)):
                self.set(name, value)

    def end_run(self) -> None:
        """Note that the run is complete."""
        self.set("run", "over")

    def value(self, name: str) -> str | None:
        """Return a value that is stored by name, or None."""
        row = self._db.execute("SELECT value FROM named WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def number(self, name: str) -> float:
        """Return a number that is stored by name; 0 if there is none."""
        return float(self.value(name) or 0)

    def set(self, name: str, value: object) -> None:
        """Store a value by name."""
        self._db.execute("INSERT OR REPLACE INTO named VALUES (?, ?)", (name, str(value)))

    def written(self) -> tuple[str | None, int]:
        """Return the name of the current file of records, and its valid size in bytes."""
        return self.value("warc") or None, int(self.number("warc size"))

    def count_answer(self, size: int) -> None:
        """Count a response of so many bytes."""
        self.set("requests", int(self.number("requests")) + 1)
        self.set("bytes", int(self.number("bytes")) + size)
        now = time.monotonic()
        self.set("seconds", self.number("seconds") + now - self._last)
        self._last = now

    def count_without(self) -> None:
        """Count an answer or an address that gives no finding, as a page does."""
        self.set("without", int(self.number("without")) + 1)

    # ------------------------------------------------------------ addresses

    def hosts(self) -> list[str]:
        """Return the hosts with waiting addresses."""
        return [host for (host,) in self._db.execute("SELECT DISTINCT host FROM urls WHERE state = 0 ORDER BY host")]

    def next(self, host: str) -> QueuedAddress | None:
        """Return the next address of a host, those nearest to the start first; None if none waits."""
        row = self._db.execute(_NEXT, (host,)).fetchone()
        if row is None:
            return None
        id_, url, kind, depth, hops, tries, page, words, etag, modified, sha256, archive, record, offset = row
        self._db.execute("UPDATE urls SET tries = tries + 1 WHERE id = ?", (id_,))
        return QueuedAddress(
            id=id_,
            url=url,
            host=host,
            kind=AddressKind(kind),
            depth=depth,
            hops=hops,
            tries=tries + 1,
            page=page,
            words=words,
            etag=etag,
            modified=modified,
            sha256=sha256,
            before=None if record is None else WrittenRecord(archive=archive, id=record, offset=offset),
        )

    def add(self, new: NewAddress, *, alike: int) -> bool:
        """Remember an address if it is new; at most ``alike`` pages whose addresses differ only in numbers."""
        known = self._db.execute("SELECT id, state, kind, why FROM urls WHERE url = ?", (new.url,)).fetchone()
        if known is not None:
            is_first = known[1] == AddressState.WAITING and known[2] == AddressKind.PAGE
            is_freed = known[1] == AddressState.RESERVED and new.shown_by is not None and known[3] == new.shown_by
            if new.kind == AddressKind.PICTURE and (is_first or is_freed):
                self._db.execute(_PROMOTE, (new.kind, new.page, new.words, new.depth, known[0]))
                self.fresh.add(new.host)
            return False
        if self._is_forgotten(new.url) or (new.kind == AddressKind.PAGE and not self._is_one_more(new.url, alike)):
            return False
        row = (new.url, new.host, new.kind, new.depth, new.hops, new.page, new.words)
        self._db.execute(_ADD, row)
        self.fresh.add(new.host)
        return True

    def _is_forgotten(self, uri: str) -> bool:
        digest = self._kept.seal.known_by(uri)
        return self._db.execute("SELECT 1 FROM forgotten WHERE digest = ?", (digest,)).fetchone() is not None

    def _is_one_more(self, url: str, most: int) -> bool:
        key = pattern(url)
        row = self._db.execute("SELECT pages FROM patterns WHERE pattern = ?", (key,)).fetchone()
        pages = 0 if row is None else row[0]
        if pages >= most:
            return False
        self._db.execute("INSERT OR REPLACE INTO patterns VALUES (?, ?)", (key, pages + 1))
        return True

    def addresses(self) -> int:
        """Return about how many addresses are remembered."""
        row = self._db.execute("SELECT max(id) FROM urls").fetchone()
        return int(row[0] or 0)

    def mark_answered(self, ask: QueuedAddress, kept: KeptAnswer | None = None) -> None:
        """Note that an address was answered."""
        self._db.execute("UPDATE urls SET state = 1, asked = ? WHERE id = ?", (time.time(), ask.id))
        if kept is not None:
            record = (kept.record.archive, kept.record.id, kept.record.offset)
            row = (kept.etag, kept.modified, kept.sha256, *record, ask.id)
            self._db.execute(
                "UPDATE urls SET etag = ?, modified = ?, sha256 = ?, archive = ?, record = ?, at = ? WHERE id = ?", row
            )

    def refuse(self, ask: QueuedAddress, why: RefusalReason, *, report: bool = True) -> None:
        """Note that an address is not requested in this run, or its response refused; drop earlier responses."""
        self._db.execute(
            "UPDATE urls SET state = 2, asked = ?, etag = NULL, modified = NULL, sha256 = NULL, record = NULL, why = ?"
            " WHERE id = ?",
            (time.time(), why.text[:_LONGEST], ask.id),
        )
        if why.kind == "reserved":
            self._db.execute(_RESERVE, (why.text, ask.url, *embedded_range(ask.url)))
        if report:
            self.report(ask.url, why)
        else:
            self.count_without()

    def report(self, uri: str, why: RefusalReason) -> None:
        """Report a refusal, once in each run."""
        if self._is_first(f"{why.kind} {uri}"):
            row = (uri, why.kind, why.text[:_LONGEST])
            self._db.execute("INSERT INTO found (uri, why, text) VALUES (?, ?, ?)", row)

    def _is_first(self, refusal: str) -> bool:
        return self._db.execute("INSERT OR IGNORE INTO told VALUES (?)", (refusal,)).rowcount > 0

    def reserve(self, uri: str, host: str, page: str, why: RefusalReason) -> None:
        """Note that the page at ``page`` reserves a picture, wherever else it is shown."""
        if self._is_forgotten(uri):
            return
        self._db.execute(_ADD, (uri, host, AddressKind.PICTURE, 0, 0, None, None))
        self._db.execute(
            "UPDATE urls SET state = 3, sha256 = NULL, etag = NULL, modified = NULL, record = NULL,"
            " why = ? WHERE url = ?",
            (page, uri),
        )
        self._db.execute(_RESERVE, (why.text, uri, *embedded_range(uri)))
        self.report(uri, why)

    def state_of(self, uri: str) -> AddressState | None:
        """Return the state of an address; None if it is unknown."""
        row = self._db.execute("SELECT state FROM urls WHERE url = ?", (uri,)).fetchone()
        return None if row is None else AddressState(row[0])

    # ------------------------------------------------------------ what was found

    def add_page(self, page: CrawledPage) -> int:
        """Remember a page as it was kept, and return its number."""
        record = page.record
        row = (page.uri, page.title, record.archive, record.id, record.offset, page.sha256)
        number = self._db.execute(
            "INSERT INTO pages (uri, title, archive, record, at, sha256) VALUES (?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        assert number is not None  # noqa: S101 - it was just inserted
        return number

    def add_picture(self, ask: QueuedAddress, kept: KeptAnswer) -> None:
        """Remember a picture as a finding."""
        row = (ask.url, kept.at.isoformat(), ask.words, kept.sha256)
        record = (kept.record.archive, kept.record.id, kept.record.offset, ask.page)
        self._db.execute(_PICTURE, (*row, *record))

    def add_embedded(self, uri: str, page: int, kept: KeptAnswer, sha256: str, words: str | None) -> None:
        """Remember a picture that a kept page holds itself as a finding; its record is that of the page."""
        record = (kept.record.archive, kept.record.id, kept.record.offset, page)
        self._db.execute(_PICTURE, (uri, kept.at.isoformat(), words, sha256, *record))

    def add_revisit(self, before: WrittenRecord, revisit: WrittenRecord) -> None:
        """Note a record that refers to the one in ``before``; both are destroyed together."""
        self._db.execute("INSERT INTO again VALUES (?, ?, ?)", (before.id, revisit.archive, revisit.offset))

    def rows(self, after: int, most: int = 500) -> list[FoundRow]:
        """Return what was found after the row ``after``, at most ``most`` rows."""
        return [found_row(row) for row in self._db.execute(_ROWS, (after, most))]

    def reserved_since(self) -> Iterator[tuple[str, str]]:
        """Yield the pictures that were reserved after they were found, with the reservation."""
        yield from self._db.execute("SELECT DISTINCT uri, reserved FROM found WHERE reserved IS NOT NULL ORDER BY uri")

    def destroy_reserved(self) -> None:
        """Destroy the records of pictures that were reserved after they were found; their rows stay. Raises OSError."""
        self._kept.destroy(self._db.execute(_RESERVED))

    def forget(self, sha256: str, shows_kept: Callable[[Sequence[str]], bool]) -> int:
        """Destroy all records of the picture with these bytes, and of the pages that showed it; return how many.

        Its addresses are remembered as keyed digests, and never requested again. ``shows_kept`` returns whether a page
        that showed the pictures with these digests is still needed. Raises sqlite3.Error, OSError.
        """
        with self.transaction():
            found = self._db.execute(_OF_PICTURE, (sha256,)).fetchall()
            shown = {page for row in found for (page,) in self._db.execute(_VERSIONS, (row[4],))}
            records = [row[1:4] for row in found]
            own = {record for _, record, _ in records}  # of pages too, which hold the picture themselves
            pages = [page for page in sorted(shown) if self._is_of(page, own) or not shows_kept(self._shown_on(page))]
            records += [row for page in pages for row in self._db.execute(_OF_PAGE, (page,))]
            again = [row for _, record, _ in records for row in self._db.execute(_REVISITS, (record,))]
            self._kept.delete_unfinished()  # a copy may hold these records
            count = self._kept.destroy([*((archive, offset) for archive, _, offset in records), *again])
            for uri in {row[0] for row in found}:
                self._db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (self._kept.seal.known_by(uri),))
                self._db.execute("DELETE FROM urls WHERE url = ?", (uri,))
            self._db.execute("DELETE FROM found WHERE sha256 = ? AND record IS NOT NULL", (sha256,))
            for page in pages:
                self._db.execute(_UNHAVE, (page,))
                self._db.execute("DELETE FROM pages WHERE id = ?", (page,))
            self._db.executemany("DELETE FROM again WHERE record = ?", [(record,) for _, record, _ in records])
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _is_of(self, page: int, records: Collection[str]) -> bool:
        """Return whether the record of a page is one of these."""
        return any(record in records for _, record, _ in self._db.execute(_OF_PAGE, (page,)))

    def _shown_on(self, page: int) -> list[str]:
        query = "SELECT DISTINCT sha256 FROM found WHERE page = ? AND record IS NOT NULL"
        return [sha256 for (sha256,) in self._db.execute(query, (page,))]

    def progress(self) -> CrawlProgress:
        """Return the progress of the crawl."""
        counts = dict(self._db.execute("SELECT state, count(*) FROM urls GROUP BY state"))
        pictures = self._db.execute("SELECT count(*) FROM found WHERE record IS NOT NULL").fetchone()[0]
        return CrawlProgress(
            waiting=counts.get(AddressState.WAITING, 0),
            answered=counts.get(AddressState.DONE, 0),
            refused=counts.get(AddressState.REFUSED, 0) + counts.get(AddressState.RESERVED, 0),
            pictures=pictures,
            requests=int(self.number("requests")),
            bytes=int(self.number("bytes")),
        )

    # ------------------------------------------------------------ what hosts say

    def files_of(self, origin: str) -> tuple[float, dict[str, FileAnswer]] | None:
        """Return when the well-known files of an origin were read, and what they were; None if they were not."""
        row = self._db.execute("SELECT at, files FROM origins WHERE origin = ?", (origin,)).fetchone()
        if row is None:
            return None
        files = {name: FileAnswer(status, b64decode(body)) for name, (status, body) in json.loads(row[1]).items()}
        return row[0], files

    def remember_files(self, origin: str, at: float, files: Mapping[str, FileAnswer]) -> None:
        """Remember the well-known files of an origin."""
        stored = {name: (file.status, b64encode(file.body).decode()) for name, file in files.items()}
        self._db.execute("INSERT OR REPLACE INTO origins VALUES (?, ?, ?)", (origin, at, json.dumps(stored)))

    def leave_alone(self, host: str, until: float) -> None:
        """Remember until when a host must not get a request (seconds since 1970)."""
        self._db.execute("INSERT OR REPLACE INTO resting VALUES (?, ?)", (host, until))

    def resting(self) -> dict[str, float]:
        """Return until when hosts must not get a request, by host."""
        return dict(self._db.execute("SELECT host, until FROM resting"))


_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS named (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS urls (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, host TEXT NOT NULL, kind INTEGER NOT NULL, depth INTEGER NOT NULL,
    hops INTEGER NOT NULL, page INTEGER, words TEXT, state INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    asked REAL, etag TEXT, modified TEXT, sha256 TEXT, archive TEXT, record TEXT, at INTEGER, why TEXT
);
CREATE INDEX IF NOT EXISTS waiting ON urls (host, tries, depth, id) WHERE state = 0;
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uri TEXT, title TEXT, archive TEXT, record TEXT, at INTEGER, sha256 TEXT
);
CREATE TABLE IF NOT EXISTS found (
    number INTEGER PRIMARY KEY AUTOINCREMENT, uri TEXT NOT NULL, why TEXT, text TEXT, at TEXT, words TEXT, sha256 TEXT,
    archive TEXT, record TEXT, offset INTEGER, page INTEGER, reserved TEXT
);
CREATE INDEX IF NOT EXISTS found_at ON found (uri) WHERE record IS NOT NULL;
CREATE INDEX IF NOT EXISTS found_bytes ON found (sha256) WHERE record IS NOT NULL;
CREATE INDEX IF NOT EXISTS found_on ON found (page) WHERE record IS NOT NULL;
CREATE INDEX IF NOT EXISTS pages_at ON pages (uri);
CREATE TABLE IF NOT EXISTS again (record TEXT NOT NULL, archive TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS again_of ON again (record);
CREATE TABLE IF NOT EXISTS forgotten (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS patterns (pattern TEXT PRIMARY KEY, pages INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (what TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (origin TEXT PRIMARY KEY, at REAL, files TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resting (host TEXT PRIMARY KEY, until REAL) WITHOUT ROWID;
"""
_ADD = "INSERT OR IGNORE INTO urls (url, host, kind, depth, hops, page, words) VALUES (?, ?, ?, ?, ?, ?, ?)"
_PROMOTE = "UPDATE urls SET state = 0, kind = ?, page = ?, words = ?, depth = ? WHERE id = ?"
_NEXT = """
SELECT id, url, kind, depth, hops, tries, page, words, etag, modified, sha256, archive, record, at FROM urls
WHERE host = ? AND state = 0 ORDER BY tries, depth, id LIMIT 1
"""
_PICTURE = """
INSERT INTO found (uri, at, words, sha256, archive, record, offset, page) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ROWS = """
SELECT number, found.uri, why, text, found.at, words, found.sha256, found.archive, found.record, offset,
       pages.uri, title, pages.archive, pages.record, pages.at, pages.sha256, reserved
FROM found LEFT JOIN pages ON pages.id = page WHERE number > ? ORDER BY number LIMIT ?
"""
_RESERVE = "UPDATE found SET reserved = ? WHERE (uri = ? OR (uri >= ? AND uri < ?)) AND record IS NOT NULL"
_RESERVED = "SELECT archive, offset FROM found WHERE reserved IS NOT NULL AND record IS NOT NULL"
_OF_PICTURE = "SELECT uri, archive, record, offset, page FROM found WHERE sha256 = ? AND record IS NOT NULL"
_VERSIONS = "SELECT id FROM pages WHERE uri = (SELECT uri FROM pages WHERE id = ?)"
_OF_PAGE = "SELECT archive, record, at FROM pages WHERE id = ?"
_REVISITS = "SELECT archive, at FROM again WHERE record = ?"
_UNHAVE = """
UPDATE urls SET etag = NULL, modified = NULL, sha256 = NULL, record = NULL
WHERE (url, record) = (SELECT uri, record FROM pages WHERE id = ?)
"""
