"""Manifests as people and attackers write them, with a fetcher that has a few pictures."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from lineament.errors import InvalidValue, NoSuchFile, NotFound
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.manifest.connector import ManifestConnector

LIMIT = 10_000
A = "https://example.org/a.jpg"


class Shelf:
    """A fetcher that returns given pictures and counts requests, and how often it was closed."""

    def __init__(self, pictures: dict[str, bytes]) -> None:
        self.pictures = pictures
        self.asked: list[str] = []
        self.closed = 0

    def fetch(self, uri: str) -> bytes:
        self.asked.append(uri)
        if uri not in self.pictures:
            raise NotFound(what="picture", name=uri, hint="none")
        return self.pictures[uri]

    def close(self) -> None:
        self.closed += 1


def manifest(folder: Path, text: str | bytes, name: str = "m.csv", shelf: Shelf | None = None) -> ManifestConnector:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return ManifestConnector(folder / name, shelf or Shelf({A: b"picture a"}), LIMIT)


def table(folder: Path, columns: dict[str, Sequence[object]], **options: object) -> ManifestConnector:
    parquet.write_table(pa.table(columns), folder / "m.parquet", **options)
    return ManifestConnector(folder / "m.parquet", Shelf({A: b"picture a"}), LIMIT)


def outcomes(found: ManifestConnector) -> list[str]:
    return ["picture" if isinstance(item, Item) else str(item.why) for item in found.items()]


ROW = {"Image_URL": A, "PAGE_URL": "https://example.org/", "title": "A\ttitle", "date": "2024-05-31", "licence": "CC0"}


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_all_that_a_row_can_say(kind: str, tmp_path: Path) -> None:
    if kind == "parquet":
        day = datetime(2024, 5, 31, tzinfo=UTC).date()
        reader = table(tmp_path, {**{key: [value] for key, value in ROW.items()}, "date": [day], "other": [1]})
    elif kind == "jsonl":
        reader = manifest(tmp_path, json.dumps({**ROW, "other": [1]}) + "\n\n", "m.jsonl")
    else:
        between = {"csv": ",", "tsv": "\t"}[kind]
        cells = [f'"{value}"' for value in ROW.values()]
        reader = manifest(tmp_path, f"{between.join(ROW)}\r\n{between.join(cells)}\r\n", f"m.{kind}")
    assert isinstance(reader, Connector)
    (item,) = reader.items()
    assert isinstance(item, Item), item
    assert item.untrusted == b"picture a"
    provenance = item.provenance
    assert (provenance.uri, provenance.page_uri, provenance.page_title, provenance.licence) == (
        A,
        "https://example.org/",
        "A title",
        "CC0",
    )
    assert provenance.captured_at == datetime(2024, 5, 31, tzinfo=UTC)
    assert provenance.connector == "manifest 1"


def test_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").write_bytes(b"on the disk")
    (item,) = manifest(tmp_path, "uri,licence\nsub/a.jpg,CC0\n").items()
    assert isinstance(item, Item)
    assert (item.untrusted, item.provenance.licence) == (b"on the disk", "CC0")
    assert item.provenance.uri == f"file://{tmp_path}/sub/a.jpg"


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a share each opening costs a journey, and between two of them a file may be replaced."""
    opened: list[object] = []
    really = os.open

    def note(path: object, *arguments: int, **named: int) -> int:
        opened.append(path)
        return really(path, *arguments, **named)  # type: ignore[arg-type]

    (tmp_path / "a.jpg").write_bytes(b"a picture of some length")
    monkeypatch.setattr(os, "open", note)
    (item,) = manifest(tmp_path, "uri\na.jpg\n").items()
    assert isinstance(item, Item)
    assert item.untrusted == b"a picture of some length"
    assert [path for path in opened if isinstance(path, bytes) and path.endswith(b"a.jpg")] == [
        bytes(tmp_path / "a.jpg")
    ]


def test_nothing_outside_of_its_folder_is_read(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "in"
    outside.mkdir()
    folder.mkdir()
    (outside / "a.jpg").write_bytes(b"secret")
    (folder / "link.jpg").symlink_to(outside / "a.jpg")
    (folder / "links").symlink_to(outside)
    rows = ["../outside/a.jpg", str(outside / "a.jpg"), "link.jpg", "links/a.jpg", "..\\outside\\a.jpg"]
    rows += [f"file://{outside}/a.jpg", "a\0b.jpg", "none.jpg", "x/../../outside/a.jpg"]
    found = outcomes(manifest(folder, json_lines(rows), "m.jsonl"))
    assert len(found) == len(rows)
    assert "picture" not in found
    assert sum("points outside the folder" in item for item in found) == 6
    assert "contains a NUL" in found[6]
    assert all("no such file" in item for item in found[7:])


def json_lines(uris: list[str]) -> str:
    return "".join(json.dumps({"uri": uri}) + "\n" for uri in uris)


def test_only_the_web_is_fetched_and_only_with_a_fetcher(tmp_path: Path) -> None:
    shelf = Shelf({A: b"picture a"})
    bad = ["ftp://example.org/a", "javascript:alert(1)", "data:image/png;base64,AA==", "urn:isbn:1", "http://u@x.org/"]
    found = outcomes(manifest(tmp_path, json_lines([*bad, A]), "m.jsonl", shelf))
    assert found.pop() == "picture"
    assert "picture" not in found
    assert shelf.asked == [A]
    (only,) = ManifestConnector(tmp_path / "m.jsonl", None, LIMIT).items_from("5")
    assert isinstance(only[0], Refusal)
    assert "nothing is fetched" in str(only[0].why)


def test_refusals_of_the_fetcher_and_large_pictures(tmp_path: Path) -> None:
    shelf = Shelf({"https://example.org/large": b"x" * (LIMIT + 1), A: b"a"})
    found = outcomes(
        manifest(tmp_path, f"uri\nhttps://example.org/gone\nhttps://example.org/large\n{A}\n", shelf=shelf)
    )
    assert "There is no picture" in found[0]
    assert f"{LIMIT + 1} bytes" in found[1]
    assert found[2] == "picture"


def test_it_resumes_after_a_row_without_fetching_again(tmp_path: Path) -> None:
    uris = [f"https://example.org/{number}" for number in range(700)]
    pictures = dict.fromkeys(uris, b"x")
    (tmp_path / "m.jsonl").write_text(json_lines(uris))
    (tmp_path / "m.csv").write_text("uri\n" + "\n".join(uris))
    parquet.write_table(pa.table({"uri": uris}), tmp_path / "m.parquet", row_group_size=100)
    for name in ("m.jsonl", "m.csv", "m.parquet"):
        shelf = Shelf(pictures)
        reader = ManifestConnector(tmp_path / name, shelf, LIMIT)
        first = reader.items_from(None)
        cursors = [next(first)[1] for _ in range(3)]
        assert cursors == ["1", "2", "3"]
        rest = list(reader.items_from("351"))
        assert shelf.asked == uris[:3] + uris[351:], name
        assert rest[-1][1] == "700"
        assert list(reader.items_from("700")) == list(reader.items_from("999999")) == []


@pytest.mark.parametrize("cursor", ["", "-1", "1.5", "x", "٣", "9" * 30])
def test_an_invalid_cursor(cursor: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue):
        next(manifest(tmp_path, "uri\n").items_from(cursor))


def test_a_missing_path_is_reported_immediately(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        ManifestConnector(tmp_path / "none.csv", None, LIMIT)


# ---------------------------------------------------------------- rows that cannot be used


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",,", "names no picture"),
        (f"{A},x", "2 columns instead of 3"),
        (f"{A},javascript:alert(1),", "page_uri does not begin with"),
        (f"{A},,31.5.2024", "ISO 8601"),
        ("https://example.org/a b,,", "blanks"),
        ("https://[::1,,", "not a URI"),
        ("https://example.org/" + "x" * 5000 + ",,", "longer than 4096"),
    ],
)
def test_a_bad_row_is_refused_by_its_number_and_the_next_comes(row: str, why: str, tmp_path: Path) -> None:
    bad, good = manifest(tmp_path, f"uri,page_url,date\n{row}\n{A},,\n").items()
    assert isinstance(bad, Refusal)
    assert why in str(bad.why)
    assert "row 1" in str(bad.why)
    assert bad.name.startswith(f"{tmp_path}/m.csv row 1")
    assert isinstance(good, Item)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"page_url": "x"}', "names no column"),
        (b'{"uri": 1}', "names no picture"),
        (b'{"uri": "a", "URI": "b"}', "twice"),
        (b'{"uri": "https://example.org/a.jpg", "title": []}', "page_title is not text"),
        (b"[" * 100_000, "not JSON"),
        (b'{"uri": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"uri": "' + b"x" * 300_000 + b'"}', "longer than"),
        (b"x" * 2_000_000, "longer than"),
        (b'{"uri": "\\ud800"}', "no such"),
    ],
)
def test_a_bad_line_and_the_next(line: bytes, why: str, tmp_path: Path) -> None:
    bad, good = outcomes(manifest(tmp_path, line + b"\n" + json_lines([A]).encode(), "m.jsonl"))
    assert why in bad or "it is gone" in bad
    assert good == "picture"


def test_a_row_that_is_not_in_utf_8(tmp_path: Path) -> None:
    text = b"uri,title\nhttps://example.org/a.jpg,caf\xe9\nhttps://example.org/a.jpg,caf\xc3\xa9\n"
    bad, good = outcomes(manifest(tmp_path, text))
    assert "UTF-8" in bad
    assert good == "picture"


def test_a_name_that_a_terminal_would_obey(tmp_path: Path) -> None:
    (item,) = manifest(tmp_path, json_lines(["\x1b[2J\u202e"]), "m.jsonl").items()
    assert item.name.endswith("row 1: \\x1b[2J\\u202e")


# ---------------------------------------------------------------- manifests that are none


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no column"),
        ("page_url,title\n", "names no column"),
        ("uri,uri\n", "twice"),
        ("uri," * 2000, "more than 1000 columns"),
        (f'uri\n{A}\n"{A}\n{A}\n', "unexpected end of data); nothing after row 1 is read"),
        ("uri\n" + "x" * 300_000, "longer than"),
        ("uri,x\na," + "x" * 200_000, "field larger"),
    ],
)
def test_a_table_that_is_none_ends_with_a_reason(text: str, why: str, tmp_path: Path) -> None:
    assert why in outcomes(manifest(tmp_path, text))[-1]


def test_other_suffixes_and_folders(tmp_path: Path) -> None:
    assert "ends in .csv" in outcomes(manifest(tmp_path, "x", "m.txt"))[0]
    (tmp_path / "d.csv").mkdir()
    (refusal,) = outcomes(ManifestConnector(tmp_path / "d.csv", None, LIMIT))
    assert "not read" in refusal


# ---------------------------------------------------------------- Parquet, in its own process


def test_an_invalid_parquet_file(tmp_path: Path) -> None:
    assert "no Parquet file" in outcomes(manifest(tmp_path, b"PAR1nonsensePAR1", "m.parquet"))[0]
    assert "no Parquet file" in outcomes(manifest(tmp_path, b"", "m.parquet"))[0]
    assert "names no column" in outcomes(table(tmp_path, {"x": ["a"]}))[0]


def test_parquet_values_that_are_no_text(tmp_path: Path) -> None:
    assert "names no picture" in outcomes(table(tmp_path, {"uri": [1, None]}))[0]
    nested = table(tmp_path, {"uri": [A], "title": [["a"]]})
    assert "page_title is not text" in outcomes(nested)[0]


def test_a_garbled_parquet_file_costs_itself(tmp_path: Path) -> None:
    table(tmp_path, {"uri": [A] * 50, "title": ["t"] * 50})
    data = (tmp_path / "m.parquet").read_bytes()
    for at in range(4, len(data), len(data) // 12):
        garbled = bytearray(data)
        garbled[at : at + 4] = b"\xff\xff\xff\x7f"
        found = list(manifest(tmp_path, bytes(garbled), "g.parquet").items())
        assert found
        assert all(isinstance(item, Item | Refusal) for item in found)


def test_a_parquet_file_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    """A few kilobytes unpack to gigabytes, in a process with less memory."""
    uri = pa.DictionaryArray.from_arrays(pa.array([0] * 1000), ["https://example.org/" + "x" * 8_000_000])
    for kept in (True, False):  # the dictionary as it is, or a copy for each row
        table(tmp_path, {"uri": uri}, compression="zstd", store_schema=kept)
        assert (tmp_path / "m.parquet").stat().st_size < 10**4
        found = outcomes(ManifestConnector(tmp_path / "m.parquet", None, LIMIT))
        assert "longer than 4096" in found[0] if kept else "memory" in found[0]
        assert "picture" not in found


@pytest.mark.parametrize(
    ("moment", "captured_at"),
    [
        (pa.array([1717113600], pa.timestamp("s")), datetime(2024, 5, 31, tzinfo=UTC)),
        (
            pa.array([1717113600123456789], pa.timestamp("ns", "Asia/Tokyo")),
            datetime(2024, 5, 31, 0, 0, 0, 123456, UTC),
        ),
        (pa.array([19874], pa.date32()), datetime(2024, 5, 31, tzinfo=UTC)),
        (pa.array(["2024-05-31T02:00:00+02:00"]), datetime(2024, 5, 31, tzinfo=UTC)),
        (pa.array([None], pa.date32()), None),
    ],
)
def test_moments_in_parquet(moment: pa.Array, captured_at: datetime | None, tmp_path: Path) -> None:
    (item,) = table(tmp_path, {"uri": [A], "date": moment}).items()
    assert isinstance(item, Item), item
    assert item.provenance.captured_at == captured_at


def test_a_moment_that_no_calendar_has(tmp_path: Path) -> None:
    (outcome,) = outcomes(table(tmp_path, {"uri": [A], "date": pa.array([2**62], pa.timestamp("us"))}))
    assert "picture" not in outcome


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    with (tmp_path / "m.jsonl").open("w") as file:
        file.writelines(f'{{"uri": "none/{number}.jpg"}}\n' for number in range(8000))
    tracemalloc.start()
    assert sum(1 for _ in ManifestConnector(tmp_path / "m.jsonl", None, LIMIT).items()) == 8000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


@pytest.mark.parametrize("most", [1, 3])
def test_connections_are_closed_when_reading_ends_early_or_at_the_end(most: int, tmp_path: Path) -> None:
    shelf = Shelf({A: b"picture a"})
    reading = manifest(tmp_path, f"uri\n{A}\n{A}\n", shelf=shelf).items_from(None)
    with closing(reading):
        assert len(list(islice(reading, most))) == min(most, 2)
    assert shelf.closed == 1
