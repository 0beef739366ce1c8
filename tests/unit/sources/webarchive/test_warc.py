"""Pictures of web archives come with the pages that showed them, whatever the order and the damage."""

from __future__ import annotations

import gzip
import hashlib
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import brotli
import pytest
from backports import zstd
from tests.support.archives import (
    DATE,
    JPEG,
    LIMIT,
    Warc,
    chunked,
    http,
    ingested_record,
    pictures_by_uri,
    read_archives,
    record,
    record_id,
    refusals_by_name,
)
from tests.support.folders import left_out, taken_and_refused

from lineament.errors import Damaged, EmptyPicture, InvalidValue, NoSuchFile, NotRead, UnknownFormat
from lineament.model.faces import ArchiveRecord
from lineament.sources.base import Connector, Item, Refusal, Resumable
from lineament.sources.html.pages import MOST_TAGS
from lineament.sources.webarchive import connector as connector_module
from lineament.sources.webarchive.archived import html_of
from lineament.sources.webarchive.connector import WarcConnector
from lineament.sources.webarchive.provenance import CONNECTOR
from lineament.sources.webarchive.reading import REPEATS
from lineament.sources.webarchive.records import record_of

gzipped = partial(gzip.compress, mtime=0)
"""The same bytes at any time."""

PICTURE = "https://img.example/a.jpg"
PAGE = "https://example.org/dir/page.html"
HTML = (
    "<title> A  page </title><p>Before it.<img src='https://img.example/a.jpg' alt='Two people'>After it.</p>"
    "<p>Far away: " + "x" * 400 + "</p>"
)


@pytest.fixture
def warc(tmp_path: Path) -> Warc:
    return Warc(tmp_path / "crawl.warc.gz")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_it_is_a_connector_that_can_be_resumed(warc: Warc) -> None:
    connector = WarcConnector([warc.close()], LIMIT)
    assert isinstance(connector, Connector)
    assert isinstance(connector, Resumable)
    assert connector.count() is None
    with pytest.raises(NoSuchFile):
        WarcConnector([warc.path / "not"], LIMIT)


@pytest.mark.parametrize(("most", "skipped"), [(1, 1), (2, 0), (3, 0)])
def test_only_more_folders_than_are_searched_are_reported(
    most: int, skipped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.setattr(connector_module, "MOST_FOLDERS", most)
    found = list(WarcConnector([tmp_path], LIMIT).items())
    assert [isinstance(refusal, Refusal) for refusal in found] == [True] * skipped


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("page_first", [True, False])
def test_a_picture_comes_with_its_page(tmp_path: Path, packed: bool, page_first: bool) -> None:
    warc = Warc(tmp_path / "crawl.warc", gzip=packed)
    warc.other("urn:info", "warcinfo", b"software: x\r\n", "application/warc-fields")
    page_at = warc.page(PAGE, HTML) if page_first else -1
    warc.answer(PICTURE, b"GET /a.jpg", kind="request")
    at = warc.answer(PICTURE, JPEG)
    page_at = page_at if page_first else warc.page(PAGE, HTML)
    item = pictures_by_uri(warc.close())[PICTURE]
    assert item.untrusted == JPEG
    provenance = item.provenance
    assert (provenance.page_uri, provenance.page_title, provenance.connector) == (PAGE, "A page", CONNECTOR)
    assert provenance.captured_at == datetime(2024, 5, 31, 12, tzinfo=UTC)
    assert provenance.words is not None
    assert provenance.words.startswith("Two people Before it. After it. Far away: xx")
    assert provenance.record is not None
    assert provenance.page_record is not None
    assert (provenance.record.archive, provenance.record.offset) == ("crawl.warc", at)
    assert (provenance.page_record.offset, provenance.page_record.sha256) == (page_at, digest(HTML.encode()))
    assert provenance.record.id.startswith("urn:uuid:")
    assert html_of(record_of(warc.path, provenance.page_record)) == HTML
    raw = record_of(warc.path, ingested_record(item))
    assert raw.startswith(b"WARC/1.1\r\n")
    assert DATE.encode() in raw
    assert JPEG in raw


def test_the_first_page_counts_over_several_archives(tmp_path: Path) -> None:
    first, second = Warc(tmp_path / "1.warc.gz"), Warc(tmp_path / "2.warc.gz")
    first.answer(PICTURE, JPEG)
    second.page(PAGE, HTML)
    second.page("https://example.org/other", HTML)
    first.close(), second.close()
    assert pictures_by_uri(tmp_path)[PICTURE].provenance.page_uri == PAGE


@pytest.mark.parametrize(
    "html",
    [
        "<img src='/i/b.jpg'>",
        "<img src=' ../i/b.jpg\n'>",
        "<IMG SRC=//example.org:443/i/b.jpg#part>",
        "<base href='https://EXAMPLE.org/x/'><img src='../i/b.jpg'>",
        "<img srcset='/s,1.jpg 1x, /i/b.jpg 2x'>",
        "<img srcset='/i/b.jpg, /c.jpg 2x'>",
        "<picture><source srcset='/c.webp 100w,/i/b.jpg 200w'></picture>",
        "<a href='/i/b.jpg'>large</a>",
        "<meta property='og:image' content='/i/b.jpg'>",
        "<meta name='twitter:image' content='https://example.org/i/b.jpg'>",
        "<img data-src='/i/b.jpg' src='data:image/gif;base64,R0lGOD'>",
        "<video poster='/i/b.jpg'></video>",
        "<noscript><img src='/i/b.jpg'></noscript>",
        "<svg><image href='/i/b.jpg'/></svg>",
        "<div>" * 5000 + "<img src='/i/b.jpg'>",
        "<link rel=preload as=image imagesrcset='/c.jpg 1x, /i/b.jpg 2x'>",
        "<p style=\"background: red url('/i/b.jpg')\">",
        "<td background=/i/b.jpg>",
        "<input type=image src=/i/b.jpg>",
        "<object data=/i/b.jpg></object>",
        "<embed src=/i/b.jpg>",
        "<img data-lazy-src=/i/b.jpg>",
    ],
)
def test_the_ways_in_which_a_page_shows_a_picture(warc: Warc, html: str) -> None:
    warc.answer("https://example.org/i/b.jpg", JPEG)
    warc.page(PAGE, html)
    assert pictures_by_uri(warc.close())["https://example.org/i/b.jpg"].provenance.page_uri == PAGE


@pytest.mark.parametrize(
    "html",
    [
        "<!-- <img src='/i/b.jpg'> -->",
        "<script>'<img src=/i/b.jpg>'</script>",
        "<a href='/i/b.jpg/'>x</a>",
        "",
        "\0\xff",
    ],
)
def test_a_picture_without_a_page(warc: Warc, html: str) -> None:
    warc.answer("https://example.org/i/b.jpg", JPEG)
    warc.page(PAGE, html)
    provenance = pictures_by_uri(warc.close())["https://example.org/i/b.jpg"].provenance
    assert (provenance.page_uri, provenance.page_record, provenance.words) == (None, None, None)


def test_a_page_with_too_many_elements_does_not_affect_the_next(warc: Warc) -> None:
    warc.page("https://example.org/long", "<title>Long<p>" + "<script><b>" * 2 + "<i>" * (MOST_TAGS + 1))
    warc.page(PAGE, HTML)
    warc.answer(PICTURE, JPEG)
    provenance = pictures_by_uri(warc.close())[PICTURE].provenance
    assert (provenance.page_uri, provenance.page_title) == (PAGE, "A page")
    assert provenance.words is not None
    assert provenance.words.startswith("Two people Before it. After it.")


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252", "shift_jis", "utf-16"])
def test_words_in_every_encoding(warc: Warc, charset: str) -> None:
    text = "写真" if charset == "shift_jis" else "Zoë"
    warc.page(PAGE, f"<title>{text}</title><img src='{PICTURE}'>", charset=charset)
    warc.answer(PICTURE, JPEG)
    assert pictures_by_uri(warc.close())[PICTURE].provenance.page_title == text


def test_addresses_beyond_ascii_and_redirects(warc: Warc) -> None:
    warc.page(PAGE, "<title>t</title><img src='/grüße 1.jpg'><img src='/old.jpg'>")
    warc.answer("https://example.org/old.jpg", b"", headers=[("Location", "/new.jpg")], status="301 Moved")
    warc.answer("https://example.org/new.jpg", JPEG)
    warc.answer("https://example.org/gr%C3%BC%C3%9Fe%201.jpg", JPEG + b"2")
    assert [outcome.provenance.page_uri for outcome in pictures_by_uri(warc.close()).values()] == [PAGE, PAGE]


def _chunked(data: bytes) -> bytes:
    parts = (data[at : at + 100] for at in range(0, len(data), 100))
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


LARGE = b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(90_000)
"""A picture that no encoding makes smaller."""


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (_chunked(JPEG), [("Transfer-Encoding", "chunked")]),
        (JPEG, [("Transfer-Encoding", "chunked")]),
        (gzipped(JPEG), [("Content-Encoding", "gzip")]),
        (JPEG, [("Content-Encoding", "gzip")]),
        (JPEG, [("Content-Encoding", "br")]),
        (_chunked(gzipped(JPEG)), [("Content-Encoding", "GZIP"), ("transfer-encoding", "Chunked")]),
        (zlib.compress(JPEG), [("Content-Encoding", "deflate")]),
        (zlib.compress(JPEG)[2:-4], [("Content-Encoding", "deflate")]),
        (brotli.compress(JPEG), [("Content-Encoding", "br")]),
        (zstd.compress(JPEG), [("Content-Encoding", "zstd")]),
        (gzipped(brotli.compress(JPEG)), [("Content-Encoding", "br, gzip")]),
        (gzipped(brotli.compress(JPEG)), [("Content-Encoding", "br"), ("Content-Encoding", "gzip")]),
        (gzipped(JPEG[:2]) + gzipped(b"") + gzipped(JPEG[2:]), [("Content-Encoding", "gzip")]),
        (zstd.compress(JPEG[:9]) + zstd.compress(JPEG[9:]), [("Content-Encoding", "zstd")]),
        (chunked(gzipped(JPEG), 7), [("Transfer-Encoding", "gzip, chunked")]),
        (chunked(JPEG, 1), [("Transfer-Encoding", "chunked")]),
        (chunked(gzipped(JPEG), 1), [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")]),
        (zstd.compress(LARGE), [("Content-Encoding", "zstd")]),
        (brotli.compress(LARGE), [("Content-Encoding", "br")]),
        (gzipped(LARGE), [("Content-Encoding", "gzip")]),
    ],
)
@pytest.mark.parametrize("media_type", ["image/jpeg", "text/html", "text/plain", ""])
def test_encodings_are_undone(warc: Warc, body: bytes, headers: list[tuple[str, str]], media_type: str) -> None:
    warc.answer(PICTURE, body, media_type, headers=headers)
    item = pictures_by_uri(warc.close())[PICTURE]
    assert item.untrusted in {JPEG, LARGE}
    assert item.provenance.record is not None
    record_of(warc.path, ingested_record(item))


@pytest.mark.parametrize("damage", [b"", b"\xff" * 50])
def test_what_comes_before_the_damage_of_a_packed_body_is_taken(warc: Warc, damage: bytes) -> None:
    body = gzipped(LARGE)[:-200] + damage
    warc.answer(PICTURE, body, "text/plain", headers=[("Content-Encoding", "gzip")])
    taken = pictures_by_uri(warc.close())[PICTURE].untrusted
    assert taken[:50_000] == LARGE[:50_000]


@pytest.mark.parametrize(
    "status",
    [
        "HTTP/2 200",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 200",
        "http/1.1 200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/3\t200",
        "ICY 200 OK",
    ],
)
def test_every_way_of_writing_a_status(tmp_path: Path, status: str) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(record(http(JPEG, status=status)))
    assert pictures_by_uri(path)["https://e.example/1"].untrusted == JPEG


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("response", "application/http"),
        ("response", "Application/HTTP;msgtype=response"),
        ("response", "application/http ; msgtype=response"),
        ("response", "message/http"),
        ("response", "application/octet-stream"),
        ("response", None),
        ("resource", "application/http"),
        ("conversion", "application/http"),
        ("unheard-of", "application/http"),
    ],
)
def test_every_record_that_holds_an_answer_is_read_as_one(tmp_path: Path, kind: str, content_type: str | None) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(record(http(JPEG, None), kind, content_type))
    item = pictures_by_uri(path)["https://e.example/1"]
    assert item.untrusted == JPEG
    assert JPEG in record_of(path, ingested_record(item))


def test_an_answer_whose_lines_end_otherwise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(record(http(JPEG).replace(b"\r\n", b"\n")))
    assert "headers of the response" in refusals_by_name(path)["https://e.example/1"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["WARC-Payload-Digest: SHA1:abc"], http(b"")),
        (["WARC-Payload-Digest: sha1:ABC"], b""),
        ([f"WARC-Refers-To: <{record_id('https://e.example/first')}>"], http(b"")),
        (["WARC-Refers-To-Target-URI: https://e.example/first"], http(b"", None, "HTTP/1.1 304 Not Modified")),
        (["WARC-Payload-Digest: sha1:ABC"], http(b"", "application/force-download")),
        ([], http(JPEG)),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_every_way_in_which_a_record_says_what_it_repeats(
    tmp_path: Path, headers: list[str], body: bytes, first: bool
) -> None:
    original = record(http(JPEG), uri="https://e.example/first", headers=["WARC-Payload-Digest: sha1:ABC"])
    again = record(body, "revisit", uri="https://e.example/again", headers=headers)
    path = tmp_path / "a.warc"
    path.write_bytes(original + again if first else again + original)
    assert set(pictures_by_uri(path)) == {"https://e.example/first", "https://e.example/again"}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzipped(bytes(10**7)), "gzip"),
        (brotli.compress(bytes(10**7)), "br"),
        (zstd.compress(bytes(10**7)), "zstd"),
        (gzipped(gzipped(bytes(10**8))), "gzip, gzip"),
        (JPEG, "gzip, gzip, gzip, gzip"),
        (JPEG + bytes(LIMIT), "identity"),
    ],
)
def test_bombs_are_refused(warc: Warc, body: bytes, encoding: str) -> None:
    warc.answer(PICTURE, body, headers=[("Content-Encoding", encoding)])
    warc.answer("https://img.example/b.jpg", JPEG)
    tracemalloc.start()
    why = refusals_by_name(warc.close())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(why) == [PICTURE]
    assert peak < 5_000_000


def test_skipped_and_refused_entries(warc: Warc) -> None:
    warc.answer(PICTURE, JPEG, status="404 Not Found")
    warc.answer(PICTURE, b"", kind="revisit")
    warc.answer("https://e.example/app.js", b"x", "text/javascript")
    warc.answer("https://e.example/logo.svg", b"<svg/>", "image/svg+xml")
    warc.answer("https://e.example/data", b"no picture", "application/octet-stream")
    warc.answer("https://e.example/hidden", JPEG, "text/html")
    warc.answer("https://e.example/not.jpg", b"<html>login", "image/jpeg")
    warc.answer("https://e.example/empty.jpg", b"", "image/jpeg")
    warc.answer("https://user:secret@e.example/b.jpg", JPEG)
    warc.other("https://e.example/resource.jpg", "resource", JPEG, "image/jpeg")
    warc.other("urn:x-taken:1", "resource", JPEG, "image/jpeg")
    warc.other("javascript:alert(1)", "resource", JPEG, "image/jpeg")
    all_of_it = read_archives(warc.close())
    pictures = {item.provenance.uri for item in all_of_it if isinstance(item, Item)}
    (unnamed,) = (uri for uri in pictures if uri.startswith("urn:uuid:"))
    assert pictures == {
        "https://e.example/hidden",
        "https://e.example/b.jpg",
        "https://e.example/resource.jpg",
        "urn:x-taken:1",
        unnamed,
    }
    assert [(refusal.name, str(refusal.why)) for refusal in all_of_it if isinstance(refusal, Refusal)] == [
        (
            PICTURE,
            "It was not read: this address no longer exists (404), so what came is not what is at its address.",
        ),
        ("https://e.example/not.jpg", str(UnknownFormat())),
        ("https://e.example/empty.jpg", str(EmptyPicture())),
        (
            PICTURE,
            f"It was not read: {REPEATS}.",
        ),
    ]
    assert left_out(WarcConnector([warc.path], LIMIT)) == {"no_picture": 3}


# ---------------------------------------------------------------- reservations


@pytest.mark.parametrize(
    ("header", "value"), [("X-Robots-Tag", "noimageai"), ("TDM-Reservation", "1"), ("Content-Usage", "train-ai=n")]
)
def test_a_reserved_picture_is_refused_by_name(warc: Warc, header: str, value: str) -> None:
    warc.answer(PICTURE, JPEG, headers=[(header, value)])
    assert f"{header}: {value}" in refusals_by_name(warc.close())[PICTURE]


@pytest.mark.parametrize("page_first", [True, False])
@pytest.mark.parametrize("by_header", [True, False])
def test_a_page_reserves_its_pictures(warc: Warc, page_first: bool, by_header: bool) -> None:
    html, headers = (HTML, [("X-Robots-Tag", "noai")]) if by_header else ("<meta name=robots content=NoAI>" + HTML, [])
    warc.page("https://example.org/open", HTML)
    if page_first:
        warc.page(PAGE, html, headers=headers)
        warc.answer(PICTURE, JPEG)
        why = refusals_by_name(warc.close())[PICTURE]
        assert "noai" in why.lower()
        assert PAGE in why
    else:  # it was brought before: whoever took it is told
        warc.answer(PICTURE, JPEG)
        warc.page(PAGE, html, headers=headers)
        reserved: list[tuple[str, str]] = []
        connector = WarcConnector([warc.close()], LIMIT, on_reserved=lambda *reservation: reserved.append(reservation))
        assert [isinstance(item, Item) for item in taken_and_refused(connector)] == [True]
        assert [uri for uri, _ in reserved] == [PICTURE]
        assert PAGE in reserved[0][1]


@pytest.mark.parametrize("page_first", [True, False])
@pytest.mark.parametrize("lifted", [True, False])
def test_a_later_answer_reserves_a_picture_until_another_lifts_it(warc: Warc, page_first: bool, lifted: bool) -> None:
    if page_first:
        warc.page(PAGE, HTML)
    warc.answer(PICTURE, JPEG)
    warc.answer(PICTURE, JPEG + b"2", headers=[("X-Robots-Tag", "noai")])
    if lifted:
        warc.answer(PICTURE, JPEG + b"3")
    reserved: list[tuple[str, str]] = []
    connector = WarcConnector([warc.close()], LIMIT, on_reserved=lambda *reservation: reserved.append(reservation))
    found = list(connector.items())
    assert [item.untrusted for item in found if isinstance(item, Item)] == [JPEG, JPEG + b"3"][: 1 + lifted]
    assert sum(isinstance(refusal, Refusal) for refusal in found) == 1
    assert reserved == ([] if lifted else [(PICTURE, "X-Robots-Tag: noai")])


# ---------------------------------------------------------------- going on


def _many(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(3):
        warc = Warc(tmp_path / f"{number}.warc.gz")
        for at in range(8):
            warc.answer(f"https://e.example/{number}/{at}.jpg", JPEG + bytes([number, at]))
            if at % 3 == 0:
                warc.answer(f"https://e.example/{number}/{at}/bad.jpg", b"no picture")
            html = f"<img src=/{number}/{at + 1}.jpg><img src=/{(number + 1) % 3}/{at}.jpg>"
            warc.page(f"https://e.example/{number}/{at}.html", html)
        paths.append(warc.close())
    return paths


def test_every_cursor_resumes_exactly(tmp_path: Path) -> None:
    paths = _many(tmp_path)
    whole = list(WarcConnector(paths, LIMIT).items_from(None))
    assert len(whole) == 24 + 9 + 3
    for number, (_, cursor) in enumerate(whole):
        rest = list(WarcConnector(paths, LIMIT).items_from(cursor))
        assert [where for _, where in rest] == [where for _, where in whole[number + 1 :]]
        assert [item for item, _ in rest if isinstance(item, Item)] == [
            item for item, _ in whole[number + 1 :] if isinstance(item, Item)
        ]


@pytest.mark.parametrize("cursor", ["", "x", "2.0.0", "0.0.-1", "0.0." + "9" * 99])
def test_a_foreign_cursor(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(InvalidValue):
        read_archives(tmp_path, cursor=cursor)


def test_memory_is_flat(tmp_path: Path) -> None:
    """Twenty times the records take no more memory, except for the index, which is limited."""
    peaks = []
    for count in (300, 6000):
        warc = Warc(tmp_path / f"{count}.warc", gzip=False)
        for number in range(count // 2):
            warc.answer(f"https://e.example/{number}.jpg", JPEG + number.to_bytes(4))
            warc.page(f"https://e.example/{number}", f"<img src=/{number}.jpg><img src=/{number + 1}.jpg>")
        warc.close()
        tracemalloc.start()
        assert sum(isinstance(item, Item) for item in WarcConnector([warc.path], LIMIT).items()) == count // 2
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000


# ---------------------------------------------------------------- damage


def test_a_file_that_breaks_off(warc: Warc) -> None:
    warc.answer(PICTURE, JPEG)
    last = warc.answer("https://e.example/last.jpg", JPEG + bytes(range(256)) * 40)
    whole = warc.close().read_bytes()
    for end in (last + 5, last + 40, last + 300, last + 400, len(whole) - 20):
        warc.path.write_bytes(whole[:end])
        all_of_it = read_archives(warc.path)
        assert [item.provenance.uri for item in all_of_it if isinstance(item, Item)] == [PICTURE], end
        assert [refusal for refusal in all_of_it if isinstance(refusal, Refusal)], end


@pytest.mark.parametrize("packed", [True, False])
def test_damage_in_the_middle(tmp_path: Path, packed: bool) -> None:
    warc = Warc(tmp_path / "a.warc", gzip=packed)
    warc.answer(PICTURE, JPEG)
    second = warc.answer("https://e.example/2.jpg", JPEG + b"2")
    warc.answer("https://e.example/3.jpg", JPEG + b"3")
    data = bytearray(warc.close().read_bytes())
    data[second : second + 30] = b"\0" * 30
    warc.path.write_bytes(data)
    all_of_it = read_archives(warc.path)
    assert {item.provenance.uri for item in all_of_it if isinstance(item, Item)} == {PICTURE, "https://e.example/3.jpg"}
    assert len([refusal for refusal in all_of_it if isinstance(refusal, Refusal)]) == 1


@pytest.mark.parametrize("length", [b"1", b"999", b"99999999999999", b"-1", b"x", b"", b"18446744073709551617"])
def test_wrong_lengths(tmp_path: Path, length: bytes) -> None:
    warc = Warc(tmp_path / "a.warc", gzip=False)
    warc.answer(PICTURE, JPEG)
    begin = warc.answer("https://e.example/2.jpg", JPEG)
    warc.answer("https://e.example/3.jpg", JPEG)
    data = warc.close().read_bytes()
    at = data.index(b"Content-Length: ", begin) + 16
    warc.path.write_bytes(data[:at] + length + data[data.index(b"\r", at) :])
    all_of_it = read_archives(warc.path)
    assert any(isinstance(item, Item) and item.provenance.uri == PICTURE for item in all_of_it)
    assert any(isinstance(refusal, Refusal) for refusal in all_of_it)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\0" * 10**6, b"\x1f\x8b\x08" * 10**4, b"WARC/1." * 10**4, gzipped(bytes(10**8)), b"PK\3\4"],
)
def test_an_invalid_archive(tmp_path: Path, data: bytes) -> None:
    for name in ("a.warc", "a.warc.gz", "a.wacz"):
        path = tmp_path / name
        path.write_bytes(data)
        assert all(isinstance(refusal, Refusal) for refusal in read_archives(path))


def test_records_that_are_packed_together_are_refused(tmp_path: Path) -> None:
    warc = Warc(tmp_path / "a.warc", gzip=False)
    warc.answer(PICTURE, JPEG)
    warc.answer(PICTURE, JPEG)
    packed = tmp_path / "b.warc.gz"
    packed.write_bytes(gzipped(warc.close().read_bytes()))
    assert "warcio recompress" in str(refusals_by_name(packed))


@pytest.mark.parametrize("version", ["WARC/0.17", "WARC/0.18", "WARC/1.0", "WARC/1.1"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_version_is_read_and_found_again_after_damage(
    tmp_path: Path, version: str, pack: Callable[[bytes], bytes]
) -> None:
    uris = [f"https://e.example/{number}" for number in range(2)]
    first, second = (pack(record(http(JPEG), uri=uri, version=version)) for uri in uris)
    path = tmp_path / "a.warc"
    path.write_bytes(first + b"no record\r\n\r\n" * 9 + second)
    found = read_archives(path)
    assert [item.provenance.uri for item in found if isinstance(item, Item)] == uris
    assert sum(isinstance(refusal, Refusal) for refusal in found) == 1


@pytest.mark.parametrize("packed", [True, False])
def test_zstandard_with_a_dictionary(tmp_path: Path, packed: bool) -> None:
    """As ArchiveTeam writes it: the dictionary in a frame of its own, then each record in one."""
    uris = [f"https://e.example/{number}.jpg" for number in range(100)]
    records = [record(http(JPEG + uri.encode()), uri=uri) for uri in uris]
    page = record(http(f"<img src={uris[1]}>".encode(), "text/html"), uri=PAGE)
    trained = zstd.train_dict(records, 4096)
    content = zstd.compress(trained.dict_content) if packed else trained.dict_content
    start = b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content
    path = tmp_path / "a.warc.zst"
    frames = [zstd.compress(each, zstd_dict=trained) for each in [*records[:5], page]]
    path.write_bytes(start + b"".join(frames))
    items = pictures_by_uri(path)
    assert {uri: item.untrusted for uri, item in items.items()} == {uri: JPEG + uri.encode() for uri in uris[:5]}
    assert items[uris[1]].provenance.page_uri == PAGE
    for item in items.values():
        assert item.untrusted in record_of(path, ingested_record(item))
    broken = bytes(9) + frames[1][9:]
    path.write_bytes(start + frames[0] + broken + b"".join(frames[2:]))
    found = read_archives(path)
    taken = [item.provenance.uri for item in found if isinstance(item, Item)]
    assert sorted(taken) == [uris[0], *uris[2:5]]
    assert sum(isinstance(refusal, Refusal) for refusal in found) == 1


def test_frames_to_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"\x50\x2a\x4d\x18\4\0\0\0note" + zstd.compress(record(http(JPEG))))
    assert list(pictures_by_uri(path)) == ["https://e.example/1"]


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"")
    assert "it is empty" in refusals_by_name(tmp_path / "a.warc")[str(tmp_path / "a.warc")]


def test_zstandard(tmp_path: Path) -> None:
    warc = Warc(tmp_path / "a.warc", gzip=False)
    starts = [warc.page(PAGE, HTML), warc.answer(PICTURE, JPEG)]
    data = warc.close().read_bytes()
    packed = tmp_path / "b.warc.zst"
    packed.write_bytes(zstd.compress(data[: starts[1]]) + zstd.compress(data[starts[1] :]))
    item = pictures_by_uri(packed)[PICTURE]
    assert item.provenance.page_uri == PAGE
    assert item.provenance.record is not None
    assert JPEG in record_of(packed, ingested_record(item))


# ---------------------------------------------------------------- WACZ and single records


def test_a_wacz(warc: Warc, tmp_path: Path) -> None:
    warc.answer(PICTURE, JPEG)
    warc.page(PAGE, HTML)
    path = tmp_path / "crawl.wacz"
    with zipfile.ZipFile(path, "w") as whole:
        whole.writestr("datapackage.json", "{}")
        whole.write(warc.close(), "archive/data.warc.gz")
        whole.writestr("archive/packed.warc.gz", b"x" * 1000, zipfile.ZIP_DEFLATED)
    all_of_it = read_archives(path)
    (item,) = (entry for entry in all_of_it if isinstance(entry, Item))
    assert item.provenance.record is not None
    assert item.provenance.page_record is not None
    assert item.provenance.record.archive == "crawl.wacz/archive/data.warc.gz"
    assert JPEG in record_of(path, ingested_record(item))
    assert html_of(record_of(path, item.provenance.page_record)) == HTML
    assert list(refusals_by_name(path)) == [f"{path}/archive/packed.warc.gz"]


def test_a_wacz_with_a_table_of_contents_too_large_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.sandbox.unpack.LARGEST_DIRECTORY", 70_000)
    path = tmp_path / "crawl.wacz"
    with zipfile.ZipFile(path, "w") as whole:
        for number in range(400):
            whole.writestr(f"{number:0200}.warc", b"")
    assert "table of contents" in str(refusals_by_name(path)[str(path)])


@pytest.mark.parametrize(
    "change",
    [{"offset": 7}, {"id": "urn:uuid:other"}, {"sha256": "0" * 64}, {"sha256": None}, {"offset": 10**9}],
)
def test_a_record_that_is_not_what_was_taken(warc: Warc, change: dict[str, object]) -> None:
    warc.answer(PICTURE, JPEG)
    record = ingested_record(pictures_by_uri(warc.close())[PICTURE])
    assert record_of(warc.path, record)
    with pytest.raises(Damaged):
        record_of(warc.path, replace(record, **change))  # type: ignore[arg-type]


def test_a_record_of_a_file_that_is_gone(tmp_path: Path) -> None:
    record = ArchiveRecord(archive="a.wacz/b.warc", id="urn:uuid:1", offset=0, sha256="")
    with pytest.raises(NoSuchFile):
        record_of(tmp_path / "a.wacz", record)
    (tmp_path / "a.wacz").write_bytes(b"")
    with pytest.raises(NotRead):
        record_of(tmp_path / "a.wacz", record)
