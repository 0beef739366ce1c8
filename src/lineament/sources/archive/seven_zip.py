"""What is in a 7z archive, as the process that reads it answers (``seven_zip_worker``): nothing it says is trusted."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from typing import IO

from lineament.errors import NotRead, StorageFull
from lineament.sandbox.process import WorkerLimits, messages_from
from lineament.sources.archive.entry import ENCRYPTED, NOT_REGULAR, ArchiveEntry

MAGIC = b"7z\xbc\xaf\x27\x1c"
MEMORY = 2**30
"""Bytes that the process may take: enough for the largest dictionary of usual settings, 256 MiB."""
SECONDS = 24 * 3600
"""Of the processor."""

READ, LINK, LOCKED, UNUSUAL = b"R", b"L", b"C", b"U"
"""An entry begins: it comes with its bytes, or without them."""
ENTRY = struct.Struct("<Q")
"""Bytes that an entry unpacks to; its name follows."""
PART = b"P"
WHOLE = b"W"
"""The entry has ended, and its checksum is right where it has one."""

_WORKER = "lineament.sources.archive.seven_zip_worker"
_LIMITS = WorkerLimits(message=2**21, patience=120, seconds=SECONDS)
_REFUSALS = {
    LINK: NOT_REGULAR,
    LOCKED: ENCRYPTED,
    UNUSUAL: "it is packed in a way that is not read; pack it with LZMA, as usual for 7z",
}


def in_7z(file: IO[bytes]) -> Iterator[ArchiveEntry]:
    """Everything in it but its folders; NotRead where the process refuses it, or dies over it."""
    failed: list[NotRead] = []
    said = messages_from(_WORKER, _descriptor(file), _LIMITS)
    for kind, content in said:
        if kind not in {READ, *_REFUSALS} or len(content) < ENTRY.size:
            raise _nonsense()
        parts = _parts(said, failed)
        yield ArchiveEntry(
            name=content[ENTRY.size :],
            size=ENTRY.unpack_from(content)[0],
            why_not=NotRead(why=_REFUSALS[kind]) if kind in _REFUSALS else None,
            parts=lambda parts=parts: parts,  # type: ignore[misc]
        )
        for _ in parts:
            pass  # what nobody wanted
        if failed:
            raise failed[0]


def _parts(said: Iterator[tuple[bytes, bytes]], failed: list[NotRead]) -> Iterator[bytes]:
    """The bytes of one entry; what ends them is put into ``failed``, for it ends the archive too."""
    try:
        for kind, content in said:
            if kind == WHOLE:
                return
            if kind != PART:
                break
            yield content
        raise _nonsense()
    except NotRead as error:
        failed.append(error.with_traceback(None))
        raise


def _nonsense() -> NotRead:
    return NotRead(why="the process that reads it answered nonsense; the file may be hostile")


def _descriptor(file: IO[bytes]) -> int:
    """The archive as an open file: its own, or one in memory where it is an archive in an archive."""
    if not isinstance(file, io.BytesIO):
        return os.dup(file.fileno())
    try:
        descriptor = os.memfd_create("archive", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as copy, file.getbuffer() as untrusted:
            copy.write(untrusted)
    except OSError:
        raise StorageFull(path="memory") from None
    return descriptor
