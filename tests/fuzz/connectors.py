"""Fuzz targets: files that connectors read. Every item must be storable, and every refusal must have a reason."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import nistitl
from tests.support.vics import document

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.model.known import CATEGORIES, ListedFile, ListKind
from lineament.sandbox.files import locate
from lineament.sources.archive.connector import ArchiveConnector
from lineament.sources.base import Connector, Item, LeftOut, Refusal
from lineament.sources.html.embedded import embedded_number
from lineament.sources.imports.itl import ItlConnector, photographs
from lineament.sources.imports.persons import CompreFaceConnector, examples
from lineament.sources.known.lists import kind_of_list, read_list
from lineament.sources.manifest.connector import ManifestConnector
from lineament.sources.provenance import LONGEST_TEXT, Unusable
from lineament.sources.vics.connector import beside
from lineament.sources.vics.records import media_of
from lineament.sources.vics.stream import read_media
from lineament.sources.webarchive.archived import html_of
from lineament.sources.webarchive.connector import WarcConnector
from lineament.sources.webarchive.records import record_of

LIMIT = 2**20
_FOLDER = TemporaryDirectory(prefix="lineament-fuzz-")
_AT = Path(_FOLDER.name)
_RECORD = re.compile(rb"(?=^WARC/1\.)", re.MULTILINE)


def fit(connector: Connector) -> list[Item]:
    """Return the items, after checking that they can be stored and that refusals can be shown."""
    items = []
    for found in connector.items():
        if isinstance(found, LeftOut):
            assert found.many > 0
            continue
        assert found.name.isprintable(), found.name
        if isinstance(found, Refusal):
            assert isinstance(found.why, LineamentError)
            str(found.why).encode()
        else:
            _fit_to_be_kept(found)
            items.append(found)
    return items


def _fit_to_be_kept(item: Item) -> None:
    provenance: Provenance = item.provenance
    assert len(item.untrusted) <= LIMIT
    assert provenance.uri.isprintable()
    assert provenance.uri.lower().startswith(("file://", "http://", "https://", "urn:"))
    assert provenance.connector is not None
    for text in (provenance.page_title, provenance.licence, provenance.words):
        assert text is None or (text.isprintable() and len(text) <= LONGEST_TEXT + 50)
    repr(provenance).encode()


def _put(name: str, data: bytes) -> Path:
    path = _AT / name
    path.write_bytes(data)
    return path


# ---------------------------------------------------------------- the targets


def archive(data: bytes) -> None:
    """An archive of pictures, of any kind."""
    fit(ArchiveConnector(_put("a.bin", data), None, LIMIT))


def csv(data: bytes) -> None:
    """A manifest as a table."""
    fit(ManifestConnector(_put("m.csv", data), None, LIMIT))


def jsonl(data: bytes) -> None:
    """A manifest in JSON lines, the form in which the rows of a Parquet file arrive too."""
    fit(ManifestConnector(_put("m.jsonl", data), None, LIMIT))


def itl(data: bytes) -> None:
    """An ANSI/NIST-ITL transaction."""
    fit(ItlConnector(_put("a.an2", data), LIMIT))


def persons(data: bytes) -> None:
    """A CompreFace export."""
    folder = _AT / "compreface"
    folder.mkdir(exist_ok=True)
    (folder / "faces.json").write_bytes(data)
    (folder / "6b135f5b-a365-4522-b1f1-4c9ac2dd0728.jpg").write_bytes(b"x")
    fit(CompreFaceConnector(folder, LIMIT))
    for entry in examples(data):
        assert isinstance(entry, tuple | LineamentError)


def vics(data: bytes) -> None:
    """A VICS file, as its worker reads it, with the records as they arrive; no path may leave the folder."""
    folder = locate(_AT)[0]
    try:
        for fields in read_media(io.BytesIO(data)):
            media = media_of(json.dumps(fields).encode())
            if isinstance(media, Unusable):
                str(media).encode()
            elif media.relative_path:
                with suppress(NotRead, OSError):  # nothing is there, or its name is too long
                    found = beside(folder, media.relative_path).path
                    assert os.path.commonpath([found, folder.path]) == folder.path
    except (Unusable, LineamentError) as error:
        str(error).encode()


def icse(data: bytes) -> None:
    """An ICSE table."""
    _listed(data, ListKind.ICSE)


def pdq_list(data: bytes) -> None:
    """A list of PDQ hashes."""
    _listed(data, ListKind.PDQ)


def _listed(data: bytes, kind: ListKind) -> None:
    place = _put("list.csv", data)
    kind_of_list(locate(place)[0])
    try:
        for entry in read_list(place, kind, CATEGORIES)[1]:
            if isinstance(entry, ListedFile):
                assert entry.digests or entry.hashes
                assert all(len(digest) in {32, 40, 64} and bytes.fromhex(digest) for digest in entry.digests)
                assert all(len(hash_) == 32 for hash_ in entry.hashes)
    except LineamentError as error:
        str(error).encode()


def warc(data: bytes) -> None:
    """A web archive: as it is, or (after a Z) with each record compressed here; and a single record."""
    if data.startswith(b"Z"):
        data = b"".join(gzip.compress(record, 1, mtime=0) for record in _RECORD.split(data[1:]) if record)
    _archive(_put("a.warc.gz" if data.startswith(b"\x1f\x8b") else "a.warc", data))
    try:
        html_of(data).encode("utf-8", "surrogatepass")
    except LineamentError as error:
        str(error).encode()


def wacz(data: bytes) -> None:
    """A WACZ."""
    _archive(_put("a.wacz", data))


def _archive(path: Path) -> None:
    for item in fit(WarcConnector([path], LIMIT)):
        provenance = item.provenance
        if provenance.record is None:  # of a picture that a page holds itself, or of a frame of a video
            assert embedded_number(provenance.uri) is not None or provenance.time_code is not None
        else:
            _there_again(path, provenance.record)
        if provenance.page_record is not None:
            _there_again(path, provenance.page_record)
            try:
                html_of(record_of(path, provenance.page_record))
            except LineamentError as error:
                str(error).encode()


def _there_again(path: Path, record: ArchiveRecord) -> None:
    try:
        assert record_of(path, record).startswith(b"WARC/")
    except LineamentError as error:
        str(error).encode()


# ---------------------------------------------------------------- what they begin with


def archives() -> Iterator[bytes]:
    """Yield one archive of each kind."""
    from tests.support.packed import FILES, PACKED, nested

    for packed in PACKED.values():
        yield packed(FILES)
    yield nested(2)


def transactions() -> Iterator[bytes]:
    """Yield a booking photograph."""
    message = nistitl.Message()
    message.TOT, message[0].DAT, message[0].TCN = "CAR", "20240601", "1"
    record = nistitl.AsciiRecord(10)
    record.IDC = 1
    for tag, value in ((3, "FACE"), (4, "DEBKA0000"), (5, "20240531"), (20, "F")):
        record += nistitl.Field(10, tag, value)
    record += nistitl.BinaryField(10, 999, b"\xff\xd8\xff" + bytes(20), alias="DATA")
    message += record
    assert len([found for _, found in photographs(io.BytesIO(message.NIST), LIMIT) if found is not None]) == 1
    yield message.NIST


def tables() -> Iterator[bytes]:
    """Manifests in CSV."""
    yield b'uri,page_url,title,date,licence\nhttps://example.org/a,,"a ""b"" c",2024-05-31,CC0\na.jpg,,,,\n'
    yield b"\xef\xbb\xbfimage_url;date\r\na.jpg;2024-05-31T12:00:00Z\r\n"


def lines() -> Iterator[bytes]:
    """Manifests in JSON lines."""
    yield b'{"uri": "https://example.org/a", "title": "t", "date": "2024-05-31"}\n{"IMAGE_URL": "a.jpg"}\n'


def lists() -> Iterator[bytes]:
    """The list of a CompreFace export."""
    yield b'{"faces": [{"image_id": "6b135f5b-a365-4522-b1f1-4c9ac2dd0728", "subject": "A"}], "page_number": 0}'


def exports() -> Iterator[bytes]:
    """VICS files: a case and a hash set, in both versions."""
    record = {"MediaID": 1, "Category": "1", "MD5": "A" * 32, "RelativeFilePath": "VIC_Files\\a.jpg", "Tags": None}
    files = [{"FileName": "a.jpg", "FilePath": "x\\", "Deleted": "true"}]
    hashes = [{"HashName": "PDQ", "HashValue": "b" * 64}]
    yield document([{"CaseNumber": "K", "Media": [record | {"MediaFiles": files}]}], "2.0", "Cases")
    yield document([record | {"AlternativeHashes": hashes}] * 2, "1.3", mark=False)


def icse_tables() -> Iterator[bytes]:
    """ICSE tables."""
    header = "MD5;SHA1;PhotoDNA;Image ID;Series name;Number of submissions;Baseline"
    yield f'{header}\n{"A" * 32};{"b" * 40};;1;"a; b";2;Y\n{"A" * 32};;\n'.encode("utf-8-sig")


def pdq_lists() -> Iterator[bytes]:
    """Lists of PDQ hashes."""
    yield f"{'f0' * 32}\n# a comment\n{'0f' * 32},49,a.jpg\n".encode()
    yield f"hash,quality\n{'f0' * 32},100\n".encode()


def crawls() -> Iterator[bytes]:
    """Web archives: plain and packed, with pages, redirects, reservations and encodings."""
    plain = _crawl(packed=False)
    yield plain
    yield b"Z" + plain
    yield _crawl(packed=True)


def packed_crawls() -> Iterator[bytes]:
    """Yield the same web archives in a WACZ."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as whole:
        whole.writestr("archive/a.warc", _crawl(packed=False))
        whole.writestr("archive/b.warc.gz", _crawl(packed=True))
        whole.writestr("pages/pages.jsonl", b"{}\n", zipfile.ZIP_DEFLATED)
    yield out.getvalue()


def _crawl(*, packed: bool) -> bytes:
    from tests.support.archives import JPEG, Warc

    path = _AT / "seed.warc"
    writer = Warc(path, gzip=packed)
    writer.other("urn:info", "warcinfo", b"software: x\r\n", "application/warc-fields")
    writer.answer("https://example.org/a.jpg", JPEG)
    page = "<base href=/><title>t</title><meta name=robots content=noindex><img src=a.jpg alt=b><img srcset='c 1x'>"
    writer.page("https://example.org/", page.replace("noindex", "all"))
    writer.page("https://example.org/p", page, headers=[("X-Robots-Tag", "noai")])
    writer.answer("https://example.org/c", gzip.compress(JPEG), headers=[("Content-Encoding", "gzip")])
    writer.answer(
        "https://example.org/d", b"4\r\n\xff\xd8\xff\xe0\r\n0\r\n\r\n", headers=[("Transfer-Encoding", "chunked")]
    )
    writer.answer("https://example.org/e", b"", headers=[("Location", "/a.jpg")], status="302 Found")
    writer.other("https://example.org/f.png", "resource", b"\x89PNG\r\n\x1a\n", "image/png")
    return writer.close().read_bytes()
