"""Fetching single pictures by their address, under the policy of crawls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.support.local_web import PICTURE, CannedReply, LocalWeb, bomb, page, picture

from lineament.errors import FileTooLarge, HostRefused, InvalidValue, LineamentError, NotRead, Reserved
from lineament.sources.base import Item, Refusal
from lineament.sources.crawl.fetch import HostFetcher
from lineament.sources.manifest.connector import ManifestConnector
from lineament.sources.permission.hosts import Hosts

CONTACT = "https://agency.example/complaints"
MOST = 2**20


@pytest.fixture
def web() -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        yield web


def fetcher(web: LocalWeb, *names: str, hosts: tuple[str, ...] | None = None, seconds: float = 5.0) -> HostFetcher:
    listed = Hosts(web.listed(*names) if hosts is None else hosts, lambda host, _port: [web.addresses[host]])
    return HostFetcher(listed, CONTACT, MOST, delay=0.0, seconds=seconds)


def test_a_picture_is_fetched_and_the_request_says_who_asks(web: LocalWeb) -> None:
    web.host("a.test", {"/i.jpg": picture("i"), "/moved": CannedReply(status=308, headers={"Location": "/i.jpg"})})
    fetching = fetcher(web, "a.test")
    assert fetching.fetch(web.url("a.test", "/i.jpg#fragment")) == PICTURE + b"i"
    fetching.close()
    assert fetching.fetch(web.url("a.test", "/moved")) == PICTURE + b"i"
    assert web.asked("a.test")[:3] == ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"]
    assert Counter(web.asked("a.test"))["/robots.txt"] == 1
    assert all(
        request.headers["user-agent"].startswith("Lineament/") and CONTACT in request.headers["user-agent"]
        for request in web.log
    )
    fetching.close()


def test_reserved_pictures_are_not_fetched(web: LocalWeb) -> None:
    robots = CannedReply(b"User-agent: *\nDisallow: /private/", type="text/plain")
    web.host(
        "a.test", {"/robots.txt": robots, "/private/i.jpg": picture("p"), "/x.jpg": picture("x", X_Robots_Tag="noai")}
    )
    web.host("b.test", {"/robots.txt": CannedReply(status=500), "/i.jpg": picture("i")})
    web.host("c.test", {"/robots.txt": CannedReply(status=500), "/i.jpg": picture("i")})
    web.host("d.test", {"/to": CannedReply(status=302, headers={"Location": web.url("a.test", "/private/i.jpg")})})
    fetching = fetcher(web, "a.test", "b.test", "c.test", "d.test")
    for host, path in (("a.test", "/private/i.jpg"), ("a.test", "/x.jpg"), ("b.test", "/i.jpg"), ("d.test", "/to")):
        with pytest.raises(Reserved):
            fetching.fetch(web.url(host, path))
    assert "/private/i.jpg" not in web.asked("a.test")
    assert web.asked("b.test") == ["/robots.txt"]
    fetching.close()


def test_no_other_host_is_requested(web: LocalWeb) -> None:
    web.host("outside.test", {"/i.jpg": picture("i")})
    web.host("rebound.test", {"/i.jpg": picture("i")})
    away = {
        "/to": web.url("outside.test", "/i.jpg"),
        "/metadata": "http://169.254.169.254/",
        "/file": "file:///etc/passwd",
    }
    web.host("a.test", {path: CannedReply(status=302, headers={"Location": to}) for path, to in away.items()})
    fetching = fetcher(web, hosts=(*web.listed("a.test"), f"rebound.test:{web.port}"))
    urls = [web.url("a.test", path) for path in away] + [web.url("outside.test", "/i.jpg"), "http://fbcdn.net/i.jpg"]
    for url in [*urls, web.url("rebound.test", "/i.jpg"), f"http://127.0.0.1:{web.port}/i.jpg", "ftp://a.test/i.jpg"]:
        with pytest.raises(LineamentError) as caught:
            fetching.fetch(url)
        assert isinstance(caught.value, HostRefused | NotRead | Reserved), url
    assert {request.host for request in web.log} == {"a.test"}
    fetching.close()


def test_hostile_answers_are_refused(web: LocalWeb) -> None:
    gzip = {"Content-Encoding": "gzip"}
    pages = {
        "/huge": CannedReply(PICTURE + bytes(MOST), type="image/jpeg"),
        "/endless": CannedReply(PICTURE * 10_000, type="image/jpeg", endless=True),
        "/bomb": CannedReply(bomb(2**26), type="image/jpeg", headers=gzip),
        "/drip": CannedReply(PICTURE * 100, type="image/jpeg", drip=0.1),
        "/page": page("a"),
        "/film": CannedReply(b"x", type="video/mp4"),
        "/login": CannedReply(b"x", 401),
        "/loop": CannedReply(status=302, headers={"Location": "/loop"}),
        "/nowhere": CannedReply(status=302),
    }
    web.host("a.test", pages)
    fetching = fetcher(web, "a.test", seconds=0.5)
    for path in ("/huge", "/endless", "/bomb"):
        with pytest.raises(FileTooLarge):
            fetching.fetch(web.url("a.test", path))
    for path in ("/drip", "/page", "/film", "/login", "/loop", "/nowhere", "/missing"):
        with pytest.raises(NotRead):
            fetching.fetch(web.url("a.test", path))
    fetching.close()


def test_a_busy_host_is_left_alone_for_as_long_as_it_says(web: LocalWeb) -> None:
    times: Counter[str] = Counter()

    def answer(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        times[path] += 1
        if path == "/i.jpg" and times[path] == 1:
            return CannedReply(status=503, headers={"Retry-After": "1"})
        if path == "/never.jpg":
            return CannedReply(status=429, headers={"Retry-After": "100000"})
        return picture("i") if path == "/i.jpg" else None

    web.host("a.test", answer)
    fetching = fetcher(web, "a.test")
    fetching.fetch(web.url("a.test", "/i.jpg"))
    first, second = (request.at for request in web.log if request.path == "/i.jpg")
    assert second - first >= 1
    with pytest.raises(NotRead, match="asks for a pause"):
        fetching.fetch(web.url("a.test", "/never.jpg"))
    assert times["/never.jpg"] == 1
    fetching.close()


def test_a_manifest_yields_the_pictures_that_may_be_fetched(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", {"/i.jpg": picture("i"), "/x.jpg": picture("x", TDM_Reservation="1")})
    table = tmp_path / "list.csv"
    table.write_text(f"uri\n{web.url('a.test', '/i.jpg')}\n{web.url('a.test', '/x.jpg')}\nhttp://outside.test/i.jpg\n")
    fetching = fetcher(web, "a.test")
    found = list(ManifestConnector(table, fetching, MOST).items())
    assert [type(item) for item in found] == [Item, Refusal, Refusal]
    assert [type(refusal.why) for refusal in found if isinstance(refusal, Refusal)] == [Reserved, HostRefused]
    fetching.close()


def test_a_fetcher_needs_an_address_for_complaints() -> None:
    for contact in ("", "me", "a@b.example)\r\nX: y", "https://x y"):
        with pytest.raises(InvalidValue):
            HostFetcher(Hosts(()), contact, MOST)
