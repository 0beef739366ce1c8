"""A side-car is believed in nothing: what it says is a URI that a page may link to, or it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.folders import names, put, read_folder

from lineament.model.faces import Provenance
from lineament.sources.base import Item
from lineament.sources.provenance import Unusable, parse_side_car, provenance_from

UNSAID = Provenance(uri="file:///a.jpg", page_uri="https://example.org/a.jpg")


def parsed(**fields: object) -> Provenance:
    return parse_side_car(json.dumps(fields).encode(), UNSAID)


def test_all_fields() -> None:
    assert parsed(
        uri="https://example.org/a.jpg?x=1#y",
        page_uri="http://example.org:8080/page",
        page_title="A title",
        captured_at="2024-05-31T12:30:00+02:00",
        licence="CC BY 4.0",
        whatever={"else": 1},
    ) == Provenance(
        uri="https://example.org/a.jpg?x=1#y",
        page_uri="http://example.org:8080/page",
        page_title="A title",
        captured_at=datetime(2024, 5, 31, 10, 30, tzinfo=UTC),
        licence="CC BY 4.0",
    )


@pytest.mark.parametrize("nothing", [{}, {"uri": None, "page_uri": None}, {"uri": "", "page_uri": "  ", "licence": ""}])
def test_missing_values_have_their_defaults(nothing: dict[str, object]) -> None:
    assert parsed(**nothing) == UNSAID


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org",
        "HTTPS://EXAMPLE.ORG/X",
        "http://[2001:db8::1]/x",
        "https://example.org/Élysée/写真.jpg",
        "file:///home/a/b.jpg",
        "file://server/share/b.jpg",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "urn:sha256:00ff",
    ],
)
def test_uris_that_are_taken(uri: str) -> None:
    assert parsed(uri=uri, page_uri=uri).uri == uri


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("javascript:alert(1)", "does not begin"),
        ("JaVaScRiPt:alert(1)", "does not begin"),
        ("data:text/html,<script>", "does not begin"),
        ("vbscript:x", "does not begin"),
        ("blob:https://example.org/x", "does not begin"),
        ("//example.org/x", "does not begin"),
        ("/a.jpg", "does not begin"),
        ("example.org/a.jpg", "does not begin"),
        ("https:example.org", "does not begin"),
        ("https:/example.org", "does not begin"),
        ("ftp://example.org/x", "does not begin"),
        ("urn:x", "does not begin"),
        ("java\nscript:alert(1)", "control"),
        ("\x01javascript:alert(1)", "control"),
        ("https://example.org/a b", "blanks"),
        ("https://example.org/a\tb", "control"),
        ("https://example.org/\x00", "control"),
        ("https://example.org/\u202egpj.exe", "control"),
        ("https://example.org/\u2028x", "control"),
        ("https://example.org/\udc80", "control"),
        ("https:\\\\example.org", "backslashes"),
        ("https://example.org\\@evil.example", "backslashes"),
        ("https://", "no host"),
        ("https:///x", "no host"),
        ("https://bank.example@evil.example/", "user name"),
        ("https://user:secret@example.org/", "user name"),
        ("https://[::1/x", "not a URI"),
        ("https://example.org:port/", "not a URI"),
        ("https://example.org:99999/", "not a URI"),
        ("https://example.org/" + "x" * 5000, "longer"),
        (5, "not text"),
        (["https://example.org"], "not text"),
        (True, "not text"),
    ],
)
@pytest.mark.parametrize("field", ["uri", "page_uri"])
def test_uris_that_are_refused(field: str, uri: object, why: str) -> None:
    with pytest.raises(Unusable, match=f"its {field} .*{why}"):
        parsed(**{field: uri})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-31", datetime(2024, 5, 31, tzinfo=UTC)),
        ("20240531", datetime(2024, 5, 31, tzinfo=UTC)),
        ("2024-05-31T12:30", datetime(2024, 5, 31, 12, 30, tzinfo=UTC)),
        ("2024-05-31 12:30:15.5", datetime(2024, 5, 31, 12, 30, 15, 500_000, tzinfo=UTC)),
        ("2024-05-31T12:30:00Z", datetime(2024, 5, 31, 12, 30, tzinfo=UTC)),
        ("2024-05-31T23:30:00-05:00", datetime(2024, 6, 1, 4, 30, tzinfo=UTC)),
        (" 2024-05-31\n", datetime(2024, 5, 31, tzinfo=UTC)),
    ],
)
def test_moments_that_are_taken(text: str, moment: datetime) -> None:
    found = parsed(captured_at=text).captured_at
    assert found == moment
    assert found is not None
    assert found.utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "31.05.2024",
        "05/31/2024",
        "2024-13-01",
        "2024-02-30",
        "2024",
        "12:30",
        "2024-05-31T25:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1717156800",
        "\udc80",
        "２０２４-05-31",
        1717156800,
        {"date": "2024-05-31"},
    ],
)
def test_moments_that_are_refused(text: object) -> None:
    with pytest.raises(Unusable, match="captured_at"):
        parsed(captured_at=text)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("  two\n\tlines \r\n of  title ", "two lines of title"),
        ("bell\x07 and \x1b[31mred\x1b[0m", "bell and [31mred [0m"),
        ("right\u202eto left\u200b", "right to left"),
        ("half \udc80 a character", "half a character"),
        ("<b>Élysée</b> & 写真 📷", "<b>Élysée</b> & 写真 📷"),
        ("\x00\x01", None),
        ("x" * 10_000_000, "x" * 500),
    ],
)
def test_titles_are_one_line_of_printable_text(title: str, kept: str | None) -> None:
    assert parsed(page_title=title).page_title == kept
    assert parsed(licence=title).licence == kept


@pytest.mark.parametrize("field", ["page_title", "licence"])
@pytest.mark.parametrize("value", [5, 1.5, False, [], {}])
def test_titles_that_are_no_text(field: str, value: object) -> None:
    with pytest.raises(Unusable, match=f"its {field} is not text"):
        parsed(**{field: value})


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"uri": ' + b"9" * 100_000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"uri"', "not a JSON object"),
        (b"\xff\xd8\xff\xe0", "UTF-8"),
        ('{"uri": "https://example.org"}'.encode("utf-16"), "UTF-8"),
    ],
)
def test_an_invalid_side_car(raw: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        parse_side_car(raw, UNSAID)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_side_car(b'\xef\xbb\xbf{"licence": "CC0"}', UNSAID).licence == "CC0"


def test_fields_of_a_table_are_checked_alike() -> None:
    with pytest.raises(Unusable):
        provenance_from({"uri": "javascript:alert(1)"}, UNSAID)


# ---------------------------------------------------------------- beside a photograph


def uris(folder: Path) -> list[str]:
    return [item.provenance.uri for item in read_folder(folder) if isinstance(item, Item)]


def test_the_side_car_with_the_whole_name_goes_first(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "a.json", '{"uri": "https://example.org/stem"}')
    assert uris(folder) == ["https://example.org/stem"]
    put(folder / "a.jpg.json", '{"uri": "https://example.org/whole"}')
    assert uris(folder) == ["https://example.org/whole"]


def test_a_side_car_in_capitals(folder: Path) -> None:
    put(folder / "A.JPG")
    put(folder / "A.JSON", '{"uri": "https://example.org/a"}')
    assert uris(folder) == ["https://example.org/a"]


def test_a_bad_side_car_refuses_its_picture_and_no_other(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "a.json", '{"uri": "javascript:alert(1)"}')
    put(folder / "b.jpg")
    found = names(read_folder(folder), folder)
    assert found["b.jpg"] == "picture"
    assert found["a.jpg"] == (
        f"Its side-car {folder}/a.json cannot be used: its uri does not begin with http://, https://, file:// or "
        "urn:; correct it and ingest the picture again."
    )


def test_a_side_car_that_is_too_large(folder: Path) -> None:
    put(folder / "a.jpg")
    with (folder / "a.json").open("wb") as file:
        file.truncate(2**40)
    assert "more than 1048576 bytes" in names(read_folder(folder), folder)["a.jpg"]


def test_missing_fields_have_their_defaults(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "a.json", '{"licence": "CC0"}')
    (item,) = read_folder(folder, page_base="https://example.org")
    assert isinstance(item, Item)
    assert item.provenance == Provenance(
        uri=f"file://{folder}/a.jpg", page_uri="https://example.org/a.jpg", licence="CC0"
    )
