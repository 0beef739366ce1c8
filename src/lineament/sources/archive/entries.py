"""Reads the entries of an archive one by one; nothing is written to disk, and links are never followed.

The standard library parses zip and tar. It gets files that refuse large reads, because both parsers trust what an
archive claims about the size of its headers.
"""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from typing import IO, Protocol

from lineament.errors import LineamentError, NotRead
from lineament.sandbox.unpack import ALWAYS, DECOMPRESSORS, MOST_TIMES, SmallReads, UnpackedStream
from lineament.sources.archive import seven_zip
from lineament.sources.archive.entry import ENCRYPTED, NOT_REGULAR, ArchiveEntry

LARGEST_HEADER = 2**16
"""Most bytes of the extended headers of one entry of a tar."""
_AT_ONCE = 2**20
_BLOCK = 512
_LONG_NUMBER = re.compile(rb"\d{65}")  # older versions of tarfile take quadratic time over it
_REFUSED = {
    b"Rar!\x1a\x07": "it is a RAR archive, which is not read; pack it as zip or tar",
}


class _Stream(Protocol):
    """A stream that is read forwards."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""


def entries(file: IO[bytes]) -> Iterator[ArchiveEntry]:
    """Yield every entry except folders. Raises NotRead if it is not an archive, or whatever a parser raises."""
    start = file.read(8)
    file.seek(0)
    for magic, why in _REFUSED.items():
        if start.startswith(magic):
            raise NotRead(why=why)
    if start.startswith(seven_zip.MAGIC):
        yield from seven_zip.in_7z(file)
        return
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _in_zip(file)
        return
    for magic, new in DECOMPRESSORS.items():
        if start.startswith(magic):
            yield from _in_tar(_Forwards(UnpackedStream(file, new)))
            return
    yield from _in_tar(_Forwards(file))


# ---------------------------------------------------------------- zip


def _in_zip(file: IO[bytes]) -> Iterator[ArchiveEntry]:
    with zipfile.ZipFile(SmallReads(file)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield ArchiveEntry(
                    name=_zip_name(info),
                    size=info.file_size,
                    why_not=_zip_refusal(info),
                    parts=lambda info=info: _zip_parts(archive, info),  # type: ignore[misc]
                )


def _zip_name(info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of its name; ``zipfile`` has decoded them in one of two encodings."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")


def _zip_refusal(info: zipfile.ZipInfo) -> LineamentError | None:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return NotRead(why=NOT_REGULAR)
    if info.flag_bits & 0x41:
        return NotRead(why=ENCRYPTED)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return NotRead(why="its compression method is not supported; use Deflate, the usual one for zip")
    if info.file_size > ALWAYS // MOST_TIMES and info.file_size > info.compress_size * MOST_TIMES:
        return NotRead(why=f"it unpacks to more than {MOST_TIMES} times its bytes")
    return None


def _zip_parts(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as file:
        while part := file.read(_AT_ONCE):
            yield part


# ---------------------------------------------------------------- tar


class _Forwards:
    """A stream from which ``tarfile`` reads headers: never backwards, never much at once."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._at = 0
        self.block = b""  # the last header
        self.headers = 0  # bytes of headers since the last entry

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset < self._at:
            raise NotRead(why="its offsets point backwards")
        while self._at < offset and self.raw(min(offset - self._at, _AT_ONCE)):
            pass
        return self._at

    def read(self, size: int) -> bytes:
        self.headers += size
        if size < 0 or self.headers > LARGEST_HEADER:
            raise NotRead(why="the headers of one of its entries are too long")
        parts = []
        while size and (part := self.raw(size)):
            parts.append(part)
            size -= len(part)
        self.block = b"".join(parts)
        if _LONG_NUMBER.search(self.block):
            raise NotRead(why="the headers of one of its entries have a number of more than 64 digits")
        return self.block

    def raw(self, size: int) -> bytes:
        """Return some of an entry's own bytes."""
        data = self._stream.read(size)
        self._at += len(data)
        return data


def _in_tar(stream: _Forwards) -> Iterator[ArchiveEntry]:
    try:
        archive = tarfile.TarFile(fileobj=stream, encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type]
    except tarfile.ReadError:
        raise NotRead(why="it is neither a zip nor a tar archive, or it is damaged") from None
    while (info := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # which would keep them all
        stream.headers = 0
        if not info.isdir():
            yield ArchiveEntry(
                name=info.name.encode("utf-8", "surrogateescape"),
                size=info.size,
                why_not=_tar_refusal(info),
                parts=lambda info=info: _tar_parts(stream, info),  # type: ignore[misc]
            )
    if stream.block != bytes(_BLOCK):
        raise NotRead(why="it is truncated or damaged after the last entry that was read")


def _tar_refusal(info: tarfile.TarInfo) -> LineamentError | None:
    if info.issparse():
        return NotRead(why="it is a sparse file, and no photograph is stored as one")
    if not info.isreg():
        return NotRead(why=NOT_REGULAR)
    return None


def _tar_parts(stream: _Forwards, info: tarfile.TarInfo) -> Iterator[bytes]:
    left = info.size
    stream.seek(info.offset_data)
    while left > 0 and (part := stream.raw(min(left, _AT_ONCE))):
        left -= len(part)
        yield part
