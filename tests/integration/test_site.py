"""Crawls of a local web that logs requests: what is permitted is found, and nothing else is requested."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.crawls import (
    CONTACT,
    FILES,
    MOST,
    count_records,
    crawl,
    export_warc,
    paths_of,
    run_crawl,
    stored_crawl,
    text,
)
from tests.support.local_web import PICTURE, CannedReply, Certificate, LocalWeb, Responder, bomb, page, picture
from warcio.checker import Checker

from lineament.errors import HostRefused, InvalidValue, NotRead, Reserved, StorageFull, WorkspaceBusy
from lineament.sources.base import Found, Item, LeftOut, Refusal, Resumable
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.crawl.plan import Crawl, CrawlLimits
from lineament.sources.crawl.state import NAME
from lineament.sources.webarchive.connector import WarcConnector


@pytest.fixture
def web() -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        yield web


# ---------------------------------------------------------------- what is found


def tree(size: int) -> Responder:
    """Return a host whose pages link to seven others each, with a picture of their own and a shared one."""

    def answer(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        if path == "/":
            return page("Root", *(f"/p/{index}" for index in range(1, 8)))
        kind, _, number = path.lstrip("/").partition("/")
        if kind == "p" and number.isdigit() and int(number) < size:
            at = int(number)
            below = [f"/p/{index}" for index in range(at * 7 + 1, at * 7 + 8) if index < size]
            return page(f"Page {at}", f"/i/{at}.jpg", "/i/shared.jpg", "/", *below)
        return picture(path) if kind == "i" else None

    return answer


def test_a_picture_comes_with_its_page_and_its_records(web: LocalWeb, tmp_path: Path) -> None:
    html = '<title>Two  people</title><p>before</p><img src="/i.jpg?a=1" alt="a hat"><p>after</p>'
    web.host("a.test", {"/": CannedReply(html.encode()), "/i.jpg?a=1": picture("i")})
    (item,), refusals = run_crawl(crawl(web, "a.test"), tmp_path)
    assert not refusals
    provenance = item.provenance
    assert item.untrusted == PICTURE + b"i"
    assert (provenance.uri, provenance.page_uri) == (web.url("a.test", "/i.jpg?a=1"), web.url("a.test"))
    assert (provenance.page_title, provenance.words) == ("Two people", "a hat before after")
    assert provenance.connector == "site 1"
    assert provenance.captured_at is not None
    assert provenance.record is not None
    assert provenance.page_record is not None
    (again,) = (entry for entry in WarcConnector([export_warc(tmp_path)], MOST).items() if isinstance(entry, Item))
    assert again.untrusted == item.untrusted
    for value, other in (
        (again.provenance.record, provenance.record),
        (again.provenance.page_record, provenance.page_record),
    ):
        assert value is not None
        assert value.id == other.id
    page = stored_crawl(tmp_path).page(provenance.page_record)
    assert page is not None
    assert page.startswith(b"WARC/1.1\r\nWARC-Type: response\r\n")
    assert page.endswith(html.encode() + b"\r\n\r\n")
    assert again.provenance.words == provenance.words


def test_fetched_records_are_exported_as_a_warc_that_others_can_read(
    web: LocalWeb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web.host(
        "a.test",
        {"/": page("a", "/i.jpg", "/b"), "/b": CannedReply(status=302, headers={"Location": "/c"}), "/c": page("c")},
    )
    run_crawl(crawl(web, "a.test"), tmp_path)
    archive = export_warc(tmp_path)
    checker = Checker(type("Options", (), {"inputs": [str(archive)], "verbose": True}))
    assert checker.process_all() == 0, capsys.readouterr().out
    kinds = count_records(tmp_path)
    assert kinds["warcinfo"] == 1
    assert kinds["request"] == kinds["response"] == len([path for path in web.asked() if path != "a.test/i.jpg"])


def test_requests_say_who_crawls_and_nothing_of_other_hosts(web: LocalWeb, tmp_path: Path) -> None:
    web.host(
        "a.test", {"/": page("a", "/i.jpg", "/login", Set_Cookie="id=1"), "/login": page("b"), "/i.jpg": picture("i")}
    )
    run_crawl(crawl(web, "a.test"), tmp_path)
    assert web.log
    for request in web.log:
        assert request.headers["user-agent"].startswith("Lineament/")
        assert CONTACT in request.headers["user-agent"]
        assert request.headers["from"] == CONTACT
        assert not {"cookie", "authorization", "referer"} & set(request.headers)


# ---------------------------------------------------------------- what is reserved

PAGES = {
    "/": page("a", "/i.jpg", "/private/", "/free/"),
    "/i.jpg": picture("i"),
    "/free/": page("f", "/free/f.jpg"),
    "/free/f.jpg": picture("f"),
    "/private/": page("p", "/private/p.jpg"),
    "/private/p.jpg": picture("p"),
}
EVERYTHING = {"/", "/i.jpg", "/free/", "/free/f.jpg", "/private/", "/private/p.jpg"}
FREE = EVERYTHING - {"/private/", "/private/p.jpg"}
WHOLE_HOSTS: dict[str, tuple[dict[str, CannedReply], set[str]]] = {
    "robots404": ({}, EVERYTHING),
    "robots403": ({"/robots.txt": text("", 403)}, EVERYTHING),
    "robots500": ({"/robots.txt": text("", 500)}, set()),
    "robots503": ({"/robots.txt": text("", 503)}, set()),
    "robots429": ({"/robots.txt": text("", 429)}, set()),
    "robotsslow": ({"/robots.txt": CannedReply(b"User-agent: *\nAllow: /", type="text/plain", wait=60)}, set()),
    "robotsloop": ({"/robots.txt": CannedReply(status=301, headers={"Location": "/robots.txt"})}, set()),
    "robotsaway": (
        {"/robots.txt": CannedReply(status=301, headers={"Location": "http://outside.test/robots.txt"})},
        set(),
    ),
    "robotsmoved": (
        {
            "/robots.txt": CannedReply(status=301, headers={"Location": "/r"}),
            "/r": text("User-agent: *\nDisallow: /private"),
        },
        FREE,
    ),
    "robotshuge": ({"/robots.txt": text("#" * 2**21)}, set()),
    "robotsall": ({"/robots.txt": text("User-agent: *\nDisallow: /private/\nAllow: /")}, FREE),
    "robotsus": ({"/robots.txt": text("User-agent: *\nAllow: /\nUser-agent: Lineament\nDisallow: /private/")}, FREE),
    "robotsboth": (
        {"/robots.txt": text("User-agent: Lineament\nAllow: /\n\nUser-agent: *\nDisallow: /private/")},
        FREE,
    ),
    "robotsstar": ({"/robots.txt": text("User-agent: *\nDisallow: /*/p")}, EVERYTHING - {"/private/p.jpg"}),
    "usage": ({"/robots.txt": text("User-agent: *\nAllow: /\nContent-Usage: /private/ train-ai=n")}, FREE),
    "signal": ({"/robots.txt": text("User-agent: *\nAllow: /\nContent-Signal: search=yes, ai-train=no")}, set()),
    "tdm": (
        {
            "/.well-known/tdmrep.json": CannedReply(
                b'[{"location": "/private/", "tdm-reservation": 1}]', type="application/json"
            )
        },
        FREE,
    ),
    "tdmbroken": ({"/.well-known/tdmrep.json": CannedReply(b"[{", type="application/json")}, set()),
    "tdm500": ({"/.well-known/tdmrep.json": text("", 500)}, set()),
    "ai": (
        {"/ai.txt": text("User-Agent: *\nDisallow: *.jpg")},
        EVERYTHING - {"/i.jpg", "/free/f.jpg", "/private/p.jpg"},
    ),
    "ai500": ({"/ai.txt": text("", 502)}, set()),
    "softmissing": ({"/ai.txt": page("no such page"), "/.well-known/tdmrep.json": page("no such page")}, EVERYTHING),
}


def test_nothing_that_a_well_known_file_reserves_is_requested(web: LocalWeb, tmp_path: Path) -> None:
    for name, (files, _) in WHOLE_HOSTS.items():
        web.host(f"{name}.test", {**PAGES, **files})
    web.host("outside.test", {"/robots.txt": text("User-agent: *\nAllow: /")})
    names = [f"{name}.test" for name in WHOLE_HOSTS]
    items, refusals = run_crawl(crawl(web, *names, limits=CrawlLimits(seconds=8), hosts_at_once=16), tmp_path)
    for name, (_, permitted) in WHOLE_HOSTS.items():
        host = f"{name}.test"
        requested = [path for path in web.asked(host) if path not in {*FILES, "/r"}]
        assert sorted(requested) == sorted(permitted), name
        assert paths_of(web, host, items) == {path for path in permitted if path.endswith(".jpg")}, name
        reasons = {type(refusal.why) for refusal in refusals if refusal.name.startswith(web.url(host))}
        assert reasons == {Reserved} or permitted == EVERYTHING, name
    assert web.asked("outside.test") == []
    assert "/ai.txt" not in web.asked("robots500.test"), "if robots.txt cannot be read, nothing more is requested"


def test_pictures_that_an_answer_or_a_page_reserves_are_not_taken(web: LocalWeb, tmp_path: Path) -> None:
    heads = {
        "noai": '<meta name="robots" content="noai">',
        "noindex": '<meta name="ROBOTS" content="noindex, follow">',
        "tdm": '<meta name="tdm-reservation" content="1">',
    }
    headers = {
        "x-noai": {"X-Robots-Tag": "noai"},
        "x-noimageai": {"X-Robots-Tag": "noimageai"},
        "x-us": {"X-Robots-Tag": "lineament: noindex"},
        "x-tdm": {"TDM-Reservation": "1"},
        "x-usage": {"Content-Usage": "train-ai=n"},
        "x-signal": {"Content-Signal": "ai-train=no"},
    }
    pages = {
        f"/{name}": page(name, f"/{name}.jpg", "/shared.jpg", f"/{name}-more", head=head)
        for name, head in heads.items()
    }
    pages |= {f"/{name}-more": page("more", f"/{name}-more.jpg") for name in heads}
    pages |= {f"/{name}-more.jpg": picture(name) for name in heads}
    pages |= {
        f"/{name}.jpg": CannedReply(PICTURE, type="image/jpeg", headers=fields) for name, fields in headers.items()
    }
    pages |= {f"/page-{name}": page(name, f"/of-{name}.jpg", **fields) for name, fields in headers.items()}
    pages["/nofollow"] = page("n", "/n.jpg", "/never-1", head='<meta name="robots" content="nofollow">')
    pages |= {"/n.jpg": picture("n"), "/never-1": page("1"), "/never-2": page("2")}
    pages |= {"/ok.jpg": picture("ok"), "/gpt.jpg": picture("gpt", X_Robots_Tag="gptbot: noai")}
    pages["/"] = page(
        "root",
        "/ok.jpg",
        "/gpt.jpg",
        "/nofollow",
        '<a rel="nofollow" href="/never-2">x</a>',
        *(f"/{name}" for name in heads),
        *(f"/{name}.jpg" for name in headers),
        *(f"/page-{name}" for name in headers),
    )
    web.host("a.test", pages)
    items, refusals = run_crawl(crawl(web, "a.test"), tmp_path)
    assert paths_of(web, "a.test", items) == {"/ok.jpg", "/gpt.jpg", "/n.jpg", *(f"/{name}-more.jpg" for name in heads)}
    requested = set(web.asked("a.test"))
    assert not requested & {"/never-1", "/never-2", "/shared.jpg"}
    assert not requested & {f"/{name}.jpg" for name in heads}
    assert not requested & {f"/of-{name}.jpg" for name in headers}
    reserved = {
        refusal.name.removeprefix(web.url("a.test")) for refusal in refusals if isinstance(refusal.why, Reserved)
    }
    assert {f"{name}.jpg" for name in headers} | {f"{name}.jpg" for name in heads} | {"shared.jpg"} <= reserved
    stored = [
        item.provenance.uri for item in WarcConnector([export_warc(tmp_path)], MOST).items() if isinstance(item, Item)
    ]
    assert sorted(stored) == sorted(item.provenance.uri for item in items), "reserved pictures are not stored either"


def test_a_page_that_reserves_a_picture_overrides_a_page_that_showed_it_before(web: LocalWeb, tmp_path: Path) -> None:
    reserving = page("b", "/i.jpg", head='<meta name="robots" content="noai">')
    web.host("a.test", {"/": page("a", "/i.jpg", "/b"), "/b": reserving, "/i.jpg": picture("i")})
    connector = SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST)
    list(connector.items())
    items, refusals = run_crawl(crawl(web, "a.test"), tmp_path)
    assert items == []
    (why,) = {str(refusal.why) for refusal in refusals if refusal.name.endswith("/i.jpg")}
    assert "on the page" in why
    reserved: list[tuple[str, str]] = []
    assert count_records(tmp_path)["response"] == 4, "the picture is destroyed; the page and the three files stay"
    list(SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST, lambda *call: reserved.append(call)).items())
    assert reserved == [(web.url("a.test", "/i.jpg"), f"meta robots: noai, on the page {web.url('a.test', '/b')}")]


# ---------------------------------------------------------------- which hosts


def test_no_other_host_is_requested_by_link_redirect_or_address(web: LocalWeb, tmp_path: Path) -> None:
    outside = {"/": page("o"), "/o.jpg": picture("o"), "/robots.txt": text("")}
    web.host("a.test", {})
    web.host("outside.test", outside)
    web.host("rebound.test", outside)
    away = {
        "/": "/",
        "/to": web.url("outside.test", "/o.jpg"),
        "/private": f"http://127.0.0.1:{web.port}/",
        "/metadata": "http://169.254.169.254/latest/meta-data/",
        "/file": "file:///etc/passwd",
        "/user": f"http://me:secret@outside.test:{web.port}/",
        "/social": "https://www.facebook.com/zuck",
        "/port": f"http://a.test:{web.port + 1}/",
        "/literal": f"http://{web.addresses['outside.test']}:{web.port}/",
    }
    pages = {path: CannedReply(status=301, headers={"Location": to}) for path, to in away.items() if path != "/"}
    pages["/"] = page(
        "a",
        *(path for path in away if path != "/"),
        *(to for to in away.values() if to != "/"),
        web.url("outside.test", "/o.jpg"),
        web.url("rebound.test", "/o.jpg"),
        "//scontent.fbcdn.net/i.jpg",
        f"http://0x7f000001:{web.port}/i.jpg",
    )
    web._hosts["a.test"] = lambda path, _headers: pages.get(path)
    hosts = (*web.listed("a.test"), f"rebound.test:{web.port}")  # its name, but not its address
    items, refusals = run_crawl(crawl(web, "a.test", hosts=hosts), tmp_path)
    assert items == []
    assert {request.host for request in web.log} == {"a.test"}
    refused = {refusal.name: refusal.why for refusal in refusals}
    assert isinstance(refused[web.url("a.test", "/to")], HostRefused)
    assert isinstance(refused[web.url("a.test", "/metadata")], HostRefused)
    assert "loopback" in str(refused[web.url("rebound.test", "/o.jpg")])
    assert "nothing is ever collected" in str(refused["http://scontent.fbcdn.net/i.jpg"])


def test_no_option_permits_social_networks() -> None:
    with pytest.raises(HostRefused, match="nothing is ever collected"):
        Crawl(start=("https://www.facebook.com/",), hosts=("www.facebook.com",), contact=CONTACT)
    with pytest.raises(HostRefused):
        Crawl(start=("https://a.test/",), hosts=("a.test", "cdninstagram.com:8443"), contact=CONTACT)


@pytest.mark.parametrize(
    "changed",
    [{"start": ()}, {"start": ("ftp://a.test/",)}, {"contact": "nobody"}, {"delay": -1.0}, {"hosts": ("a.test/x",)}],
)
def test_an_impossible_crawl_is_refused_at_once(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        Crawl(**{"start": ("http://a.test/",), "hosts": ("a.test",), "contact": CONTACT, **changed})  # type: ignore[arg-type]


def test_a_host_must_have_a_trusted_certificate(web: LocalWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"/": page("a", "/i.jpg"), "/i.jpg": picture("i")}
    good, of_another = Certificate("a.test"), Certificate("c.test")
    web.host("a.test", pages, good)
    web.host("b.test", pages, of_another)
    (tmp_path / "trusted.pem").write_bytes(good.public + of_another.public)
    begin = tuple(web.url(name).replace("http:", "https:") for name in ("a.test", "b.test"))
    crawled = crawl(web, "a.test", "b.test", start=begin, limits=CrawlLimits(tries=1))
    items, refusals = run_crawl(crawled, tmp_path / "untrusted")
    assert items == []
    assert len(refusals) == 2
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    items, refusals = run_crawl(crawled, tmp_path / "trusted")
    assert [item.provenance.uri for item in items] == [f"{begin[0]}i.jpg"]
    assert [refusal.name for refusal in refusals] == [begin[1]]


# ---------------------------------------------------------------- traps


def test_traps_end_and_good_pictures_beside_them_are_found(web: LocalWeb, tmp_path: Path) -> None:
    def trap(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        if path.startswith("/calendar/"):
            year, month = map(int, path.removeprefix("/calendar/").split("/"))
            return page("c", f"/calendar/{year + month // 12}/{month % 12 + 1}", f"/calendar/{year + 1}/{month}")
        if path.startswith("/deeper/"):
            return page("d", "x/", "y/")
        if path.startswith("/loop"):
            return CannedReply(
                status=302, headers={"Location": f"/loop{path.count('x')}" + "x" * (path.count("x") + 1)}
            )
        return pages.get(path)

    gzip = {"Content-Encoding": "gzip"}
    pages = {
        "/": page(
            "a",
            "/calendar/2024/1",
            "/deeper/",
            "/loop",
            "/good",
            "/slow.jpg",
            "/drip.jpg",
            "/huge.jpg",
            "/endless.jpg",
            "/bomb.jpg",
            "/bombpage",
            "/film.mp4",
            "/fake.jpg",
            "/login",
            "/secret.jpg",
            "/empty.jpg",
            "/gone.jpg",
        ),
        "/good": page("g", "/good.jpg"),
        "/good.jpg": picture("good"),
        "/slow.jpg": CannedReply(PICTURE, type="image/jpeg", wait=60),
        "/drip.jpg": CannedReply(PICTURE * 100, type="image/jpeg", drip=0.2),
        "/huge.jpg": CannedReply(PICTURE + bytes(3 * 2**20), type="image/jpeg"),
        "/endless.jpg": CannedReply(PICTURE * 1000, type="image/jpeg", endless=True),
        "/bomb.jpg": CannedReply(bomb(2**26), type="image/jpeg", headers=gzip),
        "/bombpage": CannedReply(bomb(2**26), headers=gzip),
        "/film.mp4": CannedReply(bytes(1000), type="video/mp4"),
        "/fake.jpg": CannedReply(b"<svg/>", type="image/svg+xml"),
        "/login": CannedReply(b"who are you?", 401, headers={"WWW-Authenticate": "Basic"}),
        "/secret.jpg": CannedReply(b"no", 403),
        "/empty.jpg": CannedReply(b"", type="image/jpeg"),
    }
    web.host("a.test", trap)
    limits = CrawlLimits(depth=6, alike=20, seconds=6, answer=2**20, tries=1)
    items, refusals = run_crawl(crawl(web, "a.test", limits=limits), tmp_path)
    assert paths_of(web, "a.test", items) == {"/good.jpg"}
    requested = web.asked("a.test")
    assert max(Counter(requested).values()) == 1
    assert len([entry for entry in requested if entry.startswith("/calendar")]) <= 20
    assert max(entry.count("/") for entry in requested if entry.startswith("/deeper")) <= 2 + 6
    assert len([entry for entry in requested if entry.startswith("/loop")]) == limits.redirects + 1
    why = {refusal.name.removeprefix(web.url("a.test", "")): str(refusal.why) for refusal in refusals}
    assert "bytes" in why["/huge.jpg"]
    assert "bytes" in why["/endless.jpg"]
    assert "unpacks" in why["/bomb.jpg"]
    assert "after 1 tries" in why["/slow.jpg"]
    assert "after 1 tries" in why["/drip.jpg"]
    assert "neither" in why["/fake.jpg"]
    assert {"/secret.jpg", "/empty.jpg", "/gone.jpg"} <= set(why)


def test_a_busy_host_is_left_alone_for_as_long_as_it_says(web: LocalWeb, tmp_path: Path) -> None:
    busy = Counter[str]()

    def answer(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        if path.endswith(".jpg"):
            busy[path] += 1
            if busy[path] == 1:
                return CannedReply(status=429, headers={"Retry-After": "2"})
            return picture(path)
        return page("a", "/i.jpg") if path == "/" else None

    web.host("a.test", answer)
    items, refusals = run_crawl(crawl(web, "a.test"), tmp_path)
    assert not refusals
    assert len(items) == 1
    first, second = (request.at for request in web.log if request.path == "/i.jpg")
    assert second - first >= 2


def test_a_host_that_always_fails_is_given_up(web: LocalWeb, tmp_path: Path) -> None:
    web.host(
        "a.test",
        lambda path, _headers: (
            page("a", "/i.jpg") if path == "/" else CannedReply(status=500) if path == "/i.jpg" else None
        ),
    )
    items, (refusal,) = run_crawl(crawl(web, "a.test", limits=CrawlLimits(tries=2)), tmp_path)
    assert items == []
    assert "500, after 2 tries" in str(refusal.why)
    assert web.asked("a.test").count("/i.jpg") == 2


# ---------------------------------------------------------------- interrupting and resuming


class Metered:
    """Holds pictures back after a number of them, so that a crawl cannot end too early."""

    def __init__(self, most: int) -> None:
        self._given: set[tuple[str, str]] = set()
        self._most, self._more = most, threading.Condition()

    def host(self, name: str, answering: Responder) -> Responder:
        def answer(path: str, headers: Mapping[str, str]) -> CannedReply | None:
            sent = answering(path, headers)
            if sent is not None and sent.type == "image/jpeg":
                with self._more:
                    self._more.wait_for(lambda: (name, path) in self._given or len(self._given) < self._most)
                    self._given.add((name, path))
            return sent

        return answer

    def allow(self, most: int) -> None:
        with self._more:
            self._most = most
            self._more.notify_all()


def test_a_killed_crawl_resumes_without_repeating_requests(web: LocalWeb, tmp_path: Path) -> None:
    size, names = 120, ("a.test", "b.test", "c.test")
    metered = Metered(60)
    for name in names:
        web.host(name, metered.host(name, tree(size)))
    crawled = crawl(web, *names)
    cursor, found, kills = None, [], 0
    for stop in (40, 80, 120, None):
        connector = SiteConnector(crawled, stored_crawl(tmp_path), MOST)
        assert isinstance(connector, Resumable)
        for refusal, at in connector.items_from(cursor):
            cursor = at
            if isinstance(refusal, Refusal):
                kills += "ended early (-9)" in str(refusal.why)
                continue
            if isinstance(refusal, LeftOut):
                continue
            found.append(refusal.provenance.uri)
            if stop is not None and len(found) == stop:
                _kill(tmp_path)
                metered.allow(stop + 60 if stop < 120 else len(names) * size)
    assert kills == 3
    assert len(found) == len(set(found)) == len(names) * size, "everything was found, once"
    for name in names:
        twice = [path for path, times in Counter(web.asked(name)).items() if times > 1]
        assert len(twice) <= kills, "only requests in flight at a kill are repeated, one for each host"
        assert not set(twice) & {"/robots.txt", "/ai.txt"} or len(web.asked(name)) < 10
    stored = [
        item.provenance.uri for item in WarcConnector([export_warc(tmp_path)], MOST).items() if isinstance(item, Item)
    ]
    assert sorted(stored) == sorted(found), "no record is broken or stored twice"


def _kill(folder: Path, when: threading.Event | None = None) -> None:
    """Kill the process that crawls into the folder, and no other."""
    if when is not None:
        assert when.wait(300)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder.resolve()).encode() in command and b"crawl.worker" in command:
            os.kill(int(process.name), signal.SIGKILL)


def test_a_limit_ends_a_run_and_the_next_run_resumes(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", tree(30))
    limits = CrawlLimits(requests=20)
    _, refusals = run_crawl(crawl(web, "a.test", limits=limits), tmp_path)
    assert "limit of 20 requests" in str(refusals[-1].why)
    assert len([path for path in web.asked("a.test") if path not in FILES]) == 20
    for _ in range(4):
        items, _ = run_crawl(crawl(web, "a.test", limits=limits), tmp_path)
    assert len(items) == 30
    assert max(Counter(web.asked("a.test")).values()) == 1


def test_closing_the_iterator_stops_the_crawl(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", tree(10**6))
    found = SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST).items_from(None)
    next(found)
    found.close()  # type: ignore[attr-defined]
    logged = len(web.log)
    time.sleep(0.5)
    assert len(web.log) <= logged + 1, "no more than the request in flight"


def test_two_crawls_do_not_share_a_folder(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", tree(10**6))
    first = SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST).items_from(None)
    next(first)
    with pytest.raises(WorkspaceBusy):
        list(SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST).items_from("100000000"))
    first.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 30, "１"])
def test_an_invalid_cursor_is_refused(web: LocalWeb, tmp_path: Path, cursor: str) -> None:
    web.host("a.test", {})
    with pytest.raises(InvalidValue):
        next(SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST).items_from(cursor))


# ---------------------------------------------------------------- a second crawl


def test_a_second_crawl_asks_whether_anything_has_changed(web: LocalWeb, tmp_path: Path) -> None:
    version = {"/": 1, "/same.jpg": 1, "/changed.jpg": 1, "/late.jpg": 1, "/silent.jpg": 1}

    def answer(path: str, headers: Mapping[str, str]) -> CannedReply | None:
        if path not in version:
            return None
        tag = f'"{version[path]}"'
        if path == "/silent.jpg":
            return picture("silent")
        if headers.get("if-none-match") == tag:
            return CannedReply(status=304, headers={"ETag": tag})
        if path == "/":
            return page("a", *(entry for entry in version if entry != "/"), ETag=tag)
        fields = {"X-Robots-Tag": "noai"} if path == "/late.jpg" and version[path] > 1 else {}
        return CannedReply(PICTURE + path.encode() + tag.encode(), type="image/jpeg", headers={"ETag": tag, **fields})

    web.host("a.test", answer)
    first, _ = run_crawl(crawl(web, "a.test"), tmp_path)
    assert len(first) == 4
    assert [item for item, _ in SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path), MOST).items_from("4")] == []
    logged = len(web.log)
    version |= {"/changed.jpg": 2, "/late.jpg": 2}
    again = SiteConnector(crawl(web, "a.test", again_after=0.0), stored_crawl(tmp_path), MOST)
    new = [entry for entry, _ in again.items_from("4")]
    assert sorted(web.asked("a.test")[logged:]) == sorted(version), "robots.txt is valid for a day"
    assert all("if-none-match" in request.headers for request in web.log[logged:] if request.path != "/silent.jpg")
    changed = [item for item in new if isinstance(item, Item)]
    assert [item.provenance.uri for item in changed] == [web.url("a.test", "/changed.jpg")]
    (late,) = (refusal for refusal in new if isinstance(refusal, Refusal))
    assert isinstance(late.why, Reserved)
    items, _ = run_crawl(crawl(web, "a.test"), tmp_path)
    assert web.url("a.test", "/late.jpg") not in {item.provenance.uri for item in items}, (
        "a later reservation holds for earlier pictures"
    )
    assert count_records(tmp_path)["revisit"] == 3, "the page, /same.jpg and /silent.jpg"


def test_rules_that_cannot_be_read_that_day_forbid_requests_and_erase_nothing(web: LocalWeb, tmp_path: Path) -> None:
    files = {"/": page("a", "/i.jpg"), "/i.jpg": picture("i"), "/robots.txt": text("")}
    web.host("a.test", files)
    (item,), _ = run_crawl(crawl(web, "a.test"), tmp_path)
    files["/robots.txt"] = text("", 503)
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        assert database.execute("DELETE FROM origins").rowcount == 1  # a day has passed
    erased: dict[str, str] = {}
    again = SiteConnector(crawl(web, "a.test", again_after=0.0), stored_crawl(tmp_path), MOST, erased.__setitem__)
    found = [entry for entry, _ in again.items_from("1")]
    refusals = [refusal for refusal in found if isinstance(refusal, Refusal)]
    assert {type(refusal.why) for refusal in refusals} == {Reserved}
    assert all("robots.txt cannot be read" in str(refusal.why) for refusal in refusals)
    assert erased == {}
    assert [kept.provenance.uri for kept in run_crawl(crawl(web, "a.test"), tmp_path)[0]] == [item.provenance.uri]


def test_a_missing_record_is_a_refusal_and_does_not_end_the_crawl(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", {"/": page("a", "/i.jpg"), "/i.jpg": picture("i")})
    run_crawl(crawl(web, "a.test"), tmp_path)
    (archive,) = stored_crawl(tmp_path).archives()
    archive.write_bytes(b"")
    items, (refusal,) = run_crawl(crawl(web, "a.test"), tmp_path)
    assert items == []
    assert isinstance(refusal.why, NotRead)


def test_an_address_that_kills_the_process_is_given_up_after_some_tries(web: LocalWeb, tmp_path: Path) -> None:
    answering = threading.Event()

    def answer(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        if path == "/deadly.jpg":
            answering.set()
            return CannedReply(PICTURE, type="image/jpeg", wait=50)
        return page("a", "/deadly.jpg", "/z.jpg") if path == "/" else picture("z") if path == "/z.jpg" else None

    web.host("a.test", answer)
    crawled = crawl(web, "a.test", limits=CrawlLimits(tries=2))
    for _ in range(2):
        answering.clear()
        killer = threading.Thread(target=_kill, args=(tmp_path, answering))
        killer.start()
        list(SiteConnector(crawled, stored_crawl(tmp_path), MOST).items())
        killer.join()
    items, (refusal,) = run_crawl(crawled, tmp_path)
    assert paths_of(web, "a.test", items) == {"/z.jpg"}
    assert "ended repeatedly" in str(refusal.why)
    assert web.asked("a.test").count("/deadly.jpg") == 2


def test_a_full_disk_ends_a_crawl_and_found_pictures_stay(web: LocalWeb, tmp_path: Path) -> None:
    """A limit on file size stands for a full disk."""
    pictures = {f"/{number}.jpg": CannedReply(PICTURE + os.urandom(2**20), type="image/jpeg") for number in range(12)}
    web.host("a.test", {"/": page("a", *pictures), **pictures})
    crawled = crawl(web, "a.test")
    found: list[Found] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**23, before[1]))
    try:
        with pytest.raises(StorageFull):
            found.extend(SiteConnector(crawled, stored_crawl(tmp_path), MOST).items())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 5 <= len(found) <= 8
    items = [item for item in SiteConnector(crawled, stored_crawl(tmp_path), MOST).items() if isinstance(item, Item)]
    assert paths_of(web, "a.test", items) == set(pictures)
    assert len([path for path, times in Counter(web.asked("a.test")).items() if times > 1]) == 1
    stored = [item for item in WarcConnector([export_warc(tmp_path)], MOST).items() if isinstance(item, Item)]
    assert len(stored) == len(pictures)


def test_progress_is_available_at_any_time(web: LocalWeb, tmp_path: Path) -> None:
    web.host("a.test", tree(10))
    connector = SiteConnector(crawl(web, "a.test"), stored_crawl(tmp_path / "new"), MOST)
    assert connector.progress() is None
    list(connector.items())
    progress = connector.progress()
    assert progress is not None
    assert (progress.waiting, progress.refused, progress.pictures) == (0, 0, 10)
    assert connector.count() is None  # type: ignore[func-returns-value]
    assert (tmp_path / "new").stat().st_mode & 0o77 == 0
