"""Checkpoints that others saw, in a folder outside the database: a database that is rolled back leaves them behind.

FOLDER/<size, 19 digits>-<root>.note            a C2SP checkpoint with its cosignatures
FOLDER/<size, 19 digits>-<root>.<number>.tsr    a time-stamp on its text, RFC 3161
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from lineament.errors import AnchorUnavailable, StorageFull
from lineament.ledger.checkpoint import ID_BYTES, LONGEST_NOTE, Checkpoint, encode_base64, note_lines
from lineament.ledger.seen import KeptCheckpoint
from lineament.ledger.stamps import MOST_BYTES
from lineament.sandbox.files import NO_ROOM

MOST_UNSTAMPED = 100
"""How many of the newest checkpoints without a time-stamp are kept; those with one are all kept."""
_NOTE = re.compile(r"[0-9]{19}-[0-9a-f]{64}\.note")


class KeptFolder:
    """The folder of one workspace. Any number of processes may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def changed(self) -> int:
        """When a file was added or replaced last, in nanoseconds; 0 without the folder."""
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def newest(self, most: int | None = None) -> Iterator[KeptCheckpoint]:
        """Yield what is kept, the largest first. Raises AnchorUnavailable if a file cannot be read."""
        for name in self._names()[:most]:
            note = self._read(self.path / name, LONGEST_NOTE).decode("utf-8", "replace")
            stem = name.removesuffix(".note")
            stamps = tuple(self._read(path, MOST_BYTES) for path in sorted(self.path.glob(f"{stem}.*.tsr")))
            yield KeptCheckpoint(note=note, stamps=stamps)

    def keep(self, note: str) -> None:
        """Keep a checkpoint whose signatures were verified; those that are kept of it stay.

        Of each signer the first and the newest signature are kept. Raises StorageFull or AnchorUnavailable.
        """
        with self._writing():
            path = self.path / f"{_stem(note)}.note"
            before = self._read(path, LONGEST_NOTE).decode() if path.exists() else note
            self._write(path, _merged(before, note).encode())
            self._prune()

    def keep_stamp(self, note: str, authority: str, response: bytes) -> None:
        """Keep a verified response of an authority on the text of a checkpoint that is kept."""
        with self._writing():
            digest = sha256(authority.encode()).hexdigest()[:16]
            self._write(self.path / f"{_stem(note)}.{digest}.tsr", response)

    def set_aside(self, name: str) -> None:
        """Move everything to a folder of that name beside this one."""
        if self.path.exists():
            self.path.rename(self.path.with_name(name))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Yield whether no other process is asking witnesses; others get False until the end of the block."""
        self.path.mkdir(exist_ok=True, mode=0o700)
        descriptor = os.open(self.path / ".asking", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def _names(self) -> list[str]:
        if not self.path.exists():
            return []
        return sorted((path.name for path in self.path.iterdir() if _NOTE.fullmatch(path.name)), reverse=True)

    def _prune(self) -> None:
        stamped = {path.name.partition(".")[0] for path in self.path.glob("*.tsr")}
        unstamped = [name for name in self._names() if name.removesuffix(".note") not in stamped]
        for name in unstamped[MOST_UNSTAMPED:]:
            (self.path / name).unlink(missing_ok=True)

    def _read(self, path: Path, most: int) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(most + 1)
        except OSError as error:
            raise AnchorUnavailable(path=path, why=error.strerror or error) from error

    def _write(self, path: Path, content: bytes) -> None:
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self.path.mkdir(exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise StorageFull(path=self.path) from error
            raise AnchorUnavailable(path=self.path, why=error.strerror or error) from error


def _stem(note: str) -> str:
    checkpoint = Checkpoint.from_text(note_lines(note)[0])
    return f"{checkpoint.size:019d}-{checkpoint.root.hex()}"


def _merged(before: str, note: str) -> str:
    """Return the note with the signatures of both; of each signer the first and the last."""
    text, signatures = note_lines(before)
    signers: dict[tuple[str, bytes], list[bytes]] = {}
    for name, signature in [*signatures, *note_lines(note)[1]]:
        signers.setdefault((name, signature[:ID_BYTES]), []).append(signature)
    lines = [
        f"\N{EM DASH} {name} {encode_base64(signature)}\n"
        for (name, _), all_of in signers.items()
        for signature in dict.fromkeys((all_of[0], all_of[-1]))
    ]
    return f"{text}\n{''.join(lines)}"
