"""What the law of a case's jurisdiction says acts: who waits for a warrant, what is in doubt, when it is destroyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.samples import AT
from tests.support.world import StaffedWorld

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import HOME_AGENCY, Account, Role
from lineament.model.agencies import AgencyTerms
from lineament.model.cases import AuthorisationOutcome, Case, CaseStanding, CaseTerms, Seeks
from lineament.model.jurisdictions import COMMON, Jurisdiction, Line, Topic, packs
from lineament.model.reasons import ReasonCode
from lineament.services.cases import retain
from lineament.services.cases.standings import Ruling
from lineament.store import cases as case_rows
from lineament.workspace import Desk


@pytest.fixture
def examiner(world: StaffedWorld) -> Account:
    return world.join(HOME_AGENCY, Role.EXAMINER, name="Eva Examiner")


@pytest.fixture
def supervising(world: StaffedWorld) -> Desk:
    return world.desk(world.join(HOME_AGENCY, Role.SUPERVISOR, name="Sven Supervisor"))


def opened(
    world: StaffedWorld, by: Account, ref: str, *, law: str | None = None, offence: str = "theft", **terms: object
) -> Case:
    words = {"ref": ref, "offence": offence, "purpose": "to find somebody", "basis": "a law", "jurisdiction": law}
    return world.desk(by).casework.open(CaseTerms(**{"seeks": Seeks.MISSING, **words, **terms}))  # type: ignore[arg-type]


def test_the_case_names_its_law_or_its_agency_does(world: StaffedWorld, examiner: Account) -> None:
    assert opened(world, examiner, "K-1").law.code == COMMON
    assert opened(world, examiner, "K-2", law="US-MD").law.code == "US-MD"
    with world.setting_up() as tx:
        tx.agencies.set_terms(HOME_AGENCY, AgencyTerms(name="Police of Helena", jurisdiction="US-MT"))
    assert world.desk(examiner).casework.get("K-1").law.code == "US-MT"
    assert world.desk(examiner).casework.get("K-2").law.code == "US-MD"


def test_who_waits_for_a_warrant_of_the_law_is_listed_until_one_is_recorded(
    world: StaffedWorld, examiner: Account, supervising: Desk
) -> None:
    opened(world, examiner, "K-1", law="FR")
    case = opened(world, examiner, "K-2", law="US-MT")
    suspect = opened(world, examiner, "K-3", law="FR", seeks=Seeks.SUSPECT)
    assert [found.ref for found in supervising.overview.awaiting(10)] == ["K-2", suspect.ref]
    assert supervising.casework.outlook("K-2").standing is CaseStanding.AWAITING
    ruling = Ruling(
        authority="District Court", decided_at=world.clock(), outcome=AuthorisationOutcome.GRANTED, scope="one search"
    )
    supervising.casework.authorise(case.key, ruling)
    assert supervising.casework.outlook("K-2").standing is CaseStanding.AUTHORISED
    assert [found.ref for found in supervising.overview.awaiting(10)] == ["K-3"]


def test_every_missing_person_waits_in_an_agency_under_such_a_law(
    world: StaffedWorld, examiner: Account, supervising: Desk
) -> None:
    with world.setting_up() as tx:
        tx.agencies.set_terms(HOME_AGENCY, AgencyTerms(name="Police of Helena", jurisdiction="US-MT"))
    opened(world, examiner, "K-1")
    opened(world, examiner, "K-2", law="FR")
    assert [found.ref for found in supervising.overview.awaiting(10)] == ["K-1"]


def test_a_supervisor_states_which_listed_offence_it_is(
    world: StaffedWorld, examiner: Account, supervising: Desk
) -> None:
    case = opened(world, examiner, "K-1", law="US-MD", offence="Theft of a car, at gun-point", seeks=Seeks.VICTIM)
    (doubt,) = case.doubts
    with pytest.raises(InvalidValue):
        supervising.casework.allow("K-1", "why", ["something else"])
    allowed = supervising.casework.allow("K-1", "armed carjacking, CR 3-405", [doubt.words])
    assert allowed.doubts == ()
    assert allowed.allowances[0].words == (doubt.words,)
    with pytest.raises(Refused) as refused:
        supervising.casework.allow("K-1", "again")
    assert [reason.code for reason in refused.value.reasons] == [ReasonCode.NOTHING_IN_DOUBT]


def test_a_law_that_keeps_cases_for_less_time_has_them_destroyed_sooner(
    world: StaffedWorld, examiner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Line(
        about=Topic.RETENTION, words="90 days.", act="Act", section="1", url="https://a.example", read_on=AT, days=90
    )
    common = packs()[COMMON]
    strict = replace(common, lines=(*common.lines, kept))

    def law_of(code: str) -> Jurisdiction:
        return strict if code == "XX" else common

    monkeypatch.setattr(case_rows, "law_of", law_of)
    monkeypatch.setattr(retain, "shortest_retention", lambda: 90)
    for ref, law in (("K-1", "XX"), ("K-2", None)):
        opened(world, examiner, ref, law=law)
        world.desk(examiner).casework.close(ref)
    world.clock.at += timedelta(days=91)
    assert world.machine.retain.sweep().cases == 1
    states = {ref: world.desk(examiner).casework.get(ref).state.value for ref in ("K-1", "K-2")}
    assert states == {"K-1": "destroyed", "K-2": "closed"}
