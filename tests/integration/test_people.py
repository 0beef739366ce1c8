"""People of an agency over a real workspace: invited, trained, suspended, reset and closed."""

from __future__ import annotations

import email
import email.policy
import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.clock import TODAY
from tests.support.mail_server import Postbox, mail_server
from tests.support.refusals import refused
from tests.support.world import StaffedWorld, World, solo

from lineament.errors import AlreadyThere, InvalidValue, MailUnavailable, NotAllowed, NotFound, WrongState
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, FactorKind, Role
from lineament.model.cases import CaseRole, CaseTerms
from lineament.model.reasons import ReasonCode
from lineament.services.people.attempts import password_key
from lineament.services.people.callers import AttemptPlace
from lineament.services.people.invitations import Post
from lineament.services.people.officials import People
from lineament.setting_values import Secret
from lineament.testing import MemoryOutbox

BOTH = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def world(alone: World) -> StaffedWorld:
    return StaffedWorld(alone.workspace, alone.clock)


@pytest.fixture
def examiner(world: StaffedWorld) -> Account:
    return world.join(HOME_AGENCY, Role.EXAMINER, name="Emil Examiner")


def invited_by(world: World, link: str | None) -> Account | None:
    """Return the account that may join with a link, if any."""
    assert link is not None
    digest = hashlib.sha256(link.rpartition("/join/")[2].encode()).digest()
    with world.workspace.store.read() as tx:
        return tx.accounts.invited(digest, world.clock())


def sign_in(world: StaffedWorld, account: Account) -> None:
    """Give an account a session and a second factor."""
    with world.workspace.store.begin() as tx:
        tx.sessions.begin(account.id, secrets.token_bytes(32), world.clock(), "a browser", terminal=False)
        tx.factors.add(account.id, FactorKind.TOTP, "app", {"secret": "s"}, world.clock())


# ---------------------------------------------------------------- leaving solo


def test_the_first_account_leaves_the_workspace_solo_and_the_second_ends_it(alone: World) -> None:
    first = alone.machine.people.invite("chief@home.example", "Chief", BOTH)
    assert not first.ends_solo
    assert alone.machine.official.solo
    second = alone.machine.people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert second.ends_solo
    machine = alone.machine
    assert not machine.official.solo
    with pytest.raises(NotAllowed):
        machine.people.list()


def test_solo_does_not_come_back_when_accounts_are_closed(alone: World) -> None:
    chief = alone.machine.people.invite("chief@home.example", "Chief", BOTH).account
    emil = alone.machine.people.invite("emil@home.example", "Emil", {Role.EXAMINER}).account
    alone.desk(chief).people.close(emil.id)
    with alone.workspace.store.read() as tx:
        assert tx.accounts.count() == 1
    assert not alone.machine.official.solo


@pytest.mark.parametrize(
    ("first", "missing"),
    [(Role.EXAMINER, "no administrator and no operator"), (Role.ADMINISTRATOR, "no operator")],
)
def test_the_second_account_locks_nobody_out(alone: World, first: Role, missing: str) -> None:
    alone.machine.people.invite("first@home.example", "First", {first})
    with refused(ReasonCode.NO_KEEPER, words=missing):
        alone.machine.people.invite("second@home.example", "Second", {Role.EXAMINER})
    assert len(alone.machine.people.list()) == 1
    assert alone.machine.official.solo
    assert alone.machine.people.invite("second@home.example", "Second", {Role.EXAMINER}, sure=True).ends_solo


def test_the_second_account_may_be_the_one_that_was_missing(alone: World) -> None:
    alone.machine.people.invite("first@home.example", "First", {Role.ADMINISTRATOR})
    assert alone.machine.people.invite("second@home.example", "Second", {Role.OPERATOR}).ends_solo


# ---------------------------------------------------------------- invitations


def test_a_link_leads_to_its_account_until_it_expires(world: StaffedWorld) -> None:
    invitation = world.administrator_desk.people.invite("Emil@Home.example ", "Emil", {Role.EXAMINER, Role.REVIEWER})
    assert invitation.account.email == "emil@home.example"
    assert invitation.account.state is AccountState.INVITED
    assert str(invitation.link).startswith("http://127.0.0.1:8471/join/")
    assert invited_by(world, invitation.link) == invitation.account
    world.clock.advance(days=7)
    assert invited_by(world, invitation.link) is None


def test_a_link_is_not_in_the_representation_of_an_invitation(world: StaffedWorld) -> None:
    invitation = world.administrator_desk.people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert str(invitation.link).rpartition("/")[2] not in repr(invitation)


def test_links_begin_with_the_public_address(tmp_path: Path) -> None:
    with solo(tmp_path / "ws", public_url="https://lineament.agency.example") as world:
        link = world.machine.people.invite("chief@home.example", "Chief", BOTH).link
        assert str(link).startswith("https://lineament.agency.example/join/")


def test_with_a_mail_server_the_link_is_only_sent_to_the_address(world: StaffedWorld) -> None:
    outbox = MemoryOutbox()
    people = People(world.administrator_desk.record, Post(outbox=outbox, base="https://lineament.example"))
    invitation = people.invite("emil@home.example", "Emil Examiner", {Role.EXAMINER})
    assert invitation.link is None
    assert not invitation.unsent
    (sent,) = outbox.sent
    assert sent.to == "emil@home.example"
    link = next(line for line in sent.text.splitlines() if line.startswith("https://lineament.example/join/"))
    assert invited_by(world, link) == invitation.account
    assert "Anna Administrator invites you" in sent.text


class Unreachable:
    """An outbox whose server is down."""

    def send(self, to: str, subject: str, text: str) -> None:  # noqa: ARG002
        raise MailUnavailable(why="the mail server does not answer")


def test_a_mail_server_that_is_down_is_reported_and_the_link_stays_secret(world: StaffedWorld) -> None:
    people = People(world.administrator_desk.record, Post(outbox=Unreachable(), base="https://lineament.example"))
    invitation = people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert (invitation.link, invitation.unsent) == (None, "the mail server does not answer")
    outbox = MemoryOutbox()
    People(world.administrator_desk.record, Post(outbox=outbox, base="https://lineament.example")).reset(
        invitation.account.id
    )
    assert len(outbox.sent) == 1


def test_the_mail_server_of_the_settings_sends_the_link(tmp_path: Path) -> None:
    postbox = Postbox()
    with mail_server(postbox, None) as port:
        url = f"smtp://127.0.0.1:{port}?from=lineament@agency.example"
        with solo(tmp_path / "ws", public_url="https://lineament.example", smtp_url=Secret(url)) as world:
            invitation = world.machine.people.invite("chief@home.example", "Chief", BOTH)
            (arrived,) = postbox.envelopes
            assert arrived.rcpt_tos == ["chief@home.example"]
            assert isinstance(arrived.content, bytes)
            text = email.message_from_bytes(arrived.content, policy=email.policy.default).get_content()
            link = next(line for line in text.splitlines() if line.startswith("https://lineament.example/join/"))
            assert invited_by(world, link) == invitation.account


def test_one_address_has_one_account_in_an_agency(world: StaffedWorld, examiner: Account) -> None:
    with pytest.raises(AlreadyThere):
        world.administrator_desk.people.invite(examiner.email.upper(), "Emil", {Role.EXAMINER})
    other = world.add_agency()
    chief = world.desk(world.join(other.id, Role.ADMINISTRATOR))
    assert chief.people.invite(examiner.email, "Emil", {Role.EXAMINER})  # whether another agency has it is not revealed


@pytest.mark.parametrize("roles", [{Role.AUDITOR, Role.EXAMINER}, {Role.ADMINISTRATOR, Role.SUPERVISOR}, set[Role]()])
def test_separated_roles_are_never_given_together(world: StaffedWorld, examiner: Account, roles: set[Role]) -> None:
    with pytest.raises(InvalidValue):
        world.administrator_desk.people.invite("new@home.example", "New", roles)
    with pytest.raises(InvalidValue):
        world.administrator_desk.people.set_roles(examiner.id, roles)


# ---------------------------------------------------------------- operators


def test_only_operators_make_operators_and_only_at_home(world: StaffedWorld, examiner: Account) -> None:
    with pytest.raises(NotAllowed):
        world.administrator_desk.people.invite("new@home.example", "New", {Role.OPERATOR})
    with pytest.raises(NotAllowed):
        world.administrator_desk.people.set_roles(examiner.id, {Role.OPERATOR})
    with pytest.raises(NotAllowed):
        world.administrator_desk.people.set_roles(world.operator.id, {Role.EXAMINER})
    with pytest.raises(NotAllowed):
        world.administrator_desk.people.reset(world.operator.id)  # the link would make an administrator an operator
    chief = world.join(world.add_agency().id, Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed):
        world.desk(chief).people.invite("new@home.example", "New", {Role.OPERATOR})
    both = world.join(HOME_AGENCY, Role.ADMINISTRATOR, Role.OPERATOR, name="Both Ways")
    assert world.desk(both).people.set_roles(examiner.id, {Role.OPERATOR}).roles == {Role.OPERATOR}


def test_an_account_of_another_agency_never_operates(world: StaffedWorld) -> None:
    both = world.join(world.add_agency().id, Role.ADMINISTRATOR, Role.OPERATOR, name="Forged Row")
    with refused(ReasonCode.OPERATOR_ELSEWHERE):
        world.desk(both).people.invite("new@home.example", "New", {Role.OPERATOR})


def test_the_last_operator_and_the_last_administrator_stay(world: StaffedWorld) -> None:
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        world.administrator_desk.people.close(world.operator.id)
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        world.administrator_desk.people.suspend(world.operator.id)
    both = world.join(HOME_AGENCY, Role.ADMINISTRATOR, Role.OPERATOR, name="Both Ways")
    world.desk(both).people.close(world.administrator.id)
    world.desk(both).people.set_roles(world.operator.id, {Role.AUDITOR})
    other = world.join(HOME_AGENCY, Role.ADMINISTRATOR, name="Other Administrator")
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        world.desk(other).people.close(both.id)


def test_an_operator_who_did_not_join_yet_does_not_count(world: StaffedWorld) -> None:
    world.operator_desk.agencies.invite_operator("second@home.example", "Second")
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        world.administrator_desk.people.suspend(world.operator.id)


def test_nobody_manages_their_own_account(world: StaffedWorld) -> None:
    people, own = world.administrator_desk.people, world.administrator.id
    for act in (
        lambda: people.set_roles(own, {Role.EXAMINER}),
        lambda: people.train(own, TODAY),
        lambda: people.suspend(own),
        lambda: people.reset(own),
        lambda: people.close(own),
    ):
        with refused(ReasonCode.OWN_ACCOUNT):
            act()


# ---------------------------------------------------------------- the life of an account


def test_a_suspension_ends_every_session_and_can_be_undone(world: StaffedWorld, examiner: Account) -> None:
    sign_in(world, examiner)
    assert len(world.administrator_desk.people.get(examiner.email).sessions) == 1
    assert world.administrator_desk.people.suspend(examiner.id).state is AccountState.SUSPENDED
    person = world.administrator_desk.people.get(examiner.id)
    assert not person.sessions
    assert len(person.factors) == 1
    assert world.administrator_desk.people.restore(examiner.id).state is AccountState.ACTIVE
    with pytest.raises(WrongState):
        world.administrator_desk.people.restore(examiner.id)
    assert world.actions()[-2:] == ["account_suspended", "account_restored"]


def test_a_reset_removes_password_factors_and_sessions(world: StaffedWorld, examiner: Account) -> None:
    sign_in(world, examiner)
    with world.workspace.store.begin() as tx:
        tx.accounts.set_password(examiner.id, "hash")
    invitation = world.administrator_desk.people.reset(examiner.id)
    assert invited_by(world, invitation.link) == invitation.account
    person = world.administrator_desk.people.get(examiner.id)
    assert (person.sessions, person.factors) == ([], [])
    with world.workspace.store.read() as tx:
        assert tx.accounts.password(examiner.id) is None
    assert invitation.account.state is AccountState.INVITED
    assert invitation.account.id == examiner.id


def test_a_closed_account_keeps_only_its_row(world: StaffedWorld, examiner: Account) -> None:
    sign_in(world, examiner)
    closed = world.administrator_desk.people.close(examiner.id)
    assert (closed.state, closed.email) == (AccountState.CLOSED, "")
    assert examiner.id not in {account.id for account in world.administrator_desk.people.list()}
    assert examiner.id in {account.id for account in world.administrator_desk.people.list(closed=True)}
    for act in (
        world.administrator_desk.people.suspend,
        world.administrator_desk.people.reset,
        world.administrator_desk.people.close,
    ):
        with pytest.raises(WrongState):
            act(examiner.id)
    assert world.administrator_desk.people.invite(examiner.email, "Emil again", {Role.EXAMINER})


def test_a_closed_account_is_no_member_of_a_case(world: StaffedWorld, examiner: Account) -> None:
    desk = world.desk(world.join(HOME_AGENCY, Role.SUPERVISOR, name="Susan Supervisor"))
    case = desk.casework.open(CaseTerms(ref="1", offence="fraud", purpose="to find the forger", basis="CPP 77"))
    desk.members.add(case.key, examiner.email, CaseRole.EXAMINER)
    world.administrator_desk.people.suspend(examiner.id)
    assert examiner.id in {member.account_id for member in desk.members.of(case.key)}
    world.administrator_desk.people.close(examiner.id)
    assert examiner.id not in {member.account_id for member in desk.members.of(case.key)}
    assert '"cases":1' in world.last_details()


def test_training_is_recorded_and_removed(world: StaffedWorld, examiner: Account) -> None:
    people = world.administrator_desk.people
    assert people.train(examiner.id, TODAY + timedelta(days=365)).trained(TODAY)
    assert not people.train(examiner.id, None).trained(TODAY)
    for wrong in (TODAY - timedelta(days=1), TODAY + timedelta(days=4000)):
        with pytest.raises(InvalidValue):
            people.train(examiner.id, wrong)


def test_new_roles_hold_from_the_next_desk_on(world: StaffedWorld, examiner: Account) -> None:
    world.administrator_desk.people.set_roles(examiner.id, {Role.SUPERVISOR})
    assert world.desk(examiner).official.roles == {Role.SUPERVISOR}
    assert '"before":["examiner"]' in world.last_details()


def test_an_account_is_unlocked(world: StaffedWorld, examiner: Account) -> None:
    with world.workspace.store.begin() as tx:
        for _ in range(5):
            tx.accounts.count_failure(password_key(examiner.email, AttemptPlace()), world.clock())
    assert world.administrator_desk.people.get(examiner.id).locked
    world.administrator_desk.people.unlock(examiner.id)
    person = world.administrator_desk.people.get(examiner.id)
    assert (person.failures, person.locked) == (0, False)


def test_an_administrator_ends_sessions(world: StaffedWorld, examiner: Account) -> None:
    sign_in(world, examiner)
    assert world.administrator_desk.people.end_sessions(examiner.id) == 1
    assert world.administrator_desk.people.end_sessions(examiner.id) == 0


# ---------------------------------------------------------------- other agencies


def test_people_of_another_agency_are_reported_as_if_they_did_not_exist(world: StaffedWorld, examiner: Account) -> None:
    chief = world.desk(world.join(world.add_agency().id, Role.ADMINISTRATOR)).people
    for act in (
        chief.get,
        chief.suspend,
        chief.restore,
        chief.reset,
        chief.close,
        chief.unlock,
        chief.end_sessions,
        lambda name: chief.train(name, TODAY),
        lambda name: chief.set_roles(name, {Role.EXAMINER}),
    ):
        messages = []
        for name in (examiner.id, examiner.email, "f" * 16, "nobody@home.example"):
            with pytest.raises(NotFound) as refusal:
                act(name)
            messages.append(str(refusal.value).replace(name, "…"))
        assert len(set(messages)) == 1
    assert [account.name for account in chief.list()] == ["Rufus Firefly"]


def test_only_administrators_manage_people(world: StaffedWorld, examiner: Account) -> None:
    for account in (examiner, world.operator):
        with pytest.raises(NotAllowed):
            world.desk(account).people.list()
        with pytest.raises(NotAllowed):
            world.desk(account).people.invite("new@home.example", "New", {Role.EXAMINER})


# ---------------------------------------------------------------- at the machine


def test_the_last_operator_is_reset_at_the_machine(world: StaffedWorld, examiner: Account) -> None:
    machine = world.machine.people
    invitation = machine.reset_at_the_machine(world.operator.email)
    assert invited_by(world, invitation.link) == invitation.account
    assert world.actions()[-1] == "account_reset"
    assert "examiner-a" in world.last_details()
    for name in (examiner.email, world.join(world.add_agency().id, Role.ADMINISTRATOR).email):
        with pytest.raises(NotFound):
            machine.reset_at_the_machine(name)


def test_nobody_with_an_account_is_at_the_machine(world: StaffedWorld) -> None:
    for desk in (world.administrator_desk, world.operator_desk):
        with pytest.raises(NotAllowed):
            desk.people.reset_at_the_machine(world.operator.email)
