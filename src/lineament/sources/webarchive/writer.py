"""Writes what was fetched as WARC 1.1 records (ISO 28500), each compressed by itself, and sealed.

A response and its request share a frame, so that they are destroyed together. A record is on disk before it is
reported; the next process truncates what a killed one wrote beyond that. No plaintext ever reaches the disk.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from lineament.sources.crawl.sealed import Seal, write

SUFFIX = ".warc.gz.sealed"
_HOP_BY_HOP = frozenset({"transfer-encoding", "connection", "keep-alive", "trailer", "upgrade"})
_GZIP = 31  # as zlib calls its format
_AT_ONCE = 2**20
Headers = Iterable[tuple[str, str]]
_Packed = tuple[str, bytearray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its response."""

    uri: str
    at: datetime
    request: Headers
    status: int
    reason: str
    answer: Headers
    body: bytes  # as sent, with its content encoding
    address: str | None  # of the server


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRecord:
    """The position of a record."""

    archive: str
    id: str  # “urn:uuid:…”
    offset: int


class WarcWriter:
    """Appends sealed records to files in a folder that nobody else writes to."""

    def __init__(self, folder: Path, seal: Seal, *, largest: int, software: str) -> None:
        self._folder, self._seal, self._largest, self._software = folder, seal, largest, software
        self._file = -1
        self.name, self.size = "", 0

    def resume(self, name: str | None, size: int) -> None:
        """Continue the file ``name`` behind its first ``size`` bytes, if it exists."""
        if name is not None and (self._folder / name).is_file() and (self._folder / name).stat().st_size >= size:
            self.name, self.size = name, size
            self._file = os.open(self._folder / name, os.O_WRONLY | os.O_CLOEXEC)
            os.ftruncate(self._file, size)

    def ready(self) -> bool:
        """Start a new file if there is none or it is full; return whether it did, as its name must be stored first."""
        if self._file >= 0 and self.size < self._largest:
            return False
        self._start_file()
        return True

    def exchange(self, exchange: Exchange) -> WrittenRecord:
        """Write a request with its response, after ``ready``. Raises OSError if writing fails."""
        id_, answer = self._response(exchange, "response", [], exchange.body)
        lines = [("WARC-Concurrent-To", f"<{id_}>"), ("Content-Type", "application/http;msgtype=request")]
        target = ("WARC-Target-URI", exchange.uri)
        _, request = _pack("request", exchange.at, [target, *lines], [_request(exchange)])
        answer += request
        return self._append(id_, answer)

    def revisit(self, exchange: Exchange, before: WrittenRecord, *, not_modified: bool) -> WrittenRecord:
        """Write that a response equals the one in ``before``, according to the server or by its digest."""
        profile = "server-not-modified" if not_modified else "identical-payload-digest"
        lines = [
            ("WARC-Refers-To", f"<{before.id}>"),
            ("WARC-Refers-To-Target-URI", exchange.uri),
            ("WARC-Profile", f"http://netpreserve.org/warc/1.1/revisit/{profile}"),
        ]
        return self._append(*self._response(exchange, "revisit", lines, b""))

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _response(self, exchange: Exchange, kind: str, lines: list[tuple[str, str]], body: bytes) -> _Packed:
        digest = ("WARC-Payload-Digest", f"sha256:{hashlib.sha256(exchange.body).hexdigest()}")
        server = [("WARC-IP-Address", exchange.address)] if exchange.address else []
        mine = [("Content-Type", "application/http;msgtype=response"), digest, *server, *lines]
        return _pack(kind, exchange.at, [("WARC-Target-URI", exchange.uri), *mine], [_response(exchange), body])

    def _start_file(self) -> None:
        self.close()
        now = datetime.now(UTC)
        self.name, self.size = f"site-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}{SUFFIX}", 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self._folder / self.name, flags, 0o600)
        fields = f"software: {self._software}\r\nformat: WARC File Format 1.1\r\n".encode()
        lines = [("WARC-Filename", self.name), ("Content-Type", "application/warc-fields")]
        self._write(_pack("warcinfo", now, lines, [fields])[1])

    def _append(self, id_: str, packed: bytearray) -> WrittenRecord:
        written = WrittenRecord(archive=self.name, id=id_, offset=self.size)
        self._write(packed)
        os.fdatasync(self._file)
        return written

    def _write(self, packed: bytearray) -> None:
        frame = self._seal.frame(packed, self.name, self.size)
        write(self._file, frame, self.size)
        self.size += len(frame)


def _pack(kind: str, at: datetime, lines: list[tuple[str, str]], block: Sequence[bytes]) -> _Packed:
    """Return the id of a record, and the record as a gzip member; the block is never copied whole."""
    id_ = f"urn:uuid:{uuid4()}"
    digest = hashlib.sha256()
    for part in block:
        digest.update(part)
    head = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", f"<{id_}>"),
        ("WARC-Date", f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"),
        *lines,
        ("WARC-Block-Digest", f"sha256:{digest.hexdigest()}"),
        ("Content-Length", str(sum(map(len, block)))),
    ]
    packer = zlib.compressobj(6, wbits=_GZIP)
    parts = (b"WARC/1.1\r\n", _lines(head), b"\r\n", *block, b"\r\n\r\n")
    packed = bytearray()
    for part in parts:
        for start in range(0, len(part), _AT_ONCE):
            packed += packer.compress(memoryview(part)[start : start + _AT_ONCE])
    packed += packer.flush()
    return id_, packed


def _lines(headers: Headers) -> bytes:
    return b"".join(f"{_word(name)}: {_word(value)}\r\n".encode("utf-8", "replace") for name, value in headers)


def _word(text: str) -> str:
    """Return the text without line breaks, so that no header starts another."""
    return text.replace("\r", " ").replace("\n", " ")


def _request(exchange: Exchange) -> bytes:
    origin, _, path = exchange.uri.partition("://")[2].partition("/")
    return f"GET /{path} HTTP/1.1\r\nHost: {origin}\r\n".encode() + _lines(exchange.request) + b"\r\n"


def _response(exchange: Exchange) -> bytes:
    """Return the head of a response, without the transfer encoding, which has been undone."""
    headers = [(name, value) for name, value in exchange.answer if name.lower() not in {*_HOP_BY_HOP, "content-length"}]
    status = f"HTTP/1.1 {exchange.status} {_word(exchange.reason)}".rstrip().encode("ascii", "replace")
    return status + b"\r\n" + _lines([*headers, ("Content-Length", str(len(exchange.body)))]) + b"\r\n"
