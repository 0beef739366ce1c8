"""The sealed WARC records of a crawl on disk; they can be read, destroyed singly, and exported as plain WARC."""

from __future__ import annotations

import io
import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import ArchiveRecord
from lineament.sandbox.files import os_reason, printable
from lineament.sources.crawl import sealed
from lineament.sources.crawl.sealed import Seal
from lineament.sources.webarchive.records import id_of, record_at
from lineament.sources.webarchive.writer import SUFFIX


class KeptCrawl:
    """The folder of one crawl, and the key of its records."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """``key``: 32 secret bytes, for this crawl alone."""
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
