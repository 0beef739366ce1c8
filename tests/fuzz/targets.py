"""What is fuzzed: each takes bytes, and raises nothing whatever they are. What was found is kept in cases/NAME."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nistitl

from lineament.errors import LineamentError
from lineament.model.faces import Provenance
from lineament.sources.archive import ArchiveConnector
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.itl import ItlConnector, photographs
from lineament.sources.manifest import ManifestConnector
from lineament.sources.persons import CompreFaceConnector, examples
from lineament.sources.provenance import LONGEST_TEXT

LIMIT = 2**20
CASES = Path(__file__).parent / "cases"
_FOLDER = TemporaryDirectory(prefix="lineament-fuzz-")
_AT = Path(_FOLDER.name)


def _fit(connector: Connector) -> None:
    for one in connector.items():
        assert one.name.isprintable(), one.name
        if isinstance(one, Refusal):
            assert isinstance(one.why, LineamentError)
            str(one.why).encode()
        else:
            _fit_to_be_kept(one)


def _fit_to_be_kept(item: Item) -> None:
    told: Provenance = item.provenance
    assert len(item.untrusted) <= LIMIT
    assert told.uri.isprintable()
    assert told.uri.startswith(("file://", "http://", "https://", "urn:", "HTTP", "URN", "FILE"))
    assert told.connector is not None
    for text in (told.page_title, told.licence, told.words):
        assert text is None or (text.isprintable() and len(text) <= LONGEST_TEXT + 50)
    repr(told).encode()


def _put(name: str, data: bytes) -> Path:
    path = _AT / name
    path.write_bytes(data)
    return path


def archive(data: bytes) -> None:
    _fit(ArchiveConnector(_put("a.bin", data), None, LIMIT))


def csv(data: bytes) -> None:
    _fit(ManifestConnector(_put("m.csv", data), None, LIMIT))


def jsonl(data: bytes) -> None:
    _fit(ManifestConnector(_put("m.jsonl", data), None, LIMIT))


def itl(data: bytes) -> None:
    _fit(ItlConnector(_put("a.an2", data), LIMIT))


def persons(data: bytes) -> None:
    folder = _AT / "compreface"
    folder.mkdir(exist_ok=True)
    (folder / "faces.json").write_bytes(data)
    (folder / "6b135f5b-a365-4522-b1f1-4c9ac2dd0728.jpg").write_bytes(b"x")
    _fit(CompreFaceConnector(folder, LIMIT))
    for one in examples(data):
        assert isinstance(one, tuple | LineamentError)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "csv": csv,
    "itl": itl,
    "jsonl": jsonl,
    "persons": persons,
}


def seeds(name: str) -> Iterator[bytes]:
    """What a fuzzer begins with: well-formed files, and what was found before."""
    yield from SEEDS[name]()
    yield from (path.read_bytes() for path in sorted((CASES / name).glob("*")))


def _archives() -> Iterator[bytes]:
    from tests.unit.sources.test_archive import FILES, PACKED, nested

    for packed in PACKED.values():
        yield packed(FILES)
    yield nested(2)


def _transactions() -> Iterator[bytes]:
    message = nistitl.Message()
    message.TOT, message[0].DAT, message[0].TCN = "CAR", "20240601", "1"
    record = nistitl.AsciiRecord(10)
    record.IDC = 1
    for tag, value in ((3, "FACE"), (4, "DEBKA0000"), (5, "20240531"), (20, "F")):
        record += nistitl.Field(10, tag, value)
    record += nistitl.BinaryField(10, 999, b"\xff\xd8\xff" + bytes(20), alias="DATA")
    message += record
    assert len(list(photographs(io.BytesIO(message.NIST), LIMIT))) == 1
    yield message.NIST


def _tables() -> Iterator[bytes]:
    yield b'uri,page_url,title,date,licence\nhttps://example.org/a,,"a ""b"" c",2024-05-31,CC0\na.jpg,,,,\n'
    yield b"\xef\xbb\xbfimage_url;date\r\na.jpg;2024-05-31T12:00:00Z\r\n"


def _lines() -> Iterator[bytes]:
    yield b'{"uri": "https://example.org/a", "title": "t", "date": "2024-05-31"}\n{"IMAGE_URL": "a.jpg"}\n'


def _lists() -> Iterator[bytes]:
    yield b'{"faces": [{"image_id": "6b135f5b-a365-4522-b1f1-4c9ac2dd0728", "subject": "A"}], "page_number": 0}'


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "archive": _archives,
    "csv": _tables,
    "itl": _transactions,
    "jsonl": _lines,
    "persons": _lists,
}
