"""The newest checkpoint, kept in a file outside the database; it reveals a database that was cut or rolled back."""

from __future__ import annotations

import os
from pathlib import Path

from lineament.errors import AnchorUnavailable, InvalidValue, LedgerBroken, StorageFull
from lineament.ledger.checkpoint import LONGEST_NOTE, Checkpoint, PublicKey
from lineament.ledger.files import locked, write_whole
from lineament.sandbox.files import NO_ROOM


def read_anchor(path: Path) -> str | None:
    """Return the checkpoint kept in ``path``, unchecked; None if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_NOTE + 1).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AnchorUnavailable(path=path, why=error.strerror or error) from error


def write_anchor(path: Path, note: str, key: PublicKey) -> None:
    """Keep ``note`` in ``path``, atomically and durably, unless a newer checkpoint is there already.

    Any number of processes may do so at once. Raises LedgerBroken if the file holds another history, or no checkpoint
    of this ledger, StorageFull or AnchorUnavailable if it cannot be written.
    """
    new = Checkpoint.parse(note, key)
    try:
        with locked(path.parent) as folder:
            kept = read_anchor(path)
            if kept is not None and not _older(kept, new, key):
                return
            write_whole(path, note.encode(), mode=0o666)  # as the umask says: others may copy it
            os.fsync(folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(path=path.parent) from error
        raise AnchorUnavailable(path=path, why=error.strerror or error) from error


def _older(kept_note: str, new: Checkpoint, key: PublicKey) -> bool:
    """Return whether the kept checkpoint is older than the new one."""
    try:
        kept = Checkpoint.parse(kept_note, key)
    except InvalidValue as error:
        raise LedgerBroken(why=f"the anchored checkpoint cannot be trusted: {error}", entry=0) from error
    if kept.size == new.size and kept.root != new.root:
        why = f"the first {kept.size} entries are not those that were anchored"
        raise LedgerBroken(why=why, entry=f"any from 0 to {kept.size - 1}")
    return kept.size < new.size
