"""Tokens, sessions, hosts and origins."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from lineament.errors import ForeignRequest
from lineament.web.security import POLICY, Sessions, checked_host, checked_origin, cookie_name


def test_only_the_token_opens_a_session_and_each_is_its_own() -> None:
    sessions = Sessions("right")
    assert sessions.admit("wrong") is None
    assert sessions.admit("") is None
    assert sessions.admit("ri\udcffght") is None
    one, other = sessions.admit("right"), sessions.admit("right")
    assert one is not None
    assert other is not None
    assert len({one.key, one.csrf, other.key, other.csrf}) == 4
    assert sessions.of(one.key) == one
    assert sessions.of(one.csrf) is None
    assert sessions.of(None) is None
    assert Sessions("right").of(one.key) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8471", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8471"])
def test_names_of_this_machine(host: str) -> None:
    checked_host(Headers({"host": host}))


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
    ],
)
def test_other_names(host: str) -> None:
    with pytest.raises(ForeignRequest):
        checked_host(Headers({"host": host}))


@pytest.mark.parametrize(
    "said",
    [{}, {"origin": "null"}, {"origin": "http://127.0.0.1:8471"}, {"origin": "null", "sec-fetch-site": "same-origin"}],
)
def test_forms_of_ours(said: dict[str, str]) -> None:
    checked_origin(Headers({"host": "127.0.0.1:8471", **said}))


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_forms_of_others(said: dict[str, str]) -> None:
    with pytest.raises(ForeignRequest):
        checked_origin(Headers({"host": "127.0.0.1:8471", **said}))


def test_two_servers_of_one_machine_do_not_share_a_cookie() -> None:
    names = {cookie_name(Headers({"host": host})) for host in ("127.0.0.1:8471", "127.0.0.1:8472", "127.0.0.1")}
    assert len(names) == 3


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'")
