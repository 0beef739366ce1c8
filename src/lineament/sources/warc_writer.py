"""What was fetched is kept as it came: a WARC 1.1 file (ISO 28500), every record packed by itself.

A record is on the disk before anybody hears of it. What a killed process wrote beyond that is cut off by the next.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

_HOP_BY_HOP = frozenset({"transfer-encoding", "connection", "keep-alive", "trailer", "upgrade"})
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer."""

    uri: str
    at: datetime
    request: Headers
    status: int
    reason: str
    answer: Headers
    body: bytes  # as it was sent, its content encoding left as it is
    address: str | None  # of the server


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where a record stands."""

    archive: str
    id: str  # as “urn:uuid:…”
    offset: int


class WarcWriter:
    """Writes records to the end of WARC files in a folder, which no one else writes to."""

    def __init__(self, folder: Path, name: str | None, size: int, *, largest: int, software: str) -> None:
        """Go on in the file ``name`` behind its first ``size`` bytes; with None, begin a new one."""
        self._folder, self._largest, self._software = folder, largest, software
        self._file = -1
        self.name, self.size = "", 0
        if name is not None and (folder / name).is_file() and (folder / name).stat().st_size >= size:
            self.name, self.size = name, size
            self._file = os.open(folder / name, os.O_WRONLY | os.O_CLOEXEC)
            os.ftruncate(self._file, size)

    def ready(self) -> bool:
        """Begin a new file where there is none or it is full, and say so: its name is to be remembered first."""
        if self._file >= 0 and self.size < self._largest:
            return False
        self._begin()
        return True

    def exchange(self, one: Exchange) -> Written:
        """Keep a request with its answer, when ``ready``; OSError where the disk does not take it."""
        written = self._response(one, "response", [], one.body)
        lines = [("WARC-Concurrent-To", f"<{written.id}>"), ("Content-Type", "application/http;msgtype=request")]
        self._append("request", one, lines, _request(one))
        self._kept()
        return written

    def revisit(self, one: Exchange, before: Written, *, not_modified: bool) -> Written:
        """Keep that an answer was the one in ``before``, by its own word or by its digest."""
        profile = "server-not-modified" if not_modified else "identical-payload-digest"
        lines = [
            ("WARC-Refers-To", f"<{before.id}>"),
            ("WARC-Refers-To-Target-URI", one.uri),
            ("WARC-Profile", f"http://netpreserve.org/warc/1.1/revisit/{profile}"),
        ]
        written = self._response(one, "revisit", lines, b"")
        self._kept()
        return written

    def close(self) -> None:
        """Nothing more is written."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _response(self, one: Exchange, kind: str, lines: list[tuple[str, str]], body: bytes) -> Written:
        digest = ("WARC-Payload-Digest", f"sha256:{hashlib.sha256(one.body).hexdigest()}")
        server = [("WARC-IP-Address", one.address)] if one.address else []
        mine = [("Content-Type", "application/http;msgtype=response"), digest, *server, *lines]
        return self._append(kind, one, mine, _response(one) + body)

    def _begin(self) -> None:
        self.close()
        now = datetime.now(UTC)
        self.name, self.size = f"site-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.warc.gz", 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self._folder / self.name, flags, 0o600)
        said = f"software: {self._software}\r\nformat: WARC File Format 1.1\r\n".encode()
        lines = [("WARC-Filename", self.name), ("Content-Type", "application/warc-fields")]
        self._write("warcinfo", now, lines, said)

    def _append(self, kind: str, one: Exchange, lines: list[tuple[str, str]], block: bytes) -> Written:
        return self._write(kind, one.at, [("WARC-Target-URI", one.uri), *lines], block)

    def _write(self, kind: str, at: datetime, lines: list[tuple[str, str]], block: bytes) -> Written:
        written = Written(archive=self.name, id=f"urn:uuid:{uuid4()}", offset=self.size)
        head = [
            ("WARC-Type", kind),
            ("WARC-Record-ID", f"<{written.id}>"),
            ("WARC-Date", f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"),
            *lines,
            ("WARC-Block-Digest", f"sha256:{hashlib.sha256(block).hexdigest()}"),
            ("Content-Length", str(len(block))),
        ]
        record = gzip.compress(b"WARC/1.1\r\n" + _lines(head) + b"\r\n" + block + b"\r\n\r\n", 6, mtime=0)
        rest, at_byte = memoryview(record), self.size
        while rest:
            done = os.pwrite(self._file, rest, at_byte)
            rest, at_byte = rest[done:], at_byte + done
        self.size = at_byte
        return written

    def _kept(self) -> None:
        os.fdatasync(self._file)


def _lines(headers: Headers) -> bytes:
    return b"".join(f"{_word(name)}: {_word(value)}\r\n".encode("utf-8", "replace") for name, value in headers)


def _word(text: str) -> str:
    """No header can begin another line."""
    return text.replace("\r", " ").replace("\n", " ")


def _request(one: Exchange) -> bytes:
    origin, _, path = one.uri.partition("://")[2].partition("/")
    return f"GET /{path} HTTP/1.1\r\nHost: {origin}\r\n".encode() + _lines(one.request) + b"\r\n"


def _response(one: Exchange) -> bytes:
    """The head of an answer. The transfer encoding has been undone, so it is not said any more."""
    said = [(name, value) for name, value in one.answer if name.lower() not in {*_HOP_BY_HOP, "content-length"}]
    status = f"HTTP/1.1 {one.status} {_word(one.reason)}".rstrip().encode("ascii", "replace")
    return status + b"\r\n" + _lines([*said, ("Content-Length", str(len(one.body)))]) + b"\r\n"
