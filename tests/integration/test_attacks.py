"""Attacks on every route: foreign forms, foreign hosts, fields that no form has, scripts, paths out of a folder.

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
from tests.support.database import raw_database
from tests.support.route_forms import build_request, prepare, targets, valid_request
from tests.support.serving import token_in
from tests.support.targets import NOT_THERE, PEOPLE
from tests.support.two_agencies import AgencyTexts, Pages, TwoAgencies, build_two_agencies

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


def name_of(route: PageRoute) -> str:
    return f"{route.method} {route.path}"


class Watch:
    """Tells whether anybody wrote to the database."""

    def __init__(self, world: TwoAgencies) -> None:
        self._database = sqlite3.connect(world.home / "lineament.db")
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def quiet(self) -> bool:
        """Return whether nobody wrote since the last call."""
        before, self._seen = self._seen, self._version()
        return before == self._seen

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def watch(pages: Pages) -> Iterator[Watch]:
    watching = Watch(pages.world)
    yield watching
    watching.close()


def test_the_watch_sees_a_valid_form(pages: Pages, watch: Watch) -> None:
    world = pages.world
    route = next(route for route in FORMS if route.path == "/cases/{ref}/messages")
    person, request = valid_request(world, route)
    assert watch.quiet()
    assert pages.ask(person, "POST", request.address, request.data).status_code == 303
    assert not watch.quiet()
    world.restore()


# ---------------------------------------------------------------- forms of others


@pytest.mark.parametrize("route", FORMS, ids=name_of)
def test_no_form_of_another_page_does_anything(pages: Pages, watch: Watch, route: PageRoute) -> None:
    world = pages.world
    person, request = valid_request(world, route)
    theirs = pages.ask(world.people["B guest observer"], "GET", "/").text
    assert watch.quiet()
    forged: list[dict[str, Any]] = [
        {"data": {"csrf": ""}},
        {"data": {"csrf": token_in(theirs)}},
        {"headers": {"origin": EVIL}},
        {"headers": {"origin": "http://localhost:8472"}},
        {"headers": {"sec-fetch-site": "cross-site"}},
        {"headers": {"sec-fetch-site": "same-site"}},
    ]
    for forgery in forged:
        data, headers = {**request.data, **forgery.get("data", {})}, forgery.get("headers", {})
        answer = pages.ask(person, "POST", request.address, data, headers=headers, files=request.files)
        assert answer.status_code == 403, forgery
        assert "set-cookie" not in answer.headers
    assert pages.ask(person, "POST", request.address, headers={"content-type": "text/plain"}).status_code == 403
    is_a_page = any(other.method == "GET" and other.path == route.path for other in ROUTES)
    assert is_a_page or pages.ask(person, "GET", request.address).status_code in {404, 405}
    assert watch.quiet()


@pytest.mark.parametrize("route", OPEN_FORMS, ids=name_of)
def test_no_form_before_sign_in_does_anything_without_its_own_browser(
    pages: Pages, watch: Watch, route: PageRoute
) -> None:
    data = {"email": "x@y.example", "password": "x", "csrf": "x" * 43}
    for headers in ({}, {"cookie": f"lineament-form-8471={'x' * 43}"}, {"origin": EVIL}):
        answer = pages.ask(None, "POST", route.path.replace("{token}", "x" * 43), data, headers=headers)
        assert answer.status_code == 403
    assert watch.quiet()


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
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


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_no_answer_can_be_framed_or_leads_to_another_host(pages: Pages, route: PageRoute) -> None:
    world = pages.world
    answers = [pages.ask(None, route.method, re.sub(r"{\w+}", "1", route.path))]
    if route in PRIVATE:
        person, request = valid_request(world, route)
        prepare(world, route, request)
        form = {"next": f"//{EVIL[8:]}", "return_to": EVIL} | request.data
        data = None if route.method == "GET" else form
        address = request.address if data else f"{request.address}?next={EVIL}/"
        answers.append(pages.ask(person, route.method, address, data, files=request.files))
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
    "ledger_details": "seq, agency_id, case_id, host_id, account_id, entry_action",
}


def state(world: TwoAgencies) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the tables, with ``new`` for every new id."""
    known = {*world.agencies.values(), *(person.account.id for person in world.people.values())}

    def known_or_new(value: Any) -> Any:
        return "new" if isinstance(value, str) and _ID.fullmatch(value) and value not in known else value

    with raw_database(world.home) as database:
        return {
            table: sorted(
                (tuple(map(known_or_new, row)) for row in database.execute(f"SELECT {columns} FROM {table}")), key=repr
            )
            for table, columns in TABLES.items()
        }


@pytest.mark.parametrize("route", FORMS, ids=name_of)
def test_fields_that_no_form_has_change_nothing(pages: Pages, route: PageRoute) -> None:
    world, outcomes = pages.world, []
    person, request = valid_request(world, route)
    for extra in ({}, EXTRA):
        world.restore()
        prepare(world, route, request)
        answer = pages.ask(person, "POST", request.address, {**extra, **request.data}, files=request.files)
        rules = world.desk_of("home operator").agencies
        policies = [rules.rules_of(world.agencies[letter]) for letter in "ABC"]
        outcomes.append(
            (
                answer.status_code,
                state(world),
                policies,
                [re.sub("id='[0-9a-f]{16}'", "", repr(agency)) for agency in rules.list()],
            )
        )
    world.restore()
    assert outcomes[0] == outcomes[1]


# ---------------------------------------------------------------- scripts

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{191*191}}"
RAW = re.compile(
    rb"<script(?! type=\"module\" src=\"/static/)|<img src=x|onerror=alert\(2\)>"
    rb"|(?<![0-9a-f])36481(?![0-9a-f])"  # 191 * 191, but not within a digest
)


def hostile(letter: str) -> AgencyTexts:
    text = f"{SCRIPT}{letter}"
    return AgencyTexts(
        agency=text,
        person=f"{text} person",
        domain=f"{letter.lower()}<b>.example",
        ref=f"{text[:80]}{letter}",
        offence=text,
        purpose=text,
        reason=text,
        message=f"{text}/../../x.html",
    )


def test_no_text_of_anybody_becomes_markup(tmp_path_factory: pytest.TempPathFactory) -> None:
    hostile_agencies = build_two_agencies(tmp_path_factory.mktemp("hostile"), hostile)
    with hostile_agencies.copy(tmp_path_factory.mktemp("hostile-copy")) as world, world.pages() as pages:
        world.desk_of("home operator").stops.stop_agency(SCRIPT, world.agencies["A"])
        world.desk_of("A supervisor").casework.hold(world.cases["A own"].key, SCRIPT)
        escaped, wrong = 0, []
        for route, name in itertools.product((route for route in PRIVATE if route.method == "GET"), PEOPLE):
            person = world.people[name]
            for target in targets(route, world, person):
                if target.allows(route.access.value):
                    html = pages.ask(person, "GET", build_request(world, person, route, target).address)
                    if "html" in html.headers.get("content-type", "") and RAW.search(html.content):
                        wrong.append((name, route.path))
                    escaped += html.content.count(b"&lt;script&gt;alert(1)")
        assert wrong == []
        assert escaped > 50
        case = world.cases["A own"]
        download = pages.ask(world.people["A examiner"], "GET", f"/cases/{case.key}/files/{case.paper}")
        assert download.headers["content-type"] == "application/octet-stream"
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.~%-]+", download.headers["content-disposition"])
        assert "%2F" not in download.headers["content-disposition"]
        assert "sandbox" in download.headers["content-security-policy"]


def queries() -> list[tuple[str, str]]:
    """Return the path of every page with each parameter that it reads from its address."""
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
    person, address = None, re.sub(r"{\w+}", "1", path)
    if route in PRIVATE:
        person, request = valid_request(world, route)
        address = request.address
    for text in (SCRIPT, f"javascript:{SCRIPT}", "\r\nset-cookie: a=b", "\0", "x" * 5000):
        answer = pages.ask(person, "GET", address, params={parameter: text})
        assert answer.status_code < 500 or answer.status_code == 503  # no provider is set up here
        assert not RAW.search(answer.content)
        assert not re.search(rb'(href|src|action)="\s*javascript:', answer.content)
        assert "a=b" not in answer.headers.get("set-cookie", "")


# ---------------------------------------------------------------- paths out

OUT = (
    "..%2f..%2fkeys%2fkek",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5ckek",
    "%00",
    "~2E~2E~2Fkek",
    "x" * 3000,
    "%ff",
)


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=name_of)
def test_no_part_of_an_address_leads_elsewhere(pages: Pages, route: PageRoute) -> None:
    world = pages.world
    person, request = valid_request(world, route) if route in PRIVATE else (world.people["A auditor"], None)
    for part in re.findall(r"{\w+}", route.path):
        for out in OUT:
            path = re.sub(
                r"{(\w+)}",
                lambda found: "1" if request is None else request.names[found[1]],
                route.path.replace(part, "@"),
            )
            address = path.replace("@", out)
            data = None if request is None or route.method == "GET" else request.data
            answer = pages.ask(person, route.method, address, data, files=None if request is None else request.files)
            assert answer.status_code in {403, 404, 405, 410, 422, 429}, address
            assert not re.search(rb"root:|\bimport\b", answer.content)
            assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "name", ["../../../kek", "..\\..\\kek", "/etc/passwd", "a\r\nset-cookie: a=b.txt", "x" * 500, ""]
)
def test_a_file_name_is_a_name_and_no_path(pages: Pages, name: str) -> None:
    world, case = pages.world, pages.world.cases["A own"]
    person = world.people["A examiner"]
    before = {paper.id for paper in world.desk_of("A examiner").room.papers(case.key)}
    files = {"file": (name or "nothing", b"a file")}
    assert pages.ask(person, "POST", f"/cases/{case.key}/files", {}, files=files).status_code == 303
    (newest,) = [paper for paper in world.desk_of("A examiner").room.papers(case.key) if paper.id not in before]
    assert not set(newest.text) & set("/\\\r\n")
    assert len(newest.text) <= 200
    assert pages.ask(person, "GET", f"/cases/{case.key}/files/{newest.id}").content == b"a file"
    world.restore()


# ---------------------------------------------------------------- guessing


def test_guessing_a_password_reveals_nothing_and_ends_at_a_lock(pages: Pages) -> None:
    world, answers = pages.world, []
    for email in (world.people["A examiner"].account.email, "examinex@a.example"):
        world.restore()
        responses = []
        for _ in range(7):
            page = pages.ask(None, "GET", "/sign-in")
            cookie = page.headers["set-cookie"].split(";")[0]
            token = token_in(page.text)
            form = {"email": email, "password": "wrong and long", "csrf": token}
            answer = pages.ask(None, "POST", "/sign-in", form, headers={"cookie": cookie})
            body = answer.text.replace(token, "").replace(email, "")
            responses.append((answer.status_code, body, set(answer.headers)))
        assert {status for status, _, _ in responses} == {403}
        assert len({body for _, body, _ in responses}) == 1
        answers.append(responses)
    world.restore()
    assert answers[0] == answers[1]
