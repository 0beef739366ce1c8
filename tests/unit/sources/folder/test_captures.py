"""A captures.csv describes many pictures; if it cannot be read, none is ingested without its provenance."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.folders import names, put, read_folder

from lineament.model.faces import Provenance
from lineament.sources.base import Item, Refusal

HEADER = "file,uri,page_uri,page_title,captured_at,licence\n"


def table(folder: Path, text: str | bytes, *pictures: str) -> dict[str, str]:
    for name in pictures:
        put(folder / name)
    put(folder / "captures.csv", text)
    return names(read_folder(folder), folder)


def provenances(folder: Path) -> list[Provenance]:
    return [item.provenance for item in read_folder(folder) if isinstance(item, Item)]


def test_everything_that_a_row_can_say(folder: Path) -> None:
    put(folder / "a.jpg")
    put(
        folder / "captures.csv",
        HEADER + 'a.jpg,https://example.org/a,https://example.org/p,"A ""title"", in\ntwo lines",2024-05-31,CC0\n',
    )
    assert provenances(folder) == [
        Provenance(
            uri="https://example.org/a",
            page_uri="https://example.org/p",
            page_title='A "title", in two lines',
            captured_at=datetime(2024, 5, 31, tzinfo=UTC),
            licence="CC0",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "uri;file\nhttps://example.org/a;a.jpg\n",
        "file\turi\na.jpg\thttps://example.org/a\n",
        "\ufefffile,uri\r\na.jpg,https://example.org/a\r\n",
        "FILE, Uri ,unknown\na.jpg ,https://example.org/a,x\n",
        "file,uri\n\n\na.jpg,https://example.org/a",
        '"file","uri"\n"a.jpg","https://example.org/a"\n',
        "file,uri\na.jpg,https://example.org/a\na.jpg,https://example.org/a\n",
    ],
)
def test_tables_as_programs_write_them(folder: Path, text: str) -> None:
    put(folder / "a.jpg")
    put(folder / "captures.csv", text)
    assert [provenance.uri for provenance in provenances(folder)] == ["https://example.org/a"]


def test_a_side_car_goes_before_the_table(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "a.json", '{"uri": "https://example.org/side-car"}')
    put(folder / "captures.csv", "file,uri,licence\na.jpg,https://example.org/table,CC0\n")
    assert provenances(folder) == [Provenance(uri="https://example.org/side-car")]


def test_a_table_speaks_for_its_own_folder_alone(folder: Path) -> None:
    table(folder, "file,licence\na.jpg,CC0\nsub/b.jpg,CC0\n", "a.jpg", "sub/b.jpg", "sub/a.jpg")
    assert [provenance.licence for provenance in provenances(folder)] == ["CC0", None, None]
    (refused,) = (refusal for refusal in read_folder(folder) if isinstance(refusal, Refusal))
    assert (refused.name, "no such picture here" in str(refused.why)) == (f"{folder}/sub/b.jpg", True)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a.jpg,javascript:alert(1),,,,", "does not begin with"),
        ("a.jpg,,,,31.05.2024,", "ISO 8601"),
        ("a.jpg,https://example.org/a", "line 2 has 2 columns instead of 6"),
        ("a.jpg,,,,,,,,", "line 2 has 9 columns instead of 6"),
        ("a.jpg,https://example.org/1,,,,\na.jpg,https://example.org/2,,,,", "contradict"),
        ("a.jpg,https://example.org/1,,,,\na.jpg,too few", "line 3 has 2 columns"),
    ],
)
def test_a_bad_row_refuses_its_picture_and_no_other(folder: Path, row: str, why: str) -> None:
    found = table(folder, f"{HEADER}{row}\nb.jpg,https://example.org/b,,,,\n", "a.jpg", "b.jpg", "c.jpg")
    assert why in found["a.jpg"]
    assert found["a.jpg"].startswith(f"Its side-car {folder}/captures.csv cannot be used: ")
    assert (found["b.jpg"], found["c.jpg"]) == ("picture", "picture")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not name one column"),
        ("uri,page_uri\nhttps://example.org/a,\n", "does not name one column"),
        ("file,file\na.jpg,b.jpg\n", "does not name one column"),
        ("file,uri,uri\na.jpg,x,y\n", "names a column twice"),
        (b"file,page_title\na.jpg,caf\xe9\n", "UTF-8"),
        ("file,uri\na.jpg,https://example.org/a\n".encode("utf-16"), "UTF-8"),
        (b"\xff\xd8\xff\xe0", "UTF-8"),
        ('file,uri\na.jpg,"https://example.org/a"x\n', "expected after"),
        ('file,uri\na.jpg,"https://example.org/a\n', "unexpected end of data"),
        ("file,page_title\na.jpg," + "x" * 200_000 + "\n", "field larger"),
        ("file,page_title\na.jpg," + "x" * 300_000 + "\n", "line"),
        ("x" * 1_000_000, "line"),
    ],
)
def test_a_table_that_is_none_refuses_all_pictures_without_a_side_car(
    folder: Path, text: str | bytes, why: str
) -> None:
    put(folder / "own.json", '{"licence": "CC0"}')
    found = table(folder, text, "a.jpg", "b.jpg", "own.jpg", "sub/c.jpg")
    assert why in found["a.jpg"]
    assert why in found["b.jpg"]
    assert (found["own.jpg"], found["sub/c.jpg"]) == ("picture", "picture")


def test_a_named_picture_that_is_missing_is_refused(folder: Path) -> None:
    """A misspelt name would otherwise lose its provenance silently."""
    found = table(folder, "file,licence\na.JPG,CC0\nb.jpg,CC0\n", "a.jpg", "b.jpg")
    assert found["a.jpg"] == "picture"
    assert found["a.JPG"] == "It was not read: captures.csv names it, but there is no such picture here."
    assert "b.jpg" in found


def test_names_that_are_no_text_are_in_no_table(folder: Path) -> None:
    found = table(folder, "file,licence\ncaf\\xe9.jpg,CC0\n")
    assert list(found) == ["caf\\xe9.jpg"]
    (folder / "caf\udce9.jpg").write_bytes(b"picture")
    licences = [provenance.licence for provenance in provenances(folder)]
    assert licences == [None]


def test_a_large_table_takes_no_memory(folder: Path) -> None:
    for number in range(0, 50_000, 5_000):
        put(folder / f"{number}.jpg")
    with (folder / "captures.csv").open("w") as out:
        out.write(HEADER)
        for number in range(50_000):
            out.write(f"{number}.jpg,https://example.org/{number},,A title that is not so short {number},,CC0\n")
    tracemalloc.start()
    try:
        items = 0
        for item in read_folder(*sorted(folder.glob("*.jpg"))):
            assert isinstance(item, Item)
            assert item.provenance.page_title == f"A title that is not so short {Path(item.name).stem}"
            items += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert items == 10
    assert peak < 3_000_000
