"""Tokens, sessions, hosts, origins, cookies, and where one may be sent on to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.responses import Response

from lineament.errors import ForeignRequest
from lineament.web.security import POLICY, BrowserSession, SiteAddress, TokenSessions, own_path
from lineament.web.signin import device_of, passkey_origin, takes_passkeys

HERE = SiteAddress()
PUBLIC = SiteAddress("https://lineament.agency.example")
PORTED = SiteAddress("https://lineament.agency.example:8443")


def test_a_token_opens_one_session_and_each_is_its_own() -> None:
    announced: list[str] = []
    sessions = TokenSessions("right", announced.append)
    assert sessions.admit("wrong") is None
    assert sessions.admit("") is None
    assert sessions.admit("ri\udcffght") is None
    first = sessions.admit("right")
    assert first is not None
    assert sessions.admit("right") is None
    assert announced == [sessions.token]
    second = sessions.admit(announced[0])
    assert second is not None
    assert len(set(announced)) == 2
    assert len({first.key, first.csrf, second.key, second.csrf}) == 4
    assert sessions.find(first.key) == first
    assert sessions.find(first.csrf) is None
    assert sessions.find(None) is None
    assert TokenSessions("right", announced.append).find(first.key) is None
    sessions.end(first)
    assert sessions.find(first.key) is None
    assert sessions.find(second.key) == second


def test_the_token_of_a_form_belongs_to_one_key_and_does_not_tell_it() -> None:
    assert BrowserSession("a").csrf == BrowserSession("a").csrf
    assert BrowserSession("a").csrf != BrowserSession("b").csrf
    assert len(BrowserSession("a").csrf) == 43
    assert "secret-key" not in BrowserSession("secret-key").csrf + repr(BrowserSession("secret-key"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8471", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8471"])
def test_names_of_this_machine(host: str) -> None:
    HERE.check_host(Headers({"host": host}))
    PUBLIC.check_host(Headers({"host": host}))


@pytest.mark.parametrize(
    ("place", "host"),
    [
        (PUBLIC, "lineament.agency.example"),
        (PUBLIC, "Lineament.Agency.Example:443"),
        (PORTED, "lineament.agency.example:8443"),
    ],
)
def test_the_public_name(place: SiteAddress, host: str) -> None:
    place.check_host(Headers({"host": host}))
    with pytest.raises(ForeignRequest):
        HERE.check_host(Headers({"host": host}))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "127.0.0.1:80@evil.example",
        "::1",
        "[::1]:x",
        "lineament.agency.example.evil.example",
        "evil.lineament.agency.example",
        "lineament.agency.example.",
        "lineament.agency.example:80",
        "lineament.agency.example:443:443",
        "lineament.agency.example@evil.example",
    ],
)
def test_other_names(host: str) -> None:
    for place in (HERE, PUBLIC, PORTED):
        with pytest.raises(ForeignRequest):
            place.check_host(Headers({"host": host}))


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "null"}, {"origin": "http://127.0.0.1:8471"}, {"origin": "null", "sec-fetch-site": "same-origin"}],
)
def test_our_own_forms_are_accepted(headers: dict[str, str]) -> None:
    HERE.check_origin(Headers({"host": "127.0.0.1:8471", **headers}))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://lineament.agency.example"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_forms_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    for place in (HERE, PUBLIC):
        with pytest.raises(ForeignRequest):
            place.check_origin(Headers({"host": "127.0.0.1:8471", **headers}))


def test_forms_at_the_public_name_come_from_its_encrypted_pages() -> None:
    PUBLIC.check_origin(Headers({"host": "lineament.agency.example", "origin": "https://lineament.agency.example"}))
    for origin in ("http://lineament.agency.example", "https://agency.example", "http://127.0.0.1:8471"):
        with pytest.raises(ForeignRequest):
            PUBLIC.check_origin(Headers({"host": "lineament.agency.example", "origin": origin}))


def test_two_servers_of_one_machine_do_not_share_a_cookie() -> None:
    names = {HERE.cookie_name(Headers({"host": host})) for host in ("127.0.0.1:8471", "127.0.0.1:8472", "127.0.0.1")}
    assert len(names) == 3
    assert HERE.cookie_name(Headers({"host": "127.0.0.1:8471"}), "form") not in names


def test_behind_tls_no_other_host_and_no_plain_connection_sets_the_cookie() -> None:
    answer = Response()
    PUBLIC.set_cookie(answer, Headers({"host": "lineament.agency.example"}), "the key")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-lineament=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "path=/",
        "samesite=strict",
        "secure",
    }


def test_without_tls_the_cookie_is_still_ours_alone() -> None:
    for place in (HERE, PUBLIC, SiteAddress("http://lineament.agency.example")):
        answer = Response()
        place.set_cookie(answer, Headers({"host": "localhost:8471"}), "the key")
        assert answer.headers["set-cookie"] == "lineament-8471=the key; HttpOnly; Path=/; SameSite=strict".replace(
            "the key", '"the key"'
        )


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/2026~2F1?tab=room&x=%2F", "/search#x", "/a//b", "/:x", "/@x"])
def test_paths_of_ours(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "cases",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/x\\y",
        "https://evil.example",
        "javascript:alert(1)",
        " /cases",
        "/\t/evil.example",
        "/\n/evil.example",
        "/cases\r\nset-cookie: x=y",
        "/cases\0",
        "/cases ",
        "/caſes",
        "/" + "x" * 3000,
    ],
)
def test_other_places(address: str | None) -> None:
    assert own_path(address) == "/"


@given(st.text())
def test_no_path_leads_outside(address: str) -> None:
    for path in (own_path(address), own_path("/" + address)):
        assert path.startswith("/")
        assert not path.startswith("//")
        assert "\\" not in path
        assert path.isascii()
        assert path.isprintable()


def test_browsers_are_distinguished_in_a_few_words() -> None:
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
    assert device_of(Headers({"user-agent": chrome})) == "Chrome on Windows"
    assert device_of(Headers({"user-agent": chrome + " Edg/126"})) == "Edge on Windows"
    assert device_of(Headers({"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/128"})) == "Firefox on Linux"
    assert device_of(Headers({"user-agent": "curl/8"})) == "curl/8"
    assert device_of(Headers({})) == "a browser"
    assert len(device_of(Headers({"user-agent": "<x>\t" * 1000}))) <= 60


def test_passkeys_want_a_name() -> None:
    assert takes_passkeys("https://lineament.agency.example")
    assert takes_passkeys("http://localhost:8471")
    assert not takes_passkeys("http://127.0.0.1:8471")
    assert not takes_passkeys("http://[::1]:8471")
    assert passkey_origin("http://127.0.0.1:8471") == "http://localhost:8471"
    assert passkey_origin("https://lineament.agency.example") == "https://lineament.agency.example"
