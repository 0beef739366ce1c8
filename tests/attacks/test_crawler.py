"""Hosts that answer a crawl with more than anybody needs: each is refused with a reason, and the crawl goes on."""

from __future__ import annotations

import gzip
import random
import re
import socket
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from io import BufferedIOBase
from pathlib import Path

import brotli
import pytest
from tests.support.crawls import CONTACT, crawl, text
from tests.support.local_web import PICTURE, CannedReply, Certificate, LocalWeb, page, picture
from tests.support.measured_crawl import MeasuredCrawl, measured_crawl

from lineament.errors import (
    DownloadFailed,
    FileTooLarge,
    KeyHolderUnavailable,
    NotRead,
    OpenIdUnavailable,
    WitnessUnavailable,
)
from lineament.identity import fetching
from lineament.ledger import remote
from lineament.sources import download as downloading
from lineament.sources.crawl import fetch as single
from lineament.sources.crawl.fetch import HostFetcher
from lineament.sources.crawl.plan import CrawlLimits
from lineament.sources.permission.hosts import Hosts
from lineament.store.holders import transit
from lineament.store.holders.transit import TransitHolder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEMORY = 200 * 2**20
"""Bytes that a crawling process has resident at most, whatever hosts send."""
SENT = 256 * 2**20
"""Bytes that a hostile host sends unless the connection is closed before."""
SECONDS = 30.0
PART = 2**16
RULED = 12
"""Hosts whose robots.txt is as large as it may be."""
GOOD = 60  # pictures of the host that is not hostile
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@dataclass(slots=True)
class Hostile:
    """What a hostile host sends, and how much of it was taken."""

    why: str  # of the reason that is given, a regular expression
    send: Callable[[Hostile, BufferedIOBase], None]
    bounded: bool = True  # only a small part of it is taken
    sent: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, out: BufferedIOBase, data: bytes) -> None:
        out.write(data)
        out.flush()
        with self.lock:
            self.sent["bytes"] += len(data)

    def flood(self, out: BufferedIOBase, head: bytes, unit: bytes, end: bytes = b"") -> None:
        """Send ``head``, then ``unit`` up to SENT bytes, as fast as it is read."""
        self.write(out, head)
        part = unit * max(1, PART // len(unit))
        for _ in range(SENT // len(part)):
            self.write(out, part)
        self.write(out, end)

    def drip(self, out: BufferedIOBase, head: bytes, unit: bytes) -> None:
        self.write(out, head)
        until = time.monotonic() + 10 * SECONDS
        while time.monotonic() < until:
            self.write(out, unit)
            time.sleep(0.2)

    def packed(self, out: BufferedIOBase, encoding: str, data: bytes, kind: str = "text/html") -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: {encoding}\r\n"
        self.write(out, f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)


def _zeros(times: int) -> Iterator[bytes]:
    return (bytes(2**20) for _ in range(times))


@cache
def _gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(part) for part in _zeros(256)), packer.flush()])


@cache
def _deflate_bomb() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(part) for part in _zeros(256)), packer.flush()])


@cache
def _brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=5)
    return b"".join([*(packer.process(part) for part in _zeros(256)), packer.finish()])


@cache
def _zstd_bomb() -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join([*(packer.compress(part) for part in _zeros(256)), packer.flush()])


LONG = "it unpacks to more than"
ATTACKS: dict[str, Hostile] = {
    "headers": Hostile(
        "headers have more than", lambda self, out: self.flood(out, OK, b"X-A: " + b"a" * 500 + b"\r\n")
    ),
    "many headers": Hostile("headers have more than", lambda self, out: self.flood(out, OK, b"a:b\r\n")),
    "one header": Hostile(
        "one of its headers has more than", lambda self, out: self.flood(out, OK + b"X: ", b"a" * PART)
    ),
    "folded header": Hostile("headers have more than", lambda self, out: self.flood(out, OK + b"X: a\r\n", b" a\r\n")),
    "no headers": Hostile("headers have more than", lambda self, out: self.flood(out, OK, b"nothing\r\n")),
    "interim": Hostile(
        "headers have more than",
        lambda self, out: self.flood(out, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    ),
    "status": Hostile("headers have more than", lambda self, out: self.flood(out, b"", b"HTTP/1.1 100 \r\n\r\n")),
    "chunk extensions": Hostile(
        "chunks with more than",
        lambda self, out: self.flood(
            out, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 900 + b"\r\nx\r\n"
        ),
    ),
    "tiny chunks": Hostile(
        "chunks with more than",
        lambda self, out: self.flood(out, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ),
    "trailers": Hostile(
        "does not answer as it should",
        lambda self, out: self.flood(out, OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"a: b\r\n"),
    ),
    "body": Hostile("too many bytes|it is large", lambda self, out: self.flood(out, OK + b"\r\n", b"<p>a")),
    "picture": Hostile(
        "too many bytes|it is large",
        lambda self, out: self.flood(
            out, b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + PICTURE, b"\x01\x02\x03\x04"
        ),
    ),
    "drip of headers": Hostile("DownloadTimeoutError", lambda self, out: self.drip(out, OK, b"a:b\r\n")),
    "drip of a line": Hostile("DownloadTimeoutError", lambda self, out: self.drip(out, OK, b"a")),
    "drip of a body": Hostile("DownloadTimeoutError", lambda self, out: self.drip(out, OK + b"\r\n", b"a")),
    "silence": Hostile("DownloadTimeoutError", lambda self, out: self.drip(out, b"", b"")),
    "gzip bomb": Hostile(LONG, lambda self, out: self.packed(out, "gzip", _gzip_bomb())),
    "gzip bomb of a picture": Hostile(
        LONG, lambda self, out: self.packed(out, "gzip", _gzip_bomb(), "image/jpeg"), bounded=False
    ),
    "nested gzip bomb": Hostile(
        "unpacks to more than",
        lambda self, out: self.packed(out, "gzip, gzip, gzip", gzip.compress(gzip.compress(_gzip_bomb()))),
    ),
    "many encodings": Hostile(
        "more than 3 encodings", lambda self, out: self.packed(out, ", ".join(["gzip"] * 9), gzip.compress(b"a"))
    ),
    "deflate bomb": Hostile(LONG, lambda self, out: self.packed(out, "deflate", _deflate_bomb())),
    "brotli bomb": Hostile(LONG, lambda self, out: self.packed(out, "br", _brotli_bomb())),
    "zstd bomb": Hostile(LONG, lambda self, out: self.packed(out, "zstd", _zstd_bomb())),
}


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
FETCHES: dict[str, Callable[[Hostile, BufferedIOBase], None]] = {
    "headers": lambda self, out: self.flood(out, OK, b"X-A: " + b"a" * 500 + b"\r\n"),
    "interim": lambda self, out: self.flood(out, b"", INTERIM),
    "drip of interim": lambda self, out: self.drip(out, b"", INTERIM),
    "drip of headers": lambda self, out: self.drip(out, OK, b"a:b\r\n"),
    "drip of a body": lambda self, out: self.drip(out, OK + b"\r\n", b" "),
    "chunk extensions": lambda self, out: self.flood(
        out, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 900 + b"\r\n \r\n"
    ),
}
"""What a host sends to whoever fetches one thing."""


def _rules(agents: int) -> str:
    """Return the largest robots.txt that is read; the parser keeps each of its rules once for every agent."""
    heads = "".join(f"User-agent: agent{index}\n" for index in range(agents - 1))
    return f"{heads}User-agent: *\n" + "Disallow: /x\n" * 60_000


def slug(attack: str) -> str:
    return attack.replace(" ", "-")


def _links(number: int) -> CannedReply:
    return page("links", *(f"/links/{index}" for index in range(number)))


def _maze(path: str) -> CannedReply:
    """Redirect to a new address each time, which is never the end."""
    at = path.rpartition("/")[2]
    return CannedReply(status=302, headers={"Location": f"/maze/{int(at or 0) + 1}"})


@dataclass(frozen=True, slots=True)
class Crawled:
    web: LocalWeb
    found: MeasuredCrawl


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """One crawl of a host for each attack and a good one, eight at once."""
    for bomb in (_gzip_bomb, _deflate_bomb, _brotli_bomb, _zstd_bomb):
        bomb()
    with LocalWeb() as web:
        web.host("good.test", {
            "/": page("good", *(f"/{index}.jpg" for index in range(GOOD))),
            **{f"/{index}.jpg": picture(f"good {index}") for index in range(GOOD)},
        })  # fmt: skip
        names = ["good.test"]
        for attack, hostile in ATTACKS.items():
            hostile.sent.clear()
            reply = CannedReply(raw=lambda out, hostile=hostile: hostile.send(hostile, out))  # type: ignore[misc]
            name = f"{slug(attack)}.test"
            web.host(name, {"/": page(attack, "/attack")} | {"/attack": reply})
            names.append(name)
        web.host("links.test", {"/": _links(100_000), "/robots.txt": text("User-agent: *\nDisallow: /links/")})
        web.host("maze.test", lambda path, _headers: _maze(path) if path.startswith("/maze") else
                 page("maze", *(f"/maze/{index}000" for index in range(3))) if path == "/" else None)  # fmt: skip
        for index in range(RULED):
            web.host(f"rules{index}.test", {"/": page("ruled"), "/robots.txt": text(_rules(agents=1 + index % 2 * 9))})
        for index in range(3):
            large = PICTURE + random.Random(index).randbytes(22 * 2**20)
            web.host(
                f"large{index}.test", {"/": page("large", "/a.jpg"), "/a.jpg": CannedReply(large, type="image/jpeg")}
            )
            names.append(f"large{index}.test")
        names += ["links.test", "maze.test", *(f"rules{index}.test" for index in range(RULED))]
        limits = CrawlLimits(tries=1, seconds=SECONDS, addresses=6000)
        plan = crawl(web, *names, limits=limits, hosts_at_once=8)
        yield Crawled(web, measured_crawl(plan, tmp_path_factory.mktemp("crawl")))


def test_no_host_fills_the_memory_of_a_crawl(crawled: Crawled) -> None:
    print(f"{crawled.found.memory / 2**20:.0f} MiB")  # noqa: T201 - shown with -s
    assert crawled.found.memory < MEMORY
    assert crawled.found.log == ""


def test_the_other_hosts_are_crawled_all_the_same(crawled: Crawled) -> None:
    good = {crawled.web.url("good.test", f"/{index}.jpg") for index in range(GOOD)}
    large = {crawled.web.url(f"large{index}.test", "/a.jpg") for index in range(3)}
    assert set(crawled.found.pictures) - large == good
    assert large <= {*crawled.found.pictures, *crawled.found.refused}, "they may stop each other, and say so"


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_host_sends_without_end_is_refused_with_a_reason(crawled: Crawled, attack: str) -> None:
    hostile, address = ATTACKS[attack], crawled.web.url(f"{slug(attack)}.test", "/attack")
    assert re.search(hostile.why, crawled.found.refused[address]), crawled.found.refused[address]
    assert hostile.sent["bytes"] < SENT / 4


def test_rules_that_are_too_many_to_keep_reserve_everything(crawled: Crawled) -> None:
    whys = [crawled.found.refused.get(crawled.web.url(f"rules{index}.test")) for index in range(RULED)]
    assert whys[::2] == [None] * (RULED // 2)
    assert all("robots.txt cannot be read" in str(why) for why in whys[1::2])


def test_the_links_of_one_page_are_limited_and_the_others_counted(crawled: Crawled) -> None:
    why = crawled.found.refused[crawled.web.url("links.test", "/#links")]
    assert "95000 more links than the 5000 that are followed" in why


def test_a_maze_of_redirects_is_left(crawled: Crawled) -> None:
    refused = [why for uri, why in crawled.found.refused.items() if uri.startswith(crawled.web.url("maze.test"))]
    assert refused == ["It was not read: it is redirected too many times."] * 3
    mazes = [path for path in crawled.web.asked("maze.test") if path.startswith("/maze")]
    assert len(mazes) == 3 * 6


# ---------------------------------------------------------------- everything else that fetches


@pytest.fixture
def web() -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        yield web


@pytest.mark.parametrize("attack", FETCHES)
def test_a_picture_that_is_fetched_by_its_address_has_the_same_limits(
    web: LocalWeb, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "TRIES", 1)
    hostile = Hostile("", FETCHES[attack])
    web.host("a.test", {"/i.jpg": CannedReply(raw=lambda out: hostile.send(hostile, out)), "/good.jpg": picture("a")})
    hosts = Hosts(web.listed("a.test"), lambda host, _port: [web.addresses[host]])
    fetcher = HostFetcher(hosts, CONTACT, 2**20, delay=0.0, seconds=5.0)
    with pytest.raises((NotRead, FileTooLarge)):
        fetcher.fetch(web.url("a.test", "/i.jpg"))
    assert fetcher.fetch(web.url("a.test", "/good.jpg"))
    fetcher.close()
    assert hostile.sent["bytes"] < SENT / 4


@pytest.mark.parametrize("attack", FETCHES)
def test_a_provider_of_sign_ins_has_the_same_limits(
    web: LocalWeb, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 5.0)
    hostile = Hostile("", FETCHES[attack])
    web.host("127.0.0.2", {"/keys": CannedReply(raw=lambda out: hostile.send(hostile, out))})
    with pytest.raises(OpenIdUnavailable):
        fetching.get(web.url("127.0.0.2", "/keys"))
    assert hostile.sent["bytes"] < SENT / 4


@pytest.mark.parametrize("attack", FETCHES)
def test_a_witness_has_the_same_limits(web: LocalWeb, attack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SECONDS", 5.0)
    hostile = Hostile("", FETCHES[attack])
    path = f"/{sha256(b'origin').hexdigest()}/checkpoint"
    web.host("127.0.0.2", {path: CannedReply(raw=lambda out: hostile.send(hostile, out))})
    with pytest.raises(WitnessUnavailable):
        remote.newest_at("w", web.url("127.0.0.2", ""), "origin")
    assert 0 < hostile.sent["bytes"] < SENT / 4


@pytest.mark.parametrize("attack", FETCHES)
def test_a_key_holder_has_the_same_limits(
    web: LocalWeb, attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transit, "SECONDS", 5.0)
    hostile = Hostile("", FETCHES[attack])
    web.host("127.0.0.2", {"/v1/transit/keys/k": CannedReply(raw=lambda out: hostile.send(hostile, out))})
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("a token")
    with pytest.raises(KeyHolderUnavailable):
        TransitHolder.of(f"transit+{web.url('127.0.0.2', '/transit/k')}", token).create()
    assert 0 < hostile.sent["bytes"] < SENT / 4


@pytest.mark.parametrize("attack", ["headers", "interim", "drip of interim", "drip of headers", "chunk extensions"])
def test_a_download_of_a_pack_has_the_same_limits(
    web: LocalWeb, attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "SECONDS", 5.0)
    certificate, resolve = Certificate("files.test"), socket.getaddrinfo
    (tmp_path / "trusted.pem").write_bytes(certificate.public)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    hostile = Hostile("", FETCHES[attack])
    web.host("files.test", {"/net": CannedReply(raw=lambda out: hostile.send(hostile, out))}, tls=certificate)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **named: resolve(web.addresses.get(host, host), *rest, **named)
    )
    with pytest.raises(DownloadFailed):
        downloading.download(
            f"https://files.test:{web.port}/net", tmp_path / "net", sha256="", most=2**20, on_progress=lambda *_: None
        )
    assert hostile.sent["bytes"] < SENT / 4
    assert not (tmp_path / "net").exists()
