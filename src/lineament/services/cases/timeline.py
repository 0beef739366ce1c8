"""The entries of the ledger on a case, as those who work on it may see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lineament.model.accounts import Official, Permission
from lineament.model.actions import VIEW_ACTIONS, Action
from lineament.model.cases import Case, CaseState, TimelineEntry
from lineament.model.events.cases import CaseDestroyed
from lineament.model.review import Review, reviews_by_entry
from lineament.services.people.policies import policy_for
from lineament.services.review.seen import reviewers_of
from lineament.store.db import Tx
from lineament.store.ledger import LedgerRow
from lineament.store.ledger_parts import LedgerPart

_REVIEWING = frozenset({Action.CANDIDATE_DECIDED.value, Action.CANDIDATE_NOTED.value})
_NUMBERS = frozenset({"rank", "face", "capture", "candidates", "shown", "twins", "rows", "entry", "seat", "decision"})
"""Recorded fields that tell a reviewer of ranks and scores, or more of a decision than they may know."""


def entries_of(  # noqa: PLR0913 - a part of a list, and who reads it
    tx: Tx, case: Case, reader: Official, before: int | None, limit: int, *, views: bool
) -> list[TimelineEntry]:
    """Return the newest entries on a case before the entry ``before``, as an official sees them."""
    part = LedgerPart(case_id=case.id, stop=before, without=frozenset() if views else VIEW_ACTIONS)
    found: list[TimelineEntry] = []
    while rows := tx.ledger.part(part, limit):
        entries = [_entry(row, case) for row in rows]
        sight = _Sight(reader=reader, case=case, reviews=_reviews_hidden_from(tx, case, reader, entries))
        found += [entry for entry in map(sight.of, entries) if entry is not None]
        part = replace(part, stop=rows[-1].seq)
        if len(found) >= limit:
            break
    return found[:limit]


def views_of(tx: Tx, case: Case, first: int, before: int | None) -> int:
    """Return how many entries on a case, from ``first`` to ``before`` (excluded), only say that somebody looked."""
    return tx.ledger.count(LedgerPart(case_id=case.id, actions=VIEW_ACTIONS, first=first, stop=before))


Reviews = Mapping[str, Mapping[int, Review]]
"""Reviews by search and entry."""


def _reviews_hidden_from(tx: Tx, case: Case, reader: Official, entries: Iterable[TimelineEntry]) -> Reviews | None:
    """Return the reviews that entries are about if the reader may not know all of them; else None (R17, R19)."""
    policy = policy_for(tx, case.agency_id)
    if not policy.blind_review or reader.may(Permission.READ_LEDGER):
        return None
    searches = {str(entry.details.get("search", "")) for entry in entries if entry.action in _REVIEWING}
    decided = tx.reviews.of_searches(searches)
    return {search: reviews_by_entry(of_it, reviewers_of(policy)) for search, of_it in decided.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What one reader may see of the entries on a case."""

    reader: Official
    case: Case
    reviews: Reviews | None  # None: nothing of the reviews is hidden

    def of(self, entry: TimelineEntry) -> TimelineEntry | None:
        """Return an entry as the reader may see it.

        Notes of other agencies are not seen, guests' addresses only by the host, other people's decisions and notes
        about a candidate once its outcome stands, and lists with known pairs only by those who measure reviewers.
        """
        from lineament.model.events.catalogue import read_event

        details = dict(entry.details)
        agency_id = self.reader.agency_id
        if details.pop("notes_of", agency_id) != agency_id:
            return None
        if entry.action == Action.PAIRS_KNOWN and not self._measures:
            return None
        if details.pop("account", None) != self.reader.account_id and self._is_undecided(entry):
            return None
        if agency_id != self.case.agency_id:
            details.pop("email", None)
        event = read_event(entry.action, details)
        if self.reviews is not None:
            details = {name: value for name, value in details.items() if name not in _NUMBERS}
        return replace(entry, details=details, event=event)

    @property
    def _measures(self) -> bool:
        """Whether the reader may know which lists measure their reviewers."""
        own = self.reader.agency_id == self.case.agency_id
        return self.reader.may(Permission.READ_LEDGER) or (own and self.reader.may(Permission.MEASURE_REVIEWERS))

    def _is_undecided(self, entry: TimelineEntry) -> bool:
        """Return whether an entry tells of a review whose outcome does not stand yet."""
        if self.reviews is None or entry.action not in _REVIEWING:
            return False
        search, number = entry.details.get("search"), entry.details.get("entry")
        review = self.reviews.get(str(search), {}).get(number) if isinstance(number, int) else None
        return review is None or review.outcome is None


def _entry(row: LedgerRow, case: Case) -> TimelineEntry:
    """Return a line of the timeline, without details if the case was destroyed (only auditors still read them)."""
    known = {} if row.details is None else json.loads(row.details)
    actor = str(known.pop("actor", ""))
    shown = {} if case.state is CaseState.DESTROYED and row.action != CaseDestroyed.action else known
    return TimelineEntry(
        seq=row.seq, at=row.at, action=row.action, actor=actor, details=shown, commitment=row.commitment.hex()
    )
