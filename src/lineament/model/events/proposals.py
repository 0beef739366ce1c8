"""Events of changes of the threshold and of the model pack. ``change`` is the number of the proposal."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class ChangeProposed(Event, action=Action.CHANGE_PROPOSED):
    """A change was proposed."""

    change: int
    kind: str
    strangers: float
    pack: str
    model: str
    against: str  # the model in use
    based_on: int | None  # the change in force; None: the default of the product
    reason: str
    evidence_sha256: str | None  # of the error rates before and after; None: nothing was measured
    note_sha256: str  # of the signed statement


class ChangeApproved(Event, action=Action.CHANGE_APPROVED):
    """Another person approved a change."""

    change: int
    reason: str
    note_sha256: str
    evidence_sha256: str | None


class ChangeDeclined(Event, action=Action.CHANGE_DECLINED):
    """Another person declined a change."""

    change: int
    reason: str


class ChangeWithdrawn(Event, action=Action.CHANGE_WITHDRAWN):
    """Whoever proposed a change withdrew it."""

    change: int
    reason: str


class ChangeMade(Event, action=Action.CHANGE_MADE):
    """A change took effect."""

    change: int
    kind: str
    strangers: float
    pack: str
    model: str
    note_sha256: str  # of the proposal
    alone: bool  # made by one person
