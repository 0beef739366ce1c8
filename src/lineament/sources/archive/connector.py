"""Pictures in archives, with their side-cars and captures.csv, like those in folders.

An archive is read twice: first for its side-cars, which may come after their pictures, then for the pictures.
Nested archives are read in memory, to a depth of LEVELS.
"""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import quote_from_bytes

from lineament.errors import MACHINE_FAULTS, FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import locate, open_regular, os_reason, printable_bytes
from lineament.sandbox.unpack import MOST_TIMES, decompress, most_unpacked
from lineament.sources.archive.entries import entries
from lineament.sources.archive.entry import ArchiveEntry
from lineament.sources.archive.registration import SUFFIXES
from lineament.sources.archive.statements import Statements
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.choose import kind_of
from lineament.sources.folder.connector import (
    LARGEST_SIDE_CAR,
    PICTURES,
    TABLE,
    compressed,
    is_hidden,
    is_side_car,
)
from lineament.sources.media_types import is_picture, is_video, not_a_picture
from lineament.sources.provenance import LONGEST_URI

CONNECTOR = "archive 1"
_OF_THEIR_OWN = frozenset({"warc", "manifest", "itl"})  # kinds that are not read inside of archives
ARCHIVES = frozenset(map(os.fsencode, SUFFIXES))
"""Suffixes of archives, in lower case."""
LEVELS = 3
"""Most levels of nested archives."""
LARGEST_INNER = 2**27
"""Most bytes of a nested archive, which is held in memory."""
LARGEST_TABLE = 2**26
"""Most bytes of a captures.csv in an archive."""
MOST_ENTRIES = 2_000_000
"""Entries of an archive, including nested ones."""


@dataclass(slots=True)
class _Budget:
    """The remaining unpacked bytes of an archive and its nested archives."""

    entries: int
    unpacked: int  # bytes

    def take(self, unpacked: int) -> None:
        """Spend bytes. Raises NotRead if none are left."""
        self.unpacked -= unpacked
        if self.unpacked < 0:
            why = f"its entries unpack to more than {MOST_TIMES} times its bytes; unpack it and ingest the folder"
            raise NotRead(why=why)


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive that is being read."""

    file: IO[bytes]
    trail: tuple[bytes, ...]  # names of the containing archives and its own; () for the file on disk
    budget: _Budget


class ArchiveConnector:
    """Yields the pictures of a zip, a 7z or a tar, however compressed, and of the archives in it.

    It counts and refuses what the folder connector does, and also refuses encrypted entries, links, devices, names that
    lead out of the archive, and names that occur twice.
    """

    def __init__(self, path: Path, page_base: str | None, max_bytes: int, *, skip_hidden: bool = False) -> None:
        """``page_base`` is the URL below which a picture's page has the picture's path.

        Pictures over ``max_bytes`` are refused. ``skip_hidden`` leaves out entries with a part that begins with a dot,
        and counts them. Raises NoSuchFile if ``path`` does not exist.
        """
        self._skip_hidden = skip_hidden
        self._place = locate(path)[0]
        self._page_base = None if page_base is None else page_base.rstrip("/")
        self._max_bytes = max_bytes

    def count(self) -> None:
        """Return None: the number is unknown before unpacking."""

    def items(self) -> Iterator[Found]:
        """Yield everything, in the order of the archive."""
        try:
            with os.fdopen(open_regular(self._place), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                budget = _Budget(MOST_ENTRIES, most_unpacked(size))
                yield from self._read(_Archive(file, (), budget))
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error)

    def _read(self, archive: _Archive) -> Iterator[Found]:
        """Yield everything of one archive; if it ends early, the last refusal says why."""
        with _statements_in(archive) as stated:
            for entry in _readable(archive):
                if isinstance(entry, NotRead):
                    yield Refusal(name=self._name(archive.trail), why=entry)
                    return
                yield from self._entry(archive, entry, stated)
            yield from self._missing(archive, stated)

    def _entry(self, archive: _Archive, entry: ArchiveEntry, stated: Statements) -> Iterator[Found]:
        """Yield a picture, the frames of a video, what is in a nested archive, a refusal, or that it is left out."""
        path, leads_out = within(entry.name)
        if path is not None and self._skip_hidden and is_hidden(path):
            yield LeftOut(kind=LeftOutKind.HIDDEN)
            return
        if path is not None and is_side_car(path):
            yield LeftOut(kind=LeftOutKind.SIDE_CAR)
            return
        try:
            if path is None:
                raise NotRead(why=leads_out)
            if stated.is_repeated(path):
                raise NotRead(why="two entries of the archive have this name")
            if entry.why_not is not None:
                raise entry.why_not
            if (kind := kind_of(os.fsdecode(posixpath.basename(path)))) in _OF_THEIR_OWN:
                raise NotAPicture(
                    why=f"its name is that of the kind “{kind}”; unpack it, and name it itself to ingest it"
                )
            if _suffix(path) in ARCHIVES and not compressed(path):
                yield from self._inner(archive, entry, (*archive.trail, path))
            elif _suffix(path) in PICTURES or compressed(path):
                yield self._picture(archive, entry, path, stated)
            else:
                yield from self._by_bytes(archive, entry, path, stated)
        except LineamentError as error:
            yield Refusal.from_error(self._name((*archive.trail, entry.name)), error)

    def _by_bytes(
        self, archive: _Archive, entry: ArchiveEntry, path: bytes, stated: Statements
    ) -> Iterator[Item | Refusal]:
        """Yield a picture or the frames of a video with another suffix, or refuse what is neither."""
        start, opened = _opened(entry)
        if is_video(start):
            yield from self._frames(archive, opened, path, stated)
        elif is_picture(start):
            yield self._picture(archive, opened, path, stated)
        else:
            archive.budget.take(len(start))
            raise NotAPicture(why=not_a_picture(start))

    def _frames(
        self, archive: _Archive, entry: ArchiveEntry, path: bytes, stated: Statements
    ) -> Iterator[Item | Refusal]:
        from lineament.sources.video.sampled import copied, frame_items

        whole = self._provenance(archive, path, stated)
        try:
            file = copied(_spent(archive, entry))
        except Exception as error:  # noqa: BLE001 - parsers raise anything over hostile bytes
            raise _damage(error) from None
        yield from frame_items(self._name((*archive.trail, path)), whole, file, self._max_bytes)

    def _picture(self, archive: _Archive, entry: ArchiveEntry, path: bytes, stated: Statements) -> Item:
        provenance = self._provenance(archive, path, stated)
        untrusted = _content(archive, entry, self._max_bytes)
        if compressed(path):
            untrusted = decompress(untrusted, self._max_bytes)
            archive.budget.take(len(untrusted))
        return Item(
            name=self._name((*archive.trail, path)),
            untrusted=untrusted,
            provenance=provenance,
            hints=stated.hints_of(path),
        )

    def _provenance(self, archive: _Archive, path: bytes, stated: Statements) -> Provenance:
        trail = (*archive.trail, path)
        inner = b"!/".join(quote_from_bytes(part).encode() for part in trail).decode()
        uri = f"{self._place.uri}#{inner}"
        if len(uri) > LONGEST_URI:
            raise NotRead(why="its name is too long; unpack the archive and ingest the folder")
        page = None if self._page_base is None else f"{self._page_base}/{inner}"
        default = Provenance(uri=uri, page_uri=page)
        provenance = stated.of(path, default, self._name((*archive.trail, posixpath.dirname(path))))
        return replace(provenance, connector=CONNECTOR)

    def _inner(self, archive: _Archive, entry: ArchiveEntry, trail: tuple[bytes, ...]) -> Iterator[Found]:
        if len(trail) > LEVELS:
            raise NotRead(why=f"it is in more than {LEVELS} nested archives; unpack some")
        untrusted = _content(archive, entry, LARGEST_INNER)
        yield from self._read(_Archive(io.BytesIO(untrusted), trail, archive.budget))

    def _missing(self, archive: _Archive, stated: Statements) -> Iterator[Refusal]:
        for folder, name in stated.missing():
            if self._skip_hidden and is_hidden(posixpath.join(folder, name)):
                continue
            why = NotRead(why="captures.csv names it, but there is no such picture there")
            yield Refusal(name=self._name((*archive.trail, posixpath.join(folder, name))), why=why)

    def _name(self, trail: tuple[bytes, ...]) -> str:
        """Return the name for messages: printable, whatever the bytes are."""
        return "/".join([self._place.name, *map(printable_bytes, trail)])


def normal(name: bytes) -> bytes | None:
    """Return the path of an entry without “.” and “..”; None if it is absolute, leads out, is empty or has a NUL."""
    return within(name)[0]


def within(name: bytes) -> tuple[bytes | None, str]:
    """Do as ``normal``, and return why it is None as well."""
    if b"\0" in name:
        return None, "its name contains a NUL"
    if name.startswith((b"/", b"\\")) or name[1:2] == b":":
        return None, "its name begins at the root of a disk and points outside the archive; pack it with relative names"
    parts: list[bytes] = []
    for part in (name.replace(b"\\", b"/") if b".." in name else name).split(b"/"):
        if part == b"..":
            if not parts:
                return None, "its name points outside the archive"
            parts.pop()
        elif part not in {b"", b"."}:
            parts.append(part)
    return (b"/".join(parts), "") if parts else (None, "it has no name")


def _suffix(name: bytes) -> bytes:
    return posixpath.splitext(name)[1].lower()


def _readable(archive: _Archive) -> Iterator[ArchiveEntry | NotRead]:
    """Yield the entries; a last NotRead says if the archive or its budget ended early."""
    archive.file.seek(0)
    try:
        for entry in entries(archive.file):
            archive.budget.entries -= 1
            if archive.budget.entries < 0:
                yield NotRead(why=f"it has more than {MOST_ENTRIES:,} entries; split it")
                return
            yield entry
    except Exception as error:  # noqa: BLE001 - parsers raise anything over hostile bytes
        yield _damage(error)


def _opened(entry: ArchiveEntry) -> tuple[bytes, ArchiveEntry]:
    """Do as ``ArchiveEntry.opened``. Raises NotRead."""
    try:
        return entry.opened()
    except Exception as error:  # noqa: BLE001 - parsers raise anything over hostile bytes
        raise _damage(error) from None


def _spent(archive: _Archive, entry: ArchiveEntry) -> Iterator[bytes]:
    """Yield the parts of an entry, and take them from the budget."""
    for part in entry.parts():
        archive.budget.take(len(part))
        yield part


def _content(archive: _Archive, entry: ArchiveEntry, limit: int) -> bytes:
    """Return the bytes of an entry. Raises NotRead or FileTooLarge."""
    try:
        untrusted = entry.read(limit)
    except Exception as error:
        if isinstance(error, FileTooLarge):
            raise
        raise _damage(error) from None
    archive.budget.take(len(untrusted))
    return untrusted


def _damage(error: Exception) -> NotRead:
    if isinstance(error, MACHINE_FAULTS):
        raise error
    if isinstance(error, NotRead):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return NotRead(why=os_reason(error))
    return NotRead(why="the archive is damaged or truncated here")


# ---------------------------------------------------------------- side-cars and tables


@contextmanager
def _statements_in(archive: _Archive) -> Iterator[Statements]:
    """Read the side-cars and tables of an archive."""
    stated = Statements()
    try:
        for entry in _readable(replace(archive, budget=replace(archive.budget))):
            if isinstance(entry, NotRead):
                stated.why = entry
                break
            path = normal(entry.name)
            if path is not None:
                _add_statement(archive, entry, path, stated)
        yield stated
    finally:
        stated.close()


def _add_statement(archive: _Archive, entry: ArchiveEntry, path: bytes, stated: Statements) -> None:
    is_table = posixpath.basename(path) == TABLE
    if not is_table and not is_side_car(path):
        stated.add(path, None, None)
        return
    try:
        if entry.why_not is not None:
            raise entry.why_not
        text: bytes | LineamentError = _content(archive, entry, LARGEST_TABLE if is_table else LARGEST_SIDE_CAR)
    except LineamentError as error:
        text = Refusal.from_error("", error).why
    if is_table:
        stated.add_table(path, text)
    elif isinstance(text, LineamentError):
        stated.add(path, None, str(text))
    else:
        stated.add(path, text, None)
