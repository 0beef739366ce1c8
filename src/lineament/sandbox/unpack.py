"""Decompresses untrusted bytes step by step, so that memory stays bounded.

Every decompressor has a limit on its output and, if its format lets a file request memory, on its memory.
The size of the output is limited by the size of the input.
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
"""Bytes that a decompressor may use: twice what the strongest usual setting of xz needs."""
MOST_TIMES = 200
"""Largest unpacked size as a multiple of the packed size; photographs hardly grow."""
ALWAYS = 2**26
"""Unpacked bytes that are always allowed, however small the file."""
LARGEST_DIRECTORY = 2**25
"""Most bytes of a zip's table of contents: about 300,000 entries, which take some 300 MiB while it is read."""
_AT_ONCE = 2**16
_WINDOW_LOG = MEMORY.bit_length() - 1


class Decompressor(Protocol):
    """The interface of the decompressors of ``bz2``, ``lzma`` and ``zstd``."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether it has no more output without more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes."""


class Packed(Protocol):
    """What a packed file is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; b"" at the end."""


class _Zlib:
    """zlib's decompressor under this interface."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits=wbits)

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


def gzip_stream() -> Decompressor:
    """Return a decompressor of gzip."""
    return _Zlib(31)


def deflate_stream() -> Decompressor:
    """Return a decompressor of zlib's own format, which HTTP calls “deflate”."""
    return _Zlib(15)


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)


def zstd_stream() -> Decompressor:
    """Return a decompressor of Zstandard that takes at most MEMORY."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


DECOMPRESSORS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b": gzip_stream,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": zstd_stream,
}
"""By the first bytes of a file."""
ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError)
"""Exceptions of the decompressors for damaged bytes, or bytes in another format."""


SUFFIXES = frozenset(b".gz .bz2 .xz .zst".split())
"""Suffixes of compressed single files, in lower case."""


def decompress(packed: bytes, limit: int) -> bytes:
    """Return a file, decompressed if it is compressed. Raises NotRead, or FileTooLarge over ``limit`` bytes."""
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
        raise NotRead(why="it is compressed, and damaged or truncated") from None
    return b"".join(parts)


def most_unpacked(packed: int) -> int:
    """Return how many bytes a file of ``packed`` bytes may unpack to."""
    return max(ALWAYS, packed * MOST_TIMES)


class UnpackedStream:
    """A decompressed file, read from beginning to end."""

    def __init__(self, packed: Packed, new: Callable[[], Decompressor]) -> None:
        self._packed = packed
        self._new = new
        self._inner = new()
        self._waiting = b""  # packed, not yet passed to the decompressor
        self._taken = 0  # bytes, packed
        self._given = 0

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, b"" at the end. Raises NotRead if it unpacks to too much, or one of ERRORS."""
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
        """Start with the stream behind the one that has ended; return False if only padding is left."""
        rest = self._inner.unused_data
        self._taken -= len(rest)
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._packed.read(_AT_ONCE)):
                return False
        self._waiting = rest
        self._inner = self._new()
        return True


class SmallReads:
    """A zip file that refuses large reads: ``zipfile`` would read a table of contents of any size at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes. Raises NotRead for more than LARGEST_DIRECTORY."""
        if size > LARGEST_DIRECTORY:
            raise NotRead(why=f"its table of contents has more than {LARGEST_DIRECTORY} bytes; split it")
        return self._file.read(LARGEST_DIRECTORY if size < 0 else size)
