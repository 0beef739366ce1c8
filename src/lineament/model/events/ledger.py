"""Events of the ledger and the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lineament.model.actions import Action
from lineament.model.events.base import JSON, Event


class WorkspaceCreated(Event, action=Action.WORKSPACE_CREATED):
    """A workspace was created."""


class LedgerRead(Event, action=Action.LEDGER_READ):
    """An auditor read a page of the ledger."""

    before: int | None  # the entry before which the page begins; None: the newest page
    person: str | None = None  # only what this account did
    named: str | None = None  # its name, if it is of the reader's agency
    case: str | None = None  # only this case
    kind: str | None = None  # only entries of this kind
    since: datetime | None = None  # only from then on
    until: datetime | None = None  # only before then
    views: bool = False  # also those of people who only looked


class LedgerExported(Event, action=Action.LEDGER_EXPORTED):
    """The ledger was exported."""

    case: str | None  # only this case's entries show their details; None: all do


class RowsBound(Event, action=Action.ROWS_BOUND):
    """The ledger committed to rows that a version without digests had stored, as they were found."""

    lists: Mapping[str, JSON]  # by search: ``shown`` and ``twins`` as in the entry of a search


class ClockAccepted(Event, action=Action.CLOCK_ACCEPTED):
    """Somebody at the machine accepted that its clock is behind the newest entry, because it was ahead before."""

    newest: datetime  # the time of that entry
    because: str


class RestoreAccepted(Event, action=Action.RESTORE_ACCEPTED):
    """A database that does not continue from its checkpoint was accepted: it was restored from a backup."""

    entries: int  # that the restored ledger had
    anchored: str | None  # the text of the checkpoint that was kept; None: it was gone
    reason: str
    witnesses: tuple[str, ...] = ()  # who were asked, and saw nothing that the ledger does not begin with


class WitnessesProposed(Event, action=Action.WITNESSES_PROPOSED):
    """A policy of who witnesses the ledger was proposed."""

    change: int  # its number
    policy: Mapping[str, JSON]
    reason: str


class WitnessesChanged(Event, action=Action.WITNESSES_CHANGED):
    """A policy of who witnesses the ledger took effect."""

    change: int  # its number
    policy: Mapping[str, JSON]
    alone: bool  # whether one person made the change


class EntryProven(Event, action=Action.ENTRY_PROVEN):
    """A proof was made that the ledger has an entry, or that it begins with an older one."""

    entry: int | None = None  # that is proven
    old: int | None = None  # the number of entries of the older ledger


class DetailsErased(Event, action=Action.DETAILS_ERASED):
    """The details of entries were erased; their commitments stay."""

    entries: tuple[tuple[int, int], ...]  # first and last, ascending
    reason: str
