"""Synthetic web archives for benchmarks: repeated bodies, each record with its own address and its own gzip member.

A body is compressed once. Each record is a gzip member of its own headers followed by the compressed body, so that
gigabytes are written as fast as the disk allows.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

_MEMBER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


class Body:
    """The body of an HTTP response, plain and compressed."""

    def __init__(self, plain: bytes, media_type: str) -> None:
        self.plain = plain
        self.media_type = media_type
        packer = zlib.compressobj(6, wbits=-15)
        self.packed = packer.compress(plain + b"\r\n\r\n") + packer.flush()


class Archive:
    """A WARC file that is being written."""

    def __init__(self, path: Path, *, packed: bool = True) -> None:
        self._file = path.open("wb")
        self._packed = packed
        self.size = 0  # bytes so far

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, uri: str, body: Body) -> None:
        """Append a response from ``uri``."""
        http = f"HTTP/1.1 200 OK\r\nContent-Type: {body.media_type}\r\n\r\n"
        head = (
            f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid4()}>\r\n"
            f"WARC-Target-URI: {uri}\r\nWARC-Date: 2026-01-01T12:00:00Z\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http) + len(body.plain)}\r\n\r\n"
        )
        heads = (head + http).encode()
        record = _member(heads, body) if self._packed else b"".join((heads, body.plain, b"\r\n\r\n"))
        self.size += self._file.write(record)


def _member(head: bytes, body: Body) -> bytes:
    packer = zlib.compressobj(6, wbits=-15)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(b"\r\n\r\n", zlib.crc32(body.plain, zlib.crc32(head)))
    end = struct.pack("<II", crc, (len(head) + len(body.plain) + 4) & 0xFFFFFFFF)
    return b"".join((_MEMBER, packed, body.packed, end))
