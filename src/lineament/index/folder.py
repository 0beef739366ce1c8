"""The files of an index (docs/reference/index-format.md); incomplete files are detected."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from lineament.errors import IndexUnwritable, StorageFull
from lineament.index.codes import BITS, Codes, damaged
from lineament.index.pieces import Pieces
from lineament.index.rotation import Rotation
from lineament.sandbox.files import NO_ROOM

FORMAT = 2
_HEAD, _LOCK = "head", "lock"
_ID_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """The properties that codes must share to be comparable."""

    model: str
    dimension: int
    bits: int = BITS
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Describes the files of the folder: a codes file, and the ids of its faces by slot."""

    coding: Coding
    token: str  # names the two files
    faces: int
    codes_sha256: str  # see index/pieces.py
    ids_sha256: str  # of the first ``faces`` ids

    def to_bytes(self, key: bytes) -> bytes:
        """Return a line of JSON, then the HMAC-SHA256 of that line under ``key``, hexadecimal."""
        line = json.dumps(asdict(self), sort_keys=True).encode() + b"\n"
        return line + hmac.digest(key, line, "sha256").hex().encode() + b"\n"

    @classmethod
    def from_bytes(cls, untrusted: bytes, key: bytes) -> Head:
        """Parse a head. Raises Damaged if whoever wrote it had another key, or if it is of another version."""
        line, _, rest = untrusted.partition(b"\n")
        if not hmac.compare_digest(rest, hmac.digest(key, line + b"\n", "sha256").hex().encode() + b"\n"):
            raise damaged("its head was not written with the key of its source, or by an older version")
        try:
            fields = json.loads(line)
            return cls(**fields | {"coding": Coding(**fields["coding"])})
        except (TypeError, KeyError, ValueError):  # its authentication fits, so another version wrote it
            raise damaged("its head is of another version") from None


@dataclass(frozen=True, slots=True)
class _LastWrite:
    """The state that this process last read or wrote; the digests are those of ``head``."""

    head: Head | None = None
    ids_digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    pieces: Pieces | None = None


class IndexFolder:
    """Keeps codes and ids on disk: a head names a codes file and an ids file, with the digests of both.

    Additions are appended to the ids and the codes, then a new head replaces the old one. A crash in between leaves
    codes that do not fit the head, which is how it is detected. After a removal both files are rewritten under a new
    name, so that no code of an erased face stays in them.
    """

    def __init__(self, folder: Path, coding: Coding, key: bytes) -> None:
        """``key`` authenticates the head, and with it both files."""
        self._folder = folder
        self._coding = coding
        self._key = key
        self._written = _LastWrite()

    def read(self) -> Codes:
        """Read the codes on disk. Raises FileNotFoundError if there are none, Damaged if they cannot be used."""
        try:
            with self._lock(fcntl.LOCK_SH):
                head = Head.from_bytes((self._folder / _HEAD).read_bytes(), self._key)
                if head.coding != self._coding:
                    raise damaged("it was made with another model or version")
                return self._read(head)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise damaged(f"it cannot be read ({error.strerror})") from error

    def removed(self) -> None:
        """Note a removal: the next write starts new files, so that removed codes do not stay on disk."""
        self._written = _LastWrite()

    def write(self, codes: Codes) -> None:
        """Write ``codes`` durably. Raises StorageFull or IndexUnwritable if that fails.

        Nothing is written if the folder itself is gone, because its source was withdrawn.
        """
        try:
            with self._lock(fcntl.LOCK_EX):
                self._write(codes)
        except OSError as error:
            self._written = _LastWrite()
            if not self._folder.is_dir():
                return
            if _errno(error) in NO_ROOM:
                raise StorageFull(path=self._folder) from error
            raise IndexUnwritable(path=self._folder, why=error.strerror or error) from error

    def _read(self, head: Head) -> Codes:
        ids_path, codes_path = self._paths(head.token)
        if not (ids_path.is_file() and codes_path.is_file()):
            raise damaged("a file that its head names is missing")
        with ids_path.open("rb") as file:
            kept = file.read(head.faces * _ID_BYTES)
        ids_digest, pieces = hashlib.sha256(kept), Pieces.of(codes_path)
        if len(kept) != head.faces * _ID_BYTES or ids_digest.hexdigest() != head.ids_sha256:
            raise damaged("its ids do not fit their digest")
        if pieces.hexdigest() != head.codes_sha256:
            raise damaged("its codes do not fit their digest")
        ids = np.frombuffer(kept, dtype="<i8").astype(np.int64, copy=False)
        codes = Codes.load(codes_path, ids, self._coding.dimension)
        self._written = _LastWrite(head, ids_digest, pieces)
        return codes

    def _write(self, codes: Codes) -> None:
        was = self._written if self._on_disk(self._written.head) else _LastWrite()
        token = was.head.token if was.head else secrets.token_hex(8)
        counted = was.head.faces if was.head else 0
        ids = codes.ids[counted:].astype("<i8").tobytes()
        if was.head and not ids:
            return
        ids_path, codes_path = self._paths(token)
        _append(ids_path, counted * _ID_BYTES, ids)
        codes.sync(codes_path)
        ids_digest = was.ids_digest.copy()
        ids_digest.update(ids)
        pieces = Pieces.of(codes_path, was.pieces)
        head = Head(
            coding=self._coding,
            token=token,
            faces=len(codes),
            codes_sha256=pieces.hexdigest(),
            ids_sha256=ids_digest.hexdigest(),
        )
        self._replace(head)
        self._written = _LastWrite(head, ids_digest, pieces)
        self._sweep(token)

    def _on_disk(self, head: Head | None) -> bool:
        """Return whether the files are still those that this process last read or wrote."""
        path = self._folder / _HEAD
        if head is None or not path.is_file() or path.read_bytes() != head.to_bytes(self._key):
            return False
        return all(path.is_file() for path in self._paths(head.token))

    def _replace(self, head: Head) -> None:
        beside = self._folder / f"{_HEAD}.new"
        with beside.open("wb") as file:
            file.write(head.to_bytes(self._key))
            _to_disk(file)
        beside.replace(self._folder / _HEAD)
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _sweep(self, token: str) -> None:
        """Delete files that the head does not name."""
        kept = self._paths(token)
        for path in [*self._folder.glob("codes-*"), *self._folder.glob("ids-*")]:
            if path not in kept:
                path.unlink(missing_ok=True)

    def _paths(self, token: str) -> tuple[Path, Path]:
        return self._folder / f"ids-{token}", self._folder / f"codes-{token}"

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        """Lock the folder: one process writes at a time, and none reads meanwhile."""
        with (self._folder / _LOCK).open("ab") as handle:
            fcntl.flock(handle, how)
            yield


def head_key(rotation: Rotation) -> bytes:
    """Return the key that authenticates heads. It follows from the rotation, which only the source's key gives."""
    return hashlib.sha256(b"lineament index head\0" + rotation.astype("<f4").tobytes()).digest()


def _append(path: Path, at: int, more: bytes) -> None:
    """Write ``more`` after the first ``at`` bytes of a file, and cut what follows."""
    with path.open("r+b" if at else "wb") as file:
        file.seek(at)
        file.write(more)
        file.truncate()  # drops what a failed write may have left
        _to_disk(file)


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _errno(error: OSError) -> int | None:
    """Return the number of an error; errors that come through Rust have it only in their text."""
    named = re.search(r"os error (\d+)", str(error))
    return int(named[1]) if error.errno is None and named else error.errno
