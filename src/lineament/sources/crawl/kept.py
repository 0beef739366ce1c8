"""The sealed WARC records of a crawl on disk; they can be read, destroyed singly, and exported as plain WARC."""

from __future__ import annotations

import fcntl
import io
import os
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lineament.errors import LineamentError, NotRead, WorkspaceBusy
from lineament.model.faces import ArchiveRecord
from lineament.sandbox.files import os_reason, printable
from lineament.sources.crawl import sealed
from lineament.sources.crawl.sealed import Seal
from lineament.sources.webarchive.records import id_of, record_at
from lineament.sources.webarchive.writer import SUFFIX

_PATIENCE = 10.0  # seconds to wait for another process to release the folder
_RESEALED = ".new"
"""The end of the name of a file that is sealed again, until it replaces the one before."""


class KeptCrawl:
    """The folder of one crawl, and the key of its records."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """``key``: see ``Seal``."""
        self.folder, self.key = folder, key
        self.seal = Seal(key)

    def __repr__(self) -> str:
        return f"KeptCrawl({str(self.folder)!r}, …)"

    def exchange(self, archive: str, offset: int, record_id: str) -> bytes:
        """Return a response and its request, a gzip member each. Raises NotRead if they were destroyed, Damaged."""
        try:
            with self._file(archive) as file:
                found = sealed.frame_at(file, archive, offset)
                if found is None or found.destroyed:
                    why = "its record was destroyed" if found else f"{archive} does not hold it any more"
                    raise NotRead(why=why)
                packed = self.seal.opened(sealed.content(file, found), archive, offset)
                first = record_at(io.BytesIO(packed), 0)
        except OSError as error:
            raise NotRead(why=os_reason(error)) from error
        if first is None or id_of(first) != record_id:
            raise sealed.damaged(archive, offset, "another record is there")
        return packed

    def page(self, record: ArchiveRecord) -> bytes | None:
        """Return the whole record of a page as it was fetched; None if it is no longer there."""
        try:
            packed = self.exchange(record.archive, record.offset, record.id)
        except LineamentError:
            return None
        return zlib.decompressobj(wbits=31).decompress(packed)  # only the first member

    def destroy(self, places: Iterable[tuple[str, int]]) -> int:
        """Overwrite the frames at these places (archive, offset) durably; return how many. Raises OSError."""
        offsets: dict[str, list[int]] = defaultdict(list)
        for archive, offset in places:
            offsets[archive].append(offset)
        existing = [archive for archive in offsets if (self.folder / archive).is_file()]
        return sum(sealed.destroy(self.folder / archive, sorted(offsets[archive])) for archive in existing)

    def reseal(self, archive: Path) -> tuple[int, int]:
        """Seal every record of a file again under the newest key; return how many, and how many opened under none.

        The caller sees to it that nobody writes to the file meanwhile. Raises OSError, or Damaged if it is no file of
        frames; then it is as it was.
        """
        beside = archive.with_name(f"{archive.name}{_RESEALED}")
        try:
            with self._file(archive.name) as old, beside.open("wb") as new:
                beside.chmod(0o600)
                counts = self._reseal(old, archive.name, new)
                new.flush()
                os.fsync(new.fileno())
            beside.replace(archive)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return counts

    def _reseal(self, old: int, archive: str, new: BinaryIO) -> tuple[int, int]:
        done = damaged = 0
        size = os.fstat(old).st_size
        for found in sealed.frames(old, archive, size):
            packed: bytes | bytearray = os.pread(old, found.end - found.offset, found.offset)
            if not found.destroyed:
                try:
                    plain = self.seal.opened(sealed.content(old, found), archive, found.offset)
                    packed, done = self.seal.frame(plain, archive, found.offset), done + 1
                except LineamentError:
                    damaged += 1
            new.write(packed)
        rest = os.pread(old, size - new.tell(), new.tell())  # of a record that was not completed, or is damaged
        new.write(rest)
        return done, damaged + bool(rest)

    def delete_unfinished(self) -> None:
        """Delete what a rotation that was killed left beside the files; the caller sees to it that none is at work."""
        for path in self.folder.glob(f"*{_RESEALED}"):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every crawl out of the folder. Raises WorkspaceBusy if one is under way."""
        lock = try_lock(self.folder)
        if lock is None:
            raise WorkspaceBusy(what=f"a crawl into {self.folder}")
        try:
            yield
        finally:
            os.close(lock)

    def archives(self) -> list[Path]:
        """Return the files of records, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def members(self, archive: Path, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the exchanges in the first ``end`` bytes of a file that were not destroyed, as gzip members.

        Each comes with the offset at which it ends. Raises Damaged, NotRead.
        """
        try:
            with self._file(archive.name) as file:
                for found in sealed.frames(file, archive.name, end):
                    if not found.destroyed:
                        yield found.end, self.seal.opened(sealed.content(file, found), archive.name, found.offset)
        except OSError as error:
            raise NotRead(why=os_reason(error)) from error

    @contextmanager
    def _file(self, archive: str) -> Iterator[int]:
        if os.fspath(Path(archive).name) != archive:
            raise NotRead(why=f"{printable(archive)} is not a file name")
        file = os.open(self.folder / archive, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            yield file
        finally:
            os.close(file)


def try_lock(folder: Path) -> int | None:
    """Lock the folder of a crawl for whoever writes to it, waiting a little; it is locked until the descriptor closes.

    Returns None if another process keeps it.
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(lock)
                return None
            time.sleep(0.1)
        else:
            return lock
