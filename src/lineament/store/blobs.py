"""Pictures on the disk: sealed, and found by a keyed digest of their content.

What ``put`` writes is a file of its own until ``flush`` has made it durable and given it its name. So a file that bears
an address is whole, whatever crashed, and a row that names an address is committed after the picture is on the disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lineament.errors import Damaged, InvalidValue, LineamentError, StorageFull, StoreUnavailable
from lineament.store.faults import NO_ROOM
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
        self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._pending: dict[str, Path] = {}  # address to unfinished file
        self._lock = threading.Lock()
        self._names = (f"{os.getpid()}-{time.time_ns():x}-{number}" for number in itertools.count())
        self._clear()

    def put(self, key: DataKey, plain: bytes) -> str:
        """Seal a picture under a key and write it; its address. Nothing to do where it is there already.

        It is durable after ``flush``. StorageFull where there is no room; then nothing is left of it.
        """
        address = key.address(hashlib.sha256(plain).hexdigest())
        if address in self._pending or self._path(address).exists():
            return address
        sealed = key.pictures.seal(plain, address.encode())
        with self._lock:
            unfinished = self._unfinished / next(self._names)
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                _write_all(file.fileno(), sealed)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise self._fault(error) from error
        with self._lock:
            twice = self._pending.setdefault(address, unfinished) != unfinished
        if twice:
            unfinished.unlink()
        return address

    def flush(self) -> None:
        """Make everything put since the last flush durable, by whichever thread it was put."""
        with self._lock:
            pending = list(self._pending.items())
        if not pending:
            return
        try:
            for _, unfinished in pending:
                _sync(unfinished)
            folders = set()
            for address, unfinished in pending:
                path = self._path(address)
                path.parent.mkdir(mode=0o700, exist_ok=True)
                unfinished.replace(path)
                folders.add(path.parent)
            for folder in (*folders, self._folder):
                _sync(folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._fault(error) from error
        with self._lock:
            for address, _ in pending:
                del self._pending[address]

    def get(self, key: DataKey, address: str) -> bytes:
        """The picture at an address; Damaged where it is missing, altered, or sealed under another key."""
        path = self._pending.get(address) or self._path(address)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            raise _damaged(address, "its file is missing") from None
        except OSError as error:
            raise _damaged(address, f"its file cannot be read ({error.strerror})") from None
        try:
            return key.pictures.open(sealed, address.encode())
        except Damaged:
            raise _damaged(address, "it was altered, or sealed under another key") from None

    def delete(self, address: str) -> None:
        """Delete one picture for good; nothing to do where it is gone."""
        self.delete_all([address])

    def delete_all(self, addresses: Iterable[str]) -> None:
        """Delete pictures, durably; those that are gone are passed over."""
        folders = set()
        try:
            for address in addresses:
                path = self._path(address)
                if path.parent.is_dir():
                    path.unlink(missing_ok=True)
                    folders.add(path.parent)
            for folder in folders:
                _sync(folder)
        except OSError as error:
            raise self._fault(error) from error

    def addresses(self) -> Iterator[str]:
        """Every address that has a file, ascending."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(path.name for path in folder.iterdir() if _ADDRESS.fullmatch(path.name))

    def _path(self, address: str) -> Path:
        if not _ADDRESS.fullmatch(address):
            raise InvalidValue(what="The address of a picture", value=address, why="it is 64 hexadecimal digits")
        return self._folder / address[:2] / address

    def _fault(self, error: OSError) -> LineamentError:
        if error.errno in NO_ROOM:
            return StorageFull(path=self._folder)
        return StoreUnavailable(why=f"{self._folder}: {error.strerror}")

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


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
