"""Counts what an agency did in a time from the entries of the ledger that are filed under it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from lineament.model import accountability as names
from lineament.model.accountability import CANDIDATES, ELSEWHERE, NO_CANDIDATE, UNKNOWN, Counts
from lineament.model.actions import Action
from lineament.model.offences import offence_class
from lineament.store.db import Tx
from lineament.store.ledger import LedgerRow
from lineament.store.ledger_parts import LedgerPart

OTHERS: Mapping[str, tuple[Action, ...]] = {
    "cases opened": (Action.CASE_OPENED,),
    "cases closed": (Action.CASE_CLOSED,),
    "cases destroyed at the end of their retention": (Action.CASE_DESTROYED,),
    names.AUTHORISED: (Action.CASE_AUTHORISED,),
    names.REFUSED: (Action.CASE_REFUSED,),
    names.URGENT: (Action.CASE_URGENT,),
    names.PURPOSES: (Action.PURPOSE_REFUSED,),
    "words of a purpose allowed by a supervisor": (Action.PURPOSE_ALLOWED,),
    "photographs approved by a second person": (Action.PROBE_APPROVED,),
    "decisions about candidates": (Action.CANDIDATE_DECIDED,),
    "pieces of independent evidence recorded for leads": (Action.EVIDENCE_RECORDED,),
    "reports of leads written": (Action.LEAD_REPORT_WRITTEN,),
    "cases disclosed": (Action.CASE_DISCLOSED,),
    "faces put on watch": (Action.WATCH_BEGUN,),
    "reports of searches written": (Action.REPORT_WRITTEN,),
    "comparisons of two pictures": (Action.COMPARED,),
    "trainings recorded": (Action.ACCOUNT_TRAINED,),
    names.ERASED: (Action.FACE_ERASED, Action.CAPTURE_ERASED),
    "sources withdrawn": (Action.SOURCE_WITHDRAWN,),
    "stops of all searching": (Action.AGENCY_STOPPED, Action.ALL_STOPPED),
    "readings of the ledger": (Action.LEDGER_READ,),
    "exports of the ledger": (Action.LEDGER_EXPORTED,),
    "reports of misuse": (Action.MISUSE_REPORTED,),
    "findings of misuse explained or passed on": (Action.MISUSE_ANSWERED,),
}
"""What is counted besides searches: entries of these actions."""


def count_agency(tx: Tx, agency_id: str, since: datetime, until: datetime) -> Counts:
    """Return the counts of an agency between two moments, the second excluded.

    Entries whose details were erased are not filed under anybody any more, and so not counted.
    """
    first, stop = tx.ledger.between(since, until)
    own = {account.id for account in tx.accounts.of_agency(agency_id)}
    searches = list(_of(tx, agency_id, {Action.SEARCH}, first, stop))
    terms = _terms(tx, agency_id, {row.case_id for row, _ in searches if row.case_id is not None})
    tables: dict[str, Counter[str]] = defaultdict(Counter)
    by_guests = 0
    for row, details in searches:
        account = details.get("account")
        if account is not None and account not in own:
            by_guests += 1
            continue
        purpose, offence = terms.get(row.case_id or 0, (ELSEWHERE, ELSEWHERE))
        tables["purpose"][purpose] += 1
        tables["offence"][offence] += 1
        tables["listed"][offence] += bool(details["candidates"])
        tables["outcome"][CANDIDATES if details["candidates"] else NO_CANDIDATE] += 1
        tables["photograph"][details["kind"]] += 1
        tables["model"][details["model"]] += 1
        tables["sources"].update(details["sources"])
    others = {
        name: tx.ledger.count(_part(agency_id, actions, first, stop)) if stop else 0 for name, actions in OTHERS.items()
    }
    reported = _of(tx, agency_id, {Action.MISUSE_REPORTED}, first, stop)
    others[names.MISUSE] = sum(int(details["findings"]) for _, details in reported)
    return Counts(
        by_purpose=tables["purpose"],
        by_offence=tables["offence"],
        by_outcome=tables["outcome"],
        by_photograph=tables["photograph"],
        by_model=tables["model"],
        listed=+tables["listed"],
        sources=tables["sources"],
        by_guests=by_guests,
        others=others,
    )


def _terms(tx: Tx, agency_id: str, case_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return whom these cases of an agency seek, and the classes of their offences, as their openings recorded them."""
    found = {}
    for row, details in _said(tx.ledger.of_cases(agency_id, case_ids, Action.CASE_OPENED.value)):
        if row.case_id is not None:
            found[row.case_id] = (details.get("seeks", UNKNOWN), offence_class(details.get("offence", "")))
    return found


def _of(
    tx: Tx, agency_id: str, actions: Iterable[Action], first: int, stop: int
) -> Iterator[tuple[LedgerRow, dict[str, Any]]]:
    return _said(tx.ledger.part(_part(agency_id, actions, first, stop), None) if stop else ())


def _said(rows: Iterable[LedgerRow]) -> Iterator[tuple[LedgerRow, dict[str, Any]]]:
    """Yield the entries whose details are not erased, each with them."""
    for row in rows:
        if row.details is not None:
            yield row, json.loads(row.details)


def _part(agency_id: str, actions: Iterable[Action], first: int, stop: int) -> LedgerPart:
    values = frozenset(action.value for action in actions)
    return LedgerPart(agency_id=agency_id, actions=values, first=first, stop=stop)
