"""Untrusted names and bytes from a file system.

Names are bytes throughout, because a name need not be text. Only regular files are read, opening never blocks, and
symbolic links are not followed out of the folder that was given.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from urllib.parse import quote_from_bytes

from lineament.errors import FileTooLarge, NoSuchFile, NotRead, StorageFull

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of the operating system's errors when a file cannot grow; they become StorageFull."""
NAMES_AT_ONCE = 100_000
"""Names of one folder that are held in memory; a larger folder is listed several times."""
MORE_AT_ONCE = 2**16
"""Bytes read beyond the size that the file system reports."""

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePath:
    """The path of a file or folder in what the user gave."""

    path: bytes  # absolute
    shown: bytes  # as the user wrote it
    below: bytes  # relative to the given folder; the name of a given file
    root: bytes  # the given folder, or that of the given file; links may lead anywhere inside it

    def child(self, name: bytes) -> SourcePath:
        """Return the path of ``name`` in this folder."""
        return SourcePath(
            path=os.path.join(self.path, name),  # noqa: PTH118 - pathlib has no bytes
            shown=os.path.join(self.shown, name),  # noqa: PTH118
            below=os.path.join(self.below, name),  # noqa: PTH118
            root=self.root,
        )

    @property
    def parent(self) -> SourcePath:
        """The containing folder."""
        up = os.path.dirname
        return SourcePath(path=up(self.path), shown=up(self.shown), below=up(self.below), root=self.root)

    @property
    def base(self) -> bytes:
        """The last part of the path."""
        return os.path.basename(self.path)  # noqa: PTH119 - pathlib has no bytes

    @property
    def name(self) -> str:
        """The path for messages: printable, whatever its bytes are."""
        return printable_bytes(self.shown)

    @property
    def uri(self) -> str:
        """The file URI (RFC 8089)."""
        return f"file://{quote_from_bytes(self.path)}"


def locate(path: Path) -> tuple[SourcePath, bool]:
    """Return the path that the user gave, and whether it is a folder. Raises NoSuchFile if there is nothing."""
    try:
        real = os.path.realpath(os.fsencode(path), strict=True)
        is_folder = stat.S_ISDIR(os.stat(real).st_mode)  # noqa: PTH116 - pathlib has no bytes
    except (OSError, ValueError) as error:
        raise NoSuchFile(path=printable(str(path))) from error
    folder, name = (real, b"") if is_folder else os.path.split(real)
    return SourcePath(path=real, shown=os.fsencode(path), below=name, root=folder), is_folder


def printable(text: str) -> str:
    """Return the text with all control characters escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def printable_bytes(name: bytes) -> str:
    """Return the name of a file as printable text, with bytes that are not UTF-8 escaped as well."""
    return printable(name.decode("utf-8", "backslashreplace"))


def os_reason(error: OSError) -> str:
    """Return why the operating system refuses to read something, to complete “it is not read: …”."""
    if error.errno == errno.ENOENT:
        return "it is gone, or is a broken link"
    if error.errno == errno.ELOOP:
        return "its symbolic links form a loop"
    return (error.strerror or printable(str(error))[:200].rstrip(".") or type(error).__name__).lower()


class EntryType(IntEnum):
    """The kind of a directory entry."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    OTHER = 3


def list_names(folder: SourcePath, *, folders: bool) -> Iterator[tuple[bytes, EntryType]]:
    """Yield the names in a folder, either of folders or of everything else, in byte order. Raises OSError.

    Memory does not grow with the folder: it is listed again for every NAMES_AT_ONCE names.
    """
    last = b""
    while batch := heapq.nsmallest(NAMES_AT_ONCE, _after(last, folder, folders=folders)):
        yield from batch
        if len(batch) < NAMES_AT_ONCE:
            return
        last = batch[-1][0]


def _after(last: bytes, folder: SourcePath, *, folders: bool) -> Iterator[tuple[bytes, EntryType]]:
    with os.scandir(folder.path) as entries:
        for entry in entries:
            if entry.name > last and entry.is_dir(follow_symlinks=False) == folders:
                yield entry.name, _entry_kind(entry)


def _entry_kind(entry: os.DirEntry[bytes]) -> EntryType:
    if entry.is_file(follow_symlinks=False):
        return EntryType.FILE
    if entry.is_symlink():
        return EntryType.LINK
    return EntryType.FOLDER if entry.is_dir(follow_symlinks=False) else EntryType.OTHER


def regular_path(place: SourcePath) -> bytes:
    """Return the real path of a regular file, links followed. Raises NotRead if it is not one, OSError.

    Nothing is opened: opening a device can have effects.
    """
    path, mode = place.path, os.lstat(place.path).st_mode
    if stat.S_ISLNK(mode):
        path = os.path.realpath(path, strict=True)
        if os.path.commonpath([path, place.root]) != place.root:
            raise NotRead(why="it is a symbolic link to something outside the folder; name its target as well")
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            raise NotRead(why="it is a symbolic link to a folder that is read in its own place")
    if not stat.S_ISREG(mode):
        raise NotRead(why=f"it is {_kind(mode)}")
    return path


def open_regular(place: SourcePath) -> int:
    """Open a regular file without blocking, and return its descriptor. Raises NotRead or OSError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(regular_path(place), flags)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):  # it was replaced just now
        os.close(descriptor)
        raise NotRead(why=f"it is {_kind(mode)}")
    return descriptor


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "not a regular file")


def read_regular(place: SourcePath, limit: int) -> bytes:
    """Return the bytes of a regular file. Raises FileTooLarge over ``limit`` bytes, NotRead or OSError."""
    return read_opened(open_regular(place), limit)


def read_opened(descriptor: int, limit: int) -> bytes:
    """Return the bytes of an open regular file, and close it. Raises FileTooLarge over ``limit`` bytes, or OSError."""
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise FileTooLarge(size=size, limit=limit)
        parts, length = [], 0
        while part := file.read(max(size - length, 0) + MORE_AT_ONCE):
            parts.append(part)
            length += len(part)
            if length > limit:
                raise FileTooLarge(size=length, limit=limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_start(place: SourcePath, size: int) -> bytes:
    """Return the first bytes of a regular file, at most ``size``. Raises NotRead or OSError."""
    with os.fdopen(open_regular(place), "rb", buffering=0) as file:
        return file.read(size)


def open_in_memory(name: str, content: bytes | memoryview) -> int:
    """Return the descriptor of a file in memory, at its beginning. Raises StorageFull if there is no memory for it."""
    try:
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    except OSError:
        raise StorageFull(path="memory") from None
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        os.close(descriptor)
        raise StorageFull(path="memory") from None
    return descriptor
