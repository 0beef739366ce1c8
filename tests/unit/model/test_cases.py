"""Whether a case is covered, at every moment of its clock (R8), and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import InvalidValue, WrongState
from lineament.model.cases import (
    GONE,
    NEXT,
    Authorisation,
    AuthorisationOutcome,
    Case,
    CaseEvent,
    CaseStanding,
    CaseState,
    CaseTerms,
    Seeks,
)
from lineament.model.lifecycle import advance
from lineament.model.policy import AGENCY, SOLO
from lineament.model.reasons import ReasonCode, Remedy

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TERMS = CaseTerms(ref="K-1", offence="robbery", purpose="find who it was", basis="CPP 77")
GRANTED = Authorisation(
    authority="Court of Ys",
    decided_at=NOW,
    outcome=AuthorisationOutcome.GRANTED,
    document_sha256=None,
    scope="one photograph",
    expires_on=date(2026, 5, 10),
    recorded_by="Sven",
    recorded_at=NOW,
)
CASE = Case(id=1, key="k", terms=TERMS, state=CaseState.OPEN, opened_at=NOW, closed_at=None, searches=0)
URGENT = replace(CASE, urgent_since=NOW, urgent_because="he leaves")
HOURS_48 = timedelta(hours=48)


@pytest.mark.parametrize(
    ("case", "at", "standing"),
    [
        (CASE, NOW, CaseStanding.AWAITING),
        (URGENT, NOW, CaseStanding.URGENT),
        (URGENT, NOW + HOURS_48 - timedelta(microseconds=1), CaseStanding.URGENT),
        (URGENT, NOW + HOURS_48, CaseStanding.LOCKED),
        (replace(CASE, authorisation=GRANTED), NOW, CaseStanding.AUTHORISED),
        (replace(CASE, authorisation=GRANTED), datetime(2026, 5, 10, 23, 59, 59, tzinfo=UTC), CaseStanding.AUTHORISED),
        (replace(CASE, authorisation=GRANTED), datetime(2026, 5, 11, tzinfo=UTC), CaseStanding.EXPIRED),
        (
            replace(CASE, authorisation=replace(GRANTED, expires_on=None)),
            NOW.replace(year=2099),
            CaseStanding.AUTHORISED,
        ),
        (replace(URGENT, authorisation=GRANTED), NOW + timedelta(days=5), CaseStanding.AUTHORISED),
        (replace(URGENT, authorisation=GRANTED), NOW + timedelta(days=50), CaseStanding.EXPIRED),
        (
            replace(CASE, authorisation=replace(GRANTED, outcome=AuthorisationOutcome.REFUSED)),
            NOW,
            CaseStanding.AWAITING,
        ),
        (replace(CASE, terms=replace(TERMS, seeks=Seeks.MISSING)), NOW, CaseStanding.EXEMPT),
    ],
)
def test_how_a_case_stands(case: Case, at: datetime, standing: CaseStanding) -> None:
    assert case.standing(AGENCY, at) is standing
    why = case.why_uncovered(AGENCY, at)
    assert (None if why is None else why.code) is UNCOVERED.get(standing)
    assert why is None or why.remedy is Remedy.AUTHORISE


def test_alone_no_authorisation_is_asked_for() -> None:
    assert CASE.standing(SOLO, NOW) is CaseStanding.EXEMPT
    assert CASE.why_uncovered(SOLO, NOW) is None


UNCOVERED = {
    CaseStanding.AWAITING: ReasonCode.NOT_AUTHORISED,
    CaseStanding.LOCKED: ReasonCode.CASE_LOCKED,
    CaseStanding.EXPIRED: ReasonCode.AUTHORISATION_EXPIRED,
}


@given(hours=st.integers(0, 48), later=st.timedeltas(timedelta(0), timedelta(days=9)))
def test_an_urgent_case_is_open_for_the_hours_of_the_policy_and_no_longer(hours: int, later: timedelta) -> None:
    policy = replace(AGENCY, urgent_hours=hours)
    is_open = URGENT.standing(policy, NOW + later) is CaseStanding.URGENT
    assert is_open == (later < timedelta(hours=hours))
    assert URGENT.locks_at(policy) == NOW + timedelta(hours=hours)


def test_a_case_that_is_not_urgent_has_no_clock() -> None:
    with pytest.raises(ValueError, match="k"):
        CASE.locks_at(AGENCY)


def test_an_initial_identification_says_which_facts_it_rests_on() -> None:
    for nothing in (None, "", "  "):
        with pytest.raises(InvalidValue, match="which facts"):
            replace(TERMS, seeks=Seeks.INITIAL, exempt_because=nothing)
    facts = replace(TERMS, seeks=Seeks.INITIAL, exempt_because="the camera shows him")
    assert replace(CASE, terms=facts).standing(AGENCY, NOW) is CaseStanding.EXEMPT


@pytest.mark.parametrize("field", ["ref", "offence", "purpose", "basis"])
def test_a_case_says_what_it_is_about(field: str) -> None:
    with pytest.raises(InvalidValue, match=r"write something|blanks"):
        replace(TERMS, **{field: "  "})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["authority", "scope"])
def test_an_authorisation_says_who_and_what(field: str) -> None:
    with pytest.raises(InvalidValue):
        replace(GRANTED, **{field: " "})  # type: ignore[arg-type]


def test_when_it_is_destroyed() -> None:
    closed = replace(CASE, state=CaseState.CLOSED, closed_at=NOW)
    assert closed.destroyed_on(AGENCY) == date(2027, 5, 4)
    assert CASE.destroyed_on(AGENCY) is None
    assert replace(closed, hold_because="the court asks").destroyed_on(AGENCY) is None
    assert replace(closed, state=CaseState.REFUSED).destroyed_on(AGENCY) is None


def test_a_destroyed_case_never_changes() -> None:
    for state in GONE:
        assert NEXT[state] == {}
        for event in CaseEvent:
            with pytest.raises(WrongState):
                advance(NEXT, state, event, what="case", name="K-1")
    with pytest.raises(WrongState):
        advance(NEXT, CaseState.OPEN, CaseEvent.DESTROYED, what="case", name="K-1")
