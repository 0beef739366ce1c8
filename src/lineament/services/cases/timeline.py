"""The entries of the ledger on a case, as those who work on it may see them."""

from __future__ import annotations

import json
from dataclasses import replace

from lineament.model.actions import VIEW_ACTIONS
from lineament.model.cases import Case, CaseState, TimelineEntry
from lineament.model.events.cases import CaseDestroyed
from lineament.store.db import Tx
from lineament.store.ledger import LedgerRow
from lineament.store.ledger_parts import LedgerPart


def entries_of(  # noqa: PLR0913 - a part of a list, and who reads it
    tx: Tx, case: Case, agency_id: str, before: int | None, limit: int, *, views: bool
) -> list[TimelineEntry]:
    """Return the newest entries on a case before the entry ``before``, as an official of that agency sees them."""
    part = LedgerPart(case_id=case.id, stop=before, without=frozenset() if views else VIEW_ACTIONS)
    found: list[TimelineEntry] = []
    while rows := tx.ledger.part(part, limit):
        shown = (_visible(_entry(row, case), case, agency_id) for row in rows)
        found += [entry for entry in shown if entry is not None]
        part = replace(part, stop=rows[-1].seq)
        if len(found) >= limit:
            break
    return found[:limit]


def views_of(tx: Tx, case: Case, first: int, before: int | None) -> int:
    """Return how many entries on a case, from ``first`` to ``before`` (excluded), only say that somebody looked."""
    return tx.ledger.count(LedgerPart(case_id=case.id, actions=VIEW_ACTIONS, first=first, stop=before))


def _visible(entry: TimelineEntry, case: Case, agency_id: str) -> TimelineEntry | None:
    """Return what the official may see: no notes of other agencies, and guests' addresses only for the host."""
    from lineament.model.events.catalogue import read_event

    details = dict(entry.details)
    if details.pop("notes_of", agency_id) != agency_id:
        return None
    details.pop("account", None)
    if agency_id != case.agency_id:
        details.pop("email", None)
    return replace(entry, details=details, event=read_event(entry.action, details))


def _entry(row: LedgerRow, case: Case) -> TimelineEntry:
    """Return a line of the timeline, without details if the case was destroyed (only auditors still read them)."""
    known = {} if row.details is None else json.loads(row.details)
    actor = str(known.pop("actor", ""))
    shown = {} if case.state is CaseState.DESTROYED and row.action != CaseDestroyed.action else known
    return TimelineEntry(
        seq=row.seq, at=row.at, action=row.action, actor=actor, details=shown, commitment=row.commitment.hex()
    )
