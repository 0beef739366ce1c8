"""Agencies over a real workspace: vetted before they are let in, licensed for a time, each alone with its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.clock import TICK, TODAY, Clock
from tests.support.refusals import refused
from tests.support.staff import House, grounds, solo, trial

from lineament.errors import AlreadyThere, InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState, Role
from lineament.model.agencies import AgencyTerms, VettingOutcome
from lineament.model.reasons import ReasonCode

TERMS = AgencyTerms(name="Police of Freedonia", jurisdiction="FR")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = Clock(tick=TICK)
    with solo(tmp_path / "ws", clock) as workspace:
        yield House(workspace, clock)


def test_an_agency_is_vetted_then_licensed_then_invited(house: House) -> None:
    agencies = house.operating.agencies
    made = agencies.register(TERMS)
    with refused(ReasonCode.NOT_VETTED, ReasonCode.NO_LICENCE):
        agencies.invite_administrator(made.id, "chief@freedonia.example", "Chief")
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(made.name, trial())
    assert agencies.vet(made.name, grounds()).vetting is not None
    assert agencies.license(made.id, trial()).licence == trial()
    invitation = agencies.invite_administrator(made.id, "chief@freedonia.example", "Chief")
    assert invitation.account.roles == {Role.ADMINISTRATOR}
    assert invitation.account.agency_id == made.id
    assert house.actions(made.id) == ["account_invited", "agency_licensed", "agency_vetted", "agency_registered"]


def test_what_was_done_to_an_agency_is_filed_under_it_alone(house: House) -> None:
    house.agency()
    assert "agency_vetted" not in house.actions(HOME_AGENCY)


def test_a_refused_vetting_shuts_the_agency_out(house: House) -> None:
    agency = house.agency()
    agencies = house.operating.agencies
    agencies.vet(agency.id, grounds(VettingOutcome.REFUSED))
    with refused(ReasonCode.VETTING_REFUSED, words=f"refused on {TODAY}"):
        agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(agency.id, trial())


def test_nobody_is_invited_after_the_last_day(house: House) -> None:
    agency = house.agency()
    chief = house.joined(agency.id, Role.ADMINISTRATOR)
    house.clock.advance(days=30)
    assert house.desk(chief).people.invite("a@freedonia.example", "A", {Role.EXAMINER})
    house.clock.advance(days=1)
    with refused(ReasonCode.LICENCE_EXPIRED, words=f"the trial of the agency ended on {TODAY + timedelta(days=30)}"):
        house.desk(chief).people.invite("b@freedonia.example", "B", {Role.EXAMINER})


def test_seats_are_taken_from_the_invitation_until_the_account_is_closed(house: House) -> None:
    agency = house.agency(seats=2)
    chief = house.joined(agency.id, Role.ADMINISTRATOR)
    people = house.desk(chief).people
    second = people.invite("a@freedonia.example", "A", {Role.EXAMINER}).account
    with refused(
        ReasonCode.SEATS_TAKEN, words=f"2 seats are taken and the licence of 2 runs until {TODAY + timedelta(30)}"
    ):
        people.invite("b@freedonia.example", "B", {Role.EXAMINER})
    people.close(second.id)
    assert people.invite("b@freedonia.example", "B", {Role.EXAMINER})
    assert house.operating.agencies.usage_of(agency.id).seats == 2


def test_the_home_agency_has_no_seats_to_count(house: House) -> None:
    for number in range(8):
        house.managing.people.invite(f"p{number}@home.example", "P", {Role.EXAMINER})
    with refused(ReasonCode.HOME_AGENCY):
        house.operating.agencies.vet(HOME_AGENCY, grounds())
    with refused(ReasonCode.HOME_AGENCY):
        house.operating.agencies.license(HOME_AGENCY, trial())


def test_a_licence_that_is_over_is_not_given(house: House) -> None:
    agency = house.agency()
    past = replace(trial(), first_day=TODAY - timedelta(9), last_day=TODAY - timedelta(1))
    with pytest.raises(InvalidValue, match="in the past"):
        house.operating.agencies.license(agency.id, past)


def test_the_operator_invites_the_first_administrator_and_no_second(house: House) -> None:
    agency = house.agency()
    agencies = house.operating.agencies
    first = agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    again = agencies.invite_administrator(agency.id, "Chief@Freedonia.example", "Chief")
    assert again.account.id == first.account.id
    assert again.link != first.link
    with house.workspace.store.begin() as tx:
        tx.accounts.join(first.account.id, "Chief", "hash")
    with refused(ReasonCode.HAS_ADMINISTRATOR):
        agencies.invite_administrator(agency.id, "planted@freedonia.example", "Planted")
    agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    assert house.state(first.account) is AccountState.INVITED


def test_an_operator_lets_operators_in_and_nobody_else_of_the_agency(house: House) -> None:
    agencies = house.operating.agencies
    made = agencies.invite_operator("second@home.example", "Second")
    assert made.account.roles == {Role.OPERATOR}
    with pytest.raises(AlreadyThere):
        agencies.invite_operator(house.administrator.email, "Anna")
    with refused(ReasonCode.OWN_ACCOUNT, words="another operator does"):
        agencies.invite_operator(house.operator.email, "Olga")


def test_nobody_but_operators_reads_the_register(house: House) -> None:
    agency = house.agency()
    desks = [house.managing, house.desk(house.joined(agency.id, Role.ADMINISTRATOR))]
    desks.append(house.desk(house.joined(HOME_AGENCY, Role.AUDITOR, name="Otto Auditor")))
    for desk in desks:
        agencies = desk.agencies
        for ask in (
            agencies.list,
            agencies.usage,
            lambda a=agencies: a.get(agency.id),
            lambda a=agencies: a.usage_of(agency.id),
            lambda a=agencies: a.rules_of(agency.id),
            lambda a=agencies: a.register(TERMS),
            lambda a=agencies: a.rename_home(TERMS),
            lambda a=agencies: a.vet(agency.id, grounds()),
            lambda a=agencies: a.license(agency.id, trial()),
            lambda a=agencies: a.invite_administrator(agency.id, "x@y.example", "X"),
            lambda a=agencies: a.invite_operator("x@y.example", "X"),
            lambda a=agencies: a.tighten({}, agency.id),
        ):
            with pytest.raises(NotAllowed) as refusal:
                ask()
            assert "Freedonia" not in str(refusal.value)


def test_an_agency_sees_its_own_usage_and_the_operator_all(house: House) -> None:
    agency, other = house.agency(), house.agency("Police of Sylvania")
    chief = house.joined(agency.id, Role.ADMINISTRATOR)
    own = house.desk(chief).agencies.own()
    assert own.agency.id == agency.id
    assert (own.usage.searches, own.usage.seats, own.usage.searches_left) == (0, 1, 100)
    listed = house.operating.agencies.usage()
    assert [one.agency.id for one in listed] == [agency.id, other.id, HOME_AGENCY]
    assert [one.seats for one in listed] == [1, 0, 2]
    assert listed[0] == house.operating.agencies.usage_of(agency.id)


def test_an_examiner_does_not_read_usage(house: House) -> None:
    with pytest.raises(NotAllowed):
        house.desk(house.joined(HOME_AGENCY, Role.EXAMINER)).agencies.own()


def test_a_policy_becomes_stricter_and_never_laxer_than_the_preset(house: House) -> None:
    agency = house.agency()
    agencies = house.desk(house.joined(agency.id, Role.ADMINISTRATOR)).agencies
    assert agencies.tighten({"further_approvals": 2, "passkey_only": True}).policy.further_approvals == 2
    assert agencies.own().rules.wishes == {"further_approvals": 2, "passkey_only": True}
    after = agencies.tighten({"further_approvals": 0})  # back to the preset
    assert after.wishes == {"passkey_only": True}
    for laxer in (
        {"idle_minutes": 31},
        {"training": False},
        {"idle_minutes": 0},
        {"preset": "solo"},
        {"audit_days": 1},
    ):
        with pytest.raises(InvalidValue):
            agencies.tighten(laxer)  # type: ignore[arg-type]
    assert agencies.own().rules.wishes == {"passkey_only": True}
    assert house.actions(agency.id)[:2] == ["policy_changed", "policy_changed"]


def test_the_operator_tightens_any_policy_and_an_agency_its_own(house: House) -> None:
    agency = house.agency()
    house.operating.agencies.tighten({"urgent_hours": 0}, agency.name)
    assert house.operating.agencies.rules_of(agency.id).policy.urgent_hours == 0
    assert house.managing.agencies.own().rules.policy.urgent_hours == 48
    with pytest.raises(NotAllowed):
        house.desk(house.joined(agency.id, Role.SUPERVISOR)).agencies.tighten({"urgent_hours": 0})


def test_a_foreign_and_an_unknown_agency_are_not_there_in_the_same_words(house: House) -> None:
    house.agency()
    with pytest.raises(NotFound) as unknown:
        house.operating.agencies.get("nowhere")
    assert str(unknown.value).startswith("There is no agency “nowhere”")


def test_the_home_agency_gets_its_name(house: House) -> None:
    terms = AgencyTerms(name="Interior Ministry", jurisdiction="CH")
    assert house.operating.agencies.rename_home(terms).terms == terms
    assert house.managing.agencies.own().agency.name == "Interior Ministry"
    assert house.actions(HOME_AGENCY)[0] == "agency_renamed"
