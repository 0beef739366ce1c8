"""Decodes the transfer and content encodings of an HTTP body, up to a limit.

Many crawlers store bodies decoded but leave the headers unchanged; a body that is not in the encoding that its header
names is therefore taken as it is.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable

import brotli

from lineament.errors import FileTooLarge, NotRead

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_ENCODINGS = 3
"""Content encodings of one body; servers use one."""
LARGEST_WINDOW = 2**27
"""Most bytes of memory for a Zstandard stream."""
_AT_ONCE = 2**20
_FIRST = 2**10
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")


class Undecodable(ValueError):
    """The body is not in this encoding."""


def decode_body(body: bytes, transfer: str | None, content: str | None, limit: int) -> bytes:
    """Return the payload of ``body``. Raises FileTooLarge over ``limit`` bytes, NotRead for too many encodings."""
    if transfer and "chunked" in transfer.lower():
        body = join_chunks(body)
    if content:
        names = [name.strip().lower() for name in content[:256].split(",")]
        if len(names) > MOST_ENCODINGS:
            raise NotRead(why=f"its Content-Encoding names more than {MOST_ENCODINGS} encodings")
        for name in reversed(names):
            if name in _DECODERS:
                try:
                    body = _DECODERS[name](body, limit + 1)
                except Undecodable:
                    return body
            if len(body) > limit:
                raise FileTooLarge(size=f"more than {limit}", limit=limit)
    return body


def beginning(start: bytes, transfer: str | None, content: str | None) -> bytes:
    """Return the first bytes of a payload, given the first bytes of its body; few, but enough to tell what it is."""
    if transfer and "chunked" in transfer.lower() and (head := _CHUNK.match(start)) is not None:
        start = start[head.end() : head.end() + int(head[1], 16)]
    for name in reversed((content or "")[:256].split(",")[:MOST_ENCODINGS]):
        if (decode := _DECODERS.get(name.strip().lower())) is not None:
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


def _gzip(body: bytes, most: int) -> bytes:
    return _inflate(body, most, 31)


def _deflate(body: bytes, most: int) -> bytes:
    try:
        return _inflate(body, most, 15)
    except Undecodable:
        return _inflate(body, most, -15)


def _inflate(body: bytes, most: int, wbits: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=wbits).decompress(body, most)
    except zlib.error as error:
        raise Undecodable from error


def _brotli(body: bytes, most: int) -> bytes:
    unpacker = brotli.Decompressor()
    parts: list[bytes] = []
    length = 0
    try:
        part = unpacker.process(body, output_buffer_limit=_AT_ONCE)
        while part:
            parts.append(part)
            length += len(part)
            if length >= most or unpacker.is_finished():
                break
            part = unpacker.process(b"", output_buffer_limit=_AT_ONCE)
    except brotli.error as error:
        raise Undecodable from error
    return b"".join(parts)


def _zstd(body: bytes, most: int) -> bytes:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: LARGEST_WINDOW.bit_length() - 1}
    try:
        return zstd.ZstdDecompressor(options=options).decompress(body, most)
    except (zstd.ZstdError, EOFError) as error:
        raise Undecodable from error


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
