"""The kinds of entries, by which the ledger is read in parts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from lineament.model.actions import Action
from lineament.model.events.catalogue import EVENTS


class EntryKind(StrEnum):
    """A kind of entries. Its value stands in addresses."""

    SEARCHES = "searches"
    REVIEWS = "reviews"
    CASES = "cases"
    SOURCES = "sources"
    PEOPLE = "people"
    SIGN_INS = "sign-ins"
    MODELS = "models"
    RECORD = "record"


_OF_MODULE = {
    "searches": EntryKind.SEARCHES,
    "watches": EntryKind.SEARCHES,
    "notices": EntryKind.PEOPLE,
    "reviews": EntryKind.REVIEWS,
    "cases": EntryKind.CASES,
    "sources": EntryKind.SOURCES,
    "collections": EntryKind.SOURCES,
    "jobs": EntryKind.SOURCES,
    "people": EntryKind.PEOPLE,
    "programs": EntryKind.PEOPLE,
    "packs": EntryKind.MODELS,
    "evaluations": EntryKind.MODELS,
    "proposals": EntryKind.MODELS,
    "leads": EntryKind.CASES,
    "ledger": EntryKind.RECORD,
    "keys": EntryKind.RECORD,
    "oversight": EntryKind.RECORD,
}
"""The kind of the events of each module."""

_SIGN_INS = frozenset(
    {
        Action.FACTOR_ADDED,
        Action.FACTOR_REMOVED,
        Action.FACTOR_SHOWN,
        Action.PASSWORD_CHANGED,
        Action.SIGNED_IN,
        Action.SIGNED_OUT,
        Action.SIGN_IN_LOCKED,
        Action.SIGN_IN_UNLOCKED,
        Action.SESSION_ENDED,
    }
)


def _kind(action: Action) -> EntryKind:
    return EntryKind.SIGN_INS if action in _SIGN_INS else _OF_MODULE[EVENTS[action].__module__.rpartition(".")[2]]


KINDS: Mapping[EntryKind, frozenset[Action]] = {
    kind: frozenset(action for action in Action if _kind(action) is kind) for kind in EntryKind
}
"""The actions of each kind; every action is of one."""
