"""The address at which Prometheus reads, and what a service manager is told."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from lineament.errors import InvalidValue
from lineament.observe.endpoint import MetricsEndpoint, token_in
from lineament.observe.notify import Notifier

pytestmark = pytest.mark.enable_socket
TOKEN = "a token of the monitoring"


def text() -> bytes:
    return b"lineament_jobs 1\n"


def test_the_metrics_are_read_on_the_loopback_and_nothing_else_is_answered() -> None:
    with MetricsEndpoint("127.0.0.1", 0, None, text) as endpoint:
        address = f"http://127.0.0.1:{endpoint.port}"
        answer = httpx.get(f"{address}/metrics", timeout=60)
        assert (answer.status_code, answer.content) == (200, text())
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "server" not in answer.headers
        assert httpx.get(f"{address}/", timeout=60).status_code == 404
        assert httpx.post(f"{address}/metrics", timeout=60).status_code == 501
        foreign = httpx.get(f"{address}/metrics", headers={"host": f"evil.example:{endpoint.port}"}, timeout=60)
        assert (foreign.status_code, foreign.content) == (403, b"")


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::"])  # noqa: S104
def test_another_address_needs_a_token(host: str) -> None:
    with pytest.raises(InvalidValue, match="LINEAMENT_METRICS_TOKEN"):
        MetricsEndpoint(host, 0, None, text)


def test_a_token_is_asked_for_if_there_is_one() -> None:
    with MetricsEndpoint("0.0.0.0", 0, TOKEN, text) as endpoint:  # noqa: S104
        address = f"http://127.0.0.1:{endpoint.port}/metrics"
        answers = [
            httpx.get(address, headers=headers, timeout=60)
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKEN}"})
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert [answer.content for answer in answers] == [b"", b"", text()]


def test_an_address_in_use_is_refused() -> None:
    with (
        MetricsEndpoint("127.0.0.1", 0, None, text) as endpoint,
        pytest.raises(InvalidValue, match="cannot be listened on"),
    ):
        MetricsEndpoint("127.0.0.1", endpoint.port, None, text)


def test_the_file_of_a_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert token_in(file) == TOKEN
    file.chmod(0o640)
    with pytest.raises(InvalidValue, match="0600"):
        token_in(file)
    file.chmod(0o600)
    file.write_text("short")
    with pytest.raises(InvalidValue, match="at least 16"):
        token_in(file)
    with pytest.raises(InvalidValue, match="cannot be read"):
        token_in(tmp_path / "nowhere")


def test_the_service_manager_is_told_what_it_asks_for(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        asked, unasked = Notifier(path, 600.0), Notifier(path, None)
        asked.ready()
        asked.alive()
        asked.alive()  # not due yet
        unasked.alive()
        asked.stopping()
        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    asked.ready()  # the manager has gone
    Notifier(None, None).ready()
