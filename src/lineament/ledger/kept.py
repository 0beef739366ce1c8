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

from lineament.errors import AnchorUnavailable, InvalidValue, StorageFull
from lineament.ledger.checkpoint import ID_BYTES, LONGEST_NOTE, Checkpoint, encode_base64, note_lines
from lineament.ledger.files import locked, write_whole
from lineament.ledger.seen import KeptCheckpoint
from lineament.ledger.stamps import MOST_BYTES
from lineament.sandbox.files import NO_ROOM

MOST_UNSTAMPED = 100
"""How many of the newest checkpoints without a time-stamp are kept, and the newest of each signer besides."""
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
        names, stamps_of = self._names(), self._stamps()
        for name in names[:most]:
            note = self._read(name, LONGEST_NOTE)
            if note is not None:
                stamps = (self._read(stamp, MOST_BYTES) for stamp in sorted(stamps_of.get(_stem_of(name), ())))
                yield KeptCheckpoint(note=note.decode("utf-8", "replace"), stamps=tuple(filter(None, stamps)))

    def keep(self, note: str) -> None:
        """Keep a checkpoint whose signatures were verified; those that are kept of it stay.

        Of each signer the first and the newest signature are kept. Raises StorageFull or AnchorUnavailable.
        """
        with self._writing():
            name = f"{_stem(note)}.note"
            before = self._read(name, LONGEST_NOTE)
            write_whole(self.path / name, _merged(note if before is None else before.decode(), note).encode())
            self._prune()

    def keep_stamp(self, note: str, authority: str, response: bytes) -> None:
        """Keep a verified response of an authority on the text of a checkpoint that is kept."""
        with self._writing():
            digest = sha256(authority.encode()).hexdigest()[:16]
            write_whole(self.path / f"{_stem(note)}.{digest}.tsr", response)

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

    def _stamps(self) -> dict[str, list[str]]:
        """Return the names of the time-stamps, by the checkpoint that they are on."""
        found: dict[str, list[str]] = {}
        for path in self.path.glob("*.tsr"):
            found.setdefault(_stem_of(path.name), []).append(path.name)
        return found

    def _prune(self) -> None:
        stamped, signers = self._stamps(), set[str]()
        unstamped = [name for name in self._names() if _stem_of(name) not in stamped]
        if len(unstamped) <= MOST_UNSTAMPED:
            return
        for number, name in enumerate(unstamped):
            new = _signers(self._read(name, LONGEST_NOTE) or b"") - signers
            signers |= new
            if number >= MOST_UNSTAMPED and not new:
                (self.path / name).unlink(missing_ok=True)

    def _read(self, name: str, most: int) -> bytes | None:
        """Return what a file holds; None if there is none, or if another process just pruned it."""
        path = self.path / name
        try:
            with path.open("rb") as file:
                return file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AnchorUnavailable(path=path, why=error.strerror or error) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self.path.mkdir(exist_ok=True, mode=0o700)
            with locked(self.path) as folder:
                yield
                os.fsync(folder)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise StorageFull(path=self.path) from error
            raise AnchorUnavailable(path=self.path, why=error.strerror or error) from error


def _stem(note: str) -> str:
    checkpoint = Checkpoint.from_text(note_lines(note)[0])
    return f"{checkpoint.size:019d}-{checkpoint.root.hex()}"


def _stem_of(name: str) -> str:
    return name.partition(".")[0]


def _signers(untrusted_note: bytes) -> set[str]:
    """Return who signed a note, by name; nobody if it is not one."""
    try:
        return {name for name, _ in note_lines(untrusted_note.decode("utf-8", "replace"))[1]}
    except InvalidValue:
        return set()


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
