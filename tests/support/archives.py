"""Web archives for tests, written by warcio, which shares no code with our reader."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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
