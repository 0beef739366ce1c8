"""Members of cases, invitations and approvals, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import AccessAltered, NotFound
from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import CaseRole
from lineament.store.db import Store

TODAY = NOW.date()
DAY = timedelta(days=1)

# ---------------------------------------------------------------- members


def test_members_have_names_roles_and_an_end(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        member, guest, over = (
            rows.account(tx, name="One"),
            rows.account(tx, guests, "Two"),
            rows.account(tx, name="Over"),
        )
        case, _ = rows.case(tx)
        other, _ = rows.case(tx, "other")
        tx.members.put(case.id, member, CaseRole.EXAMINER, NOW, None)
        tx.members.put(case.id, guest, CaseRole.OBSERVER, NOW + DAY, TODAY)
        tx.members.put(case.id, over, CaseRole.REVIEWER, NOW, TODAY - DAY)
        tx.members.put(other.id, guest, CaseRole.REVIEWER, NOW, None)
    with store.read() as tx:
        members = tx.members.of_case(case.id, TODAY)
        assert [(found.name, found.agency_name, found.role, found.since, found.until) for found in members] == [
            ("One", "This agency", CaseRole.EXAMINER, NOW, None),
            ("Two", "Elsewhere", CaseRole.OBSERVER, NOW + DAY, TODAY),
        ]
        assert [(found.account_id, found.agency_id) for found in members] == [(member, HOME_AGENCY), (guest, guests)]
        assert tx.members.role_of(case.id, guest, TODAY) is CaseRole.OBSERVER
        assert tx.members.role_of(case.id, guest, TODAY + DAY) is None
        assert tx.members.role_of(case.id, over, TODAY) is None
        assert tx.members.role_of(other.id, member, TODAY) is None
        assert tx.members.role_of(case.id, "nobody", TODAY) is None


def test_a_member_gets_another_role_and_leaves(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        account = rows.account(tx)
        case, _ = rows.case(tx)
        tx.members.put(case.id, account, CaseRole.EXAMINER, NOW, TODAY)
        tx.members.put(case.id, account, CaseRole.REVIEWER, NOW + DAY, None)
        (member,) = tx.members.of_case(case.id, TODAY)
        assert (member.role, member.since, member.until) == (CaseRole.REVIEWER, NOW, None)
        tx.members.drop(case.id, account)
        tx.members.drop(case.id, account)
        assert tx.members.of_case(case.id, TODAY) == []


def test_guests_leave_and_the_others_stay(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        own, foreign = rows.account(tx), rows.account(tx, guests)
        case, _ = rows.case(tx)
        other, _ = rows.case(tx, "other")
        for each in (case, other):
            for account in (own, foreign):
                tx.members.put(each.id, account, CaseRole.EXAMINER, NOW, None)
            tx.members.invite(each.id, "guest@elsewhere.example", CaseRole.OBSERVER, TODAY, "A Supervisor", NOW)
        tx.members.end_guests(case.id, HOME_AGENCY)
        assert [member.account_id for member in tx.members.of_case(case.id, TODAY)] == [own]
        assert tx.members.invitations_of(case.id) == []
        assert len(tx.members.of_case(other.id, TODAY)) == 2
        assert len(tx.members.invitations_of(other.id)) == 1


@pytest.mark.parametrize(
    ("change", "why"), [("role = 'chief'", "role_known"), ("account_id = 'nobody'", "foreign key")]
)
def test_the_database_refuses_a_member_that_cannot_be(
    store: Store, rows: Rows, refused: Refuses, change: str, why: str
) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        tx.members.put(case.id, rows.account(tx), CaseRole.EXAMINER, NOW, None)
    refused(f"UPDATE case_members SET {change}", why)


# ---------------------------------------------------------------- invitations


def test_an_invitation_waits_for_an_address(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        guests = rows.agency(tx, "Elsewhere")
        case, _ = rows.case(tx)
        theirs, _ = rows.case(tx, "theirs", guests)
        invitation = tx.members.invite(
            case.id, "Guest@elsewhere.example", CaseRole.REVIEWER, TODAY + DAY, "Ms Önal", NOW
        )
        later = tx.members.invite(theirs.id, "guest@elsewhere.example", CaseRole.EXAMINER, None, "B", NOW + DAY)
        tx.members.invite(case.id, "another@elsewhere.example", CaseRole.OBSERVER, TODAY, "C", NOW)
    assert (invitation.case, invitation.email, invitation.role, invitation.until) == (
        case.ref,
        "Guest@elsewhere.example",
        CaseRole.REVIEWER,
        TODAY + DAY,
    )
    assert (invitation.invited_by, invitation.invited_at, invitation.agency_name) == ("Ms Önal", NOW, "This agency")
    with store.read() as tx:
        assert tx.members.invitations_for(" guest@Elsewhere.example") == [invitation, later]
        assert later.agency_name == "Elsewhere"
        assert [invitation.email for invitation in tx.members.invitations_of(case.id)][0:2].count(
            "another@elsewhere.example"
        ) == 1
        assert tx.members.invitations_for("nobody@elsewhere.example") == []


def test_an_invitation_is_taken_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        invitation = tx.members.invite(case.id, "guest@elsewhere.example", CaseRole.REVIEWER, TODAY, "A", NOW)
        back = tx.members.invite(case.id, "guest@elsewhere.example", CaseRole.OBSERVER, TODAY, "A", NOW)
        tx.members.withdraw(back.id)
        tx.members.withdraw(back.id)
        assert tx.members.take(invitation.id) == (case.id, CaseRole.REVIEWER, TODAY)
        assert tx.members.invitations_for("guest@elsewhere.example") == []
        for unknown in (invitation.id, back.id, "no invitation"):
            with pytest.raises(NotFound):
                tx.members.take(unknown)


def test_an_invitation_names_nobody_in_the_database(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        case, _ = rows.case(tx)
        invitation = tx.members.invite(
            case.id, "guest@elsewhere.example", CaseRole.REVIEWER, TODAY, "Ms Supervisor", NOW
        )
        two = tx.members.invite(case.id, "other@elsewhere.example", CaseRole.REVIEWER, TODAY, "Ms Supervisor", NOW)
    values = [bytes(value) for row in raw("SELECT lookup, sealed FROM case_invitations") for value in row]
    assert len(values) == 4
    for value in values:
        assert b"elsewhere" not in value
        assert b"Supervisor" not in value
    taken = f"(SELECT i.sealed FROM case_invitations i WHERE i.id = '{two.id}')"
    raw(f"UPDATE case_invitations SET sealed = {taken} WHERE id = '{invitation.id}'")
    with store.read() as tx, pytest.raises(AccessAltered):
        tx.members.invitations_for("guest@elsewhere.example")


# ---------------------------------------------------------------- approvals


def test_a_probe_is_approved_once_by_each(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        case, key = rows.case(tx)
        probe, other = rows.probe(case), rows.probe(case)
        for each in (probe, other):
            tx.probes.add(each, case.id, rows.sha256(), key)
        first, second = rows.account(tx), rows.account(tx)
        tx.members.approve(probe.id, second, NOW)
        tx.members.approve(probe.id, first, NOW + DAY)
        tx.members.approve(probe.id, second, NOW + 2 * DAY)
        assert tx.members.approvers(probe.id) == [second, first]
        assert tx.members.approvers(other.id) == tx.members.approvers("no probe") == []


def test_the_roles_of_some_accounts_in_some_cases_are_read_at_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        (first, _), (second, _) = rows.case(tx, "1"), rows.case(tx, "2")
        one, other = rows.account(tx), rows.account(tx)
        tx.members.put(first.id, one, CaseRole.EXAMINER, NOW, None)
        tx.members.put(second.id, one, CaseRole.REVIEWER, NOW, NOW.date())
        tx.members.put(second.id, other, CaseRole.OBSERVER, NOW, None)
    with store.read() as tx:
        today, both = NOW.date(), [first.id, second.id]
        found = {(first.id, one): CaseRole.EXAMINER, (second.id, one): CaseRole.REVIEWER}
        assert tx.members.roles(both, [one], today) == found
        assert tx.members.roles([second.id], [one, other], today + timedelta(days=1)) == {
            (second.id, other): CaseRole.OBSERVER
        }
        assert tx.members.roles([], [one], today) == {}
