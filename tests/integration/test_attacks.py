"""What is tried against every route: foreign forms, foreign hosts, fields no form has, scripts, ways out of a folder.

Elsewhere, each by tests of its own: guessing passwords, the lock, the work for an unknown address, rotation of keys
(test_sign_in.py); cookies that were planted, their flags, redirects after signing in (test_sign_in_pages.py); the token
of a solo workspace, limits of forms, pictures that attack (test_web.py, test_bad_pictures.py); second factors
(test_second_factors.py); OpenID (test_openid_hostile.py).
"""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.support.sending import asking, named, prepared, right
from tests.support.sight import NOT_THERE, PEOPLE
from tests.support.world import Pages, Words, World, made

from lineament.model.accounts import Permission
from lineament.web.app import PAGE_MODULES, declared
from lineament.web.pages import PageRoute
from lineament.web.security import HEADERS

pytestmark = pytest.mark.enable_socket
ROUTES = declared()
PRIVATE = [route for route in ROUTES if route.access is not Permission.PUBLIC]
FORMS = [route for route in PRIVATE if route.method == "POST"]
OPEN_FORMS = [route for route in ROUTES if route.method == "POST" and route.access is Permission.PUBLIC]
EVIL = "https://evil.example"


def called(route: PageRoute) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def pages(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with world.copied(tmp_path_factory.mktemp("attacks")).open() as here, here.pages() as opened:
        yield opened


class Watch:
    """Tells whether anybody wrote to the database."""

    def __init__(self, world: World) -> None:
        self._database = sqlite3.connect(world.home / "lineament.db")
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def quiet(self) -> bool:
        was, self._seen = self._seen, self._version()
        return was == self._seen

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def watch(pages: Pages) -> Iterator[Watch]:
    watching = Watch(pages.world)
    yield watching
    watching.close()


def test_the_watch_sees_a_form_that_is_right(pages: Pages, watch: Watch) -> None:
    world = pages.world
    route = next(route for route in FORMS if route.path == "/cases/{ref}/messages")
    who, sent = right(world, route)
    assert watch.quiet()
    assert pages.ask(who, "POST", sent.address, sent.data).status_code == 303
    assert not watch.quiet()
    world.restore()


# ---------------------------------------------------------------- forms of others


@pytest.mark.parametrize("route", FORMS, ids=called)
def test_no_form_of_another_page_does_anything(pages: Pages, watch: Watch, route: PageRoute) -> None:
    world = pages.world
    who, sent = right(world, route)
    theirs = pages.ask(world.people["B guest observer"], "GET", "/").text
    token = re.search(r'name="csrf" value="([^"]+)"', theirs)
    assert token is not None
    assert watch.quiet()
    forged: list[dict[str, Any]] = [
        {"data": {"csrf": ""}},
        {"data": {"csrf": token[1]}},
        {"headers": {"origin": EVIL}},
        {"headers": {"origin": "http://localhost:8472"}},
        {"headers": {"sec-fetch-site": "cross-site"}},
        {"headers": {"sec-fetch-site": "same-site"}},
    ]
    for one in forged:
        data, headers = {**sent.data, **one.get("data", {})}, one.get("headers", {})
        answer = pages.ask(who, "POST", sent.address, data, headers=headers, **sent.more)
        assert answer.status_code == 403, one
        assert "set-cookie" not in answer.headers
    assert pages.ask(who, "POST", sent.address, headers={"content-type": "text/plain"}).status_code == 403
    is_a_page = any(other.method == "GET" and other.path == route.path for other in ROUTES)
    assert is_a_page or pages.ask(who, "GET", sent.address).status_code in {404, 405}
    assert watch.quiet()


@pytest.mark.parametrize("route", OPEN_FORMS, ids=called)
def test_no_form_before_sign_in_does_anything_without_its_own_browser(
    pages: Pages, watch: Watch, route: PageRoute
) -> None:
    data = {"email": "x@y.example", "password": "x", "csrf": "x" * 43}
    for headers in ({}, {"cookie": f"lineament-form-8471={'x' * 43}"}, {"origin": EVIL}):
        answer = pages.ask(None, "POST", route.path.replace("{token}", "x" * 43), data, headers=headers)
        assert answer.status_code == 403
    assert watch.quiet()


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_a_foreign_host_is_given_nothing(pages: Pages, watch: Watch, route: PageRoute) -> None:
    address = re.sub(r"{\w+}", "1", route.path)
    for host in (
        "evil.example",
        "localhost.evil.example:8471",
        "localhost:8471@evil.example",
        "127.0.0.1.evil.example",
    ):
        person = pages.world.people["A supervisor"]
        answer = pages.ask(person, route.method, address, headers={"host": host})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    forwarded = {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-original-url": "/people"}
    answer = pages.ask(pages.world.people["A auditor"], "GET", "/", headers=forwarded)
    assert b"evil.example" not in answer.content
    assert watch.quiet()


# ---------------------------------------------------------------- what every answer has


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_every_answer_is_framed_by_nobody_and_leads_nowhere_else(pages: Pages, route: PageRoute) -> None:
    world = pages.world
    answers = [pages.ask(None, route.method, re.sub(r"{\w+}", "1", route.path))]
    if route in PRIVATE:
        who, sent = right(world, route)
        prepared(world, route, sent)
        lured = {"next": f"//{EVIL[8:]}", "return_to": EVIL} | sent.data
        data = None if route.method == "GET" else lured
        address = sent.address if data else f"{sent.address}?next={EVIL}/"
        answers.append(pages.ask(who, route.method, address, data, **sent.more))
        world.restore()
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        for name in HEADERS.keys() - {"content-security-policy", "cache-control"}:
            assert answer.headers[name] == HEADERS[name]
        assert re.match(r"/(?!/)", answer.headers.get("location", "/"))
        for cookie in answer.headers.get_list("set-cookie"):
            assert {"httponly", "path=/", "samesite=strict"} <= {part.strip().lower() for part in cookie.split(";")}
            assert "domain" not in cookie.lower()


# ---------------------------------------------------------------- fields that no form has

EXTRA = {
    "roles": "operator",
    "agency": "home",
    "agency_id": "home",
    "account_id": NOT_THERE,
    "id": NOT_THERE,
    "state": "open",
    "home": "1",
    "solo": "1",
    "permission": "operate",
    "proved_at": "2999-01-01",
    "trained_until": "2999-01-01",
    "examiner": "somebody else",
    "actor": "somebody else",
    "by_agency": "home",
    "opened_at": "2000-01-01",
    "wrapped_key": "00",
    "ledger_entry": "0",
    "authorised_until": "2999-01-01",
    "member_role": "examiner",
    "notes_of": "home",
    "_method": "DELETE",
}
_ID = re.compile(r"[0-9a-f]{16}")
TABLES = {
    "accounts": "agency_id, roles, state, trained_until",
    "agencies": "count(*)",
    "cases": "agency_id, ref, state, seeks, authorised_until, hold_because, urgent_because, opened_at",
    "case_members": "case_id, account_id, role, until",
    "case_invitations": "case_id, role, until",
    "case_papers": "case_id, kind, agency_id, size",
    "factors": "account_id, kind",
    "sessions": "account_id, proved_at, terminal",
    "stops": "id, agency_id",
    "sources": "name, state, controller, basis, expires_on",
    "probes": "case_id, kind, edits",
    "searches": "case_id, agency_id, reason, mode, threshold, most, face",
    "ledger_entries": "seq, at, action",
    "ledger_details": "seq, agency_id, case_id, host_id",
}


def state(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """What matters; a new id is a new id."""
    known = {*world.agencies.values(), *(person.account.id for person in world.people.values())}
    database = sqlite3.connect(world.home / "lineament.db")

    def told(value: Any) -> Any:
        return "new" if isinstance(value, str) and _ID.fullmatch(value) and value not in known else value

    try:
        return {
            table: sorted(
                (tuple(map(told, row)) for row in database.execute(f"SELECT {columns} FROM {table}")), key=repr
            )
            for table, columns in TABLES.items()
        }
    finally:
        database.close()


@pytest.mark.parametrize("route", FORMS, ids=called)
def test_fields_that_no_form_has_change_nothing(pages: Pages, route: PageRoute) -> None:
    world, outcomes = pages.world, []
    who, sent = right(world, route)
    for extra in ({}, EXTRA):
        world.restore()
        prepared(world, route, sent)
        answer = pages.ask(who, "POST", sent.address, {**extra, **sent.data}, **sent.more)
        rules = world.desk("home operator").agencies
        policies = [rules.rules_of(world.agencies[letter]) for letter in "ABC"]
        outcomes.append(
            (
                answer.status_code,
                state(world),
                policies,
                [re.sub("id='[0-9a-f]{16}'", "", repr(one)) for one in rules.list()],
            )
        )
    world.restore()
    assert outcomes[0] == outcomes[1]


# ---------------------------------------------------------------- scripts

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{191*191}}"
RAW = re.compile(rb"<script(?! type=\"module\" src=\"/static/)|<img src=x|onerror=alert\(2\)>|36481")


def hostile(letter: str) -> Words:
    text = f"{SCRIPT}{letter}"
    return Words(
        agency=text,
        person=f"{text} person",
        domain=f"{letter.lower()}<b>.example",
        ref=f"{text[:80]}{letter}",
        offence=text,
        purpose=text,
        reason=text,
        said=f"{text}/../../x.html",
    )


def test_no_text_of_anybody_becomes_markup(tmp_path_factory: pytest.TempPathFactory) -> None:
    made_of = made(tmp_path_factory.mktemp("hostile"), hostile)
    with made_of.copied(tmp_path_factory.mktemp("hostile-copy")).open() as world, world.pages() as pages:
        world.desk("home operator").stops.stop_agency(SCRIPT, world.agencies["A"])
        world.desk("A supervisor").casework.hold(world.cases["A own"].key, SCRIPT)
        seen, wrong = b"", []
        for route, name in itertools.product((route for route in PRIVATE if route.method == "GET"), PEOPLE):
            who = world.people[name]
            for what in named(route, world, who):
                if what.seen and (what.may is None or route.access.value in what.may):
                    html = pages.ask(who, "GET", asking(world, who, route, what).address)
                    if "html" in html.headers.get("content-type", "") and RAW.search(html.content):
                        wrong.append((name, route.path))
                    seen += html.content
        assert wrong == []
        assert seen.count(b"&lt;script&gt;alert(1)") > 50
        one = world.cases["A own"]
        given = pages.ask(world.people["A examiner"], "GET", f"/cases/{one.key}/files/{one.paper}")
        assert given.headers["content-type"] == "application/octet-stream"
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.~%-]+", given.headers["content-disposition"])
        assert "%2F" not in given.headers["content-disposition"]
        assert "sandbox" in given.headers["content-security-policy"]


def queries() -> list[tuple[str, str]]:
    """What every page reads from its address."""
    return [
        (route.path, parameter.name)
        for module in PAGE_MODULES
        for route in module.pages.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
        for parameter in route.dependant.query_params
    ]


@pytest.mark.parametrize(("path", "parameter"), queries())
def test_nothing_in_an_address_becomes_markup(pages: Pages, path: str, parameter: str) -> None:
    world = pages.world
    (route,) = [route for route in ROUTES if (route.method, route.path) == ("GET", path)]
    who, address = None, re.sub(r"{\w+}", "1", path)
    if route in PRIVATE:
        who, sent = right(world, route)
        address = sent.address
    for text in (SCRIPT, f"javascript:{SCRIPT}", "\r\nset-cookie: a=b", "\0", "x" * 5000):
        answer = pages.ask(who, "GET", address, params={parameter: text})
        assert answer.status_code < 500 or answer.status_code == 503  # no provider is set up here
        assert not RAW.search(answer.content)
        assert not re.search(rb'(href|src|action)="\s*javascript:', answer.content)
        assert "a=b" not in answer.headers.get("set-cookie", "")


# ---------------------------------------------------------------- ways out

OUT = (
    "..%2f..%2fkeys%2fkek",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5ckek",
    "%00",
    "~2E~2E~2Fkek",
    "x" * 3000,
    "%ff",
)


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=called)
def test_no_part_of_an_address_leads_elsewhere(pages: Pages, route: PageRoute) -> None:
    world = pages.world
    who, sent = right(world, route) if route in PRIVATE else (world.people["A auditor"], None)
    for part in re.findall(r"{\w+}", route.path):
        for out in OUT:
            given = re.sub(
                r"{(\w+)}", lambda found: "1" if sent is None else sent.names[found[1]], route.path.replace(part, "@")
            )
            address = given.replace("@", out)
            data = None if sent is None or route.method == "GET" else sent.data
            answer = pages.ask(who, route.method, address, data, **({} if sent is None else sent.more))
            assert answer.status_code in {403, 404, 405, 422}, address
            assert not re.search(rb"root:|\bimport\b", answer.content)
            assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "name", ["../../../kek", "..\\..\\kek", "/etc/passwd", "a\r\nset-cookie: a=b.txt", "x" * 500, ""]
)
def test_a_file_name_is_a_name_and_no_place(pages: Pages, name: str) -> None:
    world, one = pages.world, pages.world.cases["A own"]
    who = world.people["A examiner"]
    before = {paper.id for paper in world.desk("A examiner").room.papers(one.key)}
    files = {"file": (name or "nothing", b"a file")}
    assert pages.ask(who, "POST", f"/cases/{one.key}/files", {}, files=files).status_code == 303
    (newest,) = [paper for paper in world.desk("A examiner").room.papers(one.key) if paper.id not in before]
    assert not set(newest.text) & set("/\\\r\n")
    assert len(newest.text) <= 200
    assert pages.ask(who, "GET", f"/cases/{one.key}/files/{newest.id}").content == b"a file"
    world.restore()


# ---------------------------------------------------------------- guessing, as a browser sees it


def test_guessing_on_the_page_tells_nothing_and_ends_at_a_lock(pages: Pages) -> None:
    world, answers = pages.world, []
    for email in (world.people["A examiner"].account.email, "examinex@a.example"):
        world.restore()
        said = []
        for _ in range(7):
            door = pages.ask(None, "GET", "/sign-in")
            kept = door.headers["set-cookie"].split(";")[0]
            token = re.search(r'name="csrf" value="([^"]+)"', door.text)
            assert token is not None
            form = {"email": email, "password": "wrong and long", "csrf": token[1]}
            answer = pages.ask(None, "POST", "/sign-in", form, headers={"cookie": kept})
            body = answer.text.replace(token[1], "").replace(email, "")
            said.append((answer.status_code, body, set(answer.headers)))
        assert {status for status, _, _ in said} == {403}
        assert len({body for _, body, _ in said}) == 1
        answers.append(said)
    world.restore()
    assert answers[0] == answers[1]
