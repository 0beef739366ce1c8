from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from lineament.errors import InvalidValue
from lineament.model.agencies import (
    Agency,
    AgencyTerms,
    Licence,
    LicenceKind,
    Stop,
    StopScope,
    Usage,
    Vetting,
    VettingOutcome,
    month_of,
)
from lineament.model.reasons import ReasonCode

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = AT.date()
VETTING = Vetting(
    by="Board",
    at=AT,
    outcome=VettingOutcome.OPEN,
    legal_restrictions="felonies alone",
    human_rights_record="nothing known",
    renew_on=date(2027, 5, 4),
)
LICENCE = Licence(kind=LicenceKind.TRIAL, first_day=TODAY, last_day=date(2026, 6, 3), seats=5, searches_a_month=100)
AGENCY = Agency(
    id="a1",
    terms=AgencyTerms(name="Police of Freedonia", jurisdiction="FR"),
    registered_at=AT,
    home=False,
    vetting=VETTING,
    licence=LICENCE,
    seats_taken=0,
)


def test_an_agency_in_order_is_open_to_its_last_day() -> None:
    assert AGENCY.why_closed(TODAY) == []
    assert AGENCY.why_closed(date(2026, 6, 3)) == []
    assert AGENCY.why_closed(date(2026, 6, 4)) == [ReasonCode.LICENCE_EXPIRED.reason(kind="trial", last="2026-06-03")]
    assert LICENCE.days_left(TODAY) == 30
    assert LICENCE.days_left(date(2026, 6, 4)) == -1


def test_every_reason_against_an_agency_is_listed() -> None:
    bare = replace(AGENCY, vetting=None, licence=None)
    assert [reason.code for reason in bare.why_closed(TODAY)] == [ReasonCode.NOT_VETTED, ReasonCode.NO_LICENCE]
    refused = replace(AGENCY, vetting=replace(VETTING, outcome=VettingOutcome.REFUSED))
    assert refused.why_closed(TODAY) == [ReasonCode.VETTING_REFUSED.reason(at=date(2026, 5, 4))]
    early = replace(AGENCY, licence=replace(LICENCE, kind=LicenceKind.FULL, first_day=date(2026, 5, 5)))
    assert early.why_closed(TODAY) == [ReasonCode.LICENCE_NOT_STARTED.reason(kind="licence", first="2026-05-05")]


def test_a_vetting_has_to_be_renewed() -> None:
    agency = replace(AGENCY, licence=replace(LICENCE, last_day=date(2030, 1, 1)))
    assert agency.why_closed(VETTING.renew_on) == []
    assert agency.why_closed(VETTING.renew_on + timedelta(days=1)) == [
        ReasonCode.VETTING_EXPIRED.reason(last="2027-05-04")
    ]


def test_the_agency_that_runs_the_workspace_is_always_open() -> None:
    assert replace(AGENCY, home=True, vetting=None, licence=None).why_closed(TODAY) == []


@pytest.mark.parametrize("field", ["by", "legal_restrictions", "human_rights_record"])
def test_a_vetting_says_who_and_on_which_grounds(field: str) -> None:
    with pytest.raises(InvalidValue):
        replace(VETTING, **{field: "  "})  # type: ignore[arg-type]


def test_a_vetting_is_not_over_as_it_begins() -> None:
    with pytest.raises(InvalidValue, match="in the past"):
        replace(VETTING, renew_on=TODAY - timedelta(days=1))


@pytest.mark.parametrize(
    "wrong", [{"last_day": TODAY - timedelta(days=1)}, {"seats": 0}, {"searches_a_month": 0}, {"seats": 10_000_001}]
)
def test_a_licence_that_says_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        replace(LICENCE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "country"), [("", "FR"), ("x" * 201, "FR"), ("a\nb", "FR"), ("Police", "France")])
def test_terms_without_a_name_are_refused(name: str, country: str) -> None:
    with pytest.raises(InvalidValue):
        AgencyTerms(name=name, jurisdiction=country)


def test_searches_are_left_until_none_is_and_never_fewer() -> None:
    used = Usage(agency=AGENCY, month=date(2026, 5, 1), searches=99, seats=0)
    assert used.searches_left == 1
    assert replace(used, searches=101).searches_left == 0
    assert replace(used, agency=replace(AGENCY, licence=None)).searches_left is None


@pytest.mark.parametrize(
    ("day", "first", "following"),
    [
        (date(2026, 5, 4), date(2026, 5, 1), date(2026, 6, 1)),
        (date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (date(2028, 2, 29), date(2028, 2, 1), date(2028, 3, 1)),
    ],
)
def test_a_month_begins_on_its_first_day(day: date, first: date, following: date) -> None:
    assert month_of(day) == (first, following)


def test_a_stop_gives_a_reason() -> None:
    stop = Stop(scope=StopScope.EVERYTHING, agency_id=None, reason="a defect", by="Olga", at=AT)
    assert stop.why.code is ReasonCode.ALL_STOPPED
    assert stop.why.words == "all searching was stopped on 2026-05-04 12:00 UTC: a defect"
    assert replace(stop, scope=StopScope.AGENCY, agency_id="a1").why.code is ReasonCode.AGENCY_STOPPED
    assert "Olga" not in stop.why.words
