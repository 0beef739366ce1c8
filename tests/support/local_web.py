"""A small web of several hosts on the loopback network, with a log of all requests."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from tempfile import NamedTemporaryFile
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PICTURE = b"\xff\xd8\xff\xe0"


@dataclass(frozen=True, slots=True)
class CannedReply:
    """The answer of a host."""

    body: bytes = b""
    status: int = 200
    type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds before the body
    drip: float = 0.0  # seconds between two bytes of it
    endless: bool = False
    raw: Callable[[BufferedIOBase], object] | None = None  # writes everything itself, the head too


Responder = Callable[[str, Mapping[str, str]], CannedReply | None]
"""Maps path and headers to an answer; None if there is nothing."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request in the log."""

    host: str
    path: str
    headers: Mapping[str, str]
    at: float

    @property
    def url(self) -> str:
        return f"{self.host}{self.path}"


def picture(name: str, **headers: str) -> CannedReply:
    """Return a picture, as far as its first bytes go, that differs for each name."""
    return CannedReply(
        PICTURE + name.encode(), type="image/jpeg", headers={item.replace("_", "-"): v for item, v in headers.items()}
    )


def page(title: str, *parts: str, head: str = "", **headers: str) -> CannedReply:
    """Return a page; parts that begin with “<” are kept, others become pictures or links by their ending."""
    content = "".join(
        part
        if part.startswith("<")
        else f'<img src="{part}" alt="of {part}">'
        if part.endswith(".jpg")
        else f'<a href="{part}">x</a>'
        for part in parts
    )
    html = f"<!doctype html><title>{title}</title>{head}<body>{content}"
    return CannedReply(html.encode(), headers={item.replace("_", "-"): v for item, v in headers.items()})


class Certificate:
    """The self-signed certificate of a host."""

    def __init__(self, name: str) -> None:
        key, subject, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.public = certificate.public_bytes(Encoding.PEM)
        self._both = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + self.public

    def context(self) -> ssl.SSLContext:
        """Return the TLS context of a server."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with NamedTemporaryFile() as file:
            file.write(self._both)
            file.flush()
            tls.load_cert_chain(file.name)
        return tls


class LocalWeb:
    """Hosts by name, each with its own address and one port for all."""

    def __init__(self) -> None:
        self.log: list[LoggedRequest] = []
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.addresses: dict[str, str] = {}
        self._hosts: dict[str, Responder] = {}
        self._lock = threading.Lock()
        self._servers: list[ThreadingHTTPServer] = []
        self.port = 0

    def host(self, name: str, answering: Responder | Mapping[str, CannedReply], tls: Certificate | None = None) -> None:
        """Add a host with its pages; the first one chooses the port."""
        pages = answering
        self._hosts[name] = pages if callable(pages) else lambda path, _headers: pages.get(path)
        self.addresses[name] = f"127.0.0.{len(self.addresses) + 2}"
        server = _Server((self.addresses[name], self.port), _Handler)
        server.web = self
        if tls is not None:
            server.socket = tls.context().wrap_socket(server.socket, server_side=True)
        self.port = server.server_address[1]
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, name: str, path: str = "/") -> str:
        """Return an absolute address."""
        return f"http://{name}:{self.port}{path}"

    def listed(self, *names: str) -> tuple[str, ...]:
        """Return what a source lists so that these hosts may be asked: their names and their loopback addresses."""
        return tuple(f"{value}:{self.port}" for name in names for value in (name, self.addresses[name]))

    def asked(self, name: str | None = None) -> list[str]:
        """Return the paths requested from a host, or host and path of all requests."""
        return [
            request.url if name is None else request.path for request in list(self.log) if name in {None, request.host}
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @contextmanager
    def _logged(self, request: LoggedRequest) -> Iterator[None]:
        with self._lock:
            self.log.append(request)
            self.at_once[request.host] += 1
            self.most_at_once[request.host] = max(self.most_at_once[request.host], self.at_once[request.host])
        try:
            yield
        finally:
            with self._lock:
                self.at_once[request.host] -= 1

    def answer(self, host: str, path: str, headers: Mapping[str, str]) -> CannedReply | None:
        """Return the answer of a host."""
        answering = self._hosts.get(host)
        return None if answering is None else answering(path, headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    web: LocalWeb

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 2**16
    server: _Server

    def do_GET(self) -> None:
        web = self.server.web
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        with web._logged(LoggedRequest(host, self.path, headers, time.monotonic())):
            self._send(web.answer(host, self.path, headers) or CannedReply(b"nothing here", 404, "text/plain"))

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def _send(self, sent: CannedReply) -> None:
        time.sleep(sent.wait)
        if sent.raw is not None:
            self.close_connection = True
            sent.raw(self.wfile)
            return
        self.send_response(sent.status)
        self.send_header("Content-Type", sent.type)
        for name, value in sent.headers.items():
            self.send_header(name, value)
        if sent.endless:
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(sent.body)
                self.wfile.flush()
                time.sleep(sent.drip)
        length = 0 if sent.status in {204, 304} else len(sent.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if sent.drip:
            for byte in sent.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(sent.drip)
            return
        self.wfile.write(sent.body[:length])

    def log_message(self, *_: object) -> None:
        """Log nothing; requests are logged by the web."""


def bomb(size: int) -> bytes:
    """Return ``size`` zeros, compressed."""
    return gzip.compress(bytes(size), 9)
