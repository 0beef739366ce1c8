"""A complete crawl of several hosts with thousands of pages, full of reservations and traps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.support.crawls import FILES, crawl, paths_of, run_crawl, text
from tests.support.local_web import PICTURE, CannedReply, LocalWeb, Responder, bomb, page, picture

from lineament.errors import HostRefused, Reserved
from lineament.sources.crawl.plan import CrawlLimits

PAGES = 600  # of each large host
LARGE = ("a.test", "b.test", "c.test", "d.test")
LIMITS = CrawlLimits(depth=8, seconds=10, answer=2**20, tries=1)

WELL_KNOWN = {
    "/robots.txt": text("User-agent: *\nDisallow: /never-robots/\nAllow: /\nContent-Usage: /never-usage/ train-ai=n"),
    "/.well-known/tdmrep.json": CannedReply(
        b'[{"location": "/never-tdm/", "tdm-reservation": 1}]', type="application/json"
    ),
    "/ai.txt": text("User-Agent: *\nDisallow: /never-ai/"),
}
"""Each file reserves its own part of the host."""
RESERVED_PATHS = ("/never-robots/", "/never-usage/1.jpg", "/never-tdm/1.jpg", "/never-ai/1.jpg")
METAS = {
    "noai": '<meta name="robots" content="noai">',
    "noimageai": '<meta name="robots" content="index, noimageai">',
    "noindex": '<meta name="lineament" content="noindex">',
    "tdm": '<meta name="tdm-reservation" content="1">',
}
HEADERS = {
    "x-noai": {"X_Robots_Tag": "noai"},
    "x-noimageai": {"X_Robots_Tag": "noimageai"},
    "x-noindex": {"X_Robots_Tag": "noindex"},
    "x-tdm": {"TDM_Reservation": "1"},
    "x-usage": {"Content_Usage": "train-ai=n"},
}
"""Headers of pages that reserve what they show; a picture that only they show must not be requested."""
RESERVING = {
    **{f"/reserves/{name}": page(name, f"/never/{name}.jpg", head=head) for name, head in METAS.items()},
    **{f"/reserves/{name}": page(name, f"/never/{name}.jpg", **fields) for name, fields in HEADERS.items()},
}
ENDLESS = ("/calendar/2024/1", "/deeper/", "/loop")


def outside_addresses(web: LocalWeb) -> dict[str, str]:
    """Return redirects and links that must not be followed."""
    return {
        "/to/other": web.url("outside.test", "/o.jpg"),
        "/to/loopback": f"http://127.0.0.1:{web.port}/o.jpg",
        "/to/metadata": "http://169.254.169.254/latest/meta-data/",
        "/to/private": "http://10.0.0.1/i.jpg",
        "/to/rebound": web.url("rebound.test", "/o.jpg"),
        "/to/social": "https://scontent.fbcdn.net/i.jpg",
        "/to/file": "file:///etc/passwd",
    }


def large(outside: Mapping[str, str]) -> Responder:
    """Return a host whose pages link to seven others each; three share a picture, every fiftieth links to all traps."""
    traps = (*RESERVED_PATHS, *RESERVING, *ENDLESS, *outside, *outside.values())
    fixed = {**WELL_KNOWN, **RESERVING, "/": page("Root", *(f"/p/{number}" for number in range(1, 8)))}
    moved = {path: CannedReply(status=302, headers={"Location": to}) for path, to in outside.items()}

    def answer(path: str, _headers: Mapping[str, str]) -> CannedReply | None:
        kind, _, rest = path.lstrip("/").partition("/")
        if kind == "p" and int(rest) < PAGES:
            at = int(rest)
            children = [f"/p/{number}" for number in range(at * 7 + 1, at * 7 + 8) if number < PAGES]
            return page(f"Page {at}", f"/i/{at // 3}.jpg", "/", *children, *(traps if at % 50 == 1 else ()))
        if kind == "calendar":
            year, month = map(int, rest.split("/"))
            return page("c", f"/calendar/{year + month // 12}/{month % 12 + 1}", f"/calendar/{year + 1}/{month}")
        if kind == "deeper":
            return page("d", "x/")
        if kind.startswith("loop"):
            return CannedReply(
                status=302, headers={"Location": f"/loop{path.count('x')}" + "x" * (path.count("x") + 1)}
            )
        return picture(path) if kind == "i" or kind.startswith("never") else fixed.get(path) or moved.get(path)

    return answer


HEAVY = {
    "/good.jpg": picture("good"),
    "/slow.jpg": CannedReply(PICTURE, type="image/jpeg", wait=60),
    "/huge.jpg": CannedReply(PICTURE + bytes(3 * 2**20), type="image/jpeg"),
    "/endless.jpg": CannedReply(PICTURE * 1000, type="image/jpeg", endless=True),
    "/bomb.jpg": CannedReply(bomb(2**26), type="image/jpeg", headers={"Content-Encoding": "gzip"}),
    "/bombed": CannedReply(bomb(2**26), headers={"Content-Encoding": "gzip"}),
    "/film.mp4": CannedReply(bytes(1000), type="video/mp4"),
    "/fake.jpg": CannedReply(b"<svg/>", type="image/svg+xml"),
    "/secret.jpg": CannedReply(b"no", 403),
}


@pytest.fixture
def web() -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        web.host("heavy.test", {"/": page("h", *HEAVY), **HEAVY})
        web.host("silent.test", {"/": page("s", "/i.jpg"), "/i.jpg": picture("i"), "/robots.txt": text("", 503)})
        for name in ("outside.test", "rebound.test"):
            web.host(name, {"/o.jpg": picture("o"), "/robots.txt": text("")})
        for name in LARGE:
            web.host(name, large(outside_addresses(web)))
        yield web


def test_a_large_web_of_reservations_and_traps_is_crawled_completely_and_only_where_permitted(
    web: LocalWeb, tmp_path: Path
) -> None:
    begin = (*LARGE, "heavy.test", "silent.test")
    hosts = (*web.listed(*begin), f"rebound.test:{web.port}")  # its name, but not its private address
    items, refusals = run_crawl(crawl(web, *begin, hosts=hosts, limits=LIMITS), tmp_path)

    pictures = {f"/i/{at // 3}.jpg" for at in range(1, PAGES)}
    for name in LARGE:
        assert paths_of(web, name, items) == pictures, "everything that is permitted is found"
        requested = web.asked(name)
        assert {f"/p/{at}" for at in range(1, PAGES)} <= set(requested)
        assert set(RESERVING) <= set(requested), "pages that reserve what they show were read"
        assert len([path for path in requested if path.startswith("/calendar")]) <= 50
        assert max(path.count("/") for path in requested if path.startswith("/deeper")) <= 2 + LIMITS.depth
        assert len([path for path in requested if path.startswith("/loop")]) == LIMITS.redirects + 1
    assert paths_of(web, "heavy.test", items) == {"/good.jpg"}
    assert len(items) == len(LARGE) * len(pictures) + 1

    assert not [path for path in web.asked() if "/never" in path], "nothing that is reserved was requested"
    assert web.asked("silent.test") == ["/robots.txt"]
    assert {request.host for request in web.log} == set(begin), "no other host got a request, and no address did"
    assert Counter(web.asked()).most_common(1)[0][1] == 1, "nothing is requested twice"
    assert {web.most_at_once[name] for name in LARGE} == {1}, "one request at a time for each host"

    why = {refusal.name: refusal.why for refusal in refusals}
    for name in LARGE:
        for path in (
            *RESERVED_PATHS,
            *(f"/never/{name}.jpg" for name in METAS),
            *(f"/reserves/{name}" for name in HEADERS),
        ):
            assert isinstance(why[web.url(name, path)], Reserved), path
        assert isinstance(why[web.url(name, "/to/metadata")], HostRefused)
    assert {f"/{value}.jpg" for value in ("slow", "huge", "endless", "bomb", "fake", "secret")} <= {
        name.removeprefix(web.url("heavy.test", "")) for name in why
    }
    assert all(path in {*FILES, "/", *HEAVY} for path in web.asked("heavy.test"))
