"""Agencies and stops, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.store_officials import EMAIL, NAME, PERSON, agency, in_the_tables, invited, joined
from tests.support.store_rows import NOW, RawSql, Refuses

from lineament.errors import AccessAltered, AlreadyThere, InvalidValue, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState
from lineament.model.agencies import AgencyTerms, Licence, LicenceKind, Stop, StopScope, Vetting, VettingOutcome
from lineament.model.policy import Preset
from lineament.store.db import Store

VETTING = Vetting(
    by="M. Dupont",
    at=NOW,
    outcome=VettingOutcome.OPEN,
    legal_restrictions="no search before the judge’s order",
    human_rights_record="no finding against it since 2011",
    renew_on=date(2027, 3, 4),
)
LICENCE = Licence(
    kind=LicenceKind.TRIAL,
    first_day=date(2026, 3, 1),
    last_day=date(2026, 5, 31),
    seats=5,
    searches_a_month=200,
    price="€ 12,000",
    reference="K-2026/9",
)
STOP = Stop(scope=StopScope.AGENCY, agency_id=None, reason="an audit", by="M. Dupont", at=NOW)


def test_an_agency_comes_back_as_it_was_added(store: Store) -> None:
    with store.begin() as tx:
        added = agency(tx)
    with store.read() as tx:
        found = tx.agencies.get(added.id)
        assert found == added == tx.agencies.find(added.id)
        assert tx.agencies.name(added.id) == NAME
    assert found.terms == AgencyTerms(name=NAME, jurisdiction="FR")
    assert (found.registered_at, found.home, found.seats_taken) == (NOW, False, 0)
    assert (found.vetting, found.licence) == (None, None)
    assert len(found.id) == 16


def test_the_home_agency_is_known_by_its_id(store: Store) -> None:
    with store.begin() as tx:
        found = tx.agencies.get(HOME_AGENCY)
        assert found.home
        assert tx.agencies.find("home") == tx.agencies.find("this agency") == found
        with pytest.raises(AlreadyThere):  # a client that calls itself so would be taken for it
            agency(tx, "home")


def test_decisions_are_stored_independently(store: Store) -> None:
    with store.begin() as tx:
        agency_id = agency(tx).id
        assert (tx.agencies.preset(agency_id), tx.agencies.wishes(agency_id)) == (None, {})
        tx.agencies.set_vetting(agency_id, VETTING)
        tx.agencies.set_licence(agency_id, LICENCE)
        tx.agencies.set_wishes(agency_id, {"passkey_only": True, "failures": 3})
        tx.agencies.set_preset(agency_id, Preset.AGENCY)
        tx.agencies.set_terms(agency_id, AgencyTerms(name="Sylvania", jurisdiction="DE"))
    with store.read() as tx:
        found = tx.agencies.get(agency_id)
        assert (found.vetting, found.licence) == (VETTING, LICENCE)
        assert found.terms == AgencyTerms(name="Sylvania", jurisdiction="DE")
        assert tx.agencies.wishes(agency_id) == {"passkey_only": True, "failures": 3}
        assert tx.agencies.preset(agency_id) is Preset.AGENCY
        assert tx.agencies.find("SYLVANIA").id == agency_id
        with pytest.raises(NotFound):
            tx.agencies.find(NAME)
    with store.begin() as tx:
        tx.agencies.set_licence(agency_id, replace(LICENCE, kind=LicenceKind.FULL))
        tx.agencies.set_preset(agency_id, None)
        licence = tx.agencies.get(agency_id).licence
        assert licence is not None
        assert licence.kind is LicenceKind.FULL
        assert tx.agencies.preset(agency_id) is None


@pytest.mark.parametrize("again", [NAME, NAME.upper(), f" {NAME.replace(' ', '  ')} ", "Ｇendarmerie of Freedonia"])
def test_one_name_is_one_agency_however_it_is_written(store: Store, again: str) -> None:
    with store.begin() as tx:
        first, other = agency(tx), agency(tx, "Sylvania")
        assert tx.agencies.find(again) == first
        with pytest.raises(AlreadyThere):
            agency(tx, again)
        with pytest.raises(AlreadyThere):
            tx.agencies.set_terms(other.id, AgencyTerms(name=again, jurisdiction="FR"))
        tx.agencies.set_terms(first.id, AgencyTerms(name=again, jurisdiction="FR"))  # its own


@pytest.mark.parametrize("name", ["", "nobody", "0" * 16, "a\0b", "\ud800", "' OR 1=1 --", "x" * 10_000])
def test_an_unknown_agency_is_not_found(store: Store, name: str) -> None:
    with store.begin() as tx:
        agency(tx)
        for ask in (tx.agencies.get, tx.agencies.find, tx.agencies.name, tx.agencies.wishes, tx.agencies.preset):
            with pytest.raises(NotFound, match="lineament agency list"):
                ask(name)
        with pytest.raises(NotFound):
            tx.agencies.set_licence(name, LICENCE)


def test_seats_are_taken_until_an_account_is_closed(store: Store) -> None:
    with store.begin() as tx:
        first_agency, second_agency = agency(tx), agency(tx, "Sylvania")
        first = invited(tx, first_agency.id)
        invited(tx, first_agency.id, "chico@freedonia.example")
        invited(tx, second_agency.id)
        tx.accounts.set_state(first.id, AccountState.CLOSED)
    with store.read() as tx:
        seats = {found.name: found.seats_taken for found in tx.agencies.all()}
        assert seats == {NAME: 1, "Sylvania": 1, "This agency": 0}
        assert tx.agencies.get(first_agency.id).seats_taken == 1


def test_all_agencies_come_by_name_and_in_two_queries(store: Store) -> None:
    statements: list[str] = []

    def asking(*event: Any) -> None:
        statements.append(event[2])

    with store.begin() as tx:
        for name in ("gamma", "Beta", "alpha", "Delta", "épsilon"):
            agency(tx, name)
    with store.read() as tx:
        sa.event.listen(tx.connection, "before_cursor_execute", asking)
        assert [found.name for found in tx.agencies.all()] == [
            "alpha",
            "Beta",
            "Delta",
            "gamma",
            "This agency",
            "épsilon",
        ]
    assert len(statements) == 2


def test_the_sealed_row_of_one_agency_does_not_open_as_that_of_another(store: Store, raw: RawSql) -> None:
    with store.begin() as tx:
        first, second = agency(tx), agency(tx, "Sylvania")
    taken = f"(SELECT sealed FROM agencies WHERE id = '{second.id}')"
    raw(f"UPDATE agencies SET sealed = {taken} WHERE id = '{first.id}'")
    with store.read() as tx, pytest.raises(AccessAltered) as caught:
        tx.agencies.get(first.id)
    assert "Sylvania" not in str(caught.value)


def test_the_tables_name_no_agency_and_no_person(store: Store) -> None:
    with store.begin() as tx:
        agency_id = agency(tx).id
        tx.agencies.set_vetting(agency_id, VETTING)
        tx.agencies.set_licence(agency_id, LICENCE)
        account = joined(tx, agency_id)
        tx.accounts.set_openid(account.id, "https://id.freedonia.example", "subject-4711")
        tx.sessions.begin(account.id, bytes(32), NOW, "Firefox on the laptop of Rufus", terminal=False)
        tx.stops.put(replace(STOP, agency_id=agency_id))
    content = in_the_tables(store).lower()
    assert agency_id.encode() in content  # it looked at the right place
    for secret in (
        NAME,
        EMAIL,
        PERSON,
        "freedonia",
        "subject-4711",
        "Dupont",
        "12,000",
        "since 2011",
        "argon2",
        "Firefox",
        "audit",
    ):
        assert secret.lower().encode() not in content, secret


# ---------------------------------------------------------------- stops


def test_a_stop_holds_for_everything_or_for_one_agency(store: Store) -> None:
    with store.begin() as tx:
        stopped, other = agency(tx).id, agency(tx, "Sylvania").id
        own = replace(STOP, agency_id=stopped)
        all_of_it = replace(STOP, scope=StopScope.EVERYTHING, at=NOW + timedelta(hours=1))
        tx.stops.put(own)
        assert (tx.stops.in_force(stopped), tx.stops.in_force(other)) == ([own], [])
        tx.stops.put(all_of_it)
    with store.read() as tx:
        assert tx.stops.in_force(stopped) == tx.stops.all() == [all_of_it, own]
        assert tx.stops.in_force(other) == [all_of_it]
    with store.begin() as tx:
        assert tx.stops.lift(StopScope.EVERYTHING)
        assert not tx.stops.lift(StopScope.EVERYTHING)
        assert not tx.stops.lift(StopScope.AGENCY, other)
        assert tx.stops.in_force(stopped) == [own]
        assert tx.stops.lift(StopScope.AGENCY, stopped)
        assert tx.stops.all() == []


def test_a_second_stop_takes_the_place_of_the_first(store: Store) -> None:
    with store.begin() as tx:
        own = replace(STOP, agency_id=agency(tx).id)
        tx.stops.put(own)
        tx.stops.put(replace(own, reason="a court’s order"))
        assert [stop.reason for stop in tx.stops.all()] == ["a court’s order"]


def test_the_stop_of_an_agency_says_which(store: Store) -> None:
    with store.begin() as tx, pytest.raises(InvalidValue, match="which agency"):
        tx.stops.put(STOP)


def test_a_stop_of_everything_cannot_be_narrowed_by_raw_sql(store: Store, refused: Refuses) -> None:
    with store.begin() as tx:
        agency_id = agency(tx).id
        tx.stops.put(replace(STOP, scope=StopScope.EVERYTHING))
    refused(f"UPDATE stops SET agency_id = '{agency_id}'", "one_an_agency")
    refused("UPDATE stops SET id = 'nothing'", "scope_known")
