"""Attacks on the API by requests: floods, bodies that lie, bombs, headers that say two things, and what logs tell."""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.support.clock import TICK, Clock
from tests.support.programs import caller, key_for
from tests.support.serving import Served, serving
from tests.support.statements import statements
from tests.support.world import CASE, World, solo

from lineament.api import key as key_routes
from lineament.api.admission import REFUSED_PER_MINUTE
from lineament.model.accounts import Permission
from lineament.testing import png

pytestmark = pytest.mark.enable_socket
TEN_GB = 10 * 2**30
CASE_KEYS = (Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws", Clock(tick=TICK)) as world:
        world.machine.casework.open(CASE)
        yield world


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def guess() -> dict[str, str]:
    """Return a key that looks like one."""
    return bearer(f"lin_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}")


# ---------------------------------------------------------------- floods


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything happens within one minute, however long it takes."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.mark.usefixtures("one_moment")
def test_a_thousand_guesses_cost_nothing_after_the_first_and_lock_nobody_out(world: World) -> None:
    key = key_for(world, Permission.READ_SOURCES)
    with caller(world) as client, statements(world.workspace) as asked:
        assert client.get("/v1/key", headers=bearer(key.text)).status_code == 200
        first = [client.get("/v1/key", headers=guess()) for _ in range(REFUSED_PER_MINUTE)]
        assert {answer.status_code for answer in first} == {401}
        asked.clear()
        later = [client.get("/v1/key", headers=guess()) for _ in range(1000)]
        assert asked == []
        assert {answer.status_code for answer in later} == {429}
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in later)
        assert {answer.json()["code"] for answer in later} == {"too-many-attempts"}
        assert client.get("/v1/key", headers=bearer(key.text)).status_code == 200
        assert client.get("/v1/key", headers=guess() | {"x-forwarded-for": "203.0.113.9"}).status_code == 429


@pytest.mark.usefixtures("one_moment")
def test_a_network_of_addresses_is_one_caller_and_another_is_not_refused(world: World) -> None:
    with caller(world, address="2001:db8::1") as client:
        app = client._transport
        for _ in range(REFUSED_PER_MINUTE):
            assert client.get("/v1/key", headers=guess()).status_code == 401
        for address, status in (("2001:db8::ffff:2", 429), ("2001:db8:0:1::1", 401), ("203.0.113.9", 401)):
            app._asgi.client = (address, 40000)  # type: ignore[attr-defined]
            assert client.get("/v1/key", headers=guess()).status_code == status


@pytest.mark.usefixtures("one_moment")
def test_a_key_makes_no_more_requests_a_minute_than_it_may(world: World) -> None:
    with caller(world, key_for(world, Permission.READ_SOURCES, per_minute=3).text) as client:
        answers = [client.get("/v1/key") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers[3:])


# ---------------------------------------------------------------- bodies


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with serving(world.workspace) as served:
        yield served


def say(served: Served, *parts: bytes) -> bytes:
    """Send bytes over a connection of their own until an answer comes; return all that came back."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    came = b""
    with socket.create_connection((host, int(port)), 30) as link:
        with suppress(ConnectionResetError, BrokenPipeError):  # it answers before it has read everything, and hangs up
            for part in parts:
                link.sendall(part)
        with suppress(ConnectionResetError):
            while piece := link.recv(65536):
                came += piece
    return came


def head(target: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, "", ""]).encode()


def authorised(world: World, *rights: Permission) -> str:
    return f"Authorization: Bearer {key_for(world, *(rights or CASE_KEYS), case=CASE.ref).text}"


@pytest.mark.parametrize("target", ["/v1/cases", f"/v1/cases/{CASE.ref}/probes"])
def test_ten_gigabytes_are_refused_before_they_are_sent(world: World, served: Served, target: str) -> None:
    announced = head(target, authorised(world), "Content-Type: application/json", f"Content-Length: {TEN_GB}")
    assert say(served, announced).startswith(b"HTTP/1.1 413 ")
    without_key = head(target, f"Content-Length: {TEN_GB}")
    assert say(served, without_key).startswith(b"HTTP/1.1 401 ")


def test_a_body_without_an_announced_end_is_refused_once_it_is_too_long(world: World, served: Served) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    chunked = head("/v1/cases", authorised(world), "Content-Type: application/json", "Transfer-Encoding: chunked")
    assert say(served, chunked, *[chunk] * 17).startswith(b"HTTP/1.1 413 ")


def test_more_bytes_than_announced_are_no_second_request(world: World, served: Served) -> None:
    hidden = head("/v1/cases", authorised(world), "Content-Type: application/json", "Content-Length: 0")
    outer = head("/v1/cases", authorised(world), "Content-Type: application/json", "Content-Length: 2")
    came = say(served, outer + b"{}" + hidden)
    assert came.startswith(b"HTTP/1.1 422 ")
    assert came.count(b"HTTP/1.1 ") == 1


def test_two_lengths_of_a_body_are_no_request(world: World, served: Served) -> None:
    lines = ("Content-Length: 5", "Transfer-Encoding: chunked")
    hidden = head("/v1/cases", authorised(world), "Content-Length: 0")
    came = say(served, head("/v1/cases", authorised(world), *lines) + b"0\r\n\r\n" + hidden)
    assert came.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 422 "))
    assert came.count(b"HTTP/1.1 ") == 1


def test_a_stream_that_never_ends_is_read_no_further_than_allowed(world: World) -> None:
    with caller(world, key_for(world, *CASE_KEYS, case=CASE.ref).text) as client:
        most = world.workspace.settings.max_file_bytes
        answer = client.post(f"/v1/cases/{CASE.ref}/probes", content=b"x" * (most + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
        lying = {"content-length": "10"}
        answer = client.post("/v1/cases", content=b"x" * 2**21, headers=lying)
        assert answer.status_code == 413


def test_a_picture_that_bursts_is_refused_and_the_server_goes_on(world: World) -> None:
    with caller(world, key_for(world, *CASE_KEYS, case=CASE.ref).text) as client:
        before = world.ledger_size()
        side, row = 30_000, b"\0" + b"\xff" * 3750
        for bomb in (png((side, side), 1, 0, row * side), png((2**31 - 1, 2**31 - 1), 1, 0, row * 8)):
            answer = client.post(f"/v1/cases/{CASE.ref}/probes", params={"kind": "cctv"}, content=bomb)
            assert (answer.status_code, answer.json()["code"]) == (422, "picture-too-large")
        assert world.ledger_size() == before
        assert client.get("/v1/key").status_code == 200


# ---------------------------------------------------------------- headers


def test_a_request_with_two_keys_or_a_key_elsewhere_is_refused(world: World) -> None:
    key = key_for(world, Permission.READ_SOURCES).text
    right, wrong = ("Authorization", f"Bearer {key}"), ("Authorization", "Bearer lin_x")
    with caller(world) as client:
        for headers in ([right, wrong], [wrong, right], [right, right]):
            assert client.get("/v1/key", headers=headers).status_code == 401
        assert client.get("/v1/key", params={"access_token": key, "key": key}).status_code == 401
        cookies = {"cookie": f"authorization=Bearer {key}; lineament={key}"}
        assert client.get("/v1/key", headers=cookies).status_code == 401
        assert client.get("/v1/key", headers=[right]).status_code == 200


def test_another_name_of_the_host_is_refused_as_a_problem(world: World) -> None:
    with caller(world, key_for(world, Permission.READ_SOURCES).text) as client:
        answer = client.get("/v1/key", headers={"host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign-request")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1", "//v1/key", "/V1/key", "/v1/../account", "/v1/%2e%2e/account", "/v1/key/"])
def test_an_address_that_is_nearly_one_of_the_api_opens_nothing(world: World, path: str) -> None:
    with caller(world, key_for(world, Permission.READ_SOURCES).text) as client:
        answer = client.get(httpx.URL("http://127.0.0.1", raw_path=path.encode()))
        assert answer.status_code in {401, 403, 404}
        assert "set-cookie" not in answer.headers


# ---------------------------------------------------------------- what logs tell


def test_logs_tell_no_key_no_case_and_no_body(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    key = key_for(world, *CASE_KEYS, case=CASE.ref).text
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, logger="httpx")  # the client of this test
    with caller(world, key) as client:
        client.get(f"/v1/cases/{CASE.ref}")
        client.post("/v1/cases", json={"ref": "the canary", "offence": "the canary"})
        client.get("/v1/cases/the-canary", headers={"authorization": f"Bearer {key}x"})
        client.post(f"/v1/cases/{CASE.ref}/probes?kind=cctv", content=b"the canary")
        monkeypatch.setattr(key_routes, "rights_json", fail)
        answer = client.get("/v1/key", params={"the canary": CASE.ref})
        assert (answer.status_code, answer.json()["code"]) == (500, "unforeseen")
        assert answer.headers["content-type"] == "application/problem+json"
    assert "broken on purpose" not in answer.text
    assert "broken on purpose" in caplog.text
    assert "/v1/key" in caplog.text
    for told in (key, key[-43:], CASE.ref, "the canary", "the-canary"):
        assert told not in caplog.text
