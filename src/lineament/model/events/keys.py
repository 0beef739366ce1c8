"""Events of keys. ``of`` is workspace, source or case; ``name`` that of the source or case."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class KeyRotationBegun(Event, action=Action.KEY_ROTATION_BEGUN):
    """From now on a new key seals; the one before still opens."""

    of: str
    name: str | None


class KeyRotationEnded(Event, action=Action.KEY_ROTATED):
    """Everything is sealed under the new key, and the one before is destroyed."""

    of: str
    name: str | None
    resealed: int  # values, templates and pictures
    damaged: int  # what opened under no key and stays as it is
