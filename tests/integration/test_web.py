"""The pages over a real workspace, requested by a browser and by clients that are none."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest
from PIL import Image, ImageOps
from tests.conftest import PORTRAITS
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.serving import TOKEN, Served, serving, token_in
from tests.support.world import CASE, MEBI, PROBE, gallery, ingest, settings

from lineament.errors import CandidateErased, InvalidValue
from lineament.model.accounts import Permission
from lineament.model.ages import UNMEASURED
from lineament.model.events.kinds import EntryKind
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.testing import encoded
from lineament.web.addresses import case_address
from lineament.web.app import create_app, declared
from lineament.web.pages import PageRoute
from lineament.web.security import HEADERS
from lineament.web.serve import serve
from lineament.workspace import Workspace

pytestmark = pytest.mark.enable_socket
SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
TITLE = "</title><script>alert('title')</script>"
ROUTES = declared()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock(datetime.now(UTC), TICK)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("web")
    hostile = f'{{"page_title": "{TITLE}", "page_uri": "https://hostile.example/<script>"}}'
    gallery(home / "ws").close()
    with Workspace.open(settings(home / "ws"), clock=clock) as workspace:
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(
                name="short-lived",
                controller=SCRIPT,
                basis=SCRIPT,
                jurisdiction="FR",
                expires_on=datetime.now(UTC).date() + timedelta(days=3),
            )
        )
        workspace.desk_at_the_machine().casework.open(
            replace(CASE, ref=SCRIPT[:80], offence=SCRIPT, purpose=SCRIPT, basis=SCRIPT)
        )
        with Image.open(PORTRAITS / "sunak.jpg") as portrait:  # mirrored, it is no near-duplicate of the portrait
            ImageOps.mirror(portrait).save(home / "mirrored.jpg")
        (home / "mirrored.jpg.json").write_text(hostile)
        assert ingest(workspace, "short-lived", [home / "mirrored.jpg"]).faces == 1
        with serving(workspace) as running:
            yield running


@pytest.fixture(scope="module")
def browser(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="module")
def csrf(browser: httpx.Client) -> str:
    return token_in(browser.get("/cases/new").text)


@pytest.fixture(scope="module")
def probe(browser: httpx.Client, csrf: str) -> str:
    """The address of the probe's page."""
    answer = take(browser, csrf, PROBE.read_bytes())
    assert answer.status_code == 303
    return answer.headers["location"]


@pytest.fixture(scope="module")
def result(browser: httpx.Client, csrf: str, probe: str) -> str:
    """The address of a candidate list."""
    answer = search(browser, csrf, probe, mode="investigation")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def take(browser: httpx.Client, csrf: str, photograph: bytes, case: str = CASE.ref) -> httpx.Response:
    return browser.post("/search", data={"csrf": csrf, "case": case}, files={"photograph": ("a.jpg", photograph)})


def search(browser: httpx.Client, csrf: str, probe: str, **changed: str | list[str]) -> httpx.Response:
    form = {
        "csrf": csrf,
        "face": "1",
        "reason": "to find where it was published",
        "source": ["portraits", "short-lived"],
        "mode": "identification",
        "since": "",
        "until": "",
        "limit": "20",
    }
    return browser.post(f"{probe}/search", data={**form, **changed})


# ---------------------------------------------------------------- who may see the pages


def test_the_token_opens_a_session_and_leaves_the_address(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        answer = client.get(served.entrance)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        home = client.get("/")
        assert home.status_code == 200
        assert TOKEN not in home.text


@pytest.mark.parametrize("address", ["/", "/?token=", "/?token=wrong", f"/cases?token={TOKEN}", f"/?token={TOKEN}x"])
def test_without_the_token_the_page_says_what_to_do(served: Served, address: str) -> None:
    answer = httpx.get(served.url + address, timeout=60)
    assert answer.status_code == 403
    assert "lineament serve" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_enforces_the_access_that_it_declares(served: Served, route: PageRoute) -> None:
    address = re.sub(r"\{(face|rank)\}", "1", route.path)
    answer = httpx.request(route.method, served.url + re.sub(r"\{\w+\}", "x", address))
    turned_away = answer.status_code == 403 and "lineament serve" in answer.text
    assert turned_away == (route.access is not Permission.PUBLIC)


def test_only_these_routes_are_public() -> None:
    public = [route.path for route in ROUTES if route.access is Permission.PUBLIC]
    parts = {path.split("/")[1] for path in public}
    assert parts == {"answers", "static", "sign-in", "join", "transparency", "healthz", "readyz"}


def test_the_application_has_only_declared_routes(served: Served, browser: httpx.Client) -> None:
    app = create_app(served.workspace, TOKEN)
    assert [route for route in app.routes if "Mount" in type(route).__name__ or type(route).__name__ == "Route"] == []
    for address in ("/docs", "/redoc", "/openapi.json"):
        assert browser.get(address).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", ""])
def test_a_foreign_host_name_reads_nothing(served: Served, browser: httpx.Client, host: str) -> None:
    answer = browser.get("/", headers={"host": host})
    assert answer.status_code == 403
    assert CASE.ref not in answer.text


def test_the_names_of_this_machine_are_served(served: Served) -> None:
    port = served.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"[::1]:{port}", "127.0.0.1"):
        answer = httpx.get(served.entrance, headers={"host": host}, timeout=60)
        assert answer.status_code == 303


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/cases", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/cases", 405),
        ("PUT", "/", 405),
        ("POST", "/cases", 403),
        ("GET", "/static/lineament.css", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/probes/none", 404),
        ("GET", "/searches/none/candidates/first", 404),
        ("GET", "/ledger?before=x", 404),
    ],
)
def test_every_answer_has_the_headers(browser: httpx.Client, method: str, address: str, status: int) -> None:
    answer = browser.request(method, address)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == {**HEADERS, "cache-control": ANY}
    caching = answer.headers["cache-control"]
    assert caching == ("no-cache" if address == "/static/lineament.css" else "no-store")
    assert "server" not in answer.headers
    assert "Traceback" not in answer.text


def test_assets_with_a_digest_are_cached_for_good(browser: httpx.Client) -> None:
    found = re.findall(r'"(/static/[^"]+)"', browser.get("/").text)
    assert len(found) >= 3
    for address in found:
        assert "immutable" in browser.get(address).headers["cache-control"]


# ---------------------------------------------------------------- forms of others


def test_a_form_without_our_token_changes_nothing(served: Served, browser: httpx.Client, csrf: str) -> None:
    form = {"ref": "K-9 of nobody", "offence": "x", "purpose": "x", "basis": "x"}
    with served.client() as other:
        theirs = token_in(other.get("/cases/new").text)
    for token in ({}, {"csrf": ""}, {"csrf": csrf[:-1]}, {"csrf": theirs}):
        assert browser.post("/cases", data={**form, **token}).status_code == 403
    foreign = [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}]
    for headers in foreign:
        assert browser.post("/cases", data={**form, "csrf": csrf}, headers=headers).status_code == 403
    assert browser.post("/cases", json={**form, "csrf": csrf}).status_code == 403
    assert "K-9 of nobody" not in browser.get("/cases").text


def test_a_form_of_ours_is_accepted(browser: httpx.Client, csrf: str, served: Served) -> None:
    form = {"csrf": csrf, "ref": "K/10 ü", "offence": "x", "purpose": "x", "basis": "x"}
    headers = {"origin": served.url, "sec-fetch-site": "same-origin"}
    answer = browser.post("/cases", data=form, headers=headers)
    assert re.fullmatch(r"/cases/[0-9a-f]{16}", answer.headers["location"])  # an address names no case
    assert "K/10 ü" in browser.get(answer.headers["location"]).text
    assert browser.post("/cases", data=form).status_code == 409


def test_a_form_with_an_error_keeps_what_was_typed(browser: httpx.Client, csrf: str) -> None:
    answer = browser.post("/cases", data={"csrf": csrf, "ref": "K-11", "offence": "  ", "purpose": SCRIPT})
    assert answer.status_code == 422
    assert 'value="K-11"' in answer.text
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("ref", ["//evil.example", "https://evil.example", "../x", "/%2e%2e/"])
def test_no_reference_redirects_elsewhere(browser: httpx.Client, csrf: str, ref: str) -> None:
    form = {"csrf": csrf, "ref": ref, "offence": "x", "purpose": "x", "basis": "x"}
    location = browser.post("/cases", data=form).headers["location"]
    assert re.fullmatch(r"/cases/[\w~-]+", location)
    assert browser.get(location).status_code == 200


@pytest.mark.parametrize("address", ["//evil.example/", "/cases/", "//evil.example/cases/"])
def test_no_address_redirects(browser: httpx.Client, served: Served, address: str) -> None:
    assert browser.get(served.url + address).status_code == 404


# ---------------------------------------------------------------- texts of others


def test_no_text_becomes_markup(browser: httpx.Client, csrf: str, probe: str, result: str) -> None:
    hostile = search(browser, csrf, probe, reason=SCRIPT, mode="investigation").headers["location"]
    ref = case_address(SCRIPT[:80])
    pages = ["/", "/cases", "/cases?q=<script>alert(3)</script>", ref, "/sources", "/sources/short-lived", probe]
    pages += [
        hostile,
        f"{hostile}/candidates/1",
        case_address(CASE.ref),
        "/ledger",
        "/search",
        f"/search?case={SCRIPT}",
    ]
    pages += [f"{hostile}/candidates/{rank}" for rank in range(2, 7)]
    for address in pages:
        html = browser.get(address).text
        assert not re.search(r"<script(?! type=\"module\" src=\"/static/)", html), address
        assert "<img src=x" not in html, address
        assert 'href="javascript' not in html, address
    assert "&lt;/title&gt;&lt;script&gt;" in "".join(browser.get(page).text for page in pages)


@pytest.mark.parametrize(
    "address",
    [
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "/static/..%5capp.py",
        "/static/%00",
        "/static/../app.py",
        "/cases/..%2f..%2fetc%2fpasswd",
        "/probes/..%2f..%2fkeys/picture",
        "/searches/%2e%2e/candidates/1/crop",
        "/sources/..%2f..%2fkeys%2fkek",
    ],
)
def test_no_address_leads_into_a_folder(served: Served, browser: httpx.Client, address: str) -> None:
    port = int(served.url.rpartition(":")[2])
    answer = _raw(
        port,
        f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {_cookie(browser)}\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"import" not in answer.partition(b"\r\n\r\n")[2]


def _raw(port: int, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


# ---------------------------------------------------------------- the photograph


@pytest.mark.parametrize(
    ("photograph", "why"),
    [
        (b"", "empty"),
        (b"this is a text\n" * 50, "not a picture"),
        (PROBE.read_bytes()[:200], "breaks off too early to read a picture from it"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "does not read this format: SVG"),
    ],
)
def test_the_form_says_that_a_file_is_no_picture(browser: httpx.Client, csrf: str, photograph: bytes, why: str) -> None:
    answer = take(browser, csrf, photograph)
    assert answer.status_code == 422
    assert why in answer.text
    assert 'name="photograph"' in answer.text


def test_a_file_that_is_too_large_is_refused_before_it_is_read(browser: httpx.Client, csrf: str) -> None:
    answer = take(browser, csrf, b"\xff\xd8" + bytes(2 * MEBI))
    assert answer.status_code == 413
    assert "larger" in answer.text or "more than" in answer.text


def test_a_stream_is_refused_as_soon_as_it_is_too_long(served: Served, browser: httpx.Client) -> None:
    port = int(served.url.rpartition(":")[2])
    head = f"POST /search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {_cookie(browser)}\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
    start = b'--b\r\nContent-Disposition: form-data; name="photograph"; filename="x"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + b"%x\r\n%s\r\n" % (len(start), start))
        connection.sendall(b"%x\r\n%s\r\n" % (2 * MEBI, bytes(2 * MEBI)))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")  # before the body ends


def _cookie(browser: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def test_a_broken_form_is_an_error_page(browser: httpx.Client) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert browser.post("/search", content=b"--b\r\nno header\r\n", headers=kind).status_code in {403, 422}
    assert browser.post("/search", content=b"x", headers={"content-type": "multipart/form-data"}).status_code in {
        403,
        422,
    }


def test_a_photograph_needs_an_open_case(browser: httpx.Client, csrf: str) -> None:
    assert take(browser, csrf, PROBE.read_bytes(), case="").status_code == 422
    assert take(browser, csrf, PROBE.read_bytes(), case="none").status_code == 404
    form = {"csrf": csrf, "ref": "closed", "offence": "x", "purpose": "x", "basis": "x"}
    location = browser.post("/cases", data=form).headers["location"]
    assert browser.post(f"{location}/close", data={"csrf": csrf}).status_code == 303
    refused = take(browser, csrf, PROBE.read_bytes(), case="closed")
    assert refused.status_code in {403, 409}
    assert "closed" in refused.text
    assert browser.post(f"{location}/close", data={"csrf": csrf}).status_code == 409


def test_a_turned_photograph_is_shown_upright_and_that_can_be_undone(browser: httpx.Client, csrf: str) -> None:
    upside_down = encoded(Image.open(PROBE).transpose(Image.Transpose.ROTATE_180), "PNG")
    taken = take(browser, csrf, upside_down).headers["location"]
    assert "turned 180° clockwise to show its faces upright" in browser.get(taken).text
    undone = browser.post(f"{taken}/undo", data={"csrf": csrf}).headers["location"]
    page = browser.get(undone).text
    assert "upside down" in page
    assert "clockwise" not in page
    assert "Undo" not in page


def test_the_original_is_kept_and_edits_can_be_undone(browser: httpx.Client, csrf: str, probe: str) -> None:
    turned = browser.post(f"{probe}/turn", data={"csrf": csrf, "degrees": "90"}).headers["location"]
    assert turned != probe
    assert "turned 90° clockwise" in browser.get(turned).text
    region = {"csrf": csrf, "x": "10", "y": "10", "width": "150", "height": "200"}
    cropped = browser.post(f"{probe}/crop", data=region).headers["location"]
    assert "cropped to 150 × 200 px" in browser.get(cropped).text
    assert browser.post(f"{turned}/undo", data={"csrf": csrf}).headers["location"] == probe
    bad = browser.post(f"{probe}/crop", data={**region, "width": "0"})
    assert bad.status_code == 422
    assert browser.post(f"{probe}/turn", data={"csrf": csrf, "degrees": "45"}).status_code == 422
    assert browser.post(f"{probe}/draw", data={**region, "x": "nan"}).status_code == 422


def test_a_face_is_found_in_a_drawn_box(browser: httpx.Client, csrf: str, probe: str) -> None:
    region = {"csrf": csrf, "x": "30", "y": "20", "width": "150", "height": "180"}
    drawn = browser.post(f"{probe}/draw", data=region)
    assert drawn.status_code == 303
    assert drawn.headers["location"].endswith("?face=2")
    assert "2 faces found" in browser.get(drawn.headers["location"]).text
    nowhere = browser.post(f"{probe}/draw", data={**region, "x": "0", "y": "0", "width": "20", "height": "20"})
    assert nowhere.status_code == 422


# ---------------------------------------------------------------- the search


def test_the_other_photograph_of_the_person_comes_first(browser: httpx.Client, csrf: str, probe: str) -> None:
    location = search(browser, csrf, probe).headers["location"]
    html = browser.get(location).text
    assert re.search(r"1 candidate among 6 faces .*\d+\.\d\d s</span>", html)
    assert "list shows those where 0.1 strangers are expected" in html
    assert html.count('class="candidate"') == 1
    assert "Of 100 people in the gallery, fewer than 1 would be missing" in html
    beside = browser.get(f"{location}/candidates/1").text
    assert "Emmanuel Macron" in beside
    assert re.search(r'<a href="https://commons\.wikimedia\.org/[^"]+" rel="noreferrer noopener external"', beside)
    assert "on the record" in beside
    assert re.search(r"<dt>Face</dt><dd>\d+ px high</dd>", beside)
    for picture in ("crop", "thumbnail"):
        answer = browser.get(f"{location}/candidates/1/{picture}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8")
    assert browser.get(f"{location}/candidates/2").status_code == 404


def test_no_candidate_is_a_complete_answer(browser: httpx.Client, csrf: str) -> None:
    html = ""
    for name in (
        "ardern-2018",
        "ardern-2022",
        "macron-2025",
        "obama",
    ):  # one in ten strangers is a candidate of one face
        probe = take(browser, csrf, (PORTRAITS / f"{name}.jpg").read_bytes()).headers["location"]
        html = browser.get(search(browser, csrf, probe, source=["short-lived"]).headers["location"]).text
        if 'class="candidate"' not in html:
            break
    assert "No candidate" in html
    assert "complete answer" in html
    found = re.search(r'href="(/probes/[^"]+again=[^"]+)">Show the best', html)
    assert found is not None
    again = browser.get(found[1].replace("&amp;", "&")).text
    assert "to find where it was published" in again
    assert re.search(r'value="investigation" checked', again)


def test_if_nothing_was_compared_the_page_says_so(browser: httpx.Client, csrf: str, probe: str) -> None:
    html = browser.get(search(browser, csrf, probe, until="1990-01-01").headers["location"]).text
    assert "No candidate" in html
    assert "no face to compare" in html


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"reason": "  "}, "say why"),
        ({"source": []}, "choose at least one"),
        ({"face": ""}, "choose which face"),
        ({"face": "7"}, "shows 1"),
        ({"face": "x"}, "must be a number"),
        ({"mode": "manual"}, "choose one of the two"),
        ({"limit": "1000"}, "1 to 50"),
        ({"since": "2026-13-01"}, "write it as"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "comes after"),
        ({"reason": "a\0b"}, "cannot be kept"),
    ],
)
def test_the_form_says_what_a_search_lacks(
    browser: httpx.Client, csrf: str, probe: str, changed: dict[str, str], why: str
) -> None:
    answer = search(browser, csrf, probe, **changed)
    assert answer.status_code == 422
    assert why in answer.text


def test_list_and_candidate_say_what_is_measured_of_children_and_long_times(browser: httpx.Client, result: str) -> None:
    for address in (result, f"{result}/candidates/1"):
        assert UNMEASURED in browser.get(address).text


def test_nothing_on_the_pages_reads_as_proof(browser: httpx.Client, probe: str, result: str) -> None:
    for address in ("/", probe, result, f"{result}/candidates/1", "/help", "/ledger"):
        text = re.sub(r"<[^>]+>", " ", browser.get(address).text).replace("false match rate", "")
        assert not re.search(r"\b(match|matches|matched|hit|identified|identity|confidence|percent)\b|\d\s?%", text), (
            address
        )


def test_opening_an_original_is_recorded_before_it_is_shown(
    served: Served, browser: httpx.Client, csrf: str, result: str
) -> None:
    before = served.workspace.desk_at_the_machine().audit.size()
    assert browser.get(f"{result}/candidates/1/original").status_code == 405
    assert browser.post(f"{result}/candidates/1/original").status_code == 403
    assert served.workspace.desk_at_the_machine().audit.size() == before
    answer = browser.post(f"{result}/candidates/1/original", data={"csrf": csrf})
    assert answer.content == (PORTRAITS / "macron-2025.jpg").read_bytes()
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    (entry,) = served.workspace.desk_at_the_machine().audit.entries(before, before + 1)
    assert entry.action == "original_viewed"


def test_an_expired_source_is_not_offered_or_searched(
    served: Served, browser: httpx.Client, csrf: str, probe: str, clock: Clock
) -> None:
    assert 'name="source" value="short-lived"' in browser.get(probe).text
    clock.advance(days=5)
    try:
        html = browser.get(probe).text
        assert 'name="source" value="short-lived"' not in html
        assert "the source short-lived expired" in html
        refused = search(browser, csrf, probe)
        assert refused.status_code == 403
        assert "expired" in refused.text
        assert "expired" in browser.get("/sources").text
        assert (
            " among 5 faces "
            in browser.get(search(browser, csrf, probe, source=["portraits"]).headers["location"]).text
        )
    finally:
        clock.advance(days=-5)
        served.workspace.desk_at_the_machine().accept_clock.accept("the test is over")


def test_a_suspended_source_is_not_searched_until_it_is_resumed(browser: httpx.Client, csrf: str, probe: str) -> None:
    assert browser.post("/sources/short-lived/suspend", data={"csrf": csrf}).status_code == 303
    assert 'name="source" value="short-lived"' not in browser.get(probe).text
    assert browser.post("/sources/short-lived/suspend", data={"csrf": csrf}).status_code == 409
    assert browser.post("/sources/short-lived/withdraw", data={"csrf": csrf}).status_code == 422  # nothing was typed
    assert browser.post("/sources/short-lived/resume", data={"csrf": csrf}).status_code == 303
    assert 'name="source" value="short-lived"' in browser.get(probe).text


# ---------------------------------------------------------------- the ledger


def test_the_page_says_that_the_ledger_is_sound(served: Served, browser: httpx.Client, csrf: str, result: str) -> None:
    size = served.workspace.desk_at_the_machine().audit.size()
    html = browser.post("/ledger/check", data={"csrf": csrf}, follow_redirects=True).text
    assert re.search(rf"checked {size:,} entries in \d+\.\d\d s: sound", html)
    assert browser.get("/ledger?before=1").text.count('<li id="entry-') == 1
    assert browser.get("/ledger?before=-5").status_code == 200
    kinds = [browser.get(f"/ledger?kind={kind}").status_code for kind in EntryKind]
    assert kinds == [200] * len(EntryKind)
    assert browser.get("/ledger?before=999999999999").status_code == 200


def test_a_ledger_that_was_tampered_with_is_shown_as_broken(tmp_path: Path) -> None:
    with Workspace.create(settings(tmp_path / "ws")) as workspace, serving(workspace) as served:
        workspace.desk_at_the_machine().casework.open(CASE)
        workspace.desk_at_the_machine().casework.close(CASE.ref)
        with raw_database(tmp_path / "ws") as database:
            guards = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (guard,) in guards:  # as whoever can write the file can do
                database.execute(f'DROP TRIGGER "{guard}"')
            database.execute("UPDATE ledger_details SET sealed = zeroblob(length(sealed))")
        with served.client() as client:
            csrf = token_in(client.get("/ledger").text)
            html = client.post("/ledger/check", data={"csrf": csrf}, follow_redirects=True).text
            assert "The ledger is broken" in html
            assert "does not verify" in html


# ---------------------------------------------------------------- empty, damaged, erased, started


def test_an_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    with (
        Workspace.create(settings(tmp_path / "ws")) as workspace,
        serving(workspace) as served,
        served.client() as client,
    ):
        assert "Register a source" in client.get("/").text
        assert "No source is registered" in client.get("/sources").text
        assert "No case yet" in client.get("/cases").text
        assert "No open case" in client.get("/search").text
        assert client.get("/ledger").status_code == 200


def test_a_defect_is_shown_as_a_page_without_a_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        Workspace.create(settings(tmp_path / "ws")) as workspace,
        serving(workspace) as served,
        served.client() as client,
    ):
        workspace.store.close()
        (tmp_path / "ws" / "lineament.db").write_bytes(b"not a database at all" * 100)
        answer = client.get("/cases")
    assert answer.status_code >= 500
    assert "Traceback" not in answer.text
    assert "went wrong" in answer.text or "cannot be used" in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


def test_a_form_that_breaks_off_is_no_defect(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with served.client() as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    port = int(served.url.rpartition(":")[2])
    head = f"POST /cases HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {served.url}\r\nCookie: {cookie}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 400\r\n\r\ncsrf="
    with socket.create_connection(("127.0.0.1", port)) as leaving:
        leaving.sendall(head.encode())
        time.sleep(0.2)  # until the server reads on; if it does not yet, the test passes for less
    with served.client() as client:
        assert client.get("/cases").status_code == 200
    assert "POST" not in caplog.text


def test_an_erased_candidate_keeps_its_rank_and_score(tmp_path: Path) -> None:
    with (
        Workspace.create(settings(tmp_path / "ws")) as workspace,
        serving(workspace) as served,
        served.client() as client,
    ):
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="short", controller="Press", basis="LED 8", jurisdiction="FR")
        )
        assert ingest(workspace, "short", [PORTRAITS / "macron-2025.jpg"]).faces == 1
        workspace.desk_at_the_machine().casework.open(CASE)
        csrf = token_in(client.get("/cases/new").text)
        probe = take(client, csrf, PROBE.read_bytes()).headers["location"]
        result = search(client, csrf, probe, source=["short"]).headers["location"]
        (candidate,) = workspace.desk_at_the_machine().search.get(result.rpartition("/")[2]).candidates
        workspace.desk_at_the_machine().erase.face(candidate.face_id, reason="asked for")
        html = client.get(result).text
        assert "erased since" in html
        assert f"{candidate.score:.3f}" in html
        assert "No candidate" not in html
        assert "1 candidate, 1 erased since" in client.get(case_address(CASE.ref)).text
        assert "1 candidate among 1 face " in html
        erased = client.get(f"{result}/candidates/1")
        assert erased.status_code == 410
        assert "Candidate 1 was erased" in erased.text
        assert f'<time datetime="{datetime.now(UTC).year}' in erased.text
        assert f"score {candidate.score:.3f}" in erased.text
        for picture in ("crop", "thumbnail"):
            gone = client.get(f"{result}/candidates/1/{picture}")
            assert gone.status_code == 410
            assert re.search(r"Candidate 1 was erased from the gallery on \d{4}-\d\d-\d\d at \d\d:\d\d UTC", gone.text)
        assert client.get(f"{result}/candidates/2").status_code == 404


def test_when_a_candidate_went_is_told_as_far_as_the_record_does(tmp_path: Path) -> None:
    names = ("first", "second")
    with Workspace.create(settings(tmp_path / "ws")) as workspace:
        desk = workspace.desk_at_the_machine()
        for name in names:
            desk.sources.add(SourceTerms(name=name, controller="Press", basis="LED 8", jurisdiction="FR"))
        ingest(workspace, "first", [PORTRAITS / "macron-2025.jpg"])
        ingest(workspace, "second", [PORTRAITS / "obama.jpg"])
        desk.casework.open(CASE)
        probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        request = SearchRequest(case=CASE.ref, reason="why", mode=Mode.INVESTIGATION)
        found = desk.search.run(probe.id, request, 1)
        assert [candidate.source for candidate in found.candidates] == list(names)
        told: list[Any] = []
        first_day = datetime.now(UTC).date()
        for name in names:
            desk.erase.source(name, "the contract ended")
            with pytest.raises(CandidateErased) as erased:
                desk.pictures.crop(found.search_id, "1")
            told.append(erased.value.details["at"])
        assert first_day <= told[0].date() <= datetime.now(UTC).date()
        assert told[1] is None  # either withdrawal may have been that of its source
        assert "at a time that the record does not tell" in str(erased.value)


def test_many_pictures_at_once_are_all_served(browser: httpx.Client, result: str, probe: str) -> None:
    addresses = [f"{result}/candidates/{rank}/crop" for rank in range(1, 7)] + [f"{probe}/faces/1", f"{probe}/picture"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(browser.get, addresses * 3))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::", "127.0.0.2"])  # noqa: S104 - refused
def test_no_other_address_is_listened_on(served: Served, host: str) -> None:
    with pytest.raises(InvalidValue, match="this machine only"):
        serve(served.workspace, host, 0, announce=pytest.fail)


def test_a_port_in_use_is_a_clear_error(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    with pytest.raises(InvalidValue, match="--port"):
        serve(served.workspace, "127.0.0.1", port, announce=pytest.fail)


def test_the_command_prints_an_address_that_opens_the_pages_and_stops(tmp_path: Path) -> None:
    Workspace.create(settings(tmp_path / "ws")).close()
    line = [sys.executable, "-m", "lineament", "serve", "--port", "0", "--home", str(tmp_path / "ws")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            address = next(found[0] for text in running.stdout if (found := re.search(r"http://\S+", text)))
            with httpx.Client(follow_redirects=True, timeout=60) as client:
                assert "Open a case" in client.get(address).text
        finally:
            running.send_signal(signal.SIGINT)
            printed = running.stdout.read()
            code = running.wait(20)
    assert code in {0, 130}
    assert "Traceback" not in printed
    assert address not in printed
    assert printed.count("token=") == 1  # of the next link, as the first was used
