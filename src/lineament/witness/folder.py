"""What a witness keeps: its key, the logs it knows, and of each the newest checkpoint it cosigned.

FOLDER/key                the secret key, mode 0600
FOLDER/logs/<SHA-256 of the origin>/
    key                   the public key of the log
    checkpoint            the newest cosigned checkpoint; absent before the first
    forks/                checkpoints that the log signed and that contradict an earlier one: proof of a fork
    set-aside/            what was forgotten on purpose, and why
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from lineament.errors import Damaged, InvalidValue, KeyExposed, NoSuchFile, NotFound, WorkspaceExists
from lineament.ledger.checkpoint import (
    LONGEST_NOTE,
    SEED_BYTES,
    Checkpoint,
    PublicKey,
    decode_base64,
    encode_base64,
    open_note,
)
from lineament.ledger.cosignature import Cosigner, WitnessKey, add_signatures, cosignatures, lines_by
from lineament.ledger.files import locked, write_whole
from lineament.ledger.merkle import EMPTY_ROOT, verify_consistency
from lineament.store.durable import sync
from lineament.witness.protocol import AddCheckpoint, WitnessRefusal

_FIRST_LINE = "lineament witness key 1"
MOST_FORKS = 100
"""The most proofs of a fork that are kept of one log."""
_FOLDER_NAME = re.compile(r"[0-9a-f]{64}")


class WatchedLog:
    """A log that a witness knows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def key(self) -> PublicKey:
        """The public key of the log; its name is the origin."""
        return PublicKey.parse(_read(self._folder / "key"))

    @property
    def forks(self) -> int:
        """How many checkpoints contradict what was cosigned before."""
        return sum(1 for _ in (self._folder / "forks").glob("*"))

    def newest(self) -> str | None:
        """Return the newest cosigned checkpoint, None before the first."""
        path = self._folder / "checkpoint"
        return _read(path) if path.exists() else None

    def cosign(self, request: AddCheckpoint, cosigner: Cosigner, clock: Callable[[], datetime]) -> str:
        """Cosign a checkpoint that continues from the newest one; return the signature line.

        What was cosigned is on the disk before this returns. One request at a time. Raises WitnessRefusal.
        """
        key, new = self.key, request.checkpoint
        try:
            text = open_note(request.note, key)
        except InvalidValue as error:
            raise WitnessRefusal(403, "it is not signed by the key of this log") from error
        if request.old > new.size:
            raise WitnessRefusal(400, "the old size is larger than that of the checkpoint")
        with locked(self._folder):
            before = self.newest()
            last = Checkpoint(origin=key.name, size=0, root=EMPTY_ROOT)
            if before is not None:
                last = Checkpoint.parse(before, key)
            if new.size == last.size and new.root != last.root and before is not None:
                self._keep_fork(request)
            if request.old != last.size:
                raise WitnessRefusal(409, "the old size is not that of the newest cosigned checkpoint", size=last.size)
            if not _continues(last, new, request.proof):
                raise WitnessRefusal(422, "it is not consistent with the newest cosigned checkpoint")
            line = cosigner.cosign(text, clock())
            own = f"{text}\n{lines_by(key.name, request.note)}"
            _write(self._folder / "checkpoint", add_signatures(own, line))
        return line

    def set_aside(self, reason: str, at: datetime) -> None:
        """Forget the newest checkpoint, so that another history may follow; it is kept with the reason."""
        with locked(self._folder):
            newest = self.newest()
            if newest is None:
                raise NotFound(what="cosigned checkpoint of", name=self.key.name, hint="lineament witness show")
            aside = self._folder / "set-aside"
            aside.mkdir(exist_ok=True)
            number = sum(1 for _ in aside.glob("*.checkpoint")) + 1
            _write(aside / f"{number}.reason", f"{at.isoformat()}\n{reason}\n")
            (self._folder / "checkpoint").replace(aside / f"{number}.checkpoint")
            sync(aside)
            sync(self._folder)

    def _keep_fork(self, request: AddCheckpoint) -> None:
        forks = self._folder / "forks"
        forks.mkdir(exist_ok=True)
        path = forks / f"{request.checkpoint.size}-{request.checkpoint.root.hex()}"
        if not path.exists() and self.forks < MOST_FORKS:
            _write(path, request.note)


class WitnessFolder:
    """The folder of one witness."""

    def __init__(self, path: Path, cosigner: Cosigner) -> None:
        """Use ``create`` or ``open``."""
        self.path = path
        self.cosigner = cosigner

    @classmethod
    def create(cls, path: Path, name: str) -> Self:
        """Make a witness with a new key. Raises WorkspaceExists if something is there, or InvalidValue for the name."""
        seed = os.urandom(SEED_BYTES)
        cosigner = Cosigner(name=name, seed=seed)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise WorkspaceExists(path=path)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (path / "logs").mkdir()
        _write(path / "key", f"{_FIRST_LINE}\n{name}\n{encode_base64(seed)}\n")
        return cls(path, cosigner)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a witness. Raises NoSuchFile, KeyExposed, or Damaged if the key cannot be read."""
        file = path / "key"
        if not file.exists():
            raise NoSuchFile(path=file)
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise KeyExposed(path=file)
        try:
            first, name, seed = _read(file).splitlines()
            if first != _FIRST_LINE:
                raise ValueError(first)
            return cls(path, Cosigner(name=name, seed=decode_base64(seed, "The key of a witness")))
        except (ValueError, InvalidValue) as error:
            remedy = "restore it from a backup, or make a new witness"
            raise Damaged(what=f"The key {file}", why="it is not the key of a witness", remedy=remedy) from error

    @property
    def public_key(self) -> WitnessKey:
        """The key that checks its cosignatures."""
        return self.cosigner.public

    def add_log(self, key: PublicKey) -> WatchedLog:
        """Cosign the checkpoints of a log from now on. Raises InvalidValue if it is known under another key."""
        folder = self.path / "logs" / _name_of(key.name)
        if folder.exists():
            if WatchedLog(folder).key != key:
                raise InvalidValue(what="The log", value=key.name, why="it is known under another key")
            return WatchedLog(folder)
        building = folder.with_name(f".{folder.name}.{os.getpid()}")
        building.mkdir(exist_ok=True)
        _write(building / "key", f"{key}\n")
        building.rename(folder)
        sync(folder.parent)
        return WatchedLog(folder)

    def logs(self) -> list[WatchedLog]:
        """Return the logs, in the order of their origins."""
        found = [WatchedLog(path) for path in (self.path / "logs").iterdir() if _FOLDER_NAME.fullmatch(path.name)]
        return sorted(found, key=lambda log: log.key.name)

    def log(self, origin: str) -> WatchedLog | None:
        """Return a log by its origin, None if it is unknown."""
        return self.log_named(_name_of(origin))

    def log_named(self, digest: str) -> WatchedLog | None:
        """Return a log by the SHA-256 of its origin, 64 hexadecimal digits; None if it is unknown."""
        folder = self.path / "logs" / digest
        return WatchedLog(folder) if _FOLDER_NAME.fullmatch(digest) and folder.exists() else None

    def cosign(self, untrusted: bytes, clock: Callable[[], datetime]) -> str:
        """Answer a request to cosign a checkpoint with the signature line. Raises WitnessRefusal."""
        request = AddCheckpoint.parse(untrusted)
        log = self.log(request.checkpoint.origin)
        if log is None:
            raise WitnessRefusal(404, "this witness does not know the log")
        return log.cosign(request, self.cosigner, clock)


def newest_cosigned(note: str, key: WitnessKey) -> datetime:
    """Return when a witness cosigned a checkpoint that it keeps."""
    return cosignatures(note, [key])[-1].at


def _continues(last: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> bool:
    if new.size == 0 and new.root != EMPTY_ROOT:
        return False
    if last.size == 0:
        return not proof
    return verify_consistency(last.size, new.size, proof, (last.root, new.root))


def _name_of(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(2 * LONGEST_NOTE).decode("utf-8", "replace")
    except OSError as error:
        raise NoSuchFile(path=path) from error


def _write(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all, and durably."""
    write_whole(path, text.encode())
    sync(path.parent)
