"""Transactions as another library and attackers write them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import nistitl
import pytest
from tests.conftest import PORTRAITS
from tests.support.folders import taken_and_refused
from tests.support.transactions import face, person, transaction

from lineament.errors import NoSuchFile
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.imports.itl import ItlConnector
from lineament.testing import chart, encoded
from lineament.vision.decode import Decoder

LIMIT = 5_000_000
OBAMA = (PORTRAITS / "obama.jpg").read_bytes()
SUNAK = (PORTRAITS / "sunak.jpg").read_bytes()


def items_of(data: bytes, folder: Path, max_bytes: int = LIMIT) -> list[Item | Refusal]:
    (folder / "a.an2").write_bytes(data)
    return taken_and_refused(ItlConnector(folder / "a.an2", max_bytes))


def why(data: bytes, folder: Path, max_bytes: int = LIMIT) -> str:
    last = items_of(data, folder, max_bytes)[-1]
    assert isinstance(last, Refusal)
    return str(last.why)


def test_photographs_of_faces_come_with_where_they_are_from(tmp_path: Path) -> None:
    data = transaction(person(), face(1, OBAMA), face(2, SUNAK, POS="R", PHD="00000000", SRC="a\x01b"))
    reader: Connector = ItlConnector(tmp_path, LIMIT)
    assert isinstance(reader, Connector)
    assert reader.count() is None
    frontal, profile = items_of(data, tmp_path)
    assert isinstance(frontal, Item)
    assert isinstance(profile, Item)
    assert (frontal.untrusted, profile.untrusted) == (OBAMA, SUNAK)
    provenance = frontal.provenance
    assert provenance.uri == f"file://{tmp_path}/a.an2#record=3"
    assert provenance.captured_at == datetime(2024, 5, 31, tzinfo=UTC)
    assert (provenance.words, provenance.connector) == ("source agency: DEBKA0000; position: frontal", "itl 1")
    assert profile.provenance.captured_at is None
    assert profile.provenance.words == "source agency: a b; position: right profile"


def test_photographs_in_jpeg_2000_come_and_are_decoded(tmp_path: Path) -> None:
    jp2, j2c = encoded(chart(), "JPEG2000"), encoded(chart(), "JPEG2000", no_jp2=True)
    found = items_of(transaction(face(1, jp2, CGA="JP2L"), face(2, j2c, CGA="JP2")), tmp_path)
    pictures = [item.untrusted for item in found if isinstance(item, Item)]
    assert pictures == [jp2, j2c]
    with Decoder(workers=1, max_pixels=10**6, max_bytes=LIMIT, memory=2**30, seconds=20.0) as decoder:
        kinds = [decoder.decode(picture).media_type for picture in pictures]
    assert kinds == ["image/jp2", "image/j2c"]


def test_nothing_of_who_is_shown_is_kept(tmp_path: Path) -> None:
    found = repr(items_of(transaction(person(), face(1, b"\xff\xd8\xff", COM="SURNAME")), tmp_path))
    assert "SURNAME" not in found
    assert "FORENAME" not in found


def test_another_library_reads_the_same(tmp_path: Path) -> None:
    data = transaction(person(), face(1, OBAMA), face(2, os.urandom(500) + b"999:\x1c\x1d"), face(3, SUNAK))
    theirs = nistitl.Message()
    theirs.parse(data)
    pictures = [record.DATA for record in theirs.iter(10)]
    ours = [item.untrusted for item in items_of(data, tmp_path) if isinstance(item, Item)]
    assert ours == [picture for picture in pictures if picture.startswith(b"\xff\xd8")]


def contents(fields: bytes, less: int = 0) -> bytes:
    """Return a first record that states a smaller length."""
    return b"1.001:%03d\x1d" % (len(fields) + 11 - less) + fields + b"\x1c"


def test_records_of_the_old_binary_types_are_passed_over(tmp_path: Path) -> None:
    whole = transaction(face(1, OBAMA))
    record = whole[whole.index(b"10.001:") :]
    binary = (28).to_bytes(4, "big") + b"10.001:99\x1d10.003:FACE\x1d\x1c\x1c"
    assert len(binary) == 28
    data = contents(b"1.003:1\x1f2\x1e4\x1f0\x1e10\x1f1") + binary + record
    (item,) = items_of(data, tmp_path)
    assert isinstance(item, Item), str(item)
    assert item.provenance.uri.endswith("#record=3")
    assert item.untrusted == OBAMA


def test_a_side_car_speaks_for_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a.an2.json").write_text('{"uri": "https://example.org/x", "licence": "CC0"}')
    (item,) = items_of(transaction(face(1, OBAMA)), tmp_path)
    assert isinstance(item, Item)
    assert (item.provenance.uri, item.provenance.licence) == ("https://example.org/x#record=2", "CC0")


@pytest.mark.parametrize(
    ("picture", "fields", "why"),
    [
        (b"\xff\xd8\xff", {"IMT": "TATTOO"}, "a mark, a tattoo"),
        (bytes(300), {"CGA": "NONE"}, "no picture in JPEG, JPEG 2000 or PNG"),
        (b"", {}, "no picture in JPEG, JPEG 2000 or PNG"),
        (b"\xff\xd8\xff" + bytes(1001), {}, "1004 bytes"),
        (b"\xff\xd8\xff" + bytes(100_000), {}, "bytes"),
    ],
)
def test_a_refused_record_does_not_affect_the_next(
    picture: bytes, fields: dict[str, str], why: str, tmp_path: Path
) -> None:
    bad, good = items_of(transaction(face(1, picture, **fields), face(2, b"\xff\xd8\xff")), tmp_path, max_bytes=1000)
    assert isinstance(bad, Refusal)
    assert why in str(bad.why)
    assert bad.name == f"{tmp_path}/a.an2 record 2"
    assert isinstance(good, Item)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an ANSI/NIST-ITL transaction"),
        (OBAMA, "not an ANSI/NIST-ITL transaction"),
        (b"<?xml version='1.0'?><itl:NISTBiometricInformationExchangePackage>", "XML"),
        (b"1.001:999999999999\x1d", "is truncated in record 1"),
        (contents(b"1.003:1", 1), "does not end"),
        (contents(b"1.003:x"), "does not list"),
        (contents(b"1.004:1"), "does not list"),
        (contents(b"1.003:1\x1e"), "does not list"),
        (contents(b"nonsense"), "fields is damaged"),
        (b"1.001:0\x1d1.003:1\x1c", "not an ANSI/NIST-ITL transaction"),
        (contents(b"1.003:1\x1e9"), "record 2 is not of the type"),
        (contents(b"1.003:1\x1e4") + bytes(4), "record 2 is not of the type"),
        (contents(b"1.003:1\x1e4") + b"\xff" * 4, "is truncated in record 2"),
        (contents(b"1.003:1") + b"more", "data after the last record"),
        (contents(b"1.003:1\x1d1.003:1"), "fields is damaged"),
    ],
)
def test_an_invalid_transaction(data: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in why(data, tmp_path)


def test_a_list_of_more_records_than_are_read(tmp_path: Path) -> None:
    listed = b"1.003:1" + b"\x1e2\x1f0" * 10_000 + b"\x1c"
    assert "more than 10,000" in why(b"1.001:%05d\x1d" % (len(listed) + 12) + listed, tmp_path)
    listed = b"1.003:1" + b"\x1e2\x1f0" * 300_000 + b"\x1c"
    assert "too long" in why(b"1.001:%07d\x1d" % (len(listed) + 14) + listed, tmp_path)


def test_a_record_of_a_million_fields(tmp_path: Path) -> None:
    fields = b"".join(b"\x1d10.%d:" % number for number in range(1000, 100_000))
    body = b"10.001:%07d" % (len(fields) + 15) + fields + b"\x1c"
    assert "fields is damaged" in why(contents(b"1.003:1\x1e10\x1f0") + body, tmp_path)


def test_it_says_where_it_breaks_off(tmp_path: Path) -> None:
    data = transaction(person(), face(1, OBAMA), face(2, SUNAK))
    whole = items_of(data, tmp_path)
    for end in range(0, len(data) - 1, 9973):
        found = items_of(data[:end], tmp_path)
        assert isinstance(found[-1], Refusal)
        assert found[:-1] == whole[: len(found) - 1]


def test_garbled_transactions_never_end_the_walk(tmp_path: Path) -> None:
    data = transaction(person(), face(1, OBAMA[:300]), face(2, SUNAK[:300]))
    for at in range(len(data)):
        for value in (0x1C, 0x39):
            garbled = bytearray(data)
            garbled[at] = value
            assert items_of(bytes(garbled), tmp_path)


def test_a_missing_path_is_reported_immediately(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        ItlConnector(tmp_path / "none.an2", LIMIT)
