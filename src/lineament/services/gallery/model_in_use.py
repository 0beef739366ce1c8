"""The model in use, which may change while a program is running."""

from __future__ import annotations

from lineament.errors import ModelChanged
from lineament.model.packs import PACK
from lineament.store.db import Tx

MODEL = "model"
"""The fact that names its model, if it was changed since the workspace was made."""


def require_model(tx: Tx, model: str) -> None:
    """Raise ModelChanged if the workspace uses another model by now: its faces would not be compared."""
    now = tx.meta.get(MODEL)
    if now is not None and now != model:
        raise ModelChanged(model=now)


def change_model(tx: Tx, pack: str, model: str) -> None:
    """Let the workspace use this pack from now on."""
    tx.meta.set(PACK, pack)
    tx.meta.set(MODEL, model)
