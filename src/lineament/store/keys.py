"""The key-encryption key in its file, and the data keys that it wraps (ISO/IEC 24745, design decision D4).

One key-encryption key (KEK) per workspace lies in a file that only its owner may read. Each source and each case has
a data key of its own, stored wrapped by the KEK. No key is used for two purposes: HKDF-SHA256 (RFC 5869) derives a
subkey per use. Everything is sealed with AES-256-GCM (NIST SP 800-38D) under random 96-bit nonces.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lineament.errors import Damaged, KeyExposed, NoSuchFile, WorkspaceExists, WrongKey
from lineament.store.durable import new_file
from lineament.store.faults import of_system

KEY_BYTES = 32
NONCE_BYTES = 12
OVERHEAD = NONCE_BYTES + 16
"""Bytes that sealing adds: nonce and tag."""

_FIRST_LINE = b"lineament key-encryption key 1\n"


def _subkey(key: bytes, label: str, length: int = KEY_BYTES) -> bytes:
    info = b"lineament 1: " + label.encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)


class Cipher:
    """AES-256-GCM under one subkey. What it seals opens only with the same ``about`` (the associated data)."""

    __slots__ = ("aead",)

    def __init__(self, key: bytes) -> None:
        self.aead = AESGCM(key)

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Return nonce, ciphertext and tag together: ``len(plain) + OVERHEAD`` bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.aead.encrypt(nonce, plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed. Raises Damaged if a bit, the key or ``about`` differs."""
        try:
            return self.aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, ValueError):
            raise damaged(about) from None


def damaged(about: bytes) -> Damaged:
    """Return the error for something sealed that does not open."""
    label = f"What is sealed as “{about.decode(errors='replace')}”"
    why = "it was altered, or sealed for another place or under another key"
    return Damaged(what=label, why=why, remedy="restore it from a backup, or erase it and ingest again")


class DataKey:
    """The key of one source or one case, with a subkey for every use. Its repr shows nothing of it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "DataKey(…)"

    @cached_property
    def templates(self) -> Cipher:
        """For templates."""
        return Cipher(_subkey(self._key, "templates"))

    @cached_property
    def pictures(self) -> Cipher:
        """For pictures in the blob folder."""
        return Cipher(_subkey(self._key, "pictures"))

    @cached_property
    def _values(self) -> Cipher:
        return Cipher(_subkey(self._key, "values"))

    @cached_property
    def _addressing(self) -> bytes:
        return _subkey(self._key, "addresses")

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Seal any other value under this key: nonce, ciphertext and tag."""
        return self._values.seal(plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what ``seal`` sealed with the same ``about``. Raises Damaged otherwise."""
        return self._values.open(sealed, about)

    def derive(self, label: str, length: int = KEY_BYTES) -> bytes:
        """Return a subkey for another use, such as the rotation of an index."""
        return _subkey(self._key, f"derived: {label}", length)

    def address(self, sha256: str) -> str:
        """Return the address of a picture: a keyed digest of its digest, so that the folder reveals no content."""
        return hmac.digest(self._addressing, bytes.fromhex(sha256), "sha256").hex()


class Vault:
    """Seals what the database holds about agencies and officials; a keyed lookup finds it by name (R46).

    Its repr shows no keys. A lookup reveals whether two names are equal, nothing else, and only within this workspace.
    """

    def __init__(self, sealing: bytes, finding: bytes) -> None:
        self._cipher = Cipher(sealing)
        self._finding = finding

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, plain: bytes, about: str) -> bytes:
        """Return nonce, ciphertext and tag; ``about`` names the place: table, column and row."""
        return self._cipher.seal(plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed for that place. Raises Damaged if it was altered or comes from another place."""
        return self._cipher.open(sealed, about.encode())

    def lookup(self, kind: str, text: str) -> bytes:
        """Return 32 bytes to find a text by: its HMAC-SHA256, different for every kind."""
        return hmac.digest(self._finding, f"{kind}\0{text}".encode(errors="surrogatepass"), "sha256")


class KeyRing:
    """The key-encryption key, read from its file."""

    def __init__(self, kek: bytes, path: Path) -> None:
        self._kek = kek
        self._path = path
        self._wrapping = Cipher(_subkey(kek, "wrapping"))

    def __repr__(self) -> str:
        return f"KeyRing({str(self._path)!r})"

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new key to ``path``, mode 0600, whole or not at all. Raises WorkspaceExists if the file exists."""
        kek = os.urandom(KEY_BYTES)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with new_file(path) as file:
                file.write(_FIRST_LINE + kek.hex().encode() + b"\n")
        except FileExistsError:
            raise WorkspaceExists(path=path) from None
        except OSError as error:
            raise of_system(error, path) from error
        return cls(kek, path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the key. Raises NoSuchFile, KeyExposed if others may read it, or Damaged if it is not a key."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(1000)
        except OSError:
            raise NoSuchFile(path=path) from None
        if stat.S_IMODE(mode) & 0o077:
            raise KeyExposed(path=path)
        try:
            kek = bytes.fromhex(content.removeprefix(_FIRST_LINE).decode("ascii"))
        except ValueError:
            kek = b""
        if not content.startswith(_FIRST_LINE) or len(kek) != KEY_BYTES:
            raise Damaged(what=f"The key file {path}", why="it holds no key", remedy="restore it from its backup")
        return cls(kek, path)

    @cached_property
    def vault(self) -> Vault:
        """For everything that names agencies and officials."""
        return Vault(_subkey(self._kek, "vault"), _subkey(self._kek, "vault lookups"))

    def new_data_key(self, about: str) -> bytes:
        """Return a new data key, wrapped; only this key opens it, and only for the same ``about``."""
        return self._wrapping.seal(os.urandom(KEY_BYTES), about.encode())

    def unwrap(self, wrapped: bytes, about: str) -> DataKey:
        """Return the data key of ``about``. Raises WrongKey if this key did not wrap it for ``about``."""
        try:
            return DataKey(self._wrapping.open(wrapped, about.encode()))
        except Damaged:
            raise WrongKey(path=self._path) from None

    def derive(self, label: str, length: int = KEY_BYTES) -> bytes:
        """Return a subkey for another use, such as the seed that signs the ledger."""
        return _subkey(self._kek, f"derived: {label}", length)

    def check_value(self) -> bytes:
        """Return 16 bytes that identify this key and reveal nothing else about it; kept in ``tx.meta``."""
        return hashlib.sha256(_subkey(self._kek, "check")).digest()[:16]

    def check(self, expected: bytes) -> None:
        """Raise WrongKey unless ``expected`` is the check value of this key."""
        if not hmac.compare_digest(self.check_value(), expected):
            raise WrongKey(path=self._path)
