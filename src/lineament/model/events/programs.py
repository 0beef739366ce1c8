"""Events of the keys with which programs act for officials."""

from __future__ import annotations

from datetime import datetime

from lineament.model.actions import Action
from lineament.model.events.base import Event


class ApiKeyMade(Event, action=Action.API_KEY_MADE):
    """From now on a program may act for the official, within bounds; the key itself is on no record."""

    made: str  # the id of the key
    name: str
    rights: tuple[str, ...]
    ends_at: datetime
    case: str | None  # the only case that it sees
    purpose: str | None  # of that case, for which it searches
    basis: str | None
    reason: str | None  # of its searches that state none
    sources: tuple[str, ...]  # the only sources that it works with; empty: all that the official may


class ApiKeyRevoked(Event, action=Action.API_KEY_REVOKED):
    """A key opens nothing any more."""

    revoked: str
