"""Pictures on the disk: sealed, and found by a keyed digest of their content.

What ``put`` writes is a nameless file until ``flush`` has made it durable and given it its name. So a file that bears
an address is whole, whatever crashed, and a row that names an address is committed after the picture is on the disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from lineament.errors import Damaged, InvalidValue
from lineament.store.durable import sync_all
from lineament.store.faults import of_system
from lineament.store.keys import DataKey

_ADDRESS = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = "unfinished"
_LEFT_BEHIND = 3600.0
"""Seconds after which an unfinished file belongs to nobody any more."""


class Blobs:
    """The blob folder of a workspace. Thread-safe; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing, and clear away what crashed writers left in it."""
        self._folder = folder
        self._unfinished = folder / _UNFINISHED
        self._pending: dict[str, Path] = {}  # address to unfinished file
        self._met: set[Path] = set()  # folders with names that came or went, perhaps a moment ago
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._names = (f"{os.getpid()}-{time.time_ns():x}-{number}" for number in itertools.count())
        try:
            self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._clear()
        except OSError as error:
            raise of_system(error, self._folder) from error

    def put(self, key: DataKey, plain: bytes) -> str:
        """Seal a picture under a key and write it; its address. Nothing to do where it is there already.

        It is durable after ``flush``. StorageFull where there is no room; then nothing is left of it.
        """
        address = key.address(hashlib.sha256(plain).hexdigest())
        path = self._path(address)
        if address in self._pending:
            return address
        if path.exists():
            with self._lock:
                self._met.add(path.parent)
            return address
        sealed = key.pictures.seal(plain, address.encode())
        with self._lock:
            unfinished = self._unfinished / next(self._names)
        try:
            _write(unfinished, sealed)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise of_system(error, self._folder) from error
        with self._lock:
            twice = self._pending.setdefault(address, unfinished) != unfinished
        if twice:
            unfinished.unlink()
        return address

    def flush(self) -> None:
        """Make everything put and deleted since the last flush durable, by whichever thread it was.

        Where that fails (StorageFull), everything put since then is gone and has to be put again.
        """
        with self._flushing:
            with self._lock:
                pending, met = list(self._pending.items()), self._met
                self._met = set()
            try:
                self._name(pending, met)
            except OSError as error:
                for _, unfinished in pending:
                    unfinished.unlink(missing_ok=True)
                raise of_system(error, self._folder) from error
            finally:
                with self._lock:
                    for address, _ in pending:
                        del self._pending[address]

    def get(self, key: DataKey, address: str) -> bytes:
        """The picture at an address; Damaged where it is missing, altered, or sealed under another key."""
        sealed = self._read(address)
        try:
            return key.pictures.open(sealed, address.encode())
        except Damaged:
            raise _damaged(address, "it was altered, or sealed under another key") from None

    def __contains__(self, address: str) -> bool:
        """Whether there is a file, put or already durable."""
        return address in self._pending or self._path(address).exists()

    def delete(self, address: str) -> None:
        """Delete one picture; nothing to do where it is gone. No crash brings it back after ``flush``."""
        path = self._path(address)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise of_system(error, self._folder) from error
        if path.parent.is_dir():
            with self._lock:
                self._met.add(path.parent)

    def addresses(self) -> Iterator[str]:
        """Every address that has a file, ascending."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(path.name for path in folder.iterdir() if _ADDRESS.fullmatch(path.name))

    # ------------------------------------------------------------ files

    def _path(self, address: str) -> Path:
        if not _ADDRESS.fullmatch(address):
            raise InvalidValue(what="The address of a picture", value=address, why="it is 64 hexadecimal digits")
        return self._folder / address[:2] / address

    def _name(self, pending: list[tuple[str, Path]], met: set[Path]) -> None:
        """Content first, then names, then the folders that hold the names."""
        if not pending and not met:
            return
        sync_all(self._folder, [unfinished for _, unfinished in pending])
        folders = {self._folder, *met}
        for address, unfinished in pending:
            path = self._path(address)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished.replace(path)
            folders.add(path.parent)
        sync_all(self._folder, folders)

    def _read(self, address: str) -> bytes:
        path = self._path(address)
        try:
            if (unfinished := self._pending.get(address)) is not None:
                try:
                    return unfinished.read_bytes()
                except FileNotFoundError:  # flushed in between
                    return path.read_bytes()
            return path.read_bytes()
        except FileNotFoundError:
            raise _damaged(address, "its file is missing") from None
        except OSError as error:
            raise _damaged(address, f"its file cannot be read ({error.strerror})") from None

    def _clear(self) -> None:
        oldest = time.time() - _LEFT_BEHIND
        for path in self._unfinished.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:  # another process cleared it
                continue


def _damaged(address: str, why: str) -> Damaged:
    remedy = "restore it from a backup, or erase its capture and ingest it again"
    return Damaged(what=f"The picture {address}", why=why, remedy=remedy)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
