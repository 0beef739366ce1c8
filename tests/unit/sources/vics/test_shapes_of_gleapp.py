"""Records of the shapes that the tests of GLEAPP have, read by ours.

The shapes are those of tests/test_projectvic_fidelity.py, test_vic_hashset_import.py, test_vic_hashset_details.py and
test_empty_file_hashes.py of https://github.com/abrignoni/GLEAPP, which were made after exports of Magnet AXIOM and
Cellebrite Physical Analyzer and after a national hash set. The values are ours.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.vics import digests_of, document, export

from lineament.errors import NotRead
from lineament.model.known import CATEGORIES, ListedFile, ListEntryRead, ListKind, NotListed
from lineament.sources.base import Item, Refusal
from lineament.sources.known.lists import read_list
from lineament.sources.vics.connector import VicsConnector

PNG = b"\x89PNG\r\n\x1a\n a picture"
MD5S = [f"{number:032X}" for number in range(1, 9)]


def entry(number: int, stored: str, device_path: str, **more: Any) -> dict[str, Any]:
    """Return a media record of a case: one copy is stored for each MD5, under a name that is made of the digest."""
    own = {
        "MD5": digests_of(PNG)["MD5"],
        "MediaID": number,
        "Category": None,
        "SHA1": "",
        "RelativeFilePath": f"VIC_Files\\{stored}",
        "MimeType": "image/png",
        "MediaFiles": [{"FileName": device_path.rpartition("/")[2], "FilePath": device_path}],
    }
    return own | more


def read_case(
    folder: Path, *records: dict[str, Any], stored: tuple[str, ...] = ("c0ffee.png",)
) -> list[Item | Refusal]:
    (folder / "VIC_Files").mkdir()
    for name in stored:
        (folder / "VIC_Files" / name).write_bytes(PNG)
    case = {"CaseID": "5f0c", "CaseNumber": "K 17", "SourceApplicationName": "Lineament"}
    return list(VicsConnector(export(folder, records, case=case), 2**20).items())


def words(found: Item | Refusal) -> str:
    assert isinstance(found, Item), found
    return found.provenance.words or ""


def test_records_that_share_a_stored_copy_keep_every_path_on_the_device(tmp_path: Path) -> None:
    paths = ("/media/0/Camera/quay.png", "/media/0/Chat/quay.png", "/media/0/Camera/quay.png")
    found = read_case(tmp_path, *(entry(number, "c0ffee.png", path) for number, path in enumerate(paths, 1)))
    assert [words(item).rpartition("; ")[2] for item in found] == [f"file: {path}" for path in paths]
    assert len({item.untrusted for item in found if isinstance(item, Item)}) == 1
    assert len({item.provenance.uri for item in found if isinstance(item, Item)}) == 3


def test_each_record_of_a_missing_copy_is_refused(tmp_path: Path) -> None:
    records = [entry(number, "lost.png", path) for number, path in ((1, "/media/0/a.png"), (2, "/media/1/a.png"))]
    why = [str(item.why) for item in read_case(tmp_path, *records, stored=()) if isinstance(item, Refusal)]
    assert len(why) == 2
    assert all("there is no such file" in text for text in why)


def test_neither_counts_nor_flags_decide_about_a_record(tmp_path: Path) -> None:
    categorised, not_categorised = read_case(
        tmp_path,
        entry(1, "c0ffee.png", "/media/0/a.png", IsPrecategorized=False, Category=4, VictimIdentified="false"),
        entry(2, "c0ffee.png", "/media/0/b.png", IsPrecategorized=True, OffenderIdentified="TRUE", IsDistributed=None),
    )
    assert "category: 4 of US" in words(categorised)
    assert "category" not in words(not_categorised)
    assert "dentified" not in words(categorised) + words(not_categorised)


def test_what_another_program_read_from_the_exif_is_not_taken(tmp_path: Path) -> None:
    rows = {
        "Lat/Lon": "-33.5 / 18.25",
        "Latitude": "33, 30, 0",
        "Latitude Reference": "7",
        "Capture Time": "12/24/2021 6:30:00 PM(UTC+2)",
    }
    exifs = [{"PropertyName": name, "PropertyValue": value} for name, value in rows.items()]
    (item,) = read_case(tmp_path, entry(1, "c0ffee.png", "/media/0/a.png", Exifs=exifs))
    assert "33" not in words(item).partition("MD5")[0]
    assert isinstance(item, Item)
    assert item.provenance.captured_at is None


def test_a_digest_of_zeros_is_one_that_does_not_fit(tmp_path: Path) -> None:
    (item,) = read_case(tmp_path, entry(1, "c0ffee.png", "/media/0/a.png", MD5="0" * 32))
    assert isinstance(item, Refusal)
    assert "its MD5 is not the one in its record" in str(item.why)


def test_a_case_that_names_no_data_model_is_refused_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "vic.json").write_text(json.dumps({"value": [{"Media": [entry(1, "c0ffee.png", "/media/0/a.png")]}]}))
    (item,) = VicsConnector(tmp_path / "vic.json", 2**20).items()
    assert isinstance(item, Refusal)
    assert "does not name its data model" in str(item.why)


# ---------------------------------------------------------------- hash sets


def of_set(number: int, **more: Any) -> dict[str, Any]:
    """Return a media record of a hash set: no file, digests in capitals, flags as words."""
    own = {"MediaID": 70 + number, "Category": number % 4, "MD5": MD5S[number], "MediaSize": 311}
    return own | {"DateUpdated": "2026-12-24T08:00:00+01:00", "IsPrecategorized": "false"} | more


RECORDS = [
    of_set(0),
    of_set(1, SHA1="A" * 40, PhotoDNA=base64.b64encode(bytes(144)).decode()),
    of_set(2, Series='{ordre} "n° 9" ], řada 三', Tags="one [two], three", VictimIdentified="true"),
    of_set(3, Exifs=[{"MD5": MD5S[3], "PropertyName": "Make", "PropertyValue": '{"make"}, [x]'}]),
    of_set(5, Category=1, SHA256="B" * 64),
    of_set(6, Category=1, MediaSize=0, MD5="D41D8CD98F00B204E9800998ECF8427E"),
]


def read_set(path: Path, untrusted: bytes) -> list[ListEntryRead]:
    path.write_bytes(untrusted)
    kind, entries = read_list(path, None, CATEGORIES)
    assert kind is ListKind.VICS
    return list(entries)


@pytest.mark.parametrize("mark", [True, False])
def test_a_hash_set_is_read_record_by_record(tmp_path: Path, mark: bool) -> None:
    assert read_set(tmp_path / "VIC_US.json", document(RECORDS, mark=mark)) == [
        NotListed.UNCATEGORISED,
        ListedFile(digests=(MD5S[1].lower(), "a" * 40)),
        ListedFile(digests=(MD5S[2].lower(),)),
        NotListed.OTHER_CATEGORY,
        ListedFile(digests=(MD5S[5].lower(), "b" * 64)),
        NotListed.EMPTY_FILE,
    ]


def test_a_download_that_was_cut_off_gives_what_it_holds_and_then_says_so(tmp_path: Path) -> None:
    whole = document(RECORDS)
    (tmp_path / "VIC_US.json").write_bytes(whole[: whole.index(b'"MediaID": 73')])
    entries = read_list(tmp_path / "VIC_US.json", None, CATEGORIES)[1]
    assert len([next(entries) for _ in range(3)]) == 3
    with pytest.raises(NotRead, match="it is cut off; nothing after record 3 is read"):
        next(entries)


def test_a_hash_set_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "VIC_US.json").write_bytes(document(RECORDS))
    found = list(VicsConnector(tmp_path / "VIC_US.json", 2**20).items())
    assert len(found) == len(RECORDS)
    assert all("as in a hash set" in str(item.why) for item in found if isinstance(item, Refusal))
    assert {type(item) for item in found} == {Refusal}
