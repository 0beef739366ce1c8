"""A lifecycle is a table: state to event to next state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from lineament.errors import WrongState

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def advance(table: Mapping[State, Mapping[Event, State]], state: State, event: Event, *, what: str, name: str) -> State:
    """Return the state after ``event``. Raises WrongState if the table has no such step."""
    try:
        return table[state][event]
    except KeyError:
        raise WrongState(what=what, name=name, state=state.value, event=event.value) from None
