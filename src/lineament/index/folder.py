"""The files of an index (docs/reference/index-format.md); incomplete files are detected."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lineament.errors import IndexUnwritable, StorageFull
from lineament.index.codes import BITS, SEGMENT, Codes, damaged
from lineament.index.native import BLOCK, CodedFaces
from lineament.index.rotation import Rotation
from lineament.sandbox.files import NO_ROOM

FORMAT = 3
_HEAD, _LOCK = "head", "lock"
_KINDS = ("coarse", "fine", "faces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """The properties that codes must share to be comparable."""

    model: str
    dimension: int
    bits: int = BITS
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Describes the files of the folder: both codes of its faces, and their ids, days and scales."""

    coding: Coding
    token: str  # names the three files
    faces: int
    sha256: str  # of the digests of all pieces of 2^18 faces

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
    """The state that this process last read or wrote."""

    head: Head | None = None
    digests: tuple[bytes, ...] = ()  # of the pieces


class IndexFolder:
    """Keeps codes on disk: a head names three files, with a digest of them all.

    Additions are written behind what is there, then a new head replaces the old one. A crash in between leaves what the
    old head counts as it was. After a removal all files are rewritten under a new name, so that no code of an erased
    face stays in them.
    """

    def __init__(self, folder: Path, coding: Coding, key: bytes) -> None:
        """``key`` authenticates the head, and with it all files."""
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
        paths = self._paths(head.token)
        if not all(path.is_file() for path in paths):
            raise damaged("a file that its head names is missing")
        codes, digests = Codes(self._coding.dimension), []
        with ExitStack() as opened:
            coarse, fine, faces = (opened.enter_context(path.open("rb", buffering=0)) for path in paths)
            for begin in range(0, head.faces, SEGMENT):
                piece = codes.room(head.faces - begin)
                count = min(SEGMENT, head.faces - begin)
                blocks = -(-count // BLOCK)
                _fill(coarse, piece.coarse[:blocks])
                _fill(fine, piece.fine[:count])
                _fill(faces, piece.about[:count])
                piece.count = count
                piece.clear_unused()  # a write that was interrupted may have begun to add faces
                digests.append(_digest(piece))
        if head.sha256 != _digest_of_all(digests):
            raise damaged("its codes do not fit their digest")
        self._written = _LastWrite(head, tuple(digests))
        return codes

    def _write(self, codes: Codes) -> None:
        was = self._written if self._on_disk(self._written.head) else _LastWrite()
        token = was.head.token if was.head else secrets.token_hex(8)
        counted = was.head.faces if was.head else 0
        if was.head and counted == len(codes):
            return
        digests = list(was.digests[: counted // SEGMENT])
        with ExitStack() as opened:
            files = [opened.enter_context(path.open("r+b" if counted else "wb")) for path in self._paths(token)]
            for number, piece in enumerate(codes.segments):
                if number >= counted // SEGMENT:
                    _write_behind(files, piece, number * SEGMENT, max(counted - number * SEGMENT, 0))
                    digests.append(_digest(piece))
            for file in files:
                file.truncate()  # drops what a failed write may have left
                _to_disk(file)
        head = Head(coding=self._coding, token=token, faces=len(codes), sha256=_digest_of_all(digests))
        self._replace(head)
        self._written = _LastWrite(head, tuple(digests))
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
        for path in self._folder.glob("*-*"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def _paths(self, token: str) -> list[Path]:
        return [self._folder / f"{kind}-{token}" for kind in _KINDS]

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        """Lock the folder: one process writes at a time, and none reads meanwhile."""
        with (self._folder / _LOCK).open("ab") as handle:
            fcntl.flock(handle, how)
            yield


def head_key(rotation: Rotation) -> bytes:
    """Return the key that authenticates heads. It follows from the rotation, which only the source's key gives."""
    return hashlib.sha256(b"lineament index head\0" + rotation.astype("<f4").tobytes()).digest()


def _write_behind(files: Sequence[IO[bytes]], piece: CodedFaces, begin: int, counted: int) -> None:
    """Write the faces of a piece, which begins with face ``begin``, behind the ``counted`` first that are there."""
    coarse, fine, faces = files
    block, some = counted // BLOCK, slice(counted, piece.count)
    coarse.seek((begin // BLOCK + block) * piece.coarse.shape[1])
    coarse.write(piece.coarse[block : piece.blocks].data)
    fine.seek((begin + counted) * piece.fine.shape[1])
    fine.write(piece.fine[some].data)
    faces.seek((begin + counted) * piece.about.itemsize)
    faces.write(piece.about[some].tobytes())


def _fill(file: IO[bytes], array: NDArray[Any]) -> None:
    """Read the whole of an array. Raises Damaged if the file is too short."""
    view = array.reshape(-1).view(np.uint8).data
    while view:
        if not (read := file.readinto(view)):  # type: ignore[attr-defined]  # a raw file
            raise damaged("a file is cut short")
        view = view[read:]


def _digest(piece: CodedFaces) -> bytes:
    """Return SHA-256 of a piece: of its part of each of the three files."""
    digest = hashlib.sha256()
    digest.update(piece.coarse[: piece.blocks].data)
    digest.update(piece.fine[: piece.count].data)
    digest.update(piece.about[: piece.count].view(np.uint8).data)
    return digest.digest()


def _digest_of_all(digests: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _errno(error: OSError) -> int | None:
    """Return the number of an error; errors that come through Rust have it only in their text."""
    named = re.search(r"os error (\d+)", str(error))
    return int(named[1]) if error.errno is None and named else error.errno
