"""All events by their actions, to read entries of the ledger back."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from lineament.model.actions import Action
from lineament.model.events import (
    cases,
    collections,
    evaluations,
    jobs,
    keys,
    leads,
    ledger,
    notices,
    oversight,
    packs,
    people,
    programs,
    proposals,
    reviews,
    searches,
    sources,
    watches,
)
from lineament.model.events.base import Event


def _events_in(module: ModuleType) -> list[type[Event]]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Event)]
    return [kind for kind in found if kind is not Event]


EVENTS: Mapping[Action, type[Event]] = {
    kind.action: kind
    for module in (
        cases,
        collections,
        evaluations,
        jobs,
        keys,
        leads,
        ledger,
        notices,
        oversight,
        packs,
        people,
        programs,
        proposals,
        reviews,
        searches,
        sources,
        watches,
    )
    for kind in _events_in(module)
}


def read_event(action: str, details: Mapping[str, object]) -> Event | None:
    """Return the event that an entry recorded, None for an action or details of another version."""
    try:
        return EVENTS[Action(action)].read(details)
    except ValueError:
        return None
