"""Pictures in archives, brought as those in folders are, side-cars and captures.csv included.

An archive is read twice: once for what is said of its pictures, which may stand behind them, then for the pictures.
Archives in archives are read in memory, to a depth of LEVELS.
"""

from __future__ import annotations

import io
import os
import posixpath
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import quote_from_bytes

from lineament.errors import BadSideCar, FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import locate, open_regular, os_reason, printable
from lineament.sandbox.unpack import ALWAYS, MOST_TIMES, decompress
from lineament.sources.archive.entries import entries
from lineament.sources.archive.entry import ArchiveEntry
from lineament.sources.archive.registration import SUFFIXES
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.captures import Captures
from lineament.sources.folder.connector import (
    LARGEST_SIDE_CAR,
    PICTURES,
    TABLE,
    compressed,
    side_car_names,
    stated_provenance,
)
from lineament.sources.provenance import LONGEST_URI, Unusable, parse_side_car

CONNECTOR = "archive 1"
ARCHIVES = frozenset(map(os.fsencode, SUFFIXES))
"""Suffixes of archives in archives, in lower case."""
LEVELS = 3
"""How deep archives are in each other, at most."""
LARGEST_INNER = 2**27
"""Bytes of an archive in an archive; it is held in memory."""
LARGEST_TABLE = 2**26
"""Bytes of a captures.csv in an archive."""
MOST_TABLES = 64
"""Tables in one archive; each is a small database while it is used."""
MOST_ENTRIES = 2_000_000
"""In an archive with all those in it."""


@dataclass(slots=True)
class _Left:
    """What an archive, with all those in it, may still cost."""

    entries: int
    unpacked: int  # bytes

    def take(self, unpacked: int) -> None:
        """NotRead where nothing is left."""
        self.unpacked -= unpacked
        if self.unpacked < 0:
            raise NotRead(why=f"its entries unpack to more than {MOST_TIMES} times its bytes; nothing more is read")


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive that is being read."""

    file: IO[bytes]
    trail: tuple[bytes, ...]  # the names of the archives it is in, and its own; () for the file on the disk
    left: _Left


class ArchiveConnector:
    """Brings the pictures of a zip, a 7z or a tar, however that is compressed, and of the archives in it.

    What a folder's walk passes over or refuses is passed over or refused here; so are entries that are encrypted, links
    or devices, and names that lead out of the archive or that two entries have.
    """

    def __init__(self, path: Path, page_base: str | None, max_bytes: int) -> None:
        """``page_base`` is the URL below which a picture's page has the picture's path.

        Pictures over ``max_bytes`` are refused. NoSuchFile at once where there is nothing at ``path``.
        """
        self._place = locate(path)[0]
        self._page_base = None if page_base is None else page_base.rstrip("/")
        self._max_bytes = max_bytes

    def count(self) -> None:
        """It cannot be told without unpacking."""

    def items(self) -> Iterator[Item | Refusal]:
        """Every picture, in the order of the archive."""
        try:
            with os.fdopen(open_regular(self._place), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                left = _Left(MOST_ENTRIES, max(ALWAYS, size * MOST_TIMES))
                yield from self._brought(_Archive(file, (), left))
        except LineamentError as error:
            yield Refusal(name=self._place.name, why=error.with_traceback(None))
        except OSError as error:
            yield Refusal(name=self._place.name, why=NotRead(why=os_reason(error)))

    def _brought(self, archive: _Archive) -> Iterator[Item | Refusal]:
        """All of one archive; what ends it early is the last refusal."""
        with _said_in(archive) as said:
            for entry in _readable(archive):
                if isinstance(entry, NotRead):
                    yield Refusal(name=self._name(archive.trail), why=entry)
                    return
                yield from self._one(archive, entry, said)
            yield from self._missing(archive, said)

    def _one(self, archive: _Archive, entry: ArchiveEntry, said: _Said) -> Iterator[Item | Refusal]:
        """A picture, an archive in the archive, or neither; nothing where it is passed over."""
        trail = (*archive.trail, entry.name)
        path = normal(entry.name)
        suffix = _suffix(entry.name)
        if path is not None and (_hidden(path) or suffix == b".json" or posixpath.basename(path) == TABLE):
            return
        try:
            if path is None:
                raise NotRead(why="its name leads out of the archive, or is none")
            if said.twice(path):
                raise NotRead(why="two entries of the archive have this name")
            if entry.why_not is not None:
                raise entry.why_not
            if suffix not in PICTURES | ARCHIVES:
                raise NotAPicture
            if suffix in ARCHIVES and not compressed(path):
                yield from self._inner(archive, entry, (*archive.trail, path))
                return
            yield self._picture(archive, entry, path, said)
        except LineamentError as error:
            yield Refusal(name=self._name(trail), why=error.with_traceback(None))

    def _picture(self, archive: _Archive, entry: ArchiveEntry, path: bytes, said: _Said) -> Item:
        trail = (*archive.trail, path)
        inner = b"!/".join(quote_from_bytes(part).encode() for part in trail).decode()
        uri = f"{self._place.uri}#{inner}"
        if len(uri) > LONGEST_URI:
            raise NotRead(why="its name is too long")
        page = None if self._page_base is None else f"{self._page_base}/{inner}"
        unsaid = Provenance(uri=uri, page_uri=page)
        provenance = said.of(path, unsaid, self._name((*archive.trail, posixpath.dirname(path))))
        untrusted = _content(archive, entry, self._max_bytes)
        if compressed(path):
            untrusted = decompress(untrusted, self._max_bytes)
            archive.left.take(len(untrusted))
        return Item(name=self._name(trail), untrusted=untrusted, provenance=replace(provenance, connector=CONNECTOR))

    def _inner(self, archive: _Archive, entry: ArchiveEntry, trail: tuple[bytes, ...]) -> Iterator[Item | Refusal]:
        if len(trail) > LEVELS:
            raise NotRead(why=f"it is in more than {LEVELS} archives that are in each other; unpack some")
        untrusted = _content(archive, entry, LARGEST_INNER)
        yield from self._brought(_Archive(io.BytesIO(untrusted), trail, archive.left))

    def _missing(self, archive: _Archive, said: _Said) -> Iterator[Refusal]:
        for folder, name in said.never_asked():
            why = NotRead(why="captures.csv names it, but there is no such picture there")
            yield Refusal(name=self._name((*archive.trail, posixpath.join(folder, name))), why=why)

    def _name(self, trail: tuple[bytes, ...]) -> str:
        """For messages: printable, whatever the bytes are."""
        return "/".join([self._place.name, *(printable(part.decode("utf-8", "backslashreplace")) for part in trail)])


def normal(name: bytes) -> bytes | None:
    """The path of an entry, without “.”; None where it is absolute, goes up, is empty or has a NUL."""
    if not name or b"\0" in name or name.startswith((b"/", b"\\")) or name[1:2] == b":":
        return None
    if b".." in name.replace(b"\\", b"/").split(b"/"):
        return None
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    return b"/".join(parts) or None


def _hidden(path: bytes) -> bool:
    return any(part.startswith(b".") for part in path.split(b"/"))


def _suffix(name: bytes) -> bytes:
    return posixpath.splitext(name)[1].lower()


def _readable(archive: _Archive) -> Iterator[ArchiveEntry | NotRead]:
    """The entries; the last is a NotRead where the archive, or what is left for it, ends before its end."""
    archive.file.seek(0)
    try:
        for entry in entries(archive.file):
            archive.left.entries -= 1
            if archive.left.entries < 0:
                yield NotRead(why=f"it has more than {MOST_ENTRIES:,} entries; split it")
                return
            yield entry
    except Exception as error:  # noqa: BLE001 - parsers raise anything over hostile bytes
        yield _damaged(error)


def _content(archive: _Archive, entry: ArchiveEntry, limit: int) -> bytes:
    """The bytes of an entry; NotRead or FileTooLarge."""
    try:
        untrusted = entry.read(limit)
    except Exception as error:
        if isinstance(error, FileTooLarge):
            raise
        raise _damaged(error) from None
    archive.left.take(len(untrusted))
    return untrusted


def _damaged(error: Exception) -> NotRead:
    if isinstance(error, NotRead):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return NotRead(why=os_reason(error))
    return NotRead(why="the archive is damaged here, or breaks off")


# ---------------------------------------------------------------- what the archive says of its pictures


class _Said:
    """The side-cars and tables of one archive, in a temporary database on the disk, for there may be millions."""

    def __init__(self) -> None:
        self.why: NotRead | None = None  # why not all could be looked at
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.executescript(_SCHEMA)
        self._tables: dict[bytes, Captures | BadSideCar] = {}

    def add(self, path: bytes, said: bytes | None, why: str | None) -> None:
        """An entry with what it says, or why that cannot be read; neither where it is no side-car."""
        self._rows.execute(_INSERT, (path, said, why))

    def add_table(self, path: bytes, said: bytes | LineamentError, name: str) -> None:
        """A captures.csv."""
        folder = posixpath.dirname(path)
        if folder in self._tables or len(self._tables) >= MOST_TABLES:
            why = f"it is there twice, or there are more than {MOST_TABLES} in the archive"
            self._tables[folder] = BadSideCar(name=name, why=why)
            return
        try:
            if isinstance(said, LineamentError):
                raise Unusable(str(said))
            self._tables[folder] = Captures(io.TextIOWrapper(io.BytesIO(said), encoding="utf-8-sig", newline=""))
        except Unusable as error:
            self._tables[folder] = BadSideCar(name=name, why=error)

    def twice(self, path: bytes) -> bool:
        """Whether two entries have this name."""
        return self._rows.execute("SELECT 1 FROM said WHERE path = ? AND twice", (path,)).fetchone() is not None

    def of(self, path: bytes, unsaid: Provenance, folder_name: str) -> Provenance:
        """What is said of a picture; BadSideCar where that cannot be used."""
        folder, base = posixpath.split(path)
        try:
            provenance = stated_provenance(base, self._tables.get(folder), lambda: self._side_car(path, unsaid), unsaid)
        except Unusable as error:
            raise BadSideCar(name=f"{folder_name}/{TABLE.decode()}", why=error) from None
        if provenance is unsaid and self.why is not None:
            raise NotRead(why="the archive is not whole, so what is said of this picture may be missing; mend it first")
        return provenance

    def _side_car(self, path: bytes, unsaid: Provenance) -> Provenance | None:
        folder, base = posixpath.split(path)
        for name in side_car_names(base):
            found = self._rows.execute(_SELECT, (posixpath.join(folder, name),)).fetchone()
            if found is None:
                continue
            said, why, twice = found
            shown = printable(name.decode("utf-8", "backslashreplace"))
            if why is not None or twice:
                raise BadSideCar(name=shown, why=why or "two entries of the archive have this name")
            try:
                return parse_side_car(said, unsaid)
            except Unusable as error:
                raise BadSideCar(name=shown, why=error) from None
        return None

    def never_asked(self) -> Iterator[tuple[bytes, bytes]]:
        """Folder and name of pictures that a table names and that did not come."""
        for folder, table in self._tables.items():
            if isinstance(table, Captures):
                for name in table.never_asked():
                    yield folder, name.encode("utf-8", "replace")

    def close(self) -> None:
        """Give the temporary databases back."""
        self._rows.close()
        for table in self._tables.values():
            if isinstance(table, Captures):
                table.close()


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE said (path BLOB PRIMARY KEY, said BLOB, why TEXT, twice INTEGER DEFAULT 0) WITHOUT ROWID;
BEGIN;
"""
_INSERT = "INSERT INTO said (path, said, why) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET twice = 1"
_SELECT = "SELECT said, why, twice FROM said WHERE path = ?"


@contextmanager
def _said_in(archive: _Archive) -> Iterator[_Said]:
    """Read an archive for the first time."""
    said = _Said()
    try:
        for entry in _readable(replace(archive, left=replace(archive.left))):
            if isinstance(entry, NotRead):
                said.why = entry
                break
            path = normal(entry.name)
            if path is not None:
                _hear(archive, entry, path, said)
        yield said
    finally:
        said.close()


def _hear(archive: _Archive, entry: ArchiveEntry, path: bytes, said: _Said) -> None:
    is_table = posixpath.basename(path) == TABLE
    if not is_table and _suffix(path) != b".json":
        said.add(path, None, None)
        return
    try:
        if entry.why_not is not None:
            raise entry.why_not
        text: bytes | LineamentError = _content(archive, entry, LARGEST_TABLE if is_table else LARGEST_SIDE_CAR)
    except LineamentError as error:
        text = error
    if is_table:
        said.add_table(path, text, printable(path.decode("utf-8", "backslashreplace")))
    elif isinstance(text, LineamentError):
        said.add(path, None, str(text))
    else:
        said.add(path, text, None)
