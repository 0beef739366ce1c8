"""Keys of sources and cases, and the vault: what seals and opens (ISO/IEC 24745, design decision D4).

Each source and each case has a data key of its own, stored wrapped under the workspace's key (``store/ring.py``). No
key is used for two purposes: HKDF-SHA256 (RFC 5869) derives a subkey per use. Everything is sealed with AES-256-GCM
(NIST SP 800-38D) under random 96-bit nonces.
"""

from __future__ import annotations

import hmac
import os
from functools import cached_property
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lineament.errors import Damaged, WrongKey

KEY_BYTES = 32
NONCE_BYTES = 12
OVERHEAD = NONCE_BYTES + 16
"""Bytes that sealing adds: nonce and tag."""


def subkey(key: bytes, label: str, length: int = KEY_BYTES) -> bytes:
    """Return a key for one use."""
    info = b"lineament 1: " + label.encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)


class Cipher:
    """AES-256-GCM under one subkey. What it seals opens only with the same ``about`` (the associated data).

    While a key is being rotated, ``older`` is the cipher under the key before: it opens, and never seals.
    """

    __slots__ = ("_older", "aead")

    def __init__(self, key: bytes, older: Cipher | None = None) -> None:
        self.aead = AESGCM(key)
        self._older = older

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Return nonce, ciphertext and tag together: ``len(plain) + OVERHEAD`` bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.aead.encrypt(nonce, plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed. Raises Damaged if a bit, the key or ``about`` differs."""
        try:
            return self.aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, ValueError):
            if self._older is not None:
                return self._older.open(sealed, about)
            raise damaged(about) from None


def damaged(about: bytes) -> Damaged:
    """Return the error for something sealed that does not open."""
    label = f"What is sealed as “{about.decode(errors='replace')}”"
    why = "it was altered, or sealed for another place or under another key"
    return Damaged(what=label, why=why, remedy="restore it from a backup, or erase it and ingest again")


class DataKey:
    """The key of one source or one case, with a subkey for every use. Its repr shows nothing of it.

    While it is being rotated, ``older`` is the key before: what that sealed opens as well.
    """

    def __init__(self, key: bytes, older: DataKey | None = None) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes")
        self._key = key
        self.older = older

    def __repr__(self) -> str:
        return "DataKey(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataKey) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self.derive("hash"))

    @cached_property
    def templates(self) -> Cipher:
        """For templates."""
        return Cipher(subkey(self._key, "templates"), None if self.older is None else self.older.templates)

    @cached_property
    def pictures(self) -> Cipher:
        """For pictures in the blob folder."""
        return Cipher(subkey(self._key, "pictures"), None if self.older is None else self.older.pictures)

    @cached_property
    def _values(self) -> Cipher:
        return Cipher(subkey(self._key, "values"), None if self.older is None else self.older._values)  # noqa: SLF001 - its own class

    @cached_property
    def _addressing(self) -> bytes:
        return subkey(self._key, "addresses")

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Seal any other value under this key: nonce, ciphertext and tag."""
        return self._values.seal(plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what ``seal`` sealed with the same ``about``. Raises Damaged otherwise."""
        return self._values.open(sealed, about)

    def derive(self, label: str, length: int = KEY_BYTES) -> bytes:
        """Return a subkey for another use, such as the rotation of an index."""
        return subkey(self._key, f"derived: {label}", length)

    def address(self, sha256: str) -> str:
        """Return the address of a picture: a keyed digest of its digest, so that the folder reveals no content."""
        return hmac.digest(self._addressing, bytes.fromhex(sha256), "sha256").hex()


class Vault:
    """Seals what the database holds about agencies and officials; a keyed lookup finds it by name (R46).

    Its repr shows no keys. A lookup reveals whether two names are equal, nothing else, and only within this workspace.
    """

    def __init__(self, sealing: bytes, finding: bytes, older: Vault | None = None) -> None:
        """``older``: while the workspace's key is being rotated, the vault under the key before."""
        self._cipher: Cipher = Cipher(sealing, None if older is None else older._cipher)  # noqa: SLF001 - its own class
        self._finding = finding

    def __repr__(self) -> str:
        return "Vault(…)"

    def at(self, stored: str | None) -> Vault:  # noqa: ARG002 - see VaultSource
        """Return this vault, whatever the database holds: one on its own is never rotated."""
        return self

    def unwrap(self, wrapped: bytes, about: str) -> DataKey:  # noqa: ARG002 - see VaultSource
        """Raise WrongKey: it has no data keys."""
        raise WrongKey(path="a vault on its own")

    def seal(self, plain: bytes, about: str) -> bytes:
        """Return nonce, ciphertext and tag; ``about`` names the place: table, column and row."""
        return self._cipher.seal(plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed for that place. Raises Damaged if it was altered or comes from another place."""
        return self._cipher.open(sealed, about.encode())

    @cached_property
    def _authenticating(self) -> bytes:
        return subkey(self._finding, "macs of rows")

    def mac(self, text: str) -> bytes:
        """Return the MAC of what a row says: its HMAC-SHA256, 32 bytes."""
        return hmac.digest(self._authenticating, text.encode(), "sha256")

    def lookup(self, kind: str, text: str) -> bytes:
        """Return 32 bytes to find a text by: its HMAC-SHA256, different for every kind."""
        return hmac.digest(self._finding, f"{kind}\0{text}".encode(errors="surrogatepass"), "sha256")


class VaultSource(Protocol):
    """Gives a transaction its vault."""

    def at(self, stored: str | None) -> Vault:
        """Return the vault for a database that holds this key ring, as text; None if it holds none."""

    def unwrap(self, wrapped: bytes, about: str) -> DataKey:
        """Return the data key of ``about``, for an upgrade that seals rows. Raises WrongKey."""
