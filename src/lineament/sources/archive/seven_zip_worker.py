"""The worker that reads a 7z archive from standard input, and sends its entries one after the other.

Started by ``sandbox.process``. The memory of decoders (for LZMA a dictionary as large as the archive claims) is bounded
by that of this process. Only the parser and decoders of py7zr are used: it would unpack everything in its own order,
and use names as paths.
"""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Iterator
from itertools import islice
from typing import IO

from py7zr import SevenZipFile
from py7zr.archiveinfo import Folder
from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError
from py7zr.helpers import calculate_crc32
from py7zr.py7zr import ArchiveFile

from lineament.errors import NotRead
from lineament.sandbox.process import END, FAILED, confine_worker, send
from lineament.sandbox.unpack import MOST_TIMES, most_unpacked
from lineament.sources.archive.seven_zip import ENTRY, LINK, LOCKED, MEMORY, PART, READ, SECONDS, UNUSUAL, WHOLE

_AT_ONCE = 2**20  # bytes
_A_FILE = {0, stat.S_IFREG}


def main() -> None:
    """Send all entries."""
    _warm()
    confine_worker(memory=MEMORY, seconds=SECONDS)
    try:
        _send_entries(sys.stdin.buffer)
        send(END)
    except PasswordRequired:
        send(FAILED, b"its table of contents is encrypted; unlock the archive first")
    except NotRead as error:
        send(FAILED, str(error.details["why"]).encode())
    except MemoryError:
        send(FAILED, b"it takes too much memory; pack it with a smaller dictionary, or as zip or tar")
    except Exception:  # noqa: BLE001 - parsers raise anything over hostile bytes
        send(FAILED, b"the archive is damaged or truncated here")


def _warm() -> None:
    """Import now what would be imported later."""
    with io.BytesIO() as warm:
        with SevenZipFile(warm, "w") as archive:
            archive.writestr(b"x", "x")
        warm.seek(0)
        with SevenZipFile(warm) as archive:
            list(_folders(archive))


def _send_entries(file: IO[bytes]) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    left = most_unpacked(size)
    with SevenZipFile(file) as archive:
        for entry in archive.files:
            if entry.emptystream and not entry.is_directory:
                _send_head(entry, READ if _is_file(entry) else LINK)
                send(WHOLE)
        for folder, start, packed in _folders(archive):
            file.seek(start)
            kind = _kind(folder, packed)
            for entry in folder.files or ():
                left -= entry.uncompressed
                if left < 0:
                    raise NotRead(why=f"it unpacks to more than {MOST_TIMES} times its bytes")
                _send_entry(entry, kind, folder, file)


def _folders(archive: SevenZipFile) -> Iterator[tuple[Folder, int, int]]:
    """Yield each group of entries that are compressed together, its offset, and its packed size in bytes."""
    streams = getattr(archive.header, "main_streams", None)
    if streams is None:
        return
    sizes = iter(streams.packinfo.packsizes)
    start = archive.afterheader + streams.packinfo.packpos
    for folder in streams.unpackinfo.folders:
        packed = sum(islice(sizes, len(folder.packed_indices)))
        yield folder, start, packed
        start += packed


def _kind(folder: Folder, packed: int) -> bytes:
    try:
        folder.get_decompressor(packed)
    except PasswordRequired:
        return LOCKED
    except UnsupportedCompressionMethodError:
        return UNUSUAL
    return READ


def _send_entry(entry: ArchiveFile, kind: bytes, folder: Folder, file: IO[bytes]) -> None:
    """Send an entry; its bytes are unpacked in any case, because those of the next one follow them."""
    if kind == READ and not _is_file(entry):
        kind = LINK
    if not entry.is_directory:
        _send_head(entry, kind)
    if kind in {READ, LINK}:
        crc = 0
        for part in _read_unpacked(folder, entry.uncompressed, file):
            crc = calculate_crc32(part, crc)
            if kind == READ and not entry.is_directory:
                send(PART, part)
        if entry.crc32 is not None and entry.crc32 != crc:
            raise ValueError
    if not entry.is_directory:
        send(WHOLE)


def _read_unpacked(folder: Folder, size: int, file: IO[bytes]) -> Iterator[bytes]:
    decoder = folder.decompressor
    assert decoder is not None  # noqa: S101 - entries without one are not read
    while size > 0:
        at = file.tell()
        part = bytes(decoder.decompress(file, min(size, _AT_ONCE)))
        if not part and file.tell() == at:
            raise EOFError
        size -= len(part)
        if part:
            yield part


def _send_head(entry: ArchiveFile, kind: bytes) -> None:
    name = entry.filename.encode("utf-8", "surrogatepass")
    send(kind, ENTRY.pack(entry.uncompressed or 0), name)


def _is_file(entry: ArchiveFile) -> bool:
    return (entry.st_fmt or 0) in _A_FILE and not entry.is_symlink and not entry.is_junction
