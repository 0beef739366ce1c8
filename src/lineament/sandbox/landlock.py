"""Landlock: a process gives up files, ports and other processes by what they are, not by the calls that reach them.

It stands behind the seccomp filter, and for a crawl, which must open files, it says which. Layouts and numbers are
those of the kernel's ``landlock(7)``.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lineament.sandbox.kernel import buffer_address, call

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every processor
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # rights over files that a version knows; later ones know as many
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_OF_ONE_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE  # the others are of folders
_BIND_TCP, _TCP = 0b01, 0b11
_SIGNALS_AND_SOCKETS = 0b11


def version() -> int:
    """Return the version of Landlock that the kernel has; 0 if it has none.

    Raises:
        OSError: It has one, but refuses it to this process.
    """
    try:
        return call("syscall", _CREATE, None, 0, _VERSION)
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EOPNOTSUPP}:
            return 0
        raise


def restrict(read: Iterable[Path] = (), write: Iterable[Path] = (), *, connects: bool = False) -> None:
    """Restrict this thread, and all that it starts, to some files for good.

    Args:
        read: Files and folders that it may read; those that do not exist are left out.
        write: Folders in which it may do anything but execute.
        connects: Whether it may connect to other hosts. Nobody connects to it.

    Raises:
        OSError: The kernel refuses.
    """
    known = version()
    files = 2 ** _FILE_RIGHTS.get(known, 16) - 1
    network = (_BIND_TCP if connects else _TCP) if known >= 4 else 0
    scoped = _SIGNALS_AND_SOCKETS if known >= 6 else 0
    attributes = struct.pack("=QQQ", files, network, scoped)[: 24 if known >= 6 else 16 if known >= 4 else 8]
    rules = call("syscall", _CREATE, attributes, len(attributes), 0)
    try:
        for path in read:
            _permit(rules, path, _READ_FILE | _READ_DIR)
        for path in write:
            _permit(rules, path, files & ~_EXECUTE)
        call("syscall", _RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _permit(rules: int, path: Path, rights: int) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights &= rights if path.is_dir() else _OF_ONE_FILE
            _kept, address = buffer_address(struct.pack("=Qi", rights, file))
            call("syscall", _ADD, rules, _PATH_BENEATH, address, 0)
        finally:
            os.close(file)
