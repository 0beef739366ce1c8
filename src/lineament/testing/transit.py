"""A fake transit service: as much of the HTTP interface of Vault and OpenBao as a key holder uses.

Written after https://developer.hashicorp.com/vault/api-docs/secret/transit: keys have versions, ciphertexts name theirs
(``vault:v2:…``), and versions below the least are refused, or gone once the key is trimmed.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(slots=True)
class _Key:
    versions: dict[int, bytes] = field(default_factory=lambda: {1: os.urandom(32)})
    least_decrypting: int = 1
    least_encrypting: int = 0

    @property
    def newest(self) -> int:
        return max(self.versions)


class FakeTransit:
    """The keys of the service, and the one token that it accepts."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.keys: dict[str, _Key] = {}
        self.requests: list[str] = []
        self.base = ""

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON that the service answers."""
        self.requests.append(f"{method} {path}")
        try:
            if token != self.token:
                raise _Refused(403, "permission denied")
            return 200, {"data": self._act(method, path.removeprefix("/v1/transit/").split("/"), body)}
        except _Refused as refusal:
            return refusal.status, {"errors": [refusal.why] if refusal.why else []}

    def _act(self, method: str, words: list[str], body: dict[str, Any]) -> dict[str, Any]:
        what, name, *after = words
        if method == "POST" and what == "keys" and not after:
            self.keys.setdefault(name, _Key())
            return {}
        if method == "POST" and what == "encrypt":
            made = self.keys.setdefault(name, _Key())  # as Vault does, if the token may
            return {"ciphertext": _encrypt(made, body)}
        key = self.keys.get(name)
        if key is None:
            raise _Refused(404 if what == "keys" else 400, "" if what == "keys" else "encryption key not found")
        if method == "GET" and what == "keys":
            return {"name": name, "latest_version": key.newest, "min_decryption_version": key.least_decrypting}
        if what == "decrypt":
            return {"plaintext": base64.b64encode(_decrypt(key, body)).decode()}
        change = {"rotate": _rotate, "config": _configure, "trim": _trim}.get("/".join(after))
        if method != "POST" or what != "keys" or change is None:
            raise _Refused(404, "")
        change(key, body)
        return {}


def _rotate(key: _Key, _: dict[str, Any]) -> None:
    key.versions[key.newest + 1] = os.urandom(32)


def _configure(key: _Key, body: dict[str, Any]) -> None:
    key.least_decrypting = body.get("min_decryption_version", key.least_decrypting)
    key.least_encrypting = body.get("min_encryption_version", key.least_encrypting)


def _trim(key: _Key, body: dict[str, Any]) -> None:
    least = body["min_available_version"]
    if not key.least_encrypting or least > min(key.least_decrypting, key.least_encrypting):
        raise _Refused(400, "minimum available version cannot be higher than the minimum of both others")
    for version in [version for version in key.versions if version < least]:
        del key.versions[version]


def _encrypt(key: _Key, body: dict[str, Any]) -> str:
    nonce, about = os.urandom(_NONCE), base64.b64decode(body.get("associated_data", ""))
    sealed = AESGCM(key.versions[key.newest]).encrypt(nonce, base64.b64decode(body["plaintext"]), about)
    return f"vault:v{key.newest}:{base64.b64encode(nonce + sealed).decode()}"


def _decrypt(key: _Key, body: dict[str, Any]) -> bytes:
    try:
        prefix, version, text = body["ciphertext"].split(":")
        if prefix != "vault":
            raise ValueError(prefix)
        number, content = int(version.removeprefix("v")), base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise _Refused(400, "invalid ciphertext") from None
    if number < key.least_decrypting or number not in key.versions:
        raise _Refused(400, "ciphertext or signature version is disallowed by policy (too old)")
    try:
        about = base64.b64decode(body.get("associated_data", ""))
        return AESGCM(key.versions[number]).decrypt(content[:_NONCE], content[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise _Refused(400, "cipher: message authentication failed") from None


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def fake_transit(token: str = "a token for tests", socket: Path | None = None) -> Iterator[FakeTransit]:  # noqa: S107
    """Serve a fake transit service on this machine, or at a Unix socket, until the block ends."""
    service = FakeTransit(token)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, found = service.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the server calls

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server: socketserver.BaseServer
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler) if socket is None else _UnixServer(str(socket), Handler)
    service.base = "" if socket else f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[index] # it is TCP
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
