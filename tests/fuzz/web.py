"""Fuzz targets: answers of hosts, and addresses from any page."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import brotli
import httpcore
from backports import zstd
from tests.fuzz.connectors import LIMIT, fit
from twisted.web.client import URI

from lineament.api.compat.signatures import check_clock, check_signature, signature_of
from lineament.errors import HostRefused, LineamentError, SignatureRefused
from lineament.model.signed_requests import SignedRequest
from lineament.sources.addresses import absolute, uri_key
from lineament.sources.crawl.answers import AnswerHandler, CrawlReply, refused_by_headers
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl, CrawlLimits
from lineament.sources.crawl.rows import AddressKind, NewAddress, pattern
from lineament.sources.crawl.state import CrawlState
from lineament.sources.html.links import forbids_following, outgoing_links
from lineament.sources.html.pages import MOST_LINKS, PageParser, charset_of, parse_page, srcset
from lineament.sources.permission import reservations
from lineament.sources.permission.hosts import Hosts, listed_host, origin_of
from lineament.sources.permission.policy import LONGEST_REST, seconds_asked_for
from lineament.sources.permission.rules import AI, LONGEST_DELAY, ROBOTS, TDMREP, FileAnswer, HostRules, matches
from lineament.sources.provenance import LONGEST_TEXT, Unusable, checked_uri, one_line
from lineament.sources.webarchive.bodies import decode_body
from lineament.sources.webarchive.connector import WarcConnector
from lineament.sources.webarchive.writer import Exchange, WarcWriter

_SIMPLE = b"<title>a</title><p>b<img src=c alt=d>e"
_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_TURNS = 5  # every answer is the same, so that one page leads to the next
_AT_HOME = "https://example.org/dir/page.html"
_CRAWL = Crawl(
    start=("https://example.org/",), hosts=("example.org",), contact="a@b.example", limits=CrawlLimits(answer=LIMIT)
)


def _one_line(text: str | None, most: int) -> None:
    assert text is None or (text.isprintable() and len(text) <= most), text


# ---------------------------------------------------------------- pages


def page(data: bytes) -> None:
    """A page after a line with the encoding that its header declares."""
    declared, _, html = data.partition(b"\n")
    charset = charset_of(html, declared.decode("latin-1") or None)
    codecs.lookup(charset)
    found = parse_page(html, charset, _AT_HOME)
    one_after_the_other = PageParser()
    assert one_after_the_other.page(html, charset, _AT_HOME) == found
    assert one_after_the_other.page(_SIMPLE, "utf-8", _AT_HOME) == parse_page(_SIMPLE, "utf-8", _AT_HOME)
    _one_line(found.title, LONGEST_TEXT)
    assert len(found.links) <= MOST_LINKS
    for link in found.links:
        assert uri_key(link.uri) == link.uri
        _one_line(link.words, LONGEST_TEXT)
    for url in outgoing_links(html, charset, _AT_HOME).addresses:
        assert uri_key(url) == url
    forbids_following(found.meta)
    _one_line(reservations.in_meta(found.meta, now=_NOW), 200)


# ---------------------------------------------------------------- addresses


def address(data: bytes) -> None:
    """A base, an address on it and a host that a source lists, one per line."""
    base, uri, listed, *_ = [*data.decode("utf-8", "replace").split("\n", 2), "", ""]
    for address in (absolute(base, uri), uri_key(uri), uri_key(base)):
        if address is not None:
            _address_of_one_host(address)
    with suppress(Unusable):
        checked_uri("uri", uri)
    _one_line(one_line(uri), LONGEST_TEXT)
    assert len(list(srcset(uri))) <= 64
    try:
        found = listed_host(listed)
    except LineamentError as error:
        str(error).encode("utf-8", "surrogateescape")
        return
    assert found.name.isascii()
    allowed = Hosts((listed,), lambda _host, _port: ["192.0.2.1"])
    with suppress(LineamentError):
        origin = allowed.allows(uri)
        assert origin.host == found.name or (found.below and origin.host.endswith(f".{found.name}"))


def _address_of_one_host(url: str) -> None:
    """Check that no client would connect to another host or port than the checked one."""
    assert url.isascii()
    assert uri_key(url) == url
    pattern(url)
    try:
        origin = origin_of(url)
    except HostRefused as error:
        str(error).encode()
        return
    ours = (origin.scheme, origin.host, origin.port)
    parts = urlsplit(url)
    requested = httpcore.URL(url)
    twisted = URI.fromBytes(url.encode())  # type: ignore[no-untyped-call]
    usual = 443 if origin.scheme == "https" else 80
    for scheme, host, port in (
        (parts.scheme, parts.hostname or "", parts.port or usual),
        (requested.scheme.decode(), requested.host.decode(), requested.port or usual),
        (twisted.scheme.decode(), twisted.host.decode(), twisted.port),
    ):
        plain = host.strip("[]").removesuffix(".")
        assert (scheme, plain, port) == ours or ":" in plain, (url, scheme, host, port)


# ---------------------------------------------------------------- bodies


def body(data: bytes) -> None:
    """Transfer encoding and content encoding on a line, and a body in them."""
    encodings, _, coded = data.partition(b"\n")
    transfer, _, content = encodings.decode("latin-1").partition(";")
    with suppress(LineamentError):
        assert len(decode_body(coded, transfer, content, LIMIT)) <= max(LIMIT, len(coded))


# ---------------------------------------------------------------- reservations


def rules(data: bytes) -> None:
    """The well-known files of a host and an address there, with NUL between them."""
    robots, tdm, ai, path, *_ = [*data.split(b"\0", 3), b"", b"", b""]
    url = uri_key(f"https://example.org/{path.decode('utf-8', 'replace')}") or _AT_HOME
    none = {ROBOTS: FileAnswer(404), TDMREP: FileAnswer(404), AI: FileAnswer(404)}
    answers = {ROBOTS: FileAnswer(200, robots), TDMREP: FileAnswer(200, tdm), AI: FileAnswer(200, ai)}
    together = HostRules(answers)
    refused = together.refusal(url)
    assert 0 <= together.delay <= LONGEST_DELAY
    for name, answer in answers.items():
        alone = HostRules({**none, name: answer}).refusal(url)
        assert alone is None or refused is not None, "the strictest wins"
    (refused or "").encode()
    _pattern_is_as_documented(robots.decode("utf-8", "replace")[:40], path.decode("utf-8", "replace")[:40])


def _pattern_is_as_documented(wanted: str, path: str) -> None:
    if wanted.count("*") <= 2:
        parts = [re.escape(part) for part in wanted.removesuffix("$").split("*")]
        known = re.compile("(?s:.*?)".join(parts) + (r"\Z" if wanted.endswith("$") else ""))
        assert matches(wanted, path) is bool(known.match(path)), (wanted, path)


def headers(data: bytes) -> None:
    """The headers of an answer, one per line."""
    lines = [line.partition(":") for line in data.decode("latin-1").split("\n")]
    headers_ = [(name, value.strip(" \t\r")) for name, _, value in lines]
    _one_line(reservations.in_headers(headers_, now=_NOW), 200)
    _one_line(reservations.in_meta(headers_, now=_NOW), 200)
    forbids_following(headers_)
    why = refused_by_headers(headers_, None, LIMIT)
    assert why is None or why.text.encode()
    for _, value in headers_:
        assert 0 <= seconds_asked_for(value, _NOW.timestamp()) <= LONGEST_REST


# ---------------------------------------------------------------- answers


def site(data: bytes) -> None:
    """An answer in a crawl: status, headers, an empty line, a body. What is kept must be readable."""
    head, _, content = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    number = int(first) if first.isascii() and first.isdigit() and len(first) == 3 else 200
    pairs = [(name, value.strip(" \t\r")) for name, _, value in (line.partition(":") for line in lines)]
    with TemporaryDirectory(prefix="lineament-fuzz-") as folder:
        kept = KeptCrawl(Path(folder), bytes(32))
        state = CrawlState(kept, write=True)
        warc = WarcWriter(kept.folder, kept.seal, largest=2**30, software="fuzz")
        try:
            answers = AnswerHandler(_CRAWL, _CRAWL.allowed(), state, warc)
            answers.add_start()
            state.add(
                NewAddress(url="https://example.org/a.jpg", host="example.org", kind=AddressKind.PICTURE), alike=10
            )
            for _ in range(_TURNS):
                if (ask := state.next("example.org")) is None:
                    break
                exchange = Exchange(
                    uri=ask.url, at=_NOW, request=[], status=number, reason="", answer=pairs, body=content, address=None
                )
                answers.take(ask, CrawlReply(exchange=exchange, whole=True))
        finally:
            state.close()
            warc.close()
        plain = Path(folder) / "plain.warc.gz"
        with plain.open("wb") as out:
            for archive in kept.archives():
                out.writelines(packed for _, packed in kept.members(archive, archive.stat().st_size))
        for item in fit(WarcConnector([plain], LIMIT)):
            assert item.provenance.uri.startswith("https://example.org/")


# ---------------------------------------------------------------- what they begin with


def pages() -> Iterator[bytes]:
    """Yield pages with every element that is read."""
    yield (
        b"utf-8\n<!doctype html><meta charset=utf-8><base href='//example.org/x/'><title> A  b </title>"
        b"<meta name=robots content='noai, noimageai'><meta property=og:image content=/o.jpg>"
        b"<link rel=image_src href=l.jpg><link rel=next href=2><p>Before <img src='../a.jpg?b#c' alt=\"d &amp; e\">"
        b"<img srcset='e.jpg 1x, f,g.jpg 2x' data-src=h><picture><source srcset='i 100w'></picture>"
        b"<a href=j.PNG title=k>l</a><a rel=nofollow href=/m>n</a><video poster=p></video><svg><image href=q /></svg>"
        b"<script>'<img src=r>'</script><!-- <img src=s> --><template><img src=t></template><textarea>u"
    )
    yield "windows-1252\n<title>Zoë</title><img src='/grüße 1.jpg'>".encode("cp1252")
    yield b"\n" + codecs.BOM_UTF16_LE + "<title>写真</title><meta name=tdm-reservation content=1>".encode("utf-16-le")
    yield "shift_jis\n<meta http-equiv=content-type content='text/html; charset=shift_jis'>写真".encode("shift_jis")


def addresses() -> Iterator[bytes]:
    """Yield addresses in different spellings."""
    for base, uri, listed in (
        ("https://example.org/a/b?c#d", "../e;f?g=h&i#j", "example.org:8443"),
        ("http://EXAMPLE.org:80/", "//bücher.example:443/%7Ea/ü?ü", "*.example.org"),
        ("http://user:pass@[2001:DB8::1]:8080/", "http://1.2.3.4\\@example.org/", "[2001:db8::1]:80"),
        ("https://xn--bcher-kva.example./", "data:image/png;base64,AA", "www.instagram.com"),
        ("urn:isbn:1", "a.jpg 1x, b.jpg 2x,c", "127.0.0.1"),
    ):
        yield f"{base}\n{uri}\n{listed}".encode()


def bodies() -> Iterator[bytes]:
    """Yield bodies in each encoding, and in several."""
    plain = b"a body of some words, " * 4
    yield b"chunked;\n5;x=y\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
    yield b";gzip\n" + gzip.compress(plain, mtime=0)
    yield b";deflate\n" + zlib.compress(plain)
    yield b";deflate\n" + zlib.compress(plain)[2:-4]
    yield b";br\n" + brotli.compress(plain)
    yield b";zstd\n" + zstd.compress(plain)
    yield b";gzip, br\n" + brotli.compress(gzip.compress(plain, mtime=0))


def reserved() -> Iterator[bytes]:
    """Yield well-known files."""
    yield (
        b"# a\nUser-agent: *\nDisallow: /private/\nAllow: /private/a*b$\nCrawl-delay: 2\nRequest-rate: 1/5s\n"
        b"Content-Usage: /x bots=n\nContent-Signal: search=yes, ai-train=no\n\nUser-agent: Lineament\nDisallow: /y\n"
        b'\0[{"location": "/z*", "tdm-reservation": 1, "tdm-policy": "https://example.org/p"}]'
        b"\0User-Agent: *\nDisallow: *.jpg\n\0private/acb?d=e"
    )
    yield b'<html>\0[{"location": "/$", "tdm-reservation": "0"}]\0\0'


def answered() -> Iterator[bytes]:
    """Yield headers."""
    yield (
        b"X-Robots-Tag: lineament: noai, unavailable_after: Fri, 02 Jan 2026 03:04:06 GMT, max-snippet: 5\n"
        b"tdm-reservation: 0\nContent-Usage: train-ai=n\nContent-Signal: ai-train=no\n"
        b"Content-Type: image/jpeg; charset=utf-8\nRetry-After: Fri, 02 Jan 2026 03:04:06 GMT\nRetry-After: 120"
    )
    yield b"x-robots-tag: unavailable_after: 2026-01-02T03:04:05+23:59\nrobots: otherbot: none"


def exchanges() -> Iterator[bytes]:
    """Yield answers: pages, pictures, redirects and refusals."""
    yield b'200\nContent-Type: image/jpeg\nETag: "a"\nLast-Modified: x\n\n\xff\xd8\xff\xe0 a picture'
    yield b"200\nContent-Type: text/html; charset=latin-1\n\n<title>t</title><img src=a.jpg><a href=b>c</a>"
    yield b"200\nContent-Type: text/html\nContent-Encoding: gzip\n\n" + gzip.compress(
        b"<meta name=robots content=none>"
    )
    yield b"302\nLocation: //example.org/c d\n\n"
    yield b"503\nRetry-After: 5\nX-Robots-Tag: noai\n\n"


def signature(untrusted: bytes) -> None:
    """A signature by somebody without the secret: headers, each on a line, and a body after an empty one."""
    head, _, body = untrusted.partition(b"\n\n")
    headers: dict[str, list[str]] = {}
    for line in head.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value)
    request = SignedRequest(method="POST", path="/compat/rekognition/", query="", headers=headers, body=body)
    accepted = False
    with suppress(SignatureRefused):
        found = signature_of(headers, "rekognition", ("host", "x-amz-date"))
        check_clock(found, datetime(2026, 1, 31, 12, tzinfo=UTC))
        check_signature(found, request, "a secret")
        accepted = True
    assert not accepted, "nobody signed it with this secret"


def signatures() -> Iterator[bytes]:
    """Yield a request that was signed, and one that nobody could sign."""
    yield (
        b"authorization:AWS4-HMAC-SHA256 Credential=0123456789abcdef/20260131/local/rekognition/aws4_request, "
        b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\nhost:a:1\nx-amz-date:20260131T120000Z\n\n{}"
    )
    yield b"authorization:AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;, Signature=\nx-amz-date:99999999T999999Z"
