"""Cases as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lineament.model.cases import Allowance, Authorisation, Case, CaseStanding
from lineament.views.searches import listed_search_json
from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.services.cases.standings import Outlook
    from lineament.store.searches import StoredSearch


def case_json(case: Case, outlook: Outlook, searches: Iterable[StoredSearch] | None = None) -> dict[str, Any]:
    """Return a case as JSON, with its authorisation and its dates; with its searches if they are given."""
    listed = {} if searches is None else {"list": [listed_search_json(search) for search in searches]}
    return {
        **listed_case_json(case),
        "standing": outlook.standing.value,
        "in_doubt": [doubt.words for doubt in case.doubts],
        "allowed": [allowance_json(allowance) for allowance in case.allowances],
        "urgent_since": iso(case.urgent_since),
        "urgent_because": case.urgent_because,
        "locks_at": iso(outlook.locks_at),
        "authorisation": None if case.authorisation is None else authorisation_json(case.authorisation),
        "destroyed_on": iso(outlook.destroyed_on),
        **listed,
    }


def cases_json(cases: Iterable[Case], standings: Mapping[int, CaseStanding]) -> dict[str, Any]:
    """Return a list of cases as JSON; ``standings`` holds those of open cases by their ids."""
    return {"cases": [listed_case_json(case) | {"standing": standings.get(case.id)} for case in cases]}


def listed_case_json(case: Case) -> dict[str, Any]:
    """Return a case as JSON for a list of cases."""
    return {
        "ref": case.ref,
        "key": case.key,
        "state": case.state.value,
        "offence": case.terms.offence,
        "purpose": case.terms.purpose,
        "basis": case.terms.basis,
        "distressing": case.terms.is_distressing,
        "authorised_by": case.terms.authorised_by,
        "jurisdiction": case.terms.jurisdiction,
        "seeks": case.terms.seeks.value,
        "exempt_because": case.terms.exempt_because,
        "opened_at": iso(case.opened_at),
        "closed_at": iso(case.closed_at),
        "hold_because": case.hold_because,
        "searches": case.searches,
    }


def authorisation_json(ruling: Authorisation) -> dict[str, Any]:
    """Return the authorisation of a case, or its refusal, as JSON."""
    return {
        "outcome": ruling.outcome.value,
        "authority": ruling.authority,
        "decided_at": iso(ruling.decided_at),
        "scope": ruling.scope,
        "last_day": iso(ruling.expires_on),
        "document": ruling.document_sha256,
        "recorded_by": ruling.recorded_by,
        "recorded_at": iso(ruling.recorded_at),
    }


def allowance_json(allowance: Allowance) -> dict[str, Any]:
    """Return a statement on words in doubt as JSON."""
    return {
        "words": list(allowance.words),
        "because": allowance.because,
        "by": allowance.by,
        "at": iso(allowance.at),
        "alone": allowance.alone,
    }


def case_state(case: Case, standing: CaseStanding | None) -> str:
    """Return the state of a case, and what keeps an open one from being searched."""
    quiet = standing in {None, CaseStanding.EXEMPT, CaseStanding.AUTHORISED}
    return case.state.value if quiet else f"{case.state.value}, {standing}"
