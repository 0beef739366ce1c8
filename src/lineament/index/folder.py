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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged, IndexUnwritable, StorageFull
from lineament.index.codes import BITS, Codes, damaged, processors
from lineament.index.native import BLOCK, CodedFaces
from lineament.index.rotation import Rotation
from lineament.sandbox.files import NO_ROOM

FORMAT = 4
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
class Piece:
    """Describes three files: both codes of up to 2^18 faces, and their ids, days and scales."""

    token: str  # names the files
    faces: int
    sha256: str  # of all three


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Describes the files of the folder, all pieces full but the last."""

    coding: Coding
    pieces: tuple[Piece, ...]
    note: str  # hexadecimal: what the writer wants to know when it reads the index again

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
            pieces = tuple(Piece(**piece) for piece in fields["pieces"])
            return cls(**fields | {"coding": Coding(**fields["coding"]), "pieces": pieces})
        except (TypeError, KeyError, ValueError):  # its authentication fits, so another version wrote it
            raise damaged("its head is of another version") from None


class IndexFolder:
    """Keeps codes on disk: a head names three files for each piece, with their digest.

    Additions are written behind what is there, then a new head replaces the old one. A crash in between leaves what the
    old head counts as it was. A piece from which a face was taken is rewritten under a new name, so that no code of an
    erased face stays in a file.
    """

    def __init__(self, folder: Path, coding: Coding, key: bytes) -> None:
        """``key`` authenticates the head, and with it all files."""
        self._folder = folder
        self._coding = coding
        self._key = key
        self._written: Head | None = None  # the state that this process last read or wrote

    @property
    def note(self) -> bytes:
        """The note with the codes that were last read or written."""
        return bytes.fromhex(self._written.note) if self._written else b""

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

    def write(self, codes: Codes, note: bytes = b"") -> None:
        """Write ``codes`` durably, with a note. Raises StorageFull or IndexUnwritable if that fails.

        Nothing is written if the folder itself is gone, because its source was withdrawn.
        """
        try:
            with self._lock(fcntl.LOCK_EX):
                self._write(codes, note)
        except OSError as error:
            self._written = None
            if not self._folder.is_dir():
                return
            if _errno(error) in NO_ROOM:
                raise StorageFull(path=self._folder) from error
            raise IndexUnwritable(path=self._folder, why=error.strerror or error) from error

    def _read(self, head: Head) -> Codes:
        codes = Codes(self._coding.dimension)
        with ThreadPoolExecutor(processors(), thread_name_prefix="index") as threads:
            tasks = [threads.submit(self._read_piece, piece, codes.append(piece.faces)) for piece in head.pieces]
            for task in tasks:
                task.result()
        self._written = head
        return codes

    def _read_piece(self, described: Piece, piece: CodedFaces) -> None:
        paths = self._paths(described.token)
        if not all(path.is_file() for path in paths):
            raise damaged("a file that its head names is missing")
        count, blocks = described.faces, -(-described.faces // BLOCK)
        with ExitStack() as opened:
            coarse, fine, faces = (opened.enter_context(path.open("rb", buffering=0)) for path in paths)
            _fill(coarse, piece.coarse[:blocks])
            _fill(fine, piece.fine[:count])
            _fill(faces, piece.about[:count])
        piece.count = count
        piece.clear_unused()  # a write that was interrupted may have begun to add faces
        if described.sha256 != _digest(piece):
            raise damaged("its codes do not fit their digest")
        piece.anew = False

    def _write(self, codes: Codes, note: bytes) -> None:
        on_disk = self._head_on_disk()
        known = on_disk.pieces if on_disk else ()
        pieces = []
        for number, piece in enumerate(codes.segments):
            if on_disk == self._written and number < len(known) and not piece.anew:
                pieces.append(self._write_piece(piece, known[number]))
            else:
                pieces.append(self._written_by_another(piece, known) or self._write_piece(piece, None))
        head = Head(coding=self._coding, pieces=tuple(pieces), note=note.hex())
        if head != on_disk:
            self._replace(head)
        for piece in codes.segments:
            piece.anew = False
        self._written = head
        self._sweep(head)

    @staticmethod
    def _written_by_another(piece: CodedFaces, known: Sequence[Piece]) -> Piece | None:
        """Return what another process wrote of the same faces; several that follow one store write the same."""
        alike = [other for other in known if other.faces == piece.count]
        digest = _digest(piece) if alike else ""
        return next((other for other in alike if other.sha256 == digest), None)

    def _write_piece(self, piece: CodedFaces, known: Piece | None) -> Piece:
        """Write a piece: what was added since it was known as that, or all of it."""
        if known and known.faces == piece.count:
            return known
        token, counted = (known.token, known.faces) if known else (secrets.token_hex(8), 0)
        with ExitStack() as opened:
            files = [opened.enter_context(path.open("r+b" if known else "wb")) for path in self._paths(token)]
            _write_behind(files, piece, counted)
            for file in files:
                file.truncate()  # drops what a failed write may have left
                _to_disk(file)
        return Piece(token=token, faces=piece.count, sha256=_digest(piece))

    def _head_on_disk(self) -> Head | None:
        """Return the head of the files, whoever wrote it; None if they cannot be used."""
        try:
            head = Head.from_bytes((self._folder / _HEAD).read_bytes(), self._key)
        except (FileNotFoundError, Damaged):
            return None
        there = all(path.is_file() for piece in head.pieces for path in self._paths(piece.token))
        return head if there and head.coding == self._coding else None

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

    def _sweep(self, head: Head) -> None:
        """Delete files that the head does not name."""
        kept = {path for piece in head.pieces for path in self._paths(piece.token)}
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


def _write_behind(files: Sequence[IO[bytes]], piece: CodedFaces, counted: int) -> None:
    """Write the faces of a piece behind the ``counted`` first that are there."""
    coarse, fine, faces = files
    block, some = counted // BLOCK, slice(counted, piece.count)
    coarse.seek(block * piece.coarse.shape[1])
    coarse.write(piece.coarse[block : piece.blocks].data)
    fine.seek(counted * piece.fine.shape[1])
    fine.write(piece.fine[some].data)
    faces.seek(counted * piece.about.itemsize)
    faces.write(piece.about[some].tobytes())


def _fill(file: IO[bytes], array: NDArray[Any]) -> None:
    """Read the whole of an array. Raises Damaged if the file is too short."""
    view = array.reshape(-1).view(np.uint8).data
    while view:
        if not (read := file.readinto(view)):  # type: ignore[attr-defined]  # a raw file
            raise damaged("a file is cut short")
        view = view[read:]


def _digest(piece: CodedFaces) -> str:
    """Return SHA-256 of the three files of a piece, hexadecimal."""
    digest = hashlib.sha256()
    digest.update(piece.coarse[: piece.blocks].data)
    digest.update(piece.fine[: piece.count].data)
    digest.update(piece.about[: piece.count].view(np.uint8).data)
    return digest.hexdigest()


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _errno(error: OSError) -> int | None:
    """Return the number of an error; errors that come through Rust have it only in their text."""
    named = re.search(r"os error (\d+)", str(error))
    return int(named[1]) if error.errno is None and named else error.errno
