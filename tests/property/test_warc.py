"""Whatever is done to a web archive, what can be read is read, and every error is a refusal."""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.archives import JPEG, Warc, ingested_record, read_archives

from lineament.errors import LineamentError
from lineament.sources.addresses import uri_key
from lineament.sources.base import Item, Refusal
from lineament.sources.html.pages import charset_of, parse_page
from lineament.sources.webarchive.archived import html_of
from lineament.sources.webarchive.bodies import decode_body
from lineament.sources.webarchive.records import record_of

HTML = "<title>t</title><base href=/x/><img srcset='a.jpg 1x, b.jpg' alt=words><meta name=robots content=noai>"


@cache
def archive(packed: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        warc = Warc(Path(folder) / "a.warc", gzip=packed)
        warc.other("urn:info", "warcinfo", b"software: x\r\n", "application/warc-fields")
        warc.answer("https://e.example/0.jpg", JPEG)
        warc.page("https://e.example/", HTML)
        warc.answer("https://e.example/x/a.jpg", gzip.compress(JPEG), headers=[("Content-Encoding", "gzip")])
        warc.answer("https://e.example/x/b.jpg", JPEG, headers=[("Transfer-Encoding", "chunked")])
        return warc.close().read_bytes()


edits = st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 40), st.binary(max_size=40)), max_size=4)


@settings(max_examples=100)
@given(st.booleans(), edits, st.integers(0, 10**4))
@example(packed=True, changes=[], end=10**4)
def test_no_change_to_an_archive_lets_anything_escape(
    packed: bool, changes: list[tuple[int, int, bytes]], end: int
) -> None:
    data = archive(packed)[:end]
    for at, length, new in changes:
        begin = at % (len(data) + 1)
        data = data[:begin] + new + data[begin + length :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.warc"
        path.write_bytes(data)
        for item in read_archives(path):
            assert isinstance(item, Item | Refusal)
            assert item.name.isprintable()
            if isinstance(item, Refusal):
                _check_reason(item)
                continue
            record_of(path, ingested_record(item))
            if item.provenance.page_record is not None:
                html_of(record_of(path, item.provenance.page_record))


def _check_reason(refusal: Refusal) -> None:
    assert isinstance(refusal.why, LineamentError)
    assert str(refusal.why).isprintable()


@given(
    st.binary(max_size=300),
    st.sampled_from(["gzip", "br", "deflate", "zstd", "x, gzip", "", "gzip,,br"]),
    st.booleans(),
)
def test_no_body_lets_anything_escape(body: bytes, encoding: str, chunked: bool) -> None:
    with suppress(LineamentError):
        assert len(decode_body(body, "chunked" if chunked else None, encoding, 1000)) <= 1000


markup = st.lists(
    st.sampled_from(
        ["<img ", "src=", "'", '"', "<base href=", ">", "srcset=", "http://", "[::1", "\\", "//", "é", "\ud800"]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@given(markup, st.text(max_size=20))
def test_no_page_lets_anything_escape(text: str, charset: str) -> None:
    html = text.encode("utf-8", "surrogatepass")
    page = parse_page(html, charset_of(html, charset), "https://e.example/")
    for link in page.links:
        assert uri_key(link.uri) == link.uri
        assert link.uri.startswith(("http://", "https://"))
