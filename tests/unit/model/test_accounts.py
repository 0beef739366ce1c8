from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lineament.errors import InvalidValue, WrongState
from lineament.model.accounts import (
    ACCOUNT_NEXT,
    ROLES,
    SEES_ALL_CASES,
    Account,
    AccountEvent,
    AccountState,
    Official,
    Permission,
    Role,
    checked_email,
    checked_roles,
)
from lineament.model.lifecycle import advance

TODAY = date(2026, 5, 4)
CASEWORK = {
    Permission.READ_CASES,
    Permission.TAKE_PART,
    Permission.OPEN_CASES,
    Permission.SEARCH,
    Permission.APPROVE,
    Permission.MANAGE_CASES,
}


def held_together(*roles: Role) -> frozenset[Permission]:
    return frozenset().union(*(ROLES[role] for role in roles))


def test_every_role_says_what_it_may_do() -> None:
    assert set(ROLES) == set(Role)
    assert all(Permission.MACHINE not in may for may in ROLES.values())
    assert held_together(*Role) == set(Permission) - {Permission.MACHINE}


def test_an_auditor_reads_and_changes_nothing() -> None:
    reads = {Permission.READ_CASES, Permission.READ_LEDGER, Permission.READ_USAGE, Permission.READ_SOURCES}
    reads |= {Permission.READ_MISUSE}
    assert ROLES[Role.AUDITOR] == reads | {Permission.PUBLIC, Permission.OWN_ACCOUNT}


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.OPERATOR])
def test_managers_of_accounts_or_agencies_read_no_case(role: Role) -> None:
    assert not ROLES[role] & CASEWORK


def test_only_examiners_search() -> None:
    assert [role for role in Role if Permission.SEARCH in ROLES[role]] == [Role.EXAMINER]


def test_roles_that_see_every_case_may_read_cases() -> None:
    assert all(Permission.READ_CASES in ROLES[role] for role in SEES_ALL_CASES)


def test_no_two_roles_that_may_be_held_together_undo_the_separation() -> None:
    for first in Role:
        for second in Role:
            try:
                roles = checked_roles({first, second})
            except InvalidValue:
                continue
            may = held_together(*roles)
            manages = may & {Permission.MANAGE_PEOPLE, Permission.OPERATE}
            assert not (manages and may & CASEWORK), roles
            assert not (Permission.READ_LEDGER in may and len(roles) > 1), roles


@pytest.mark.parametrize(
    "roles",
    [
        {Role.EXAMINER, Role.REVIEWER, Role.SUPERVISOR},
        {Role.ADMINISTRATOR, Role.OPERATOR},
        {Role.AUDITOR},
    ],
)
def test_roles_may_be_held_together(roles: set[Role]) -> None:
    assert checked_roles(roles) == roles


@pytest.mark.parametrize(
    "roles",
    [
        {Role.AUDITOR, Role.OPERATOR},
        {Role.AUDITOR, Role.SUPERVISOR},
        {Role.ADMINISTRATOR, Role.EXAMINER},
        {Role.OPERATOR, Role.REVIEWER},
        set(),
    ],
)
def test_roles_are_kept_apart(roles: set[Role]) -> None:
    with pytest.raises(InvalidValue):
        checked_roles(roles)


@pytest.mark.parametrize("written", ["Rufus@Freedonia.Example", "  rufus@freedonia.example\n"])
def test_addresses_are_compared_without_case_and_blanks(written: str) -> None:
    assert checked_email(written) == "rufus@freedonia.example"


@pytest.mark.parametrize("written", ["", "rufus", "@freedonia.example", "a b@c.example", "a@b@c", "a\0@b.c", "a" * 300])
def test_an_invalid_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidValue):
        checked_email(written)


def test_the_one_person_of_a_solo_workspace_does_everything() -> None:
    alone = Official(name="me", solo=True)
    assert all(alone.may(permission) for permission in Permission)
    assert alone.sight(TODAY).whole_agency


def test_the_official_at_the_machine_of_an_agency_does_its_upkeep() -> None:
    machine = Official(name="me")
    assert [permission for permission in Permission if machine.may(permission)] == [
        Permission.PUBLIC,
        Permission.MACHINE,
    ]


@pytest.mark.parametrize("role", list(Role))
def test_an_account_does_what_its_roles_allow_and_never_the_machines(role: Role) -> None:
    official = account(role).official
    assert {permission for permission in Permission if official.may(permission)} == ROLES[role]
    assert official.sight(TODAY).whole_agency is (role in SEES_ALL_CASES)


def account(*roles: Role, trained_until: date | None = None) -> Account:
    return Account(
        id="a1",
        agency_id="home",
        email="rufus@freedonia.example",
        name="Rufus",
        roles=frozenset(roles),
        state=AccountState.ACTIVE,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        trained_until=trained_until,
    )


def test_training_counts_on_its_last_day_and_not_on_the_next() -> None:
    assert account(trained_until=TODAY).trained(TODAY)
    assert not account(trained_until=TODAY).trained(date(2026, 5, 5))
    assert not account().trained(TODAY)


def test_a_closed_account_stays_closed() -> None:
    for event in AccountEvent:
        with pytest.raises(WrongState):
            advance(ACCOUNT_NEXT, AccountState.CLOSED, event, what="account", name="a1")


def test_a_suspended_account_can_only_be_restored_or_closed() -> None:
    assert set(ACCOUNT_NEXT[AccountState.SUSPENDED]) == {AccountEvent.RESTORED, AccountEvent.CLOSED}
    assert AccountEvent.JOINED not in ACCOUNT_NEXT[AccountState.ACTIVE]
