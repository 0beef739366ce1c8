"""Decodes the transfer and content encodings of an HTTP body, up to a limit.

Many crawlers store bodies decoded but leave the headers unchanged; a body that is not in the encoding that its header
names is therefore taken as it is.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

import brotli

from lineament.errors import FileTooLarge, NotRead
from lineament.sandbox.files import printable
from lineament.sandbox.unpack import (
    ERRORS,
    Decompressor,
    Packed,
    UnpackedStream,
    deflate_stream,
    gzip_stream,
    zstd_stream,
)
from lineament.sources.media_types import START

MOST_ENCODINGS = 3
"""Content encodings of one body; servers use one."""
_AT_ONCE = 2**20
_FIRST = 2**10
_ENCODED_START = 2**12
_ZSTD_START = 2**17 + 2**10  # a block, which is decompressed as a whole
_LONGEST_HEAD = 2**11  # bytes of the line that begins a chunk
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")


class Undecodable(ValueError):
    """The body is not in this encoding."""


def decode_body(body: bytes, transfer: str | None, content: str | None, limit: int) -> bytes:
    """Return the payload of ``body``. Raises FileTooLarge over ``limit`` bytes, NotRead for too many encodings."""
    if is_chunked(transfer):
        body = join_chunks(body)
    names = encodings(transfer, content)
    if len(names) > MOST_ENCODINGS:
        raise NotRead(why=f"its headers name more than {MOST_ENCODINGS} encodings")
    for name in reversed(names):
        if name in _DECODERS:
            try:
                body = _DECODERS[name](body, limit + 1)
            except Undecodable:
                break
        if len(body) > limit:
            raise FileTooLarge(size=f"more than {limit}", limit=limit)
    if len(body) > limit:
        raise FileTooLarge(size=len(body), limit=limit)
    return body


def encodings(transfer: str | None, content: str | None) -> list[str]:
    """Return the encodings of a body that its headers name, chunks apart, in the order in which they were applied."""
    if not content and (not transfer or transfer == "chunked"):  # nearly always
        return []
    stated = f"{(content or '')[:256]},{(transfer or '')[:256]}".lower().split(",")
    return [name for name in map(str.strip, stated) if name not in _NO_ENCODINGS]


def is_chunked(transfer: str | None) -> bool:
    """Return whether a Transfer-Encoding says that the body comes in chunks."""
    return transfer is not None and "chunked" in transfer.lower()


def why_unreadable(transfer: str | None, content: str | None) -> str | None:
    """Return why it cannot be told what a body is: it is in an encoding that is not read. None if it can be told."""
    name = next((name for name in encodings(transfer, content) if name in _NOT_READ), None)
    return None if name is None else f"its Content-Encoding is “{name}”, which is not read"


def start_size(transfer: str | None, content: str | None) -> int:
    """Return how many bytes of a body ``beginning`` needs to tell the first START bytes of the payload."""
    if transfer is None and content is None:
        return START
    return _ZSTD_START if "zstd" in encodings(transfer, content) else _ENCODED_START


def beginning(start: bytes, transfer: str | None, content: str | None) -> bytes:
    """Return the first bytes of a payload, given the first bytes of its body; few, but enough to tell what it is."""
    if is_chunked(transfer):
        start = b"".join(_chunks(start)) or start
    for name in reversed(encodings(transfer, content)[-MOST_ENCODINGS:]):
        if (decode := _DECODERS.get(name)) is not None:
            try:
                start = decode(start, _FIRST)
            except Undecodable:
                return start
    return start


def join_chunks(body: bytes) -> bytes:
    """Join a chunked body; return it unchanged if it is not chunked, and truncated if its last chunk is."""
    parts: list[bytes] = []
    at = 0
    while (head := _CHUNK.match(body, at)) is not None:
        size = int(head[1], 16)
        if size == 0:
            return b"".join(parts)
        at = head.end() + size
        parts.append(body[head.end() : at])
        at += 2 if body.startswith(b"\r\n", at) else 1
    return b"".join(parts) if parts and at >= len(body) else body


def streamed(start: bytes, read: Callable[[], bytes], transfer: str | None, content: str | None) -> Iterator[bytes]:
    """Yield a payload in parts, of whose body ``start`` was read and ``read`` returns the rest, then b"".

    Memory stays bounded. Raises NotRead if it unpacks to too much, or is in a way of packing that is not undone here.
    """
    body: Packed = _Parts(chain([start], iter(read, b"")))
    if is_chunked(transfer) and _CHUNK.match(start) is not None:
        body = _Parts(_dechunked(body))
    for name in reversed(encodings(transfer, content)[-MOST_ENCODINGS:]):
        if name not in _STREAMS:
            raise NotRead(why=f"it is a video with the Content-Encoding “{printable(name)}”; unpack and ingest it")
        body = UnpackedStream(body, _STREAMS[name])
    try:
        while part := body.read(_AT_ONCE):
            yield part
    except ERRORS:  # what came before the damage is a video that ends early
        return


class _Parts:
    """Parts of bytes, read in other sizes."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def read(self, size: int) -> bytes:
        self._left = self._left or next(self._parts, b"")
        part, self._left = self._left[:size], self._left[size:]
        return part


def _dechunked(body: Packed) -> Iterator[bytes]:
    """Yield what the chunks of a body hold, up to the first that is damaged."""
    waiting = b""
    while True:
        while b"\n" not in waiting.lstrip(b"\r\n") and len(waiting) < _LONGEST_HEAD and (more := body.read(_AT_ONCE)):
            waiting += more
        waiting = waiting.lstrip(b"\r\n")
        head = _CHUNK.match(waiting)
        size = 0 if head is None else int(head[1], 16)
        if head is None or size == 0:
            return
        part, waiting = waiting[head.end() : head.end() + size], waiting[head.end() + size :]
        size -= len(part)
        yield part
        while size and (part := body.read(min(size, _AT_ONCE))):
            size -= len(part)
            yield part


def _chunks(start: bytes) -> Iterator[bytes]:
    """Yield what the first bytes of a chunked body hold; nothing if it is not chunked."""
    at = 0
    while (head := _CHUNK.match(start, at)) is not None and (size := int(head[1], 16)):
        at = head.end() + size
        yield start[head.end() : at]
        at += 2 if start.startswith(b"\r\n", at) else 1


def _gzip(body: bytes, most: int) -> bytes:
    return _unpacked(body, most, gzip_stream)


def _deflate(body: bytes, most: int) -> bytes:
    with suppress(Undecodable):
        return _unpacked(body, most, deflate_stream)
    try:  # as some servers send it, without the head
        return zlib.decompressobj(wbits=-15).decompress(body, most)
    except zlib.error as error:
        raise Undecodable from error


def _zstd(body: bytes, most: int) -> bytes:
    return _unpacked(body, most, zstd_stream)


def _unpacked(body: bytes, most: int, new: Callable[[], Decompressor]) -> bytes:
    """Return at most ``most`` bytes of all members or frames, up to the first damage. Raises Undecodable."""
    unpacked, whole, left = UnpackedStream(io.BytesIO(body), new), io.BytesIO(), most
    try:
        while left and (part := unpacked.read(min(left, _AT_ONCE))):
            whole.write(part)
            left -= len(part)
    except ERRORS as error:
        if left == most:
            raise Undecodable from error
    return whole.getvalue()


def _brotli(body: bytes, most: int) -> bytes:
    unpacker = brotli.Decompressor()
    whole = io.BytesIO()
    try:
        part = unpacker.process(body, output_buffer_limit=_AT_ONCE)
        while part:
            if whole.write(part) and (whole.tell() >= most or unpacker.is_finished()):
                break
            part = unpacker.process(b"", output_buffer_limit=_AT_ONCE)
    except brotli.error as error:
        raise Undecodable from error
    return whole.getvalue()


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_STREAMS: dict[str, Callable[[], Decompressor]] = {
    "gzip": gzip_stream,
    "x-gzip": gzip_stream,
    "deflate": deflate_stream,
    "zstd": zstd_stream,
}
_NO_ENCODINGS = frozenset({"", "identity", "chunked"})
_NOT_READ = frozenset({"dcb", "dcz", "compress", "x-compress", "exi", "pack200-gzip", "sdch", "bzip2", "xz", "lzma"})
