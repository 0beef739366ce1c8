"""Accounts, invitations and failures, on either database."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.support.store_officials import (
    EMAIL,
    NAME,
    PERSON,
    agency,
    at_once,
    digest,
    in_the_files,
    in_the_tables,
    invited,
    joined,
)
from tests.support.store_rows import NOW, RawSql, Refuses

from lineament.errors import AlreadyThere, InvalidValue, NotFound, WrongState
from lineament.model.accounts import AccountState, FactorKind, Role
from lineament.store.accounts import CLOSED_NAME
from lineament.store.db import Store, Tx
from lineament.store.ring import KeyRing
from lineament.testing import VAULT

LATER = NOW + timedelta(days=7)
ISSUER = "https://id.freedonia.example"


def test_an_account_comes_back_as_it_was_added(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        added = tx.accounts.add(home, f" {EMAIL.upper()} ", PERSON, [Role.REVIEWER, Role.EXAMINER], NOW)
    with store.read() as tx:
        assert tx.accounts.get(added.id) == added
    assert (added.agency_id, added.email, added.name) == (home, EMAIL, PERSON)
    assert added.roles == {Role.EXAMINER, Role.REVIEWER}
    assert (added.state, added.created_at) == (AccountState.INVITED, NOW)
    assert (added.trained_until, added.last_seen_at) == (None, None)


def test_an_address_is_invited_once_in_each_agency(store: Store) -> None:
    with store.begin() as tx:
        first, second = agency(tx).id, agency(tx, "Sylvania").id
        joined(tx, first)
        with pytest.raises(AlreadyThere):
            invited(tx, first)
        again = invited(tx, second)  # as if it were unknown
        assert again.state is AccountState.INVITED
        with pytest.raises(AlreadyThere):
            tx.accounts.join(again.id, PERSON, "$hash")
        tx.accounts.set_state(tx.accounts.find(first, EMAIL).id, AccountState.CLOSED)
        assert tx.accounts.join(again.id, PERSON, "$hash").state is AccountState.ACTIVE


def test_an_account_is_found_within_its_agency_alone(store: Store) -> None:
    with store.begin() as tx:
        own, other = agency(tx).id, agency(tx, "Sylvania").id
        account = invited(tx, own)
        assert tx.accounts.find(own, account.id) == tx.accounts.find(own, EMAIL.title()) == account
        for wanted in (account.id, EMAIL):
            with pytest.raises(NotFound) as foreign:
                tx.accounts.find(other, wanted)
            with pytest.raises(NotFound) as unknown:
                tx.accounts.find(other, "0" * 16)
            assert str(foreign.value).replace(wanted, "") == str(unknown.value).replace("0" * 16, "")


def test_the_accounts_of_an_agency_in_some_roles(store: Store) -> None:
    with store.begin() as tx:
        home, other = agency(tx).id, agency(tx, "Sylvania").id
        eva = invited(tx, home, "eva@freedonia.example", "Eva", Role.EXAMINER, Role.REVIEWER)
        sam = invited(tx, home, "sam@freedonia.example", "Sam", Role.SUPERVISOR)
        invited(tx, other, "sue@sylvania.example", "Sue", Role.SUPERVISOR)
        assert tx.accounts.of_agency(home) == [eva, sam]
        assert tx.accounts.of_agency(home, [Role.SUPERVISOR, Role.AUDITOR]) == [sam]
        assert tx.accounts.of_agency(home, {Role.REVIEWER, Role.SUPERVISOR}) == [eva, sam]
        assert tx.accounts.of_agency(home, [Role.AUDITOR]) == []


def test_several_accounts_are_read_at_once(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        first, second = joined(tx, home), invited(tx, home, "chico@freedonia.example")
        tx.accounts.set_state(first.id, AccountState.CLOSED)
        asked = iter([second.id, first.id, "0" * 16, second.id])
        assert tx.accounts.several(asked) == {each: tx.accounts.get(each) for each in (first.id, second.id)}
        assert tx.accounts.several([]) == {}


@pytest.mark.parametrize("name", ["", "nobody@x.example", "0" * 16, "a\0b", "\ud800", "' OR 1=1 --", "x" * 10_000])
def test_an_unknown_account_is_not_found(store: Store, name: str) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        closed = joined(tx, home).id
        tx.accounts.set_state(closed, AccountState.CLOSED)
        with pytest.raises(NotFound):
            tx.accounts.get(name)
        with pytest.raises(NotFound):
            tx.accounts.find(home, name)
        with pytest.raises(NotFound):
            tx.accounts.set_password(name, "$hash")
        assert tx.accounts.by_email(name) is None
        assert tx.accounts.password(name) is None


def test_only_who_joined_is_found_by_address(store: Store) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        assert tx.accounts.by_email(EMAIL) is None
        joined = tx.accounts.join(account.id, "Rufus Firefly", "$hash")
        assert joined.state is AccountState.ACTIVE
        assert joined.name == "Rufus Firefly"
        assert tx.accounts.by_email(f" {EMAIL.upper()}") == joined
        assert tx.accounts.password(account.id) == "$hash"
        with pytest.raises(WrongState):
            tx.accounts.join(account.id, "Somebody else", "$other")
        assert tx.accounts.password(account.id) == "$hash"


def test_a_link_that_two_requests_follow_at_once_lets_one_join(url: str) -> None:
    store = Store.open(url, VAULT)
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
    store.close()

    def join(tx: Tx) -> str:
        try:
            return tx.accounts.join(account.id, PERSON, "$hash").state.value
        except WrongState:
            return "too late"

    assert sorted(at_once(url, join)) == ["active", "too late"]


def test_openid_belongs_to_one_account_and_an_issuer_is_not_another(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        first, second = joined(tx, home), joined(tx, home, "chico@freedonia.example")
        tx.accounts.set_openid(first.id, ISSUER, "4711")
        assert tx.accounts.by_openid(ISSUER, "4711") == first
        assert tx.accounts.by_openid(f"{ISSUER}4", "711") is None
        assert tx.accounts.by_openid("https://evil.example", "4711") is None
        with pytest.raises(AlreadyThere):
            tx.accounts.set_openid(second.id, ISSUER, "4711")
        tx.accounts.set_openid(first.id, ISSUER, "4711")  # its own, again


def test_changes_of_an_account_are_stored(store: Store) -> None:
    with store.begin() as tx:
        account_id = joined(tx, agency(tx).id).id
        tx.accounts.set_roles(account_id, {Role.AUDITOR})
        tx.accounts.set_training(account_id, date(2027, 1, 1))
        tx.accounts.mark_seen(account_id, NOW)
        tx.accounts.set_password(account_id, "$new")
        tx.accounts.set_state(account_id, AccountState.SUSPENDED)
    with store.read() as tx:
        found = tx.accounts.get(account_id)
        assert found.roles == {Role.AUDITOR}
        assert (found.trained_until, found.last_seen_at) == (date(2027, 1, 1), NOW)
        assert found.state is AccountState.SUSPENDED
        assert tx.accounts.by_email(EMAIL) == found
        assert tx.accounts.password(account_id) == "$new"
    with store.begin() as tx:
        tx.accounts.set_training(account_id, None)
        assert tx.accounts.get(account_id).trained_until is None


def test_roles_that_are_kept_apart_are_not_stored(store: Store) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        account_id = invited(tx, home).id
        with pytest.raises(InvalidValue):
            tx.accounts.set_roles(account_id, {Role.AUDITOR, Role.EXAMINER})
        with pytest.raises(InvalidValue):
            tx.accounts.add(home, "chico@freedonia.example", "Chico", [Role.OPERATOR, Role.SUPERVISOR], NOW)
        assert tx.accounts.get(account_id).roles == {Role.EXAMINER}


@pytest.mark.parametrize("name", [" ", "x" * 201, "a\nb", "a\0b", "\ud800"])
def test_the_name_of_a_joining_official_is_printable(store: Store, name: str) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        with pytest.raises(InvalidValue):
            tx.accounts.join(account.id, name, "$hash")
        assert tx.accounts.get(account.id) == account


def test_a_reset_takes_the_password_away_and_lets_the_same_person_join_again(store: Store) -> None:
    with store.begin() as tx:
        account_id = joined(tx, agency(tx).id).id
        tx.accounts.set_openid(account_id, ISSUER, "4711")
        tx.accounts.set_state(account_id, AccountState.INVITED)
        assert tx.accounts.password(account_id) is None
        assert tx.accounts.by_openid(ISSUER, "4711") is None
        assert tx.accounts.join(account_id, PERSON, "$new").state is AccountState.ACTIVE
        assert tx.accounts.password(account_id) == "$new"


def test_closing_leaves_only_that_there_was_an_account(store: Store, raw: RawSql) -> None:
    with store.begin() as tx:
        home = agency(tx).id
        account = joined(tx, home)
        tx.accounts.set_openid(account.id, ISSUER, "4711")
        tx.accounts.invite(account.id, digest("link"), LATER)
        tx.accounts.mark_seen(account.id, NOW)
        tx.factors.add(account.id, FactorKind.TOTP, "my phone", {"secret": "JBSWY3DP"}, NOW)
        tx.sessions.begin(account.id, digest("cookie"), NOW, "Firefox", terminal=False)
        assert tx.accounts.count() == 1
        tx.accounts.set_state(account.id, AccountState.CLOSED)
    with store.read() as tx:
        left = tx.accounts.get(account.id)
        assert (left.name, left.email, left.state) == (CLOSED_NAME, "", AccountState.CLOSED)
        assert (left.created_at, left.agency_id, left.last_seen_at) == (NOW, home, None)
        assert tx.accounts.by_email(EMAIL) is tx.accounts.by_openid(ISSUER, "4711") is None
        assert tx.accounts.password(account.id) is None
        assert tx.accounts.invited(digest("link"), NOW) is None
        assert (tx.factors.of_account(account.id), tx.sessions.of(digest("cookie"))) == ([], None)
        assert tx.accounts.count() == 0
    assert raw("SELECT lookup, openid, password FROM accounts") == [(None, None, None)]
    with store.begin() as tx:
        for change in (AccountState.ACTIVE, AccountState.INVITED, AccountState.CLOSED):
            with pytest.raises(NotFound):  # closed stays closed
                tx.accounts.set_state(account.id, change)
        assert joined(tx, home).id != account.id  # the address is free again


def test_the_files_of_sqlite_hold_no_names(sqlite_path: Path) -> None:
    store = Store.open(f"sqlite:///{sqlite_path}", VAULT)
    with store.begin() as tx:
        account = joined(tx, agency(tx).id)
        tx.accounts.set_openid(account.id, ISSUER, "subject-4711")
        tx.accounts.count_failure(EMAIL, NOW)
        tx.factors.add(account.id, FactorKind.TOTP, "phone of Rufus", {"secret": "JBSWY3DP"}, NOW)
    content = in_the_files(sqlite_path.parent).lower()
    assert account.id.encode() in content  # the log is among the files
    assert list(sqlite_path.parent.glob("*-wal"))
    for secret in (NAME, EMAIL, PERSON, "freedonia", "rufus", "subject-4711", "argon2", "JBSWY3DP"):
        assert secret.lower().encode() not in content, secret
    store.close()


def test_two_workspaces_look_an_address_up_by_different_digests(tmp_path: Path, keys: KeyRing) -> None:
    vault, other = keys.vault, KeyRing.in_file(tmp_path / "other").vault
    assert vault.lookup("accounts", EMAIL) != other.lookup("accounts", EMAIL)
    assert vault.lookup("accounts", EMAIL) != vault.lookup("failures", EMAIL)


# ---------------------------------------------------------------- invitations


def test_a_link_leads_to_its_account_until_it_runs_out(store: Store) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        tx.accounts.invite(account.id, digest("link"), LATER)
    with store.read() as tx:
        assert tx.accounts.invited(digest("link"), LATER - timedelta(seconds=1)) == account
        assert tx.accounts.invited(digest("link"), LATER) is None
        assert tx.accounts.invited(digest("another"), NOW) is None


def test_a_newer_link_replaces_the_older(store: Store) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        tx.accounts.invite(account.id, digest("old"), LATER)
        tx.accounts.invite(account.id, digest("new"), LATER)
        assert tx.accounts.invited(digest("old"), NOW) is None
        assert tx.accounts.invited(digest("new"), NOW) == account
        tx.accounts.uninvite(account.id)
        assert tx.accounts.invited(digest("new"), NOW) is None


def test_a_link_is_used_up_by_joining(store: Store) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        tx.accounts.invite(account.id, digest("link"), LATER)
        tx.accounts.join(account.id, PERSON, "$hash")
        tx.accounts.set_state(account.id, AccountState.INVITED)
        assert tx.accounts.invited(digest("link"), NOW) is None


def test_a_link_that_is_left_over_opens_no_account_that_is_at_work(store: Store) -> None:
    with store.begin() as tx:
        account = joined(tx, agency(tx).id)
        tx.accounts.invite(account.id, digest("link"), LATER)
        assert tx.accounts.invited(digest("link"), NOW) is None


def test_the_token_itself_is_not_stored(store: Store, refused: Refuses) -> None:
    with store.begin() as tx:
        account = invited(tx, agency(tx).id)
        tx.accounts.invite(account.id, digest("token-of-the-link"), LATER)
    assert b"token-of-the-link" not in in_the_tables(store)
    refused("UPDATE invitations SET digest = NULL", "null")


# ---------------------------------------------------------------- failures


def test_failures_are_counted_and_lapse(store: Store) -> None:
    with store.begin() as tx:
        assert tx.accounts.failures(EMAIL, NOW, 15) == (0, None)
        assert [tx.accounts.count_failure(EMAIL, NOW + timedelta(minutes=number)) for number in range(3)] == [1, 2, 3]
        assert tx.accounts.count_failure("chico@freedonia.example", NOW) == 1
    last = NOW + timedelta(minutes=2)
    with store.read() as tx:
        assert tx.accounts.failures(EMAIL, last, 15) == (3, last)
        assert tx.accounts.failures(EMAIL, last + timedelta(minutes=14, seconds=59), 15) == (3, last)
        assert tx.accounts.failures(EMAIL, last + timedelta(minutes=15), 15) == (0, None)


def test_after_the_lock_a_new_series_begins(store: Store) -> None:
    with store.begin() as tx:
        for _ in range(5):
            tx.accounts.count_failure(EMAIL, NOW, 15)
        assert tx.accounts.count_failure(EMAIL, NOW + timedelta(minutes=14), 15) == 6
        assert tx.accounts.count_failure(EMAIL, NOW + timedelta(minutes=29), 15) == 1


def test_failures_are_forgiven_and_forgotten(store: Store) -> None:
    with store.begin() as tx:
        tx.accounts.count_failure(EMAIL, NOW)
        tx.accounts.count_failure("chico@freedonia.example", LATER)
        tx.accounts.forgive(EMAIL)
        assert tx.accounts.failures(EMAIL, NOW, 15) == (0, None)
        tx.accounts.count_failure(EMAIL, NOW)
        assert tx.accounts.forget_failures(LATER) == 1
        assert tx.accounts.failures("chico@freedonia.example", LATER, 15) == (1, LATER)


def test_failures_at_once_are_both_counted(url: str) -> None:
    assert sorted(at_once(url, lambda tx: tx.accounts.count_failure(EMAIL, NOW))) == [1, 2]
