"""The key-encryption key in a transit service: the HTTP interface of HashiCorp Vault and OpenBao.

The service encrypts and decrypts; the key never leaves it. Versions are the service's own.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lineament.errors import InvalidValue, KeyHolderUnavailable, WorkspaceExists, WrongKey
from lineament.model.hosts import is_this_machine
from lineament.store.holders.base import secret_in

SECONDS = 10.0
"""Most seconds for one answer."""
MOST_BYTES = 2**20
"""Most bytes of one answer that are read."""
_HEADERS = {"X-Vault-Request": "true", "Accept-Encoding": "identity"}
_BAD_REQUEST, _NOT_FOUND = 400, 404
_EXPLAINED = frozenset({_BAD_REQUEST, _NOT_FOUND})


class TransitHolder:
    """See KeyHolder."""

    def __init__(self, base: str, mount: str, key: str, token_file: Path, *, socket: Path | None = None) -> None:
        """Open nothing yet.

        Args:
            base: The address of the service.
            mount: Where its transit engine is mounted.
            key: The name of the key there.
            token_file: A file of mode 0600 with the token.
            socket: The Unix socket of the service, if it has one; the address then only names the host.
        """
        self._base, self._mount, self._key, self._token_file, self._socket = base, mount, key, token_file, socket

    @classmethod
    def of(cls, address: str, token_file: Path | None) -> TransitHolder:
        """Return the holder at ``transit+https://host[:port]/mount/key`` or ``transit+unix:///socket:/mount/key``.

        ``transit+http://`` is for this machine only. Raises InvalidValue for any other address.
        """
        parts = urlsplit(address.removeprefix("transit+"))
        socket, path = None, parts.path
        if parts.scheme == "unix":
            where, _, path = parts.path.partition(":")
            socket = Path(unquote(where))
        names = [unquote(name) for name in path.strip("/").split("/")]
        safe = parts.scheme in {"https", "unix"} or (parts.scheme == "http" and is_this_machine(parts.hostname))
        if not safe or len(names) < 2 or not all(names) or parts.username or token_file is None:
            why = "write transit+https://HOST:PORT/MOUNT/KEY, without a token, and name the file of the token"
            raise InvalidValue(what="The key holder", value=f"{parts.scheme}://{parts.hostname or ''}…"[:200], why=why)
        base = "http://localhost" if socket else f"{parts.scheme}://{parts.netloc}"
        return cls(base, "/".join(names[:-1]), names[-1], token_file, socket=socket)

    def __repr__(self) -> str:
        return f"TransitHolder({self.place!r})"

    @property
    def place(self) -> str:
        """See KeyHolder."""
        return f"{self._socket or self._base}, key “{self._key}”"

    def create(self) -> None:
        """See KeyHolder."""
        if self._request("GET", "keys", absent_is_none=True) is not None:
            raise WorkspaceExists(path=self.place)
        self._request("POST", "keys", {"type": "aes256-gcm96", "exportable": False, "allow_plaintext_backup": False})

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """See KeyHolder."""
        if self._request("GET", "keys", absent_is_none=True) is None:  # encrypting would make a key of that name
            raise WrongKey(path=self.place)
        found = self._request("POST", "encrypt", {"plaintext": _text(plain), "associated_data": _text(about)})
        ciphertext = (found or {}).get("ciphertext")
        if not isinstance(ciphertext, str) or not ciphertext.isascii():
            raise self._unavailable("its answer holds no ciphertext")
        return ciphertext.encode()

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """See KeyHolder."""
        body = {"ciphertext": wrapped.decode("ascii", "replace"), "associated_data": _text(about)}
        found = self._request("POST", "decrypt", body, absent_is_none=True)
        if found is None:
            raise WrongKey(path=self.place)
        try:
            return base64.b64decode(found["plaintext"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise self._unavailable("its answer holds no plaintext") from None

    def rotate(self) -> None:
        """See KeyHolder."""
        self._newest()
        self._request("POST", "keys", {}, after="/rotate")

    def retire(self) -> None:
        """See KeyHolder. The token needs the right to configure and to trim the key."""
        newest = self._newest()
        self._request(
            "POST", "keys", {"min_decryption_version": newest, "min_encryption_version": newest}, after="/config"
        )
        self._request("POST", "keys", {"min_available_version": newest}, after="/trim")

    def _newest(self) -> int:
        found = self._request("GET", "keys", absent_is_none=True)
        if found is None:
            raise WrongKey(path=self.place)
        newest = found.get("latest_version")
        if not isinstance(newest, int):
            raise self._unavailable("its answer names no version")
        return newest

    def _request(
        self, method: str, what: str, body: object = None, *, after: str = "", absent_is_none: bool = False
    ) -> dict[str, Any] | None:
        """Return ``data`` of the answer, empty if it holds none; None for 400 and 404 if ``absent_is_none``."""
        import httpx

        from lineament.sandbox.limited_http import client_for_one_response

        url = f"{self._base}/v1/{quote(self._mount)}/{what}/{quote(self._key, safe='')}{after}"
        headers = {"X-Vault-Token": secret_in(self._token_file), **_HEADERS}
        limited = client_for_one_response(seconds=SECONDS, size=2 * MOST_BYTES, socket=self._socket)
        try:
            with limited as client, client.stream(method, url, headers=headers, json=body) as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MOST_BYTES:
                        raise self._unavailable("its answer is too long")
        except httpx.HTTPError as error:
            raise self._unavailable(type(error).__name__) from None
        if absent_is_none and response.status_code in _EXPLAINED:
            return None
        if not response.is_success:
            raise self._unavailable(f"it answered with {response.status_code}")
        try:
            found = json.loads(bytes(content)) if content else {}
        except ValueError:
            raise self._unavailable("its answer is not JSON") from None
        data = found.get("data") if isinstance(found, dict) else None
        return data if isinstance(data, dict) else {}

    def _unavailable(self, why: str) -> KeyHolderUnavailable:
        return KeyHolderUnavailable(place=self.place, why=why)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
