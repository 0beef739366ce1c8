"""The model in use, which may change while a program is running, and the one to which the gallery is being moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineament.errors import ModelChanged
from lineament.model.events.packs import PackChosen, PackInUse
from lineament.model.packs import CURRENT, NEXT_MODEL, NEXT_PACK, PACK
from lineament.store.db import Tx

if TYPE_CHECKING:
    from lineament.services.record import Change

MODEL = "model"
"""The fact that names its model, if it was changed since the workspace was made."""


def require_model(tx: Tx, model: str) -> None:
    """Raise ModelChanged if the workspace uses another model by now: its faces would not be compared."""
    now = tx.meta.get(MODEL)
    if now is not None and now != model:
        raise ModelChanged(model=now)


def start_move(change: Change, pack: str, model: str, *, in_use: str) -> None:
    """Start to move the gallery to another pack; if the pack in use is named, end a move instead.

    This is the only function that starts a move. From now on a second look at all sources prepares them with that pack,
    and once nothing is left to look at, the workspace uses it. What another pack has prepared is forgotten.

    Args:
        change: The transaction, in which the decision is recorded.
        pack: The name of the pack.
        model: Its model.
        in_use: The name of the pack in use.
    """
    meta = change.tx.meta
    before = meta.get(NEXT_MODEL)
    if before is not None and before != model:
        change.tx.prepared.abandon(before)
    if pack == in_use:
        _forget_move(change.tx)
    else:
        meta.set(NEXT_PACK, pack)
        meta.set(NEXT_MODEL, model)
    change.record(PackChosen(pack=pack, model=model, before=in_use))


def is_next(tx: Tx, pack: str) -> bool:
    """Return whether the gallery is still being moved to this pack; to the newest that ships, if none was chosen."""
    return (tx.meta.get(NEXT_PACK) or CURRENT) == pack


def change_model(change: Change, pack: str, model: str, sources: int) -> None:
    """Make a pack the one in use; the workspace has ``sources`` sources."""
    tx = change.tx
    change.record(PackInUse(pack=pack, model=model, sources=sources))
    tx.meta.set(PACK, pack)
    tx.meta.set(MODEL, model)
    _forget_move(tx)


def _forget_move(tx: Tx) -> None:
    for fact in (NEXT_PACK, NEXT_MODEL):
        tx.meta.forget(fact)
