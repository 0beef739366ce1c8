"""A provider, or an impostor, whose answers are wrong in every way: little of them is read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.support.mail_server import free_port

from lineament.errors import OpenIdUnavailable
from lineament.identity import fetching
from lineament.identity.fetching import MOST_BYTES, checked_address
from lineament.identity.openid import Provider

REDIRECT = "http://127.0.0.1:9/sign-in/openid"
Handler = BaseHTTPRequestHandler


@dataclass
class Impostor:
    """An HTTP server whose every answer the test writes."""

    url: str = ""
    answer: Callable[[Handler], None] = lambda _: None
    requested: list[str] = field(default_factory=list)

    def set_answer(self, status: int, body: bytes, **headers: str) -> None:
        def answer(handler: Handler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    def configure(self, **changes: Any) -> None:
        names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        configuration = {"issuer": self.url} | {name: self.url + path for name, path in names.items()} | changes
        self.set_answer(200, json.dumps(configuration).encode())

    def begin(self) -> str:
        return Provider(self.url, "lineament", "secret").begin(REDIRECT).address


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    provider = Impostor()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.requested.append(self.path)
            try:
                provider.answer(self)
            except OSError:  # the client has had enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def unavailable(impostor: Impostor, why: str) -> None:
    with pytest.raises(OpenIdUnavailable, match=why) as caught:
        impostor.begin()
    assert "<script>" not in str(caught.value)


def test_a_valid_configuration_is_requested_once(impostor: Impostor) -> None:
    impostor.configure()
    provider = Provider(impostor.url, "lineament", "secret")
    assert impostor.requested == []
    assert provider.begin(REDIRECT).address.startswith(impostor.url + "/authorize?")
    assert provider.begin(REDIRECT).address.startswith(impostor.url + "/authorize?")
    assert impostor.requested == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"<script>alert(1)</script>", "200 and no JSON"),
        (200, b"[1]", "no JSON object"),
        (200, b"\xff\xfe", "no JSON"),
        (200, b"[" * 100_000, "no JSON"),
        (200, b"{}", "own issuer differs"),
        (404, b"{}", "404"),
        (500, b"<script>", "500"),
    ],
)
def test_an_invalid_configuration_is_reported_briefly(impostor: Impostor, status: int, body: bytes, why: str) -> None:
    impostor.set_answer(status, body)
    unavailable(impostor, why)


def test_no_redirect_is_followed(impostor: Impostor) -> None:
    impostor.set_answer(302, b"{}", location=impostor.url + "/elsewhere")
    unavailable(impostor, "302")
    assert impostor.requested == ["/.well-known/openid-configuration"]


def test_no_more_than_the_limit_is_read(impostor: Impostor) -> None:
    sent = []

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 2**16)
            sent.append(2**16)

    impostor.answer = endless
    unavailable(impostor, f"longer than {MOST_BYTES}")
    assert sum(sent) < 100 * MOST_BYTES  # socket buffers, not memory of ours


def test_a_dripping_answer_is_not_waited_for(impostor: Impostor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each drop comes in time; together they would take for ever."""
    monkeypatch.setattr(fetching, "SECONDS", 0.3)

    def dripping(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.05)

    impostor.answer = dripping
    unavailable(impostor, "takes too long")


def test_a_silent_provider_is_not_waited_for(impostor: Impostor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    released = threading.Event()
    impostor.answer = lambda _: (released.wait(30), None)[1]
    unavailable(impostor, "does not answer")
    released.set()


def test_a_compressed_answer_is_not_unpacked(impostor: Impostor) -> None:
    impostor.set_answer(200, b"\x1f\x8b", content_encoding="gzip")
    unavailable(impostor, "compresses")


def test_a_missing_server_is_reported() -> None:
    with pytest.raises(OpenIdUnavailable, match="no connection"):
        Provider(f"http://127.0.0.1:{free_port()}", "lineament", "secret").begin(REDIRECT)


@pytest.mark.parametrize("endpoint", ["http://id.agency.example/authorize", "javascript:alert(1)", 7, None, "", "//x"])
def test_a_configuration_cannot_send_a_browser_to_plain_http(impostor: Impostor, endpoint: object) -> None:
    impostor.configure(authorization_endpoint=endpoint)
    unavailable(impostor, "must begin with https")


@pytest.mark.parametrize(
    "address",
    ["https://id.agency.example", "https://id.agency.example:8443/realm", "http://127.0.0.1:80/o", "http://[::1]/o"],
)
def test_encrypted_addresses_and_this_machine_are_accepted(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://id.agency.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "https://",
        "https://user:password@id.agency.example",
        "https://id.agency.example:port",
        "https://id.agency.example:0",
        "https://[::1",
        "ftp://id.agency.example",
        "file:///etc/passwd",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(OpenIdUnavailable):
        Provider(address, "lineament", "secret")
