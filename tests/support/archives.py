"""Web archives for tests, written by warcio, which shares no code with our reader."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from lineament.model.faces import ArchiveRecord
from lineament.sources.base import Item, LeftOut, Refusal
from lineament.sources.webarchive.connector import WarcConnector

JPEG = b"\xff\xd8\xff\xe0" + b"a photograph " * 20
DATE = "2024-05-31T12:00:00Z"
LIMIT = 100_000
Headers = Sequence[tuple[str, str]]


class Warc:
    """Writes records, each compressed by itself."""

    def __init__(self, path: Path, *, gzip: bool = True) -> None:
        self.path = path
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=gzip, warc_version="1.1")

    def answer(
        self,
        uri: str,
        body: bytes,
        media_type: str = "image/jpeg",
        *,
        headers: Headers = (),
        status: str = "200 OK",
        kind: str = "response",
        date: str = DATE,
    ) -> int:
        """Add an HTTP answer, and return its offset."""
        at = self._file.tell()
        http = StatusAndHeaders(status, [("Content-Type", media_type), *headers], protocol="HTTP/1.1")
        record = self._writer.create_warc_record(
            uri,
            kind,
            payload=io.BytesIO(body),
            length=len(body),
            http_headers=http,
            warc_headers_dict={"WARC-Date": date},
        )
        self._writer.write_record(record)
        self._file.flush()
        return at

    def page(self, uri: str, html: str, *, headers: Headers = (), charset: str = "utf-8") -> int:
        return self.answer(uri, html.encode(charset), f"text/html; charset={charset}", headers=headers)

    def other(self, uri: str, kind: str, body: bytes, media_type: str) -> int:
        at = self._file.tell()
        record = self._writer.create_warc_record(
            uri,
            kind,
            payload=io.BytesIO(body),
            length=len(body),
            warc_content_type=media_type,
            warc_headers_dict={"WARC-Date": DATE},
        )
        self._writer.write_record(record)
        self._file.flush()
        return at

    def close(self) -> Path:
        self._file.close()
        return self.path


def record(
    block: bytes,
    kind: str = "response",
    content_type: str | None = "application/http; msgtype=response",
    *,
    uri: str = "https://e.example/1",
    version: str = "WARC/1.1",
    headers: Sequence[str] = (),
) -> bytes:
    """Return a record written by hand, as warcio would not write it; its id is that of its address."""
    lines = [version, f"WARC-Type: {kind}", f"WARC-Date: {DATE}", f"WARC-Target-URI: {uri}"]
    lines.append(f"WARC-Record-ID: <{record_id(uri)}>")
    lines += [] if content_type is None else [f"Content-Type: {content_type}"]
    lines += [*headers, f"Content-Length: {len(block)}", "", ""]
    return "\r\n".join(lines).encode() + block + b"\r\n\r\n"


def record_id(uri: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, uri)}"


def http(
    body: bytes, media_type: str | None = "image/jpeg", status: str = "HTTP/1.1 200 OK", headers: Sequence[str] = ()
) -> bytes:
    """Return an HTTP response written by hand."""
    stated = [] if media_type is None else [f"Content-Type: {media_type}"]
    return "\r\n".join([status, *stated, *headers, "", ""]).encode() + body


def chunked(data: bytes, size: int) -> bytes:
    """Return a body in chunks of ``size`` bytes."""
    parts = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def ingested_record(item: Item) -> ArchiveRecord:
    """Return the record of an item with the digest that an ingest adds."""
    record = item.provenance.record
    assert record is not None
    assert record.sha256 is None
    return replace(record, sha256=hashlib.sha256(item.untrusted).hexdigest())


def read_archives(*paths: Path, cursor: str | None = None) -> list[Item | Refusal]:
    """Return the pictures and refusals, without what is only counted."""
    return [item for item, _ in WarcConnector(paths, LIMIT).items_from(cursor) if not isinstance(item, LeftOut)]


def pictures_by_uri(*paths: Path) -> dict[str, Item]:
    """Return the pictures by their addresses; nothing may be refused."""
    found = read_archives(*paths)
    assert [str(refusal.why) for refusal in found if isinstance(refusal, Refusal)] == []
    return {item.provenance.uri: item for item in found if isinstance(item, Item)}


def refusals_by_name(*paths: Path) -> dict[str, str]:
    return {refusal.name: str(refusal.why) for refusal in read_archives(*paths) if isinstance(refusal, Refusal)}
