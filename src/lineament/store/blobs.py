"""Pictures, sealed and found by a keyed digest of their content: the port ``Blobs``, and the folder that implements it.

``BlobFolder.put`` writes a nameless file; ``flush`` makes it durable and gives it its name. So a file that bears an
address is whole, whatever crashed, and a row that names an address is committed after the picture is on disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from lineament.errors import Damaged, InvalidValue
from lineament.store.durable import sync_all
from lineament.store.faults import of_system
from lineament.store.keys import DataKey

_ADDRESS = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = "unfinished"
_ABANDONED = 3600.0
"""Seconds after which an unfinished file belongs to no running writer."""


@runtime_checkable
class Blobs(Protocol):
    """The pictures of a workspace. Thread-safe; several processes may use them at once.

    An address is 64 lower-case hexadecimal digits; methods that take one raise InvalidValue for anything else.
    """

    def put(self, key: DataKey, plain: bytes) -> str:
        """Seal a picture under a key, write it and return its address; nothing is written if it is already there.

        It is durable after ``flush``. Raises StorageFull if there is no room; then nothing is left of it.
        """

    def flush(self) -> None:
        """Make everything put since the last flush durable, by whichever thread it was.

        If that fails (StorageFull, PicturesUnavailable), everything put since then is gone and has to be put again;
        whatever of it is there nevertheless is an orphan.
        """

    def get(self, key: DataKey, address: str) -> bytes:
        """Return the picture at an address. Raises Damaged if it is missing, altered, or sealed under another key.

        If the system does not let it be read, Damaged has the OSError as its cause; if a server cannot be asked,
        PicturesUnavailable is raised.
        """

    def missing(self, addresses: Iterable[str]) -> set[str]:
        """Return those of the addresses without a picture, put or already durable. Raises PicturesUnavailable."""

    def delete(self, addresses: Iterable[str]) -> None:
        """Delete those of the pictures that are there. No crash brings them back once this returns.

        Raises StoreUnavailable, PicturesUnavailable or VersionsKept if any may be left.
        """

    def addresses(self) -> Iterator[str]:
        """Yield every address with a durable picture, ascending. Raises PicturesUnavailable."""

    def put_before(self, moment: float) -> Iterator[str]:
        """Yield those addresses, ascending, whose picture nobody has put since ``moment``, seconds since 1970.

        Never one that was put later; one that was put shortly before may be left out. Raises PicturesUnavailable.
        """

    def examine(self) -> str:
        """Try whether pictures can be kept and deleted; return in words where they are kept.

        Raises StoreUnavailable, StorageFull, PicturesUnavailable or VersionsKept if they cannot.
        """

    def require_reachable(self) -> None:
        """Raise PicturesUnavailable if pictures cannot be read now; a server that is asked has seconds to answer."""

    def close(self) -> None:
        """End what runs in the background; what was put and not flushed is given up."""


class BlobFolder:
    """Blobs in a folder, a file for each picture."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is missing, and delete what crashed writers left in it."""
        self._folder = folder
        self._unfinished = folder / _UNFINISHED
        self._pending: dict[str, Path] = {}  # address to unfinished file
        self._touched: set[Path] = set()  # folders whose names changed since the last flush, or may have
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._names = (f"{os.getpid()}-{time.time_ns():x}-{number}" for number in itertools.count())
        try:
            self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._delete_abandoned()
        except OSError as error:
            raise of_system(error, self._folder) from error

    def put(self, key: DataKey, plain: bytes) -> str:
        """See Blobs."""
        address = key.address(hashlib.sha256(plain).hexdigest())
        path = self._path(address)
        if address in self._pending:
            return address
        with suppress(OSError):
            os.utime(path)  # so that it counts as new, and nobody takes it for an orphan (put_before)
        if path.exists():
            with self._lock:
                self._touched.add(path.parent)
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
            already_there = self._pending.setdefault(address, unfinished) != unfinished
        if already_there:
            unfinished.unlink()
        return address

    def flush(self) -> None:
        """See Blobs."""
        with self._flushing:
            with self._lock:
                pending, touched = list(self._pending.items()), self._touched
                self._touched = set()
            try:
                self._give_names(pending, touched)
            except OSError as error:
                for _, unfinished in pending:
                    unfinished.unlink(missing_ok=True)
                raise of_system(error, self._folder) from error
            finally:
                with self._lock:
                    for address, _ in pending:
                        del self._pending[address]

    def get(self, key: DataKey, address: str) -> bytes:
        """See Blobs."""
        sealed = self._read(address)
        try:
            return key.pictures.open(sealed, address.encode())
        except Damaged:
            raise damaged(address, "it was altered, or sealed under another key") from None

    def missing(self, addresses: Iterable[str]) -> set[str]:
        """See Blobs."""
        return {address for address in addresses if not self._is_there(address)}

    def _is_there(self, address: str) -> bool:
        return address in self._pending or self._path(address).exists()

    def delete(self, addresses: Iterable[str]) -> None:
        """See Blobs."""
        paths = [self._path(address) for address in addresses]
        try:
            for path in paths:
                path.unlink(missing_ok=True)
            sync_all(self._folder, {path.parent for path in paths if path.parent.is_dir()})
        except OSError as error:
            raise of_system(error, self._folder) from error

    def addresses(self) -> Iterator[str]:
        """See Blobs."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(path.name for path in folder.iterdir() if _ADDRESS.fullmatch(path.name))

    def put_before(self, moment: float) -> Iterator[str]:
        """See Blobs."""
        for address in self.addresses():
            with suppress(FileNotFoundError):  # deleted meanwhile
                if self._path(address).stat().st_mtime < moment:
                    yield address

    def examine(self) -> str:
        """See Blobs."""
        tried = self._unfinished / f"examined-{next(self._names)}"
        try:
            _write(tried, b"")
            tried.unlink()
        except OSError as error:
            raise of_system(error, self._folder) from error
        return f"the folder {self._folder} can be written to and deleted from"

    def require_reachable(self) -> None:
        """See Blobs. A file is read or not; nothing has to be asked first."""

    def close(self) -> None:
        """See Blobs."""

    # ------------------------------------------------------------ files

    def _path(self, address: str) -> Path:
        return self._folder / checked_address(address)[:2] / address

    def _give_names(self, pending: list[tuple[str, Path]], touched: set[Path]) -> None:
        """Sync content first, then names, then the folders that hold the names."""
        if not pending and not touched:
            return
        sync_all(self._folder, [unfinished for _, unfinished in pending])
        folders = {self._folder, *touched}
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
            raise damaged(address, "its file is missing") from None
        except OSError as error:
            raise damaged(address, f"its file cannot be read ({error.strerror})") from error

    def _delete_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED
        for path in self._unfinished.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:  # another process deleted it
                continue


def checked_address(address: str) -> str:
    """Return the address. Raises InvalidValue if it is none."""
    if not _ADDRESS.fullmatch(address):
        raise InvalidValue(what="The address of a picture", value=address, why="it is 64 hexadecimal digits")
    return address


def damaged(address: str, why: str) -> Damaged:
    """Return the error for a picture that cannot be opened."""
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
