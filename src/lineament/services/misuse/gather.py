"""Gathers what an agency did, for its weekly report: from the ledger as it is filed, and from its own searches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.engine import RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import HOME_AGENCY, Official
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.misuse.facts import WEEKS, Act, Actor, CaseFacts, Facts, RefusedAttempt, SearchFacts
from lineament.model.rates import ErrorRates
from lineament.model.search import Mode
from lineament.services.misuse.compare import compare_faces
from lineament.store.db import Tx
from lineament.store.ledger_parts import LedgerPart
from lineament.store.ring import KeyRing

ZONE = UTC
"""No agency says in which zone it works, so that nights are those of UTC; the report says so."""


def monday_of(day: date) -> date:
    """Return the Monday of the week of a day."""
    return day - timedelta(days=day.weekday())


def gather(  # noqa: PLR0913, PLR0917 - of whom, of when, and with which keys
    tx: Tx, keys: KeyRing, rates: ErrorRates, agency_id: str, week: date, machine: Official
) -> Facts:
    """Return what an agency did in the week that begins on that Monday, and in the weeks before."""
    begins = datetime.combine(week, time(), ZONE)
    since, until = begins - timedelta(weeks=WEEKS), begins + timedelta(days=7)
    first, stop = tx.ledger.between(since, until)
    acts = sorted(tx.misuse.acts(agency_id, first, stop), key=lambda act: act.at)
    cases = _cases(tx, agency_id, acts)
    acts = [act if act.case in cases or act.case is None else act._replace(case=None) for act in acts]
    reviewed = tx.misuse.reviewed(agency_id)
    searches = [_search(row, reviewed) for row in tx.misuse.searches_in_cases(agency_id, since, until)]
    searches += [_watch(row) for row in tx.misuse.watches_in_cases(agency_id, since, until)]
    photographs = tx.misuse.faces_in_cases(agency_id, since, until)
    numbered = compare_faces(tx, keys, rates, agency_id, cases, photographs, begins)
    searches = [
        replace(search, faces=numbered.faces.get(search.id, ()), guarded=numbered.guarded.get(search.id, ()))
        for search in sorted(searches, key=lambda search: search.at)
        if search.case in cases
    ]
    return Facts(
        week=begins,
        zone=ZONE,
        actors=_actors(tx, agency_id, acts, machine),
        cases={number: _facts(case) for number, case in cases.items()},
        acts=acts,
        searches=searches,
        refused=_refused(tx, agency_id, first, stop, cases),
        faces=numbered.how,
        reviews=True,
    )


def _cases(tx: Tx, agency_id: str, acts: list[Act]) -> dict[int, Case]:
    found = tx.cases.of_ids({act.case for act in acts if act.case is not None})
    return {number: case for number, case in found.items() if case.agency_id == agency_id}


def _facts(case: Case) -> CaseFacts:
    terms = case.terms
    return CaseFacts(
        id=case.id,
        ref=case.ref,
        seeks=terms.seeks.value,
        offence=terms.offence,
        texts=f"{terms.purpose} {terms.basis}",
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        urgent_since=case.urgent_since,
    )


def _search(row: RowMapping, reviewed: frozenset[str]) -> SearchFacts:
    return SearchFacts(
        id=row["id"],
        at=row["made_at"],
        who=row["account_id"] or "",
        case=row["case_id"],
        kind=row["kind"],
        mode=row["mode"],
        least=row["threshold"],
        limit=row["most"],
        candidates=row["listed"],
        reason=row["reason"],
        only_new=row["since"] is not None or row["after_search"] is not None,
        reviewed=row["id"] in reviewed,
        fired=row["watch_id"] is not None,
    )


def _watch(row: RowMapping) -> SearchFacts:
    return SearchFacts(
        id=row["id"],
        at=row["begun_at"],
        who=row["account_id"] or "",
        case=row["case_id"],
        kind=row["kind"],
        mode=Mode.IDENTIFICATION.value,
        least=0.0,
        limit=0,
        candidates=0,
        reason=row["reason"],
        only_new=True,
        watch=True,
    )


def _actors(tx: Tx, agency_id: str, acts: list[Act], machine: Official) -> Mapping[str, Actor]:
    own = {
        account.id: Actor(id=account.id, name=account.name, roles=account.roles)
        for account in tx.accounts.of_agency(agency_id)
    }
    if agency_id == HOME_AGENCY:
        own[""] = Actor(id="", name=f"{machine.name}, at the machine", roles=frozenset())
    for who in {act.who for act in acts} - own.keys():
        try:
            account = tx.accounts.get(who)
        except NotFound:
            continue
        own[who] = Actor(id=who, name=account.name, roles=account.roles, guest=True)
    return own


def _refused(tx: Tx, agency_id: str, first: int, stop: int, cases: Mapping[int, Case]) -> list[RefusedAttempt]:
    """Return the refusals by words, from the details of their entries."""
    actions = frozenset({Action.PURPOSE_REFUSED.value})
    part = LedgerPart(agency_id=agency_id, actions=actions, first=first, stop=stop)
    found = []
    for row in reversed(tx.ledger.part(part, None)):
        if row.details is not None:
            details = json.loads(row.details)
            case = row.case_id if row.case_id in cases else None
            purpose = ", ".join(details["purposes"])
            found.append(RefusedAttempt(at=row.at, who=details.get("account", ""), case=case, purpose=purpose))
    return found
