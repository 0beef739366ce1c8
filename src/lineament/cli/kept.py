"""The session of the terminal: its key, in a file for its owner alone, one for each workspace."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.errors import KeyExposed, StorageFull

if TYPE_CHECKING:
    from lineament.workspace import Workspace


def key_path(opened: Workspace) -> Path:
    """Return the file that keeps the key of this workspace's session."""
    with opened.store.read() as tx:
        return opened.settings.state / "sessions" / str(tx.meta.get("workspace"))


def kept_key(opened: Workspace) -> str | None:
    """Return the key that was kept; None if there is none. Raises KeyExposed if others may read it."""
    path = key_path(opened)
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise KeyExposed(path=path)
            return file.read(200).strip()
    except FileNotFoundError:
        return None


def keep_key(opened: Workspace, key: str) -> None:
    """Keep a key in place of the last one, whole or not at all. Raises StorageFull if it cannot be written."""
    path = key_path(opened)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key + "\n")
        unfinished.replace(path)
    except OSError as error:
        raise StorageFull(path=path.parent) from error


def forget_key(opened: Workspace) -> None:
    """Delete the key, if there is one."""
    key_path(opened).unlink(missing_ok=True)
