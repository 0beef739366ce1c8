"""Compressed bytes are unpacked a little at a time: no more than was asked for is ever in memory.

Every decompressor is told how much it may put out and, where its format lets a file ask for memory, how much it may
take. What a file unpacks to is counted against what it has.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import IO, Protocol

from lineament.errors import FileTooLarge, NotRead

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEMORY = 2**27
"""Bytes that a decompressor may take: twice what the strongest usual setting of xz needs."""
MOST_TIMES = 200
"""How many times the bytes of a file may become; photographs hardly become any more."""
ALWAYS = 2**26
"""Bytes that may be unpacked however few the packed ones are."""
_AT_ONCE = 2**16
_WINDOW_LOG = MEMORY.bit_length() - 1


class Decompressor(Protocol):
    """As those of ``bz2``, ``lzma`` and ``zstd``."""

    @property
    def eof(self) -> bool:
        """Whether the stream is whole."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can come out before something goes in."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes."""


class _Gzip:
    """zlib's decompressor, made like the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)


def _zstd() -> Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


DECOMPRESSORS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""By the first bytes of a file."""
ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError)
"""What decompressors raise over bytes that are not theirs."""


SUFFIXES = frozenset(b".gz .bz2 .xz .zst".split())
"""Of files that are compressed by themselves, in lower case."""


def decompress(packed: bytes, limit: int) -> bytes:
    """What a compressed file unpacks to, or the file itself where it is not compressed; NotRead, FileTooLarge."""
    new = next((new for magic, new in DECOMPRESSORS.items() if packed.startswith(magic)), None)
    if new is None:
        return packed
    unpacked, parts, length = UnpackedStream(io.BytesIO(packed), new), [], 0
    try:
        while part := unpacked.read(_AT_ONCE):
            parts.append(part)
            length += len(part)
            if length > limit:
                raise FileTooLarge(size=length, limit=limit)
    except ERRORS:
        raise NotRead(why="it is compressed, and damaged or breaks off") from None
    return b"".join(parts)


def most_unpacked(packed: int) -> int:
    """How many bytes may come of so many packed ones."""
    return max(ALWAYS, packed * MOST_TIMES)


class UnpackedStream:
    """What a compressed file unpacks to, read from the beginning to the end."""

    def __init__(self, packed: IO[bytes], new: Callable[[], Decompressor]) -> None:
        self._packed = packed
        self._new = new
        self._inner = new()
        self._waiting = b""  # packed, not yet given to the decompressor
        self._taken = 0  # bytes, packed
        self._given = 0

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, b"" at the end; NotRead over what unpacks to far too much, one of ERRORS."""
        while True:
            if self._inner.eof and not self._next_stream():
                return b""
            if data := self._more(size):
                self._given += len(data)
                if self._given > most_unpacked(self._taken):
                    raise NotRead(why=f"it unpacks to more than {MOST_TIMES} times its bytes")
                return data

    def _more(self, size: int) -> bytes:
        fresh = b""
        if self._inner.needs_input:
            fresh = self._waiting or self._packed.read(_AT_ONCE)
            self._waiting = b""
            self._taken += len(fresh)
        data = self._inner.decompress(fresh, size)
        if not data and not fresh and not self._inner.eof:
            raise EOFError
        return data

    def _next_stream(self) -> bool:
        """Begin with the stream behind the one that has ended; False where there is none, only padding."""
        rest = self._inner.unused_data
        self._taken -= len(rest)
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._packed.read(_AT_ONCE)):
                return False
        self._waiting = rest
        self._inner = self._new()
        return True
