"""The gate says every reason against a search, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tests.support.samples import AT, LICENCE, STOP, VETTING, agency, case, source

from lineament.errors import Refused
from lineament.model.accounts import Official, Role
from lineament.model.cases import CaseState, Seeks
from lineament.model.policy import AGENCY
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceState
from lineament.services import gate

CASE = case(terms=replace(case().terms, seeks=Seeks.MISSING))
OFFICIAL = Official(name="Eve", agency_id="a1", account_id="u1", roles=frozenset({Role.EXAMINER}), proved_at=AT)
ADMITTED = gate.Attempt(
    official=OFFICIAL,
    allowed=True,
    trained=True,
    agency=agency(vetting=VETTING, licence=LICENCE),
    policy=AGENCY,
    used=3999,
    stops=(),
    case=CASE,
    case_policy=AGENCY,
    sources=(source(),),
    reason="a sighting",
    approvals=(0, "p1"),
    at=AT,
)


def codes(**changes: Any) -> list[ReasonCode]:
    """Return the codes of the reasons against a search that would run without these changes."""
    return [reason.code for reason in gate.reasons_against(replace(ADMITTED, **changes))]


def test_a_search_without_reasons_against_it_is_admitted() -> None:
    assert codes() == []
    gate.admit(ADMITTED)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stops": (STOP,)}, ReasonCode.ALL_STOPPED),
        ({"allowed": False}, ReasonCode.ROLES),
        ({"trained": False}, ReasonCode.UNTRAINED),
        ({"official": replace(OFFICIAL, proved_at=None)}, ReasonCode.SECOND_FACTOR),
        ({"official": replace(OFFICIAL, proved_at=AT - timedelta(minutes=16))}, ReasonCode.SECOND_FACTOR),
        ({"agency": agency(licence=LICENCE)}, ReasonCode.NOT_VETTED),
        ({"agency": agency(vetting=VETTING)}, ReasonCode.NO_LICENCE),
        ({"used": 4000}, ReasonCode.SEARCHES_USED),
        (
            {"not_witnessed": ReasonCode.ANCHOR_STALE.reason(when="never", hours=24)},
            ReasonCode.ANCHOR_STALE,
        ),
        ({"case": replace(CASE, state=CaseState.CLOSED)}, ReasonCode.CASE_NOT_OPEN),
        ({"case": case()}, ReasonCode.NOT_AUTHORISED),
        ({"case": case(urgent_since=AT - timedelta(hours=48))}, ReasonCode.CASE_LOCKED),
        ({"reason": " "}, ReasonCode.NO_REASON),
        ({"policy": replace(AGENCY, further_approvals=1)}, ReasonCode.APPROVALS),
        ({"sources": ()}, ReasonCode.NO_SOURCE),
        ({"sources": (source(state=SourceState.SUSPENDED),)}, ReasonCode.SOURCE_NOT_LIVE),
        (
            {"sources": (source(terms=replace(source().terms, expires_on=date(2026, 2, 28))),)},
            ReasonCode.SOURCE_EXPIRED,
        ),
        ({"sources": (source(shares=()),)}, ReasonCode.SOURCE_NOT_SHARED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_stops_a_search_by_itself(changes: dict[str, Any], code: ReasonCode) -> None:
    assert codes(**changes) == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"official": replace(OFFICIAL, account_id=None, proved_at=None)},  # there is nobody to show a second factor
        {"official": replace(OFFICIAL, proved_at=AT - timedelta(minutes=15))},
        {"agency": agency(home=True), "used": 10_000},  # it needs no licence
        {"policy": replace(AGENCY, training=False), "trained": False},
        {"policy": replace(AGENCY, further_approvals=1), "approvals": (1, "p1")},
        {"policy": replace(AGENCY, further_approvals=1), "approvals": None},  # no photograph is chosen yet
        {"case": case(), "case_policy": replace(AGENCY, authorisation=False)},
        {"case": case(urgent_since=AT - timedelta(hours=47))},
        {"sources": (source(shares=()),), "official": replace(OFFICIAL, solo=True)},
    ],
)
def test_an_allowed_search_is_not_stopped(changes: dict[str, Any]) -> None:
    assert codes(**changes) == []


def test_all_reasons_are_listed_with_the_commands_that_help() -> None:
    attempt = replace(
        ADMITTED,
        stops=(STOP,),
        allowed=False,
        policy=replace(AGENCY, further_approvals=2),
        sources=(
            source(state=SourceState.SUSPENDED),
            source(terms=replace(source().terms, name="other"), shares=()),
        ),
    )
    with pytest.raises(Refused) as refused:
        gate.admit(attempt)
    assert [(reason.code, reason.command) for reason in gate.reasons_against(attempt)] == [
        (ReasonCode.ALL_STOPPED, None),
        (ReasonCode.ROLES, "lineament case add-member K-1 ACCOUNT --role examiner"),
        (ReasonCode.APPROVALS, "lineament probe approve p1"),
        (ReasonCode.SOURCE_NOT_LIVE, "lineament source list"),
        (ReasonCode.SOURCE_NOT_SHARED, "lineament source list"),
    ]
    assert len(refused.value.reasons) == 5
