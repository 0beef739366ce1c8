"""Agencies over a real workspace: vetted, licensed for a time, and separate from each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.clock import TODAY
from tests.support.refusals import refused
from tests.support.world import StaffedWorld, grounds, staffed, trial

from lineament.errors import AlreadyThere, InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState, Role
from lineament.model.agencies import AgencyTerms, VettingOutcome
from lineament.model.reasons import ReasonCode

TERMS = AgencyTerms(name="Police of Freedonia", jurisdiction="FR")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StaffedWorld]:
    with staffed(tmp_path / "ws") as world:
        yield world


def test_an_agency_is_vetted_then_licensed_then_invited(world: StaffedWorld) -> None:
    agencies = world.operator_desk.agencies
    agency = agencies.register(TERMS)
    with refused(ReasonCode.NOT_VETTED, ReasonCode.NO_LICENCE):
        agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(agency.name, trial())
    assert agencies.vet(agency.name, grounds()).vetting is not None
    assert agencies.license(agency.id, trial()).licence == trial()
    invitation = agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    assert invitation.account.roles == {Role.ADMINISTRATOR}
    assert invitation.account.agency_id == agency.id
    assert world.actions(agency.id) == ["agency_registered", "agency_vetted", "agency_licensed", "account_invited"]


def test_entries_about_an_agency_are_filed_under_it_alone(world: StaffedWorld) -> None:
    world.add_agency()
    assert "agency_vetted" not in world.actions(HOME_AGENCY)


def test_a_refused_vetting_shuts_the_agency_out(world: StaffedWorld) -> None:
    agency = world.add_agency()
    agencies = world.operator_desk.agencies
    agencies.vet(agency.id, grounds(outcome=VettingOutcome.REFUSED))
    with refused(ReasonCode.VETTING_REFUSED, words=f"refused on {TODAY}"):
        agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(agency.id, trial())


def test_nobody_is_invited_after_the_last_day(world: StaffedWorld) -> None:
    agency = world.add_agency()
    chief = world.join(agency.id, Role.ADMINISTRATOR)
    world.clock.advance(days=30)
    assert world.desk(chief).people.invite("a@freedonia.example", "A", {Role.EXAMINER})
    world.clock.advance(days=1)
    with refused(ReasonCode.LICENCE_EXPIRED, words=f"the trial of the agency ended on {TODAY + timedelta(days=30)}"):
        world.desk(chief).people.invite("b@freedonia.example", "B", {Role.EXAMINER})


def test_seats_are_taken_from_the_invitation_until_the_account_is_closed(world: StaffedWorld) -> None:
    agency = world.add_agency(seats=2)
    chief = world.join(agency.id, Role.ADMINISTRATOR)
    people = world.desk(chief).people
    second = people.invite("a@freedonia.example", "A", {Role.EXAMINER}).account
    with refused(
        ReasonCode.SEATS_TAKEN, words=f"2 seats are taken and the licence of 2 runs until {TODAY + timedelta(30)}"
    ):
        people.invite("b@freedonia.example", "B", {Role.EXAMINER})
    people.close(second.id)
    assert people.invite("b@freedonia.example", "B", {Role.EXAMINER})
    assert world.operator_desk.agencies.usage_of(agency.id).seats == 2


def test_the_home_agency_has_no_seats_to_count(world: StaffedWorld) -> None:
    for number in range(8):
        world.administrator_desk.people.invite(f"p{number}@home.example", "P", {Role.EXAMINER})
    with refused(ReasonCode.HOME_AGENCY):
        world.operator_desk.agencies.vet(HOME_AGENCY, grounds())
    with refused(ReasonCode.HOME_AGENCY):
        world.operator_desk.agencies.license(HOME_AGENCY, trial())


def test_a_licence_in_the_past_is_not_given(world: StaffedWorld) -> None:
    agency = world.add_agency()
    past = replace(trial(), first_day=TODAY - timedelta(9), last_day=TODAY - timedelta(1))
    with pytest.raises(InvalidValue, match="in the past"):
        world.operator_desk.agencies.license(agency.id, past)


def test_the_operator_invites_the_first_administrator_and_no_second(world: StaffedWorld) -> None:
    agency = world.add_agency()
    agencies = world.operator_desk.agencies
    first = agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    again = agencies.invite_administrator(agency.id, "Chief@Freedonia.example", "Chief")
    assert again.account.id == first.account.id
    assert again.link != first.link
    with world.workspace.store.begin() as tx:
        tx.accounts.join(first.account.id, "Chief", "hash")
    with refused(ReasonCode.HAS_ADMINISTRATOR):
        agencies.invite_administrator(agency.id, "planted@freedonia.example", "Planted")
    agencies.invite_administrator(agency.id, "chief@freedonia.example", "Chief")
    assert world.state(first.account) is AccountState.INVITED


def test_an_operator_invites_operators_and_nobody_else_of_the_home_agency(world: StaffedWorld) -> None:
    agencies = world.operator_desk.agencies
    invitation = agencies.invite_operator("second@home.example", "Second")
    assert invitation.account.roles == {Role.OPERATOR}
    with pytest.raises(AlreadyThere):
        agencies.invite_operator(world.administrator.email, "Anna")
    with refused(ReasonCode.OWN_ACCOUNT, words="another operator does"):
        agencies.invite_operator(world.operator.email, "Olga")


def test_only_operators_read_the_register(world: StaffedWorld) -> None:
    agency = world.add_agency()
    desks = [world.administrator_desk, world.desk(world.join(agency.id, Role.ADMINISTRATOR))]
    desks.append(world.desk(world.join(HOME_AGENCY, Role.AUDITOR, name="Otto Auditor")))
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


def test_an_agency_sees_its_own_usage_and_the_operator_all(world: StaffedWorld) -> None:
    agency, other = world.add_agency(), world.add_agency("Police of Sylvania")
    chief = world.join(agency.id, Role.ADMINISTRATOR)
    own = world.desk(chief).agencies.own()
    assert own.agency.id == agency.id
    assert (own.usage.searches, own.usage.seats, own.usage.searches_left) == (0, 1, 100)
    listed = world.operator_desk.agencies.usage()
    assert [usage.agency.id for usage in listed] == [agency.id, other.id, HOME_AGENCY]
    assert [usage.seats for usage in listed] == [1, 0, 2]
    assert listed[0] == world.operator_desk.agencies.usage_of(agency.id)


def test_an_examiner_does_not_read_usage(world: StaffedWorld) -> None:
    with pytest.raises(NotAllowed):
        world.desk(world.join(HOME_AGENCY, Role.EXAMINER)).agencies.own()


def test_a_policy_becomes_stricter_and_never_laxer_than_the_preset(world: StaffedWorld) -> None:
    agency = world.add_agency()
    agencies = world.desk(world.join(agency.id, Role.ADMINISTRATOR)).agencies
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
    assert world.actions(agency.id)[-2:] == ["policy_changed", "policy_changed"]


def test_the_operator_tightens_any_policy_and_an_agency_its_own(world: StaffedWorld) -> None:
    agency = world.add_agency()
    world.operator_desk.agencies.tighten({"urgent_hours": 0}, agency.name)
    assert world.operator_desk.agencies.rules_of(agency.id).policy.urgent_hours == 0
    assert world.administrator_desk.agencies.own().rules.policy.urgent_hours == 48
    with pytest.raises(NotAllowed):
        world.desk(world.join(agency.id, Role.SUPERVISOR)).agencies.tighten({"urgent_hours": 0})


def test_an_unknown_agency_is_not_found(world: StaffedWorld) -> None:
    world.add_agency()
    with pytest.raises(NotFound) as unknown:
        world.operator_desk.agencies.get("nowhere")
    assert str(unknown.value).startswith("There is no agency “nowhere”")


def test_the_home_agency_is_renamed(world: StaffedWorld) -> None:
    terms = AgencyTerms(name="Interior Ministry", jurisdiction="CH")
    assert world.operator_desk.agencies.rename_home(terms).terms == terms
    assert world.administrator_desk.agencies.own().agency.name == "Interior Ministry"
    assert world.actions()[-1] == "agency_renamed"
