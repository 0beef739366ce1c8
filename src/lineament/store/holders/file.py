"""The key-encryption key in a file that only its owner may read: the default holder.

During a rotation the next key stands beside it, in ``kek.next``; retiring renames that over the old one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lineament.errors import Damaged, KeyExposed, NoSuchFile, WorkspaceExists, WrongKey
from lineament.store.durable import new_file, sync
from lineament.store.faults import of_system
from lineament.store.keys import KEY_BYTES, Cipher, subkey

_FIRST_LINE = b"lineament key-encryption key 1\n"


class FileHolder:
    """See KeyHolder. Keys are read from their files at each call."""

    def __init__(self, path: Path) -> None:
        """``path``: the file of the key; its folder holds nothing else."""
        self._path = path
        self._next = path.with_name(f"{path.name}.next")

    def __repr__(self) -> str:
        return f"FileHolder({str(self._path)!r})"

    @property
    def place(self) -> str:
        """See KeyHolder."""
        return str(self._path)

    def create(self) -> None:
        """See KeyHolder: mode 0600, whole or not at all."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise of_system(error, self._path) from error
        _write(self._path)

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """See KeyHolder."""
        return _cipher(self._keys()[0]).seal(plain, about)

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """See KeyHolder."""
        for key in self._keys():
            try:
                return _cipher(key).open(wrapped, about)
            except Damaged:
                continue
        raise WrongKey(path=self._path)

    def rotate(self) -> None:
        """See KeyHolder. A next key that is there already is taken."""
        self.key()
        if not self._next.exists():
            _write(self._next)

    def retire(self) -> None:
        """See KeyHolder. The bytes of the old key are overwritten before its file goes."""
        if not self._next.exists():
            return
        read_key(self._next)  # an unreadable one must not replace the only good one
        try:
            with self._path.open("r+b") as old:
                self._next.replace(self._path)
                sync(self._path.parent)
                old.write(bytes(os.fstat(old.fileno()).st_size))
                old.flush()
                os.fsync(old.fileno())
        except OSError as error:
            raise of_system(error, self._path) from error

    def key(self) -> bytes:
        """Return the 32 bytes of the key in the file; workspaces before 0.4 derived everything from them."""
        return read_key(self._path)

    def _keys(self) -> list[bytes]:
        """Return the keys, the newest first."""
        try:
            following = [read_key(self._next)] if self._next.exists() else []
            return [*following, self.key()]
        except NoSuchFile:
            raise WrongKey(path=self._path) from None


def read_key(path: Path) -> bytes:
    """Read a key. Raises NoSuchFile, KeyExposed if others may read it, or Damaged if it is not a key."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(1000)
    except OSError:
        raise NoSuchFile(path=path) from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyExposed(path=path)
    try:
        key = bytes.fromhex(content.removeprefix(_FIRST_LINE).decode("ascii"))
    except ValueError:
        key = b""
    if not content.startswith(_FIRST_LINE) or len(key) != KEY_BYTES:
        raise Damaged(what=f"The key file {path}", why="it holds no key", remedy="restore it from its backup")
    return key


def _write(path: Path) -> None:
    try:
        with new_file(path) as file:
            file.write(_FIRST_LINE + os.urandom(KEY_BYTES).hex().encode() + b"\n")
    except FileExistsError:
        raise WorkspaceExists(path=path) from None
    except OSError as error:
        raise of_system(error, path) from error


def _cipher(key: bytes) -> Cipher:
    return Cipher(subkey(key, "key ring"))
