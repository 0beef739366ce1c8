"""The sealed files of drops on disk: a folder for each drop, and in it a file for each file that arrives.

A file is a row of frames (``sources/crawl/sealed.py``), one for each part, under a key of its drop that is derived from
that of its source. It is named by its number; the name that the browser says is only in the database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import NotFound, NotRead, StorageFull
from lineament.model.drops import PART, Drop, DroppedFile
from lineament.model.faces import SourceId
from lineament.store.db import Store
from lineament.store.durable import sync_all
from lineament.store.faults import of_system
from lineament.store.keys import DataKey

if TYPE_CHECKING:
    from lineament.sources.crawl.sealed import Seal

SPARE = 2**30
"""Bytes of free disk that a drop leaves for the database, the pictures and the indexes."""
OPENED = "opened"
"""The folder of files that a connector can only read by their path, while it reads them."""
_LOCK = "lock"


class DropFolders:
    """The folders of all drops."""

    def __init__(self, store: Store, home: Path) -> None:
        """``home`` holds one folder for each source, with one folder for each of its drops."""
        self._store, self._home = store, home

    def of_source(self, source_id: SourceId) -> Path:
        """Return the folder of a source's drops; it is deleted with the source."""
        return self._home / str(source_id)

    def folder(self, drop: Drop) -> Path:
        """Return the folder of a drop."""
        return self.of_source(drop.source_id) / drop.id

    def require_room(self, more: int) -> None:
        """Raise StorageFull unless the disk has room for so many bytes and SPARE."""
        place = self._home if self._home.is_dir() else self._home.parent
        if shutil.disk_usage(place).free < more + SPARE:
            raise StorageFull(path=self._home)

    @contextmanager
    def locked(self, drop: Drop) -> Iterator[None]:
        """Let nobody else write into the folder of a drop, which is made if it is missing."""
        folder = self.folder(drop)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise of_system(error, folder) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def write(self, drop: Drop, key: DataKey, parts: Sequence[tuple[DroppedFile, int, memoryview]]) -> None:
        """Seal parts of files and make them durable: each with its file and its first byte, a multiple of PART.

        Raises StorageFull or StoreUnavailable; what of it is on disk then is written again by the next attempt.
        """
        seal, folder = seal_of(drop, key), self.folder(drop)
        try:
            for file, first, part in parts:
                _write_part(seal, drop, folder / str(file.number), first, part)
            sync_all(folder, [*dict.fromkeys(folder / str(file.number) for file, _, _ in parts), folder])
        except OSError as error:
            raise of_system(error, folder) from error

    def read(self, drop: Drop, seal: Seal, file: DroppedFile) -> Iterator[bytes]:
        """Yield the parts of a file that has arrived. Raises NotRead if it was discarded, Damaged, OSError."""
        from lineament.sources.crawl.sealed import content, frame_at

        if not file.size:
            return
        name = _archive(drop, file.number)
        try:
            descriptor = os.open(self.folder(drop) / str(file.number), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise NotRead(why="it was discarded before it was ingested") from None
        try:
            offset, left = 0, file.size
            while left > 0 and (frame := frame_at(descriptor, name, offset)) is not None:
                plain = seal.opened(content(descriptor, frame), name, offset)
                yield plain
                offset, left = frame.end, left - len(plain)
        finally:
            os.close(descriptor)
        if left:
            raise NotRead(why="a part of it is missing from the disk")

    def delete_files(self, drop: Drop, numbers: Iterable[int]) -> None:
        """Delete files of a drop that are ingested."""
        folder = self.folder(drop)
        for number in numbers:
            (folder / str(number)).unlink(missing_ok=True)
            shutil.rmtree(folder / OPENED / str(number), ignore_errors=True)

    def destroy(self, drop: Drop) -> None:
        """Delete everything of a drop."""
        shutil.rmtree(self.folder(drop), ignore_errors=True)
        with suppress(OSError):  # another drop of the source is under way
            self.of_source(drop.source_id).rmdir()

    def destroy_source(self, source_id: SourceId) -> None:
        """Delete the drops of a source that was withdrawn."""
        shutil.rmtree(self.of_source(source_id), ignore_errors=True)

    def finish(self) -> int:
        """Delete what processes left that were killed: folders of drops that have ended; return how many.

        Files that a connector had open are deleted with them, or when the ingest of their drop is resumed.
        """
        orphans = self.orphans()
        for folder in orphans:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another drop of the source is under way
                folder.parent.rmdir()
        return len(orphans)

    def orphans(self) -> list[Path]:
        """Return the folders of drops that have ended, or that never were."""
        if not self._home.is_dir():
            return []
        with self._store.read() as tx:  # upkeep: files on disk follow the store
            kept = {self.folder(drop) for drop in tx.drops.under_way()}
        found = [folder for source in self._home.iterdir() if source.is_dir() for folder in source.iterdir()]
        orphans = []
        for folder in found:
            if folder in kept:
                continue
            with self._store.read() as tx:  # upkeep: it may have begun since
                try:
                    ended = tx.drops.get(folder.name).ended_at is not None
                except NotFound:
                    ended = True
            if ended:
                orphans.append(folder)
        return orphans

    def lost(self, drop: Drop, files: Iterable[DroppedFile]) -> list[int]:
        """Return the numbers of those files of which less is on disk than was acknowledged."""
        folder, lost = self.folder(drop), []
        for file in files:
            path = folder / str(file.number)
            if file.received and (not path.is_file() or path.stat().st_size < sealed_size(file.received)):
                lost.append(file.number)
        return lost


def seal_of(drop: Drop, key: DataKey) -> Seal:
    """Return the seal of a drop's files, derived from the key of its source."""
    from lineament.sources.crawl.sealed import Seal

    label = f"drop {drop.id}"
    return Seal(key.derive(label) + (b"" if key.older is None else key.older.derive(label)))


def sealed_size(received: int) -> int:
    """Return the bytes on disk of the first ``received`` bytes of a file."""
    from lineament.sources.crawl.sealed import FRAME_OVERHEAD

    return received + -(-received // PART) * FRAME_OVERHEAD


def _write_part(seal: Seal, drop: Drop, path: Path, first: int, part: memoryview) -> None:
    from lineament.sources.crawl.sealed import write

    offset = sealed_size(first)
    frame = seal.frame(bytes(part), _archive(drop, int(path.name)), offset)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        write(descriptor, frame, offset)
        os.ftruncate(descriptor, offset + len(frame))  # what a killed process had begun to write
    finally:
        os.close(descriptor)


def _archive(drop: Drop, number: int) -> str:
    return f"{drop.id}/{number}"
