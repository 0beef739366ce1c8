"""Officials: their invitations, accounts, agencies, failures to sign in, and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.clock import TODAY
from tests.support.refusals import refused
from tests.support.samples import AT, account
from tests.support.world import Person, StaffedWorld, grounds, trial

from lineament.errors import InvalidValue, MailUnavailable, NotAllowed, NotFound, SignInRefused, WrongState
from lineament.identity import passwords
from lineament.ledger.entries import canonical
from lineament.model.accounts import (
    HOME_AGENCY,
    AccountState,
    Factor,
    FactorKind,
    Official,
    Permission,
    Role,
    SignedIn,
)
from lineament.model.agencies import AgencyTerms, VettingOutcome
from lineament.model.events.cases import CaseClosed
from lineament.model.policy import AGENCY, SOLO
from lineament.model.reasons import ReasonCode
from lineament.model.texts import LONGEST_REASON
from lineament.services.people import stops
from lineament.services.people.attempts import Attempts
from lineament.services.people.callers import AttemptPlace
from lineament.services.people.invitations import PendingInvitation, Post
from lineament.services.people.policies import stepped_up
from lineament.services.people.sessions import Session, SessionState, countable, showable
from lineament.services.record import Change, UnrecordedChange
from lineament.testing import MemoryOutbox

KEY, CODES, CARD = FactorKind.PASSKEY, FactorKind.TOTP, FactorKind.RECOVERY


# ---------------------------------------------------------------- the record of every change


def test_a_change_without_an_entry_is_undone(world: StaffedWorld) -> None:
    record = world.operator_desk.record
    with pytest.raises(UnrecordedChange), record.change() as change:
        change.tx.meta.set("a key", "a value")
    with record.read() as tx:
        assert tx.meta.get("a key") is None


def test_an_entry_names_the_account(world: StaffedWorld) -> None:
    record = world.operator_desk.record
    with record.change() as change:
        change.record(CaseClosed(case="K-1"))
    expected = {"account": world.operator.id, "actor": "Olga Operator", "case": "K-1"}
    assert world.last_details(HOME_AGENCY) == canonical(expected)


def test_an_entry_is_taken_back_with_what_failed(world: StaffedWorld) -> None:
    def fail(change: Change) -> None:
        change.record(CaseClosed(case="K-2"))
        raise ZeroDivisionError

    before = world.actions(HOME_AGENCY)
    with pytest.raises(ZeroDivisionError), world.operator_desk.record.change() as change:
        fail(change)
    assert world.actions(HOME_AGENCY) == before


def test_one_of_the_permissions_is_enough(world: StaffedWorld) -> None:
    record = world.operator_desk.record
    record.require(Permission.SEARCH, Permission.OPERATE)
    with pytest.raises(NotAllowed, match="search or approve"):
        record.require(Permission.SEARCH, Permission.APPROVE)


# ---------------------------------------------------------------- invitations


PENDING = PendingInvitation(
    account=account(), agency="Freedonia", inviter="Anna", token="t0ken", expires_at=AT, ends_solo=False
)


def test_without_a_mail_server_the_link_is_handed_over() -> None:
    invitation = Post(outbox=None, base="https://lineament.example").deliver(PENDING)
    assert (invitation.link, invitation.unsent) == ("https://lineament.example/join/t0ken", "")


def test_with_a_mail_server_the_link_is_only_sent_to_the_address() -> None:
    outbox = MemoryOutbox()
    invitation = Post(outbox=outbox, base="https://lineament.example").deliver(PENDING)
    assert (invitation.link, invitation.unsent) == (None, "")
    (message,) = outbox.sent
    assert "https://lineament.example/join/t0ken" in str(message)
    assert "Anna invites you to Lineament, for Freedonia" in str(message)


def test_an_invitation_that_cannot_be_sent_says_why_and_keeps_the_link_secret() -> None:
    class Down(MemoryOutbox):
        def send(self, *_: Any, **__: Any) -> None:
            raise MailUnavailable(why="no route to host")

    invitation = Post(outbox=Down(), base="https://lineament.example").deliver(PENDING)
    assert (invitation.link, invitation.unsent) == (None, "no route to host")
    assert "t0ken" not in repr(PENDING) + repr(invitation)


def test_no_invitation_without_a_free_seat(world: StaffedWorld) -> None:
    agency = world.add_agency(seats=1)
    administrator = world.join(agency.id, Role.ADMINISTRATOR, name="Ada Administrator")
    with refused(ReasonCode.SEATS_TAKEN, words="1 seats are taken and the licence of 1"):
        world.desk(administrator).people.invite("eve@freedonia.example", "Eve", [Role.EXAMINER])


def test_roles_that_are_kept_apart_are_not_given_together(world: StaffedWorld) -> None:
    with pytest.raises(InvalidValue, match="cannot read cases"):
        world.administrator_desk.people.invite("eve@home.example", "Eve", [Role.ADMINISTRATOR, Role.EXAMINER])
    with pytest.raises(NotAllowed, match="operate"):
        world.administrator_desk.people.invite("eve@home.example", "Eve", [Role.OPERATOR])


# ---------------------------------------------------------------- accounts


def test_nobody_manages_their_own_account_and_the_last_one_stays(world: StaffedWorld) -> None:
    people = world.administrator_desk.people
    with refused(ReasonCode.OWN_ACCOUNT):
        people.suspend(world.administrator.id)
    with refused(ReasonCode.LAST_OF_ROLE, words="the last operator"):
        people.suspend(world.operator.id)
    other = world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator")
    people.suspend(world.operator.id)
    assert world.state(world.operator) is AccountState.SUSPENDED
    with refused(ReasonCode.LAST_OF_ROLE):
        people.close(other.id)


def test_an_account_changes_only_to_permitted_states(world: StaffedWorld) -> None:
    people, eve = world.administrator_desk.people, world.join(HOME_AGENCY, Role.EXAMINER, name="Eve Examiner")
    with pytest.raises(WrongState, match="cannot be restored"):
        people.restore(eve.id)
    people.suspend(eve.id)
    assert people.restore(eve.id).state is AccountState.ACTIVE
    people.close(eve.id)
    for act in (people.suspend, people.restore, people.close, people.reset):
        with pytest.raises(WrongState):
            act(eve.id)
    assert eve.id not in {listed.id for listed in people.list()}
    assert eve.id in {listed.id for listed in people.list(closed=True)}


@pytest.mark.parametrize("days", [-1, 5 * 366 + 1])
def test_training_ends_within_five_years(world: StaffedWorld, days: int) -> None:
    eve = world.join(HOME_AGENCY, Role.EXAMINER, name="Eve Examiner")
    with pytest.raises(InvalidValue, match="within five years"):
        world.administrator_desk.people.train(eve.id, TODAY + timedelta(days=days))
    assert world.administrator_desk.people.train(eve.id, TODAY).trained_until == TODAY
    assert world.administrator_desk.people.train(eve.id, None).trained_until is None


def test_people_of_another_agency_are_not_found(world: StaffedWorld) -> None:
    agency = world.add_agency()
    eve = world.join(agency.id, Role.EXAMINER, name="Eve Examiner")
    people = world.administrator_desk.people
    for act in (people.get, people.suspend, people.close, people.unlock, people.end_sessions):
        with pytest.raises(NotFound):
            act(eve.id)


# ---------------------------------------------------------------- agencies and their policies


def test_an_agency_is_licensed_once_vetted_and_the_home_agency_never(world: StaffedWorld) -> None:
    agencies = world.operator_desk.agencies
    agency = agencies.register(AgencyTerms(name="Police of Sylvania", jurisdiction="FR"))
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(agency.id, trial())
    agencies.vet(agency.id, grounds(outcome=VettingOutcome.REFUSED))
    with refused(ReasonCode.LICENSED_AFTER_VETTING):
        agencies.license(agency.id, trial())
    with refused(ReasonCode.HOME_AGENCY):
        agencies.vet(HOME_AGENCY, grounds())
    with refused(ReasonCode.HOME_AGENCY):
        agencies.license(HOME_AGENCY, trial())
    agencies.vet(agency.id, grounds())
    assert agencies.license(agency.id, trial(seats=3)).licence == trial(seats=3)


def test_a_policy_becomes_stricter_and_is_loosened_only_to_its_preset(world: StaffedWorld) -> None:
    agencies = world.administrator_desk.agencies
    assert agencies.tighten({"idle_minutes": 10}).policy.idle_minutes == 10
    with pytest.raises(InvalidValue):
        agencies.tighten({"idle_minutes": AGENCY.idle_minutes + 1})
    back = agencies.tighten({"idle_minutes": AGENCY.idle_minutes})
    assert (back.policy.idle_minutes, dict(back.wishes)) == (AGENCY.idle_minutes, {})


def test_an_administrator_tightens_no_other_agency(world: StaffedWorld) -> None:
    agency = world.add_agency()
    with pytest.raises(NotAllowed, match="operate"):
        world.administrator_desk.agencies.tighten({"idle_minutes": 10}, agency.id)
    assert world.operator_desk.agencies.tighten({"idle_minutes": 10}, agency.id).policy.idle_minutes == 10


# ---------------------------------------------------------------- stops


@pytest.mark.parametrize("reason", ["", " ", "x" * (LONGEST_REASON + 1), "a\x07b"])
def test_a_stop_says_why_in_a_line(world: StaffedWorld, reason: str) -> None:
    with pytest.raises(InvalidValue, match=r"The reason of a stop.*write 1 to 500 characters"):
        world.administrator_desk.stops.stop_agency(reason)
    assert world.administrator_desk.stops.in_force() == []


def test_blanks_in_the_reason_of_a_stop_are_one(world: StaffedWorld) -> None:
    world.administrator_desk.stops.stop_agency("  a\n complaint ")
    (stop,) = world.administrator_desk.stops.in_force()
    assert stop.reason == "a complaint"


def test_an_agency_does_not_lift_what_the_operator_stopped(world: StaffedWorld) -> None:
    agency = world.add_agency()
    administrator = world.desk(world.join(agency.id, Role.ADMINISTRATOR, name="Ada Administrator"))
    world.operator_desk.stops.stop_agency("a complaint", agency.id)
    with pytest.raises(NotAllowed, match="the operator stopped it"):
        administrator.stops.resume_agency()
    with pytest.raises(NotAllowed, match="the operator stopped it"):
        administrator.stops.stop_agency("our own reason")
    (stop,) = administrator.stops.in_force()
    assert (stop.by, stop.reason) == (stops.OPERATOR, "a complaint")
    world.operator_desk.stops.resume_agency(agency.id)
    with refused(ReasonCode.NO_SUCH_STOP):
        administrator.stops.resume_agency()


# ---------------------------------------------------------------- failures to sign in


def test_failures_lock_and_the_lock_runs_out(world: StaffedWorld) -> None:
    attempts, policy = Attempts(world.operator_desk.record), replace(AGENCY, failures=2, locked_minutes=15)
    counts = [attempts.count("eve@home.example", policy) for _ in range(4)]
    assert counts == [1, 2, None, None]
    assert attempts.count("otto@home.example", policy) == 1
    world.clock.advance(minutes=16)
    assert [attempts.count("eve@home.example", policy) for _ in range(2)] == [
        3,
        None,
    ]  # one more, and it is locked again
    world.clock.advance(days=3)
    assert attempts.count("eve@home.example", policy) == 1


def test_each_failure_that_locks_is_recorded_without_the_address(world: StaffedWorld) -> None:
    attempts, policy = Attempts(world.operator_desk.record), replace(AGENCY, failures=2)
    before = len(world.actions(HOME_AGENCY))
    for count in (1, 2, 3, None):
        attempts.record_failure(count, policy, None, "password", AttemptPlace())
    assert world.actions(HOME_AGENCY)[before:] == ["sign_in_locked"] * 2
    assert '"minutes":30' in world.last_details(HOME_AGENCY)
    assert '"actor":"unknown address"' in world.last_details(HOME_AGENCY)


# ---------------------------------------------------------------- sessions


def session(
    at: datetime = AT, proved_at: datetime | None = AT, kinds: frozenset[FactorKind] = frozenset({KEY})
) -> Session:
    """Return a session that began and was seen at ``AT``, as of another moment."""
    signed_in = SignedIn(
        id="t1", account_id="u1", began_at=AT, seen_at=AT, proved_at=proved_at, device="Firefox", terminal=False
    )
    return Session(signed_in=signed_in, account=account(), agency="Freedonia", policy=AGENCY, kinds=kinds, at=at)


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (session(), SessionState.OPEN),
        (session(proved_at=None), SessionState.UNPROVED),
        (session(proved_at=None, kinds=frozenset()), SessionState.UNENROLLED),
        (session(proved_at=None, kinds=frozenset({CARD})), SessionState.UNENROLLED),  # recovery codes are no factor
        (session(AT + timedelta(minutes=30)), SessionState.OPEN),
        (session(AT + timedelta(minutes=31)), SessionState.LOCKED),
    ],
)
def test_a_session_opens_what_was_proved_in_it(found: Session, standing: SessionState) -> None:
    assert found.standing is standing


def test_a_second_factor_is_fresh_for_a_while() -> None:
    assert session(AT + timedelta(minutes=15)).fresh
    assert not session(AT + timedelta(minutes=16)).fresh
    assert not session(proved_at=None).fresh


def test_codes_do_not_count_if_only_passkeys_do() -> None:
    strict = replace(AGENCY, passkey_only=True)
    assert countable(AGENCY) == {KEY, CODES}
    assert countable(strict) == {KEY}
    factors = [Factor(id=kind, kind=kind, name=kind, added_at=AT, used_at=None) for kind in FactorKind]
    assert showable(factors, AGENCY) == {KEY, CODES, CARD}
    assert showable(factors, strict) == {KEY}
    used_up = [replace(factor, left=0) for factor in factors]
    assert showable(used_up, AGENCY) == set()


@pytest.mark.parametrize(
    ("official", "policy", "shown"),
    [
        (Official(name="Eve", account_id="u1", proved_at=AT), AGENCY, True),
        (Official(name="Eve", account_id="u1"), AGENCY, False),
        (Official(name="Eve", account_id="u1"), SOLO, True),
        (Official(name="at the machine"), AGENCY, True),
    ],
)
def test_whether_the_second_factor_is_recent(official: Official, policy: Any, *, shown: bool) -> None:
    assert stepped_up(official, policy, AT) is shown


# ---------------------------------------------------------------- a hash with older parameters


@pytest.fixture
def outdated(world: StaffedWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Somebody whose password was hashed with less memory than is used now."""
    person = world.sign_up("eva@home.example")
    monkeypatch.setattr(passwords, "MEMORY", passwords.MEMORY + 8)
    passwords.hasher.cache_clear()
    yield person
    passwords.hasher.cache_clear()


def stored_password(world: StaffedWorld, person: Person) -> str:
    with world.workspace.store.read() as tx:
        stored = tx.accounts.password(person.account.id)
    assert stored is not None
    return stored


def test_a_password_is_hashed_again_at_the_next_sign_in(world: StaffedWorld, outdated: Person) -> None:
    assert passwords.needs_rehash(stored_password(world, outdated))
    world.enter_password(outdated)
    assert not passwords.needs_rehash(stored_password(world, outdated))
    assert world.enter_password(outdated).account.id == outdated.account.id


def test_the_old_password_opens_nothing_if_it_is_changed_meanwhile(
    world: StaffedWorld, outdated: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = passwords.hash_password("a new horse, a new stable")

    def change_meanwhile(_password: str) -> str:
        with world.workspace.store.begin() as tx:
            tx.accounts.set_password(outdated.account.id, chosen)
        return "the hash of the old one"

    monkeypatch.setattr(passwords, "hash_password", change_meanwhile)
    with pytest.raises(SignInRefused):
        world.enter_password(outdated)
    assert stored_password(world, outdated) == chosen
