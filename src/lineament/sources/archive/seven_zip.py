"""The entries of a 7z archive, as its worker reports them (``seven_zip_worker``); nothing it sends is trusted."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import IO

from lineament.errors import NotRead
from lineament.sandbox.files import open_in_memory
from lineament.sandbox.process import INVALID_REPLY, WorkerLimits, messages_from
from lineament.sources.archive.entry import ENCRYPTED, NOT_REGULAR, ArchiveEntry

MAGIC = b"7z\xbc\xaf\x27\x1c"
MEMORY = 2**30
"""Most bytes of the worker's memory, enough for the largest usual dictionary, 256 MiB."""
SECONDS = 24 * 3600
"""Processor time."""

READ, LINK, LOCKED, UNUSUAL = b"R", b"L", b"C", b"U"
"""Messages that start an entry: with its bytes (READ), or why it comes without."""
ENTRY = struct.Struct("<Q")
"""The unpacked size of an entry in bytes; its name follows."""
PART = b"P"
WHOLE = b"W"
"""The message that ends an entry whose checksum, if any, is right."""

_WORKER = "lineament.sources.archive.seven_zip_worker"
_LIMITS = WorkerLimits(message=2**21, patience=120, seconds=SECONDS)
_REFUSALS = {
    LINK: NOT_REGULAR,
    LOCKED: ENCRYPTED,
    UNUSUAL: "its compression method is not supported; use LZMA, the usual one for 7z",
}


def in_7z(file: IO[bytes]) -> Iterator[ArchiveEntry]:
    """Yield every entry except folders. Raises NotRead if the worker refuses the archive or dies over it."""
    failed: list[NotRead] = []
    messages = messages_from(_WORKER, _descriptor(file), _LIMITS)
    for kind, content in messages:
        if kind not in {READ, *_REFUSALS} or len(content) < ENTRY.size:
            raise NotRead(why=INVALID_REPLY)
        parts = _parts(messages, failed)
        yield ArchiveEntry(
            name=content[ENTRY.size :],
            size=ENTRY.unpack_from(content)[0],
            why_not=NotRead(why=_REFUSALS[kind]) if kind in _REFUSALS else None,
            parts=lambda parts=parts: parts,  # type: ignore[misc]
        )
        for _ in parts:
            pass  # whatever was not read
        if failed:
            raise failed[0]


def _parts(messages: Iterator[tuple[bytes, bytes]], failed: list[NotRead]) -> Iterator[bytes]:
    """Yield the bytes of one entry; a failure is added to ``failed``, because it ends the archive too."""
    try:
        for kind, content in messages:
            if kind == WHOLE:
                return
            if kind != PART:
                break
            yield content
        raise NotRead(why=INVALID_REPLY)
    except NotRead as error:
        failed.append(error.with_traceback(None))
        raise


def _descriptor(file: IO[bytes]) -> int:
    """Return a descriptor of the archive: its own, or one in memory for a nested archive."""
    if not isinstance(file, io.BytesIO):
        return os.dup(file.fileno())
    with file.getbuffer() as untrusted:
        return open_in_memory("archive", untrusted)
