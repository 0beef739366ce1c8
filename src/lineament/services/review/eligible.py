"""Who may decide about a list: whoever is trained and does not know more of it than a reviewer may (R17, R19, R23)."""

from __future__ import annotations

from datetime import date

from lineament.errors import Refused
from lineament.model.accounts import Official, Permission
from lineament.model.actions import Action
from lineament.model.reasons import ReasonCode
from lineament.services.people.policies import policy_for
from lineament.services.review.seen import SeenList
from lineament.store.db import Tx
from lineament.store.ledger_parts import LedgerPart


def require_trained(tx: Tx, official: Official, today: date) -> None:
    """Raise Refused if the policy asks for training in face comparison and the official has none that counts (R23)."""
    if official.account_id is None or not policy_for(tx, official.agency_id).training:
        return
    if not tx.accounts.get(official.account_id).trained(today):
        raise Refused(ReasonCode.UNTRAINED.reason())


def require_blind(tx: Tx, seen: SeenList) -> None:
    """Raise Refused if the reader of a list may know more of it than a reviewer may."""
    if code := why_not_blind(tx, seen):
        raise Refused(code.reason())


def why_not_blind(tx: Tx, seen: SeenList) -> ReasonCode | None:
    """Return why the reader of a list may know more of it than a reviewer may; None if they may not.

    Whoever measures reviewers may read what is true of its candidates, and a disclosure pack shows all that is hidden.
    """
    reader, result = seen.reader, seen.whole.result
    measures = reader.in_person.may(Permission.MEASURE_REVIEWERS) and seen.case.agency_id == reader.agency_id
    if measures and tx.reviews.known_of(result.search_id):
        return ReasonCode.KNOWS_PAIRS
    if not seen.policy.blind_review or reader.account_id is None:
        return None
    taken = LedgerPart(
        case_id=seen.case.id,
        account_id=reader.account_id,
        actions=frozenset({Action.DISCLOSURE_TAKEN.value}),
        first=result.ledger_entry,
    )
    return ReasonCode.REVIEWER_HAS_PACK if tx.ledger.count(taken) else None
