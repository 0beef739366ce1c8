"""Events about model packs."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class PackAdded(Event, action=Action.PACK_ADDED):
    """A model pack was added to the workspace, and its licences were accepted by whoever the entry names."""

    pack: str
    model: str
    manifest: str  # SHA-256 of the manifest as it is kept
    licences: str  # SHA-256 of the licences as they were shown
    rates: str | None  # SHA-256 of its error rates


class PackChosen(Event, action=Action.PACK_CHOSEN):
    """The gallery is to be moved to a pack, or stays with the one in use."""

    pack: str
    model: str
    before: str  # the pack in use


class PackInUse(Event, action=Action.PACK_IN_USE):
    """All sources, and with them the workspace, use a pack from now on."""

    pack: str
    model: str
    sources: int
