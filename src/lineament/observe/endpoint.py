"""Where Prometheus reads the metrics: an address of its own, never a page."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Self

from lineament.errors import InvalidValue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SLOWEST = 5.0
"""Seconds that a client may take to say what it wants."""
SHORTEST_TOKEN = 16
"""Least characters of a token."""
SETTING = "LINEAMENT_METRICS_TOKEN"


class MetricsEndpoint:
    """Serves the metrics as long as the block lasts. Nothing but GET /metrics is answered."""

    def __init__(self, host: str, port: int, token: str | None, text: Callable[[], bytes]) -> None:
        """Listen. Raises InvalidValue if the address is not the loopback and there is no token, or cannot be bound."""
        if not is_loopback(host) and token is None:
            why = f"metrics leave this machine only with a token: name its file in {SETTING}"
            raise InvalidValue(what="The address of the metrics", value=host, why=why)
        try:
            self._server = _server(host, port, token, text)
        except OSError as refusal:
            why = f"it cannot be listened on ({refusal.strerror or refusal}); choose another"
            raise InvalidValue(what="The address of the metrics", value=f"{host}:{port}", why=why) from refusal
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def is_loopback(host: str) -> bool:
    """Return whether an address is one of this machine only."""
    with suppress(ValueError):
        return host == "localhost" or ip_address(host).is_loopback
    return False


def token_in(path: Path) -> str:
    """Return the token in a file. Raises InvalidValue if others can read the file, or the token is short."""
    try:
        mode, token = path.stat().st_mode, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(what=SETTING, value=path, why=f"it cannot be read ({type(error).__name__})") from None
    if mode & 0o077:
        raise InvalidValue(what=SETTING, value=path, why="others can read the file; set its mode to 0600")
    if len(token) < SHORTEST_TOKEN or not token.isascii():
        why = f"write at least {SHORTEST_TOKEN} random characters into it, such as of: openssl rand -hex 32"
        raise InvalidValue(what=SETTING, value=path, why=why)
    return token


class _Handler(BaseHTTPRequestHandler):
    text: ClassVar[Callable[[], bytes]]
    token: ClassVar[str | None]
    local: ClassVar[bool]
    timeout = SLOWEST
    server_version = "lineament"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        if not self._is_permitted():
            self._send(401 if self.token is not None else 403, b"")
        elif self.path.partition("?")[0] != "/metrics":
            self._send(404, b"")
        else:
            self._send(200, type(self).text())

    def _is_permitted(self) -> bool:
        if self.token is not None:
            given = self.headers.get("authorization", "")
            return hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode())
        host = self.headers.get("host", "").lower()  # a page elsewhere may point its own name here
        return is_loopback(host.rpartition(":")[0].strip("[]") or host)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("content-type", CONTENT_TYPE)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        if status == 401:
            self.send_header("www-authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
        """Write no log: who asks for metrics is no event."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left."""


def _server(host: str, port: int, token: str | None, text: Callable[[], bytes]) -> _Server:
    import socket

    handler = type("MetricsHandler", (_Handler,), {"text": staticmethod(text), "token": token})
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = type("MetricsServer", (_Server,), {"address_family": family})
    return made((address, port), handler)  # type: ignore[no-any-return] # a _Server
