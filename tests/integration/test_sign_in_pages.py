"""The pages of signing in, served for real, and what somebody without a session might try."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.authenticator import Authenticator
from tests.support.serving import TOKEN, ServedWorld, send_form, serving_officials, token_in
from tests.support.world import OTHER_PASSWORD, PASSWORD, Person

from lineament.model.accounts import HOME_AGENCY, Permission, Role
from lineament.model.policy import Preset
from lineament.services.people.sessions import SessionState
from lineament.web.app import declared
from lineament.web.pages import PageRoute
from lineament.web.serve import entrance

pytestmark = pytest.mark.enable_socket

EMAIL = "rufus@agency.example"
SCRIPT = '"><script>alert(1)</script>'
ROUTES = [route for route in declared() if route.access is not Permission.PUBLIC]
PUBLIC_URL = "https://lineament.agency.example"


def options_in(page: httpx.Response) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found is not None, page.text
    return dict(json.loads(html.unescape(found[1])))


def key_of(browser: httpx.Client) -> str:
    """Return the key of the session, from the cookie of a browser."""
    others = ("lineament-form", "lineament-device")
    (key,) = [cookie.value for cookie in browser.cookies.jar if not cookie.name.startswith(others)]
    assert key is not None
    return key


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServedWorld]:
    with serving_officials(tmp_path / "ws") as site:
        yield site


# ---------------------------------------------------------------- joining and signing in


def test_an_official_joins_adds_an_app_and_signs_in_again(site: ServedWorld) -> None:
    _, token = site.world.invite(EMAIL)
    with site.browser() as browser:
        mismatch = send_form(browser, f"/join/{token}", name="Rufus", password=PASSWORD, again=OTHER_PASSWORD)
        assert mismatch.status_code == 422
        joined = send_form(browser, f"/join/{token}", name="Rufus", password=PASSWORD, again=PASSWORD)
        assert (joined.status_code, joined.headers["location"]) == (303, "/")
        before = key_of(browser)
        assert browser.get("/cases").headers["location"] == "/second-factor?next=%2Fcases"
        page = browser.get("/account/app")
        shown = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
        pending = re.search(r'name="pending" value="([0-9a-f]+)"', page.text)
        assert shown is not None
        assert pending is not None
        account = site.world.session(before).account
        rufus = Person(account=account, key=before, secret=shown[1].replace(" ", ""))
        form = {"csrf": token_in(page.text), "pending": pending[1], "name": "phone"}
        again = browser.post("/account/app", data={**form, "code": "000000"})
        assert again.status_code == 403
        assert shown[1] in again.text  # the same secret, so that the app need not be set up again
        added = browser.post("/account/app", data={**form, "code": site.world.code(rufus)})
        assert (added.status_code, added.headers["location"]) == (303, "/account/recovery")
        assert key_of(browser) != before
        codes = re.findall(r"<li>(\w{4}(?:-\w{4}){3})</li>", send_form(browser, "/account/recovery").text)
        assert len(codes) == 10
        assert codes[0] not in browser.get("/account/recovery").text  # shown once
        assert browser.get("/cases").status_code == 200
    with site.signed_in(rufus, second_factor=False) as browser:
        answer = send_form(browser, "/second-factor?next=/cases", to="/second-factor", code=codes[0], next="/cases")
        assert (answer.status_code, answer.headers["location"]) == (303, "/cases")


def test_an_official_adds_a_passkey_and_uses_it(site: ServedWorld) -> None:
    rufus = site.world.sign_up(EMAIL)
    with site.browser() as browser:
        origin = str(browser.base_url).rstrip("/")
        key = Authenticator(origin, "localhost")
        assert send_form(browser, "/sign-in", email=EMAIL, password=PASSWORD).status_code == 303
        page = browser.get("/account/passkey")
        form = {"csrf": token_in(page.text), "name": "blue key", "passkey": key.create(options_in(page))}
        assert browser.post("/account/passkey", data=form).status_code == 303
        assert browser.get("/cases").status_code == 200
        site.world.clock.advance(minutes=31)
        page = browser.get("/locked?next=/cases")
        form = {"csrf": token_in(page.text), "next": "/cases", "passkey": key.get(options_in(page))}
        assert browser.post("/locked", data=form).headers["location"] == "/cases"
    with site.browser() as browser:
        assert send_form(browser, "/sign-in", email=EMAIL, password=PASSWORD).status_code == 303
        page = browser.get("/second-factor")
        wrong = {"csrf": token_in(page.text), "next": "/", "passkey": "{}"}
        refused = browser.post("/second-factor", data=wrong)
        assert refused.status_code == 403
        form = {"csrf": token_in(page.text), "next": "/", "passkey": key.get(options_in(refused))}
        assert browser.post("/second-factor", data=form).status_code == 303
        assert browser.get("/account").status_code == 200
    assert rufus.account.email == EMAIL


def test_at_an_ip_address_the_page_says_where_passkeys_work(site: ServedWorld) -> None:
    site.world.sign_up(EMAIL)
    port = site.port
    with httpx.Client(base_url=site.url, timeout=60) as browser:
        assert send_form(browser, "/sign-in", email=EMAIL, password=PASSWORD).status_code == 303
        page = browser.get("/account/passkey").text
    assert "data-options" not in page
    assert f"http://localhost:{port}" in page


def test_a_wrong_password_reveals_nothing_and_keeps_the_address(site: ServedWorld) -> None:
    site.world.sign_up_with_app(EMAIL)
    with site.browser() as browser:
        known = send_form(browser, "/sign-in", email=EMAIL, password="wrong and long", next="/cases")
        unknown = send_form(
            browser, "/sign-in", email="nobody@agency.example", password="wrong and long", next="/cases"
        )
        assert known.status_code == unknown.status_code == 403
        assert known.text.replace(EMAIL, "") == unknown.text.replace("nobody@agency.example", "")
        assert PASSWORD not in known.text


# ---------------------------------------------------------------- without an open session


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_without_a_session_no_route_is_open(shared: ServedWorld, route: PageRoute) -> None:
    address = re.sub(r"\{(face|rank)\}", "1", route.path)
    address = re.sub(r"\{\w+\}", "x", address)
    with shared.browser() as browser:
        answer = browser.request(route.method, address)
        if route.method == "GET":
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
        else:
            assert answer.status_code == 403


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    """A workspace for tests that change nothing in it."""
    with serving_officials(tmp_path_factory.mktemp("shared") / "ws") as site:
        yield site


@pytest.fixture(scope="module")
def half_open(shared: ServedWorld) -> dict[SessionState, str]:
    """Keys of sessions that are not open."""
    unenrolled = shared.world.sign_up("unenrolled@agency.example")
    app = shared.world.sign_up_with_app("app@agency.example")
    locked = app.key
    shared.world.clock.advance(minutes=31)
    return {
        SessionState.LOCKED: locked,
        SessionState.UNPROVED: shared.world.enter_password(app).key,
        SessionState.UNENROLLED: shared.world.enter_password(unenrolled).key,
    }


NEXT_STEP = {
    SessionState.LOCKED: ("/locked", {"GET /locked", "POST /locked", "POST /sign-out"}),
    SessionState.UNPROVED: ("/second-factor", {"GET /second-factor", "POST /second-factor", "POST /sign-out"}),
    SessionState.UNENROLLED: (
        "/second-factor",
        {
            "GET /second-factor",
            "POST /second-factor",
            "GET /account/passkey",
            "POST /account/passkey",
            "GET /account/app",
            "POST /account/app",
            "POST /sign-out",
        },
    ),
}


@pytest.mark.parametrize("standing", NEXT_STEP)
def test_a_session_that_is_not_open_permits_only_the_next_step(
    shared: ServedWorld, half_open: dict[SessionState, str], standing: SessionState
) -> None:
    location, permitted = NEXT_STEP[standing]
    port = shared.port
    with shared.browser() as browser:
        for route in ROUTES:
            address = re.sub(r"\{\w+\}", "1", route.path)
            cookie = {"cookie": f"lineament-{port}={half_open[standing]}"}
            answer = browser.request(route.method, address, headers=cookie)
            if f"{route.method} {route.path}" in permitted:
                assert answer.headers.get("location") is None
                assert (answer.status_code == 200) == (route.method == "GET"), route  # a POST lacks its token
            elif route.method == "GET":
                assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, location), route
            else:
                assert answer.status_code == 403


def test_a_role_is_checked_before_anything_is_looked_up(site: ServedWorld) -> None:
    anna = site.world.sign_up_with_app("anna@agency.example", Role.ADMINISTRATOR)
    with site.signed_in(anna) as browser:
        answers = [browser.get(address) for address in ("/cases/x", "/cases/2026-1", "/searches/x", "/probes/x")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text.replace(str(answer.url.path), "") for answer in answers}) == 1


# ---------------------------------------------------------------- forms that others send


@pytest.mark.parametrize("address", ["/sign-in", "/join/token of rufus@agency.example"])
def test_a_form_before_sign_in_is_bound_to_its_browser(site: ServedWorld, address: str) -> None:
    site.world.invite(EMAIL)
    fields = {"email": EMAIL, "password": PASSWORD, "again": PASSWORD, "name": "Rufus"}
    with site.browser() as browser, site.browser() as theirs:
        mine, other = token_in(browser.get(address).text), token_in(theirs.get(address).text)
        assert mine != other
        assert browser.post(address, data=fields).status_code == 403
        assert browser.post(address, data={**fields, "csrf": other}).status_code == 403
        assert httpx.post(f"{site.url}{address}", data={**fields, "csrf": mine}, timeout=60).status_code == 403
        for header in (
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            assert browser.post(address, data={**fields, "csrf": mine}, headers=header).status_code == 403
    assert "account_joined" not in site.world.actions()


def test_a_form_after_sign_in_needs_the_token_of_its_session(site: ServedWorld) -> None:
    rufus, groucho = site.world.sign_up_with_app(EMAIL), site.world.sign_up_with_app("groucho@agency.example")
    with site.signed_in(rufus) as browser, site.signed_in(groucho) as theirs:
        other = token_in(theirs.get("/account").text)
        assert browser.post("/sign-out", data={"csrf": other}).status_code == 403
        assert browser.post("/sign-out", data={"csrf": ""}).status_code == 403
        mine = token_in(browser.get("/account").text)
        foreign = {"origin": "https://evil.example"}
        assert browser.post("/sign-out", data={"csrf": mine}, headers=foreign).status_code == 403
        assert browser.get("/account").status_code == 200
        assert browser.post("/sign-out", data={"csrf": mine}).headers["location"] == "/sign-in"
        assert browser.get("/account").status_code == 303


def test_fields_that_no_form_has_change_nothing(site: ServedWorld) -> None:
    _, token = site.world.invite(EMAIL, Role.EXAMINER)
    with site.browser() as browser:
        more = {"roles": "operator", "role": "operator", "agency_id": "other", "state": "active", "proved_at": "2026"}
        answer = send_form(browser, f"/join/{token}", name="Rufus", password=PASSWORD, again=PASSWORD, **more)
        assert answer.status_code == 303
        session = site.world.session(key_of(browser))
    assert session.account.roles == {Role.EXAMINER}
    assert session.account.agency_id == HOME_AGENCY
    assert session.standing is SessionState.UNENROLLED


# ---------------------------------------------------------------- keys


def test_a_planted_cookie_never_becomes_a_session(site: ServedWorld) -> None:
    site.world.sign_up_with_app(EMAIL)
    with site.browser() as browser:
        port = site.port
        browser.cookies.set(f"lineament-{port}", "planted" * 7, domain="localhost.local", path="/")
        browser.cookies.set(f"lineament-form-{port}", "planted" * 7, domain="localhost.local", path="/")
        answer = send_form(browser, "/sign-in", email=EMAIL, password=PASSWORD)
        assert answer.status_code == 303
        assert "planted" not in answer.headers["set-cookie"]
    assert site.world.sign_in.session("planted" * 7) is None


def test_cookies_are_strict_and_http_only_and_bound_to_the_host_behind_tls(tmp_path: Path) -> None:
    with serving_officials(tmp_path / "ws", public_url=PUBLIC_URL) as site:
        site.world.sign_up_with_app(EMAIL)
        with site.browser(host="lineament.agency.example") as browser:
            page = browser.get("/sign-in")
            assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            form = page.headers["set-cookie"].partition(";")[0]
            answer = browser.post(
                "/sign-in",
                headers={"cookie": form, "origin": PUBLIC_URL, "sec-fetch-site": "same-origin"},
                data={"csrf": token_in(page.text), "email": EMAIL, "password": PASSWORD},
            )
            assert answer.status_code == 303
            cookies = answer.headers.get_list("set-cookie")
            assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-lineament", "__Host-lineament-form"]
            for cookie in cookies:
                assert {"httponly", "secure", "samesite=strict"} <= set(cookie.lower().split("; "))
            assert "domain" not in " ".join(cookies).lower()
        with site.browser(host="evil.example") as browser:
            assert browser.get("/sign-in").status_code == 403
        with site.browser() as browser:
            assert browser.get("/sign-in").headers["set-cookie"].startswith("lineament-form-")


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/%0d%0aX:1",
    ],
)
def test_no_form_redirects_to_another_host(site: ServedWorld, address: str) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with site.browser() as browser:
        page = browser.get("/sign-in", params={"next": address})
        assert address not in html.unescape(page.text) or address.startswith("/%")
        fields = {"csrf": token_in(page.text), "email": EMAIL, "password": PASSWORD, "next": address}
        places = [browser.post("/sign-in", data=fields).headers["location"]]
        site.world.clock.advance(minutes=1)
        form = {"code": site.world.code(rufus), "next": address}
        places += [send_form(browser, "/second-factor", **form).headers["location"]]
        places += [browser.get(page, params={"next": address}).headers["location"] for page in ("/sign-in", "/locked")]
    for place in places:
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))
        assert "\r" not in place


def test_signing_in_leads_to_the_page_that_was_requested(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with site.browser() as browser:
        location = browser.get("/cases?q=a%26b").headers["location"]
        assert location == "/sign-in?next=%2Fcases%3Fq%3Da%2526b"
        page = browser.get(location)
        next_page = re.search(r'name="next" value="([^"]+)"', page.text)
        assert next_page is not None
        fields = {
            "csrf": token_in(page.text),
            "email": EMAIL,
            "password": PASSWORD,
            "next": html.unescape(next_page[1]),
        }
        assert browser.post("/sign-in", data=fields).headers["location"] == "/cases?q=a%26b"
        assert browser.get("/sign-in?next=/x").headers["location"] == "/x"
    assert rufus.secret


# ---------------------------------------------------------------- the start-up token


def test_the_token_only_opens_a_workspace_of_one_person(tmp_path: Path) -> None:
    with serving_officials(tmp_path / "ws", public_url=PUBLIC_URL) as site:
        store = site.world.workspace.store
        with store.begin() as tx:
            tx.agencies.set_preset(HOME_AGENCY, None)
        with httpx.Client(base_url=site.url, timeout=60) as browser:
            assert browser.get("/").status_code == 403  # no sign-in page: nobody has an account
            assert "token=" in entrance(site.world.workspace, "127.0.0.1", 8471, TOKEN)
            public = browser.get(f"/?token={TOKEN}", headers={"host": "lineament.agency.example"})
            assert "set-cookie" not in public.headers
            assert browser.get(f"/?token={TOKEN}").status_code == 303
            assert browser.get("/").status_code == 200
            assert browser.get("/", headers={"host": "lineament.agency.example"}).status_code == 403
            with store.begin() as tx:
                tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
            assert browser.get("/").headers["location"] == "/sign-in"
            browser.cookies.clear()
            assert "set-cookie" not in browser.get(f"/?token={TOKEN}").headers
            assert browser.get("/").headers["location"] == "/sign-in"
            assert entrance(site.world.workspace, "127.0.0.1", 8471, TOKEN) == f"{PUBLIC_URL}/"


# ---------------------------------------------------------------- one's own account


def test_the_account_shows_and_ends_sessions(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with site.signed_in(rufus) as browser, site.signed_in(rufus) as other:
        page = browser.get("/account").text
        assert page.count('aria-label="End the session on') == 2
        theirs = site.world.session(key_of(other))
        mine = token_in(page)
        assert browser.post(f"/account/sessions/{theirs.id}/end", data={"csrf": mine}).status_code == 303
        assert browser.post(f"/account/sessions/{theirs.id}/end", data={"csrf": mine}).status_code == 404
        assert other.get("/account").status_code == 303
        assert browser.post("/account/sessions/others/end", data={"csrf": mine}).status_code == 303
        assert 'aria-label="End the session on' not in browser.get("/account").text


def test_changing_the_password_changes_the_key(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with site.signed_in(rufus) as browser:
        before = key_of(browser)
        change = "/account/password"
        for old, new, again, status in (
            ("wrong and long", OTHER_PASSWORD, OTHER_PASSWORD, 403),
            (PASSWORD, OTHER_PASSWORD, PASSWORD, 422),
            (PASSWORD, "short", "short", 422),
        ):
            answer = send_form(browser, "/account", to=change, old=old, password=new, again=again)
            assert answer.status_code == status
        answer = send_form(browser, "/account", to=change, old=PASSWORD, password=OTHER_PASSWORD, again=OTHER_PASSWORD)
        assert answer.status_code == 303
        assert key_of(browser) != before
        assert browser.get("/account").status_code == 200


def test_a_factor_is_removed_after_a_step_up_and_the_last_factor_stays(site: ServedWorld) -> None:
    rufus = site.world.sign_up_with_app(EMAIL)
    with site.signed_in(rufus) as browser:
        (app,) = site.world.sign_in.factors.all(site.world.session(key_of(browser)))
        remove = f"/account/factors/{app.id}/remove"
        assert send_form(browser, "/account", to=remove).status_code == 403
        site.world.clock.advance(minutes=16)
        assert send_form(browser, "/account", to=remove).headers["location"] == "/step-up?next=/account"
        assert browser.get("/account/app").headers["location"] == "/step-up?next=%2Faccount%2Fapp"
        wrong = send_form(browser, "/step-up?next=/account", to="/step-up", code="000000", next="/account")
        assert wrong.status_code == 403
        right = send_form(browser, "/step-up", code=site.world.code(rufus), next="/account/app")
        assert right.headers["location"] == "/account/app"
        assert browser.get("/account/app").status_code == 200
        assert send_form(browser, "/account", to="/account/factors/nothing/remove").status_code == 404


def test_no_input_becomes_markup(site: ServedWorld) -> None:
    _, token = site.world.invite(EMAIL)
    with site.browser(**{"user-agent": SCRIPT}) as browser:
        wrong = send_form(browser, "/sign-in", email=SCRIPT, password="x", next=SCRIPT)
        assert SCRIPT not in wrong.text
        assert html.escape(SCRIPT, quote=True).replace("&quot;", "&#34;") in wrong.text
        answer = send_form(browser, f"/join/{token}", name=SCRIPT, password=PASSWORD, again=PASSWORD)
        assert answer.status_code == 303
        page = browser.get("/account/app")
        pending = re.search(r'name="pending" value="([0-9a-f]+)"', page.text)
        shown = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
        assert pending is not None
        assert shown is not None
        account = site.world.session(key_of(browser)).account
        person = Person(account=account, key="", secret=shown[1].replace(" ", ""))
        form = {"csrf": token_in(page.text), "pending": pending[1], "name": SCRIPT, "code": site.world.code(person)}
        assert browser.post("/account/app", data=form).status_code == 303
        for address in ("/account", "/step-up", "/account/passkey", "/account/recovery"):
            assert "<script>" not in browser.get(address).text, address
