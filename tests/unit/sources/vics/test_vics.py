"""Case exports in the format of Project VIC, as tools and attackers write them."""

from __future__ import annotations

import io
import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.support.vics import HEADS, JPEG, document, export, media

from lineament.errors import InvalidValue, NoSuchFile
from lineament.sources.base import Item, Refusal
from lineament.sources.choose import kind_of
from lineament.sources.provenance import LONGEST_TEXT, Unusable
from lineament.sources.vics.connector import VicsConnector
from lineament.sources.vics.records import MOST_PARTS
from lineament.sources.vics.stream import DEEPEST, LONGEST, read_media

LIMIT = 10_000


def found(path: Path) -> list[Item | Refusal]:
    return list(VicsConnector(path, LIMIT).items())


def outcomes(path: Path) -> list[str]:
    return ["picture" if isinstance(item, Item) else str(item.why) for item in found(path)]


@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_a_picture_comes_with_what_its_record_says_of_where_it_was(tmp_path: Path, version: str) -> None:
    record = media(tmp_path, "a.jpg")
    (item,) = found(export(tmp_path, [record], version))
    assert isinstance(item, Item)
    assert item.untrusted == JPEG
    provenance = item.provenance
    assert provenance.uri == f"file://{tmp_path}/case-vics.json#media=1"
    assert provenance.connector == "vics 1"
    assert provenance.captured_at is None, "its dates are those of the device and of the record"
    country = " of US" if version == "2.0" else ""
    assert provenance.words == (
        f"case: K 17; media: 7; category: 1{country}; MD5: {record['MD5'].lower()}; SHA-1: {record['SHA1'].lower()}; "
        r"deleted file: Users\x\a.jpg"
    )


def test_everything_that_is_wrong_with_a_record_is_a_refusal_of_its_own(tmp_path: Path) -> None:
    (tmp_path.parent / "outside.jpg").write_bytes(JPEG)
    (tmp_path / "link.jpg").symlink_to(tmp_path.parent / "outside.jpg")
    good = media(tmp_path, "good.jpg")
    wrong: list[tuple[Any, str]] = [
        (5, "it is not an object"),
        (good | {"RelativeFilePath": None}, "it names no file, as in a hash set"),
        (good | {"RelativeFilePath": "VIC_Files\\gone.jpg"}, "there is no such file beside the JSON file"),
        (good | {"RelativeFilePath": "..\\outside.jpg"}, "leads out of the folder"),
        (good | {"RelativeFilePath": "link.jpg"}, "leads out of the folder"),
        (good | {"RelativeFilePath": "C:\\VIC_Files\\good.jpg"}, "is not one from the folder"),
        (good | {"RelativeFilePath": "VIC_Files"}, "it is a folder"),
        (good | {"RelativeFilePath": "a\0b"}, "is not one from the folder"),
        (good | {"RelativeFilePath": "x" * (LONGEST + 1)}, "is too long"),
        (good | {"MD5": "A" * 32}, "its MD5 is not the one in its record"),
        (good | {"SHA1": "A" * 40}, "its SHA1 is not the one in its record"),
        (good | {"MD5": "A" * 31}, "states a malformed MD5"),
        (good | {"AlternativeHashes": [{"HashName": "PDQ", "HashValue": "A" * 31}]}, "picture"),
        (media(tmp_path, "large.jpg", bytes(LIMIT + 1)), "10001 bytes"),
        (media(tmp_path, "deep.jpg", MediaFiles="none"), "picture"),
    ]
    seen = outcomes(export(tmp_path, [record for record, _ in wrong]))
    assert len(seen) == len(wrong)
    assert [(said, why) for (_, said), why in zip(wrong, seen, strict=True) if said not in why] == []


def test_records_that_name_one_file_are_found_at_their_own_places(tmp_path: Path) -> None:
    record = media(tmp_path, "a.jpg")
    other = record | {"MediaID": "8", "MediaFiles": [{"FileName": "b.jpg", "FilePath": "D\\"}] * 3}
    many = record | {"MediaID": "9", "MediaFiles": other["MediaFiles"] * MOST_PARTS}
    first, second, third = found(export(tmp_path, [record, other, many]))
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.untrusted, first.provenance.uri) != (second.untrusted, second.provenance.uri)
    assert (second.provenance.words or "").endswith(r"file: D\ b.jpg; and 2 more places")
    assert isinstance(third, Item)
    assert (third.provenance.words or "").endswith("; and at least 63 more places")


def test_a_record_without_digests_says_that_nothing_was_checked(tmp_path: Path) -> None:
    (item,) = found(export(tmp_path, [media(tmp_path, "a.jpg", MD5=None, SHA1="")]))
    assert isinstance(item, Item)
    assert "no digest was stated" in (item.provenance.words or "")


def test_hostile_texts_become_one_short_line(tmp_path: Path) -> None:
    place = {"FileName": "\u202e\x00\n" * 999, "FilePath": "p" * 4000}
    (item,) = found(export(tmp_path, [media(tmp_path, "a.jpg", MediaFiles=[place])], case={"CaseNumber": "\x07" * 99}))
    words = item.provenance.words if isinstance(item, Item) else None
    assert words is not None
    assert words.isprintable()
    assert len(words) <= LONGEST_TEXT


def test_names_in_capitals_and_other_ways_to_write_a_value_are_read(tmp_path: Path) -> None:
    record = {name.upper(): value for name, value in media(tmp_path, "a.jpg", Category="2").items()}
    (item,) = found(export(tmp_path, [record]))
    assert isinstance(item, Item)
    assert "category: 2 of US" in (item.provenance.words or "")


def test_an_interrupted_run_resumes_after_its_record(tmp_path: Path) -> None:
    path = export(tmp_path, [media(tmp_path, f"{n}.jpg", JPEG + bytes([n]), MediaID=n) for n in range(5)])
    with closing(VicsConnector(path, LIMIT).items_from(None)) as some:
        begun = list(islice(some, 2))
    assert [cursor for _, cursor in begun] == ["1", "2"]
    rest = list(VicsConnector(path, LIMIT).items_from("2"))
    assert [item.provenance.uri[-1] for item, _ in rest if isinstance(item, Item)] == ["3", "4", "5"]
    assert list(VicsConnector(path, LIMIT).items_from("9")) == []
    with pytest.raises(InvalidValue):
        next(VicsConnector(path, LIMIT).items_from("x"))
    with pytest.raises(NoSuchFile):
        VicsConnector(tmp_path / "gone.json", LIMIT)


def test_a_file_that_is_cut_off_says_so_after_what_it_holds(tmp_path: Path) -> None:
    path = export(tmp_path, [media(tmp_path, "a.jpg")] * 3)
    path.write_bytes(path.read_bytes()[:-9])
    assert outcomes(path) == [
        "picture",
        "picture",
        "picture",
        "It was not read: it is cut off; nothing after record 3 is read.",
    ]


HEAD = '{"@odata.context": "http://x/DataModels/2.0.xml/UK/$metadata#Media", '


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cut off"),
        ("5", "no VICS file"),
        ("[{}]", "no VICS file"),
        ('{"value": [{"MD5": "a"}]}', "does not name its data model before its records"),
        ('{"odata.metadata": "http://x/DataModels/1.2.xml#Media", "value": []}', "version 1.2"),
        ('{"odata.metadata": "http://x/DataModels/3.0.xml#Media", "value": []}', "version 3.0"),
        ('{"odata.metadata": 5, "value": []}', "names no data model"),
        (HEAD + '"value": 5}', "should be a list"),
        (HEAD + '"value": [' + "[" * DEEPEST, "levels deep"),
        (HEAD + '"value": []} {}', "not JSON"),
        (HEAD + '"value": [{"MediaID": ' + "9" * 5000 + "}]}", "not JSON"),
        (HEAD + '"value": [{"MD5": "a"}', "cut off"),
    ],
)
def test_what_is_no_vics_file_is_refused_with_a_reason(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        list(read_media(io.BytesIO(text.encode())))
    (tmp_path / "x-vics.json").write_text(text)
    refused = found(tmp_path / "x-vics.json")[-1]
    assert isinstance(refused, Refusal)
    assert why in str(refused.why)


def test_cases_hash_sets_and_unknown_fields_are_all_read() -> None:
    records = [{"MD5": "a", "Unknown": {"deep": [1, [2, {"MD5": "no"}]]}}, {"MD5": "b", "MD5 ": "no"}]
    loose = {
        "x": [{}],
        HEADS["2.0"][0]: HEADS["2.0"][1].format("Cases"),
        "VALUE": [{"Media": records}, *records, {"Media": None}],
    }
    seen = list(read_media(io.BytesIO(json.dumps(loose).encode())))
    assert [record["md5"] for record in seen if isinstance(record, dict)] == ["a", "b", "a", "b"]
    assert len(seen) == 4
    single = json.dumps({"odata.metadata": "/DataModels/1.3.xml", "value": records[0]})
    assert list(read_media(io.BytesIO(single.encode()))) == [{"md5": "a", "model": "1.3", "country": ""}]


def test_other_encodings_and_bytes_that_are_no_text_do_not_end_a_file() -> None:
    plain = document([{"MD5": "ä", "SHA1": "b"}], mark=False).decode()
    wanted = [{"md5": "ä", "sha1": "b", "model": "2.0", "country": "US"}]
    for encoded in (plain.encode(), plain.encode("utf-8-sig"), plain.encode("utf-16")):
        assert list(read_media(io.BytesIO(encoded))) == wanted
    broken = document([{"MD5": "?", "SHA1": "b"}]).replace(b"?", b"\xff\xfe")
    (seen,) = read_media(io.BytesIO(broken))
    assert isinstance(seen, dict)
    assert seen["sha1"] == "b"


def test_a_field_that_contradicts_itself_is_no_value() -> None:
    twice = document([{"MD5": "a"}]).replace(b'"MD5": "a"', b'"MD5": "a", "md5": "b"')
    (seen,) = read_media(io.BytesIO(twice))
    assert isinstance(seen, dict)
    assert seen["md5"] is False


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("case-vics.json", "vics"),
        ("VIC_US.JSON", "vics"),
        ("Project VIC 2.0.json", "vics"),
        ("/a/projectvic.json", "vics"),
        ("victim.json", "folder"),
        ("service.json", "folder"),
        ("vics.csv", "manifest"),
    ],
)
def test_exports_are_known_by_their_names(name: str, kind: str) -> None:
    assert kind_of(name) == kind
