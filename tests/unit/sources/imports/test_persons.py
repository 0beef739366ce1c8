"""Exports of other systems: a folder for each person, and CompreFace's answers."""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.folders import LIMIT, left_out, put

from lineament.errors import NoSuchFile
from lineament.sandbox.files import EntryType, SourcePath, list_names
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.imports import persons
from lineament.sources.imports.persons import CompreFaceConnector, PersonsConnector, examples

ID = "6b135f5b-a365-4522-b1f1-4c9ac2dd0728"


def why(connector: Connector) -> list[str]:
    return [str(refusal.why) for refusal in connector.items() if isinstance(refusal, Refusal)]


def items(connector: Connector) -> list[Item]:
    return [item for item in connector.items() if isinstance(item, Item)]


# ---------------------------------------------------------------- a folder for each person


def test_a_folder_for_each_person(folder: Path) -> None:
    put(folder / "Ada B" / "1.jpg")
    put(folder / "Ada B" / "1.json", '{"uri": "https://example.org/1", "licence": "CC0"}')
    put(folder / "Carl" / "more" / "2.png")
    put(folder / ".git" / "3.jpg")
    put(folder / "loose.jpg")
    reader = PersonsConnector(folder, LIMIT)
    assert isinstance(reader, Connector)
    assert reader.count() == 4
    hidden, ada, carl = items(reader)
    assert hidden.provenance.words == "subject: .git"
    assert why(reader) == ["It was not read: it is in no person's folder; put it into one."]
    assert left_out(reader) == {"side_car": 1}
    without_hidden = PersonsConnector(folder, LIMIT, skip_hidden=True)
    assert items(without_hidden) == [ada, carl]
    assert left_out(without_hidden) == {"side_car": 1, "hidden": 1}
    assert without_hidden.count() == 4
    assert (ada.provenance.words, ada.provenance.uri) == ("subject: Ada B", "https://example.org/1")
    assert (carl.provenance.words, carl.provenance.connector) == ("subject: Carl", "persons 1")
    assert carl.provenance.uri == f"file://{folder}/Carl/more/2.png"


def test_names_that_are_no_text_or_a_terminal_would_obey(folder: Path) -> None:
    name = os.fsencode(folder) + b"/caf\xe9\x1b[2J"
    os.mkdir(name)  # noqa: PTH102 - pathlib has no bytes
    put(Path(os.fsdecode(name)) / "1.jpg")
    (item,) = items(PersonsConnector(folder, LIMIT))
    assert item.provenance.words == "subject: caf� [2J"


def test_a_folder_of_another_layout(folder: Path) -> None:
    put(folder / "a.jpg")
    no_folders = "It was not read: it is not a folder with one folder for each person; ingest it without --as persons."
    assert why(PersonsConnector(folder / "a.jpg", LIMIT)) == [no_folders]
    loose, empty = why(PersonsConnector(folder, LIMIT))
    assert "in no person's folder" in loose
    assert empty == no_folders
    assert PersonsConnector(folder, LIMIT).count() == 2
    with pytest.raises(NoSuchFile):
        PersonsConnector(folder / "none", LIMIT)


def test_a_folder_that_cannot_be_listed_to_its_end_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "Ada" / "1.jpg")

    def break_off(place: SourcePath, *, folders: bool) -> Iterator[tuple[bytes, EntryType]]:
        yield from list_names(place, folders=folders)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(persons, "list_names", break_off)
    reader = PersonsConnector(folder, LIMIT)
    assert len(items(reader)) == 1
    assert why(reader) == ["It was not read: input/output error."]
    assert reader.count() == 2


def test_links_out_of_the_folder_of_a_person(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "secret.jpg")
    put(folder / "Ada" / "1.jpg")
    (folder / "Ada" / "2.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "Bob").symlink_to(tmp_path)
    reader = PersonsConnector(folder, LIMIT)
    assert len(items(reader)) == 1
    assert "outside the folder" in why(reader)[0]


# ---------------------------------------------------------------- CompreFace


def page(*faces: object) -> str:
    return json.dumps({"faces": faces, "page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 1})


def test_examples_with_their_pictures(folder: Path) -> None:
    other = str(uuid.uuid4())
    put(folder / "faces-0.json", page({"image_id": ID, "subject": "Ada"}))
    put(folder / "faces-1.json", page({"image_id": other.upper(), "subject": "Carl\n\x1b"}))
    put(folder / f"{ID}.jpg", "one")
    put(folder / other, "two")
    reader = CompreFaceConnector(folder, LIMIT)
    assert isinstance(reader, Connector)
    ada, carl = items(reader)
    assert (ada.untrusted, ada.provenance.words) == (b"one", "subject: Ada")
    assert (carl.untrusted, carl.provenance.words) == (b"two", "subject: Carl")
    assert ada.provenance.uri == f"file://{folder}/{ID}.jpg"
    assert ada.provenance.connector == "persons 1"
    assert why(reader) == []


def test_missing_items_on_either_side_are_reported(folder: Path) -> None:
    put(folder / "faces.json", page({"image_id": ID, "subject": "Ada"}))
    put(folder / f"{uuid.uuid4()}.jpg")
    assert why(CompreFaceConnector(folder, LIMIT)) == [
        f"It was not read: there is no picture {ID} beside the list.",
        "It was not read: no list says whom it shows.",
    ]


def test_one_picture_for_two_subjects_is_yielded_once(folder: Path) -> None:
    put(folder / "faces.json", page({"image_id": ID, "subject": "A"}, {"image_id": ID.upper(), "subject": "B"}))
    put(folder / f"{ID}.jpg")
    reader = CompreFaceConnector(folder, LIMIT)
    assert [entry.provenance.words for entry in items(reader)] == ["subject: A"]
    assert "named before" in why(reader)[0]


@pytest.mark.parametrize(
    ("face", "reason"),
    [
        ({"image_id": "../../etc/passwd", "subject": "A"}, "no image_id"),
        ({"image_id": 1, "subject": "A"}, "no image_id"),
        ({"image_id": ID}, "no subject"),
        ({"image_id": ID, "subject": ["A"]}, "no subject"),
        ([], "no image_id"),
        (None, "no image_id"),
    ],
)
def test_an_example_that_cannot_be_used_and_the_next(face: object, reason: str, folder: Path) -> None:
    put(folder / "faces.json", page(face, {"image_id": ID, "subject": "B"}))
    put(folder / f"{ID}.jpg")
    reader = CompreFaceConnector(folder, LIMIT)
    assert [entry.provenance.words for entry in items(reader)] == ["subject: B"]
    assert reason in why(reader)[0]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"faces": {}}', "[" * 100_000, "\udcff", "9" * 5000])
def test_an_invalid_list(content: str, folder: Path) -> None:
    put(folder / "faces.json", content.encode("utf-8", "surrogateescape"))
    (only,) = why(CompreFaceConnector(folder, LIMIT))
    assert "not JSON" in only or "not a list of examples" in only


def test_pictures_and_lists_that_are_too_large_or_no_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "faces.json", page({"image_id": ID, "subject": "A"}))
    put(folder / f"{ID}.jpg", b"x" * (LIMIT + 1))
    assert f"{LIMIT + 1} bytes" in why(CompreFaceConnector(folder, LIMIT))[0]
    monkeypatch.setattr(persons, "LARGEST_PAGE", 10)
    assert "bytes" in why(CompreFaceConnector(folder, LIMIT))[0]


def test_a_folder_without_lists_and_no_folder(folder: Path) -> None:
    assert "no list of examples (.json)" in why(CompreFaceConnector(folder, LIMIT))[0]
    assert "not read" in why(CompreFaceConnector(put(folder / "a.jpg"), LIMIT))[0]


def test_a_name_without_anything_to_print() -> None:
    ((image_id, subject),) = examples(page({"image_id": ID, "subject": " \n"}).encode())  # type: ignore[misc]
    assert (image_id, subject) == (ID, None)
