"""People of an agency over a real workspace: let in, trusted, suspended, reset and let go."""

from __future__ import annotations

import email
import email.policy
import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.clock import TICK, TODAY, Clock
from tests.support.mail_server import Postbox, mail_server
from tests.support.refusals import refused
from tests.support.staff import House, solo

from lineament.errors import AlreadyThere, InvalidValue, MailUnavailable, NotAllowed, NotFound, WrongState
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, FactorKind, Role
from lineament.model.cases import CaseRole, CaseTerms
from lineament.model.reasons import ReasonCode
from lineament.services.people.invitations import Post
from lineament.services.people.officials import People
from lineament.settings import Secret
from lineament.testing import MemoryOutbox
from lineament.workspace import Workspace

BOTH = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})


@pytest.fixture
def clock() -> Clock:
    return Clock(tick=TICK)


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> Iterator[Workspace]:
    with solo(tmp_path / "ws", clock) as workspace:
        yield workspace


@pytest.fixture
def house(alone: Workspace, clock: Clock) -> House:
    return House(alone, clock)


@pytest.fixture
def examiner(house: House) -> Account:
    return house.joined(HOME_AGENCY, Role.EXAMINER, name="Emil Examiner")


def follows(workspace: Workspace, link: str | None) -> Account | None:
    """Return the account that a link invites."""
    assert link is not None
    digest = hashlib.sha256(link.rpartition("/join/")[2].encode()).digest()
    with workspace.store.read() as tx:
        return tx.accounts.invited(digest, workspace.clock())


def signed_in(house: House, account: Account) -> None:
    with house.workspace.store.begin() as tx:
        tx.sessions.begin(account.id, secrets.token_bytes(32), house.clock(), "a browser", terminal=False)
        tx.factors.add(account.id, FactorKind.TOTP, "app", {"secret": "s"}, house.clock())


# ---------------------------------------------------------------- out of solo


def test_the_first_account_leaves_the_workspace_solo_and_the_second_ends_it(alone: Workspace) -> None:
    first = alone.desk_at_the_machine().people.invite("chief@home.example", "Chief", BOTH)
    assert not first.ends_solo
    assert alone.desk_at_the_machine().official.solo
    second = alone.desk_at_the_machine().people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert second.ends_solo
    machine = alone.desk_at_the_machine()
    assert not machine.official.solo
    with pytest.raises(NotAllowed):
        machine.people.list()


def test_solo_does_not_come_back_when_accounts_are_closed(alone: Workspace) -> None:
    chief = alone.desk_at_the_machine().people.invite("chief@home.example", "Chief", BOTH).account
    emil = alone.desk_at_the_machine().people.invite("emil@home.example", "Emil", {Role.EXAMINER}).account
    alone.desk(chief.official).people.close(emil.id)
    with alone.store.read() as tx:
        assert tx.accounts.count() == 1
    assert not alone.desk_at_the_machine().official.solo


@pytest.mark.parametrize(
    ("first", "missing"),
    [(Role.EXAMINER, "no administrator and no operator"), (Role.ADMINISTRATOR, "no operator")],
)
def test_nobody_is_locked_out_by_the_second_account(alone: Workspace, first: Role, missing: str) -> None:
    alone.desk_at_the_machine().people.invite("first@home.example", "First", {first})
    with refused(ReasonCode.NO_KEEPER, words=missing):
        alone.desk_at_the_machine().people.invite("second@home.example", "Second", {Role.EXAMINER})
    assert len(alone.desk_at_the_machine().people.list()) == 1
    assert alone.desk_at_the_machine().official.solo
    assert (
        alone.desk_at_the_machine().people.invite("second@home.example", "Second", {Role.EXAMINER}, sure=True).ends_solo
    )


def test_the_second_account_may_be_the_one_that_was_missing(alone: Workspace) -> None:
    alone.desk_at_the_machine().people.invite("first@home.example", "First", {Role.ADMINISTRATOR})
    assert alone.desk_at_the_machine().people.invite("second@home.example", "Second", {Role.OPERATOR}).ends_solo


# ---------------------------------------------------------------- invitations


def test_the_link_leads_to_the_account_until_it_runs_out(house: House) -> None:
    made = house.managing.people.invite("Emil@Home.example ", "Emil", {Role.EXAMINER, Role.REVIEWER})
    assert made.account.email == "emil@home.example"
    assert made.account.state is AccountState.INVITED
    assert str(made.link).startswith("http://127.0.0.1:8471/join/")
    assert follows(house.workspace, made.link) == made.account
    house.clock.advance(days=7)
    assert follows(house.workspace, made.link) is None


def test_the_link_is_in_no_representation(house: House) -> None:
    made = house.managing.people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert str(made.link).rpartition("/")[2] not in repr(made)


def test_links_begin_where_the_pages_are(tmp_path: Path) -> None:
    with solo(tmp_path / "ws", public_url="https://lineament.agency.example") as workspace:
        link = workspace.desk_at_the_machine().people.invite("chief@home.example", "Chief", BOTH).link
        assert str(link).startswith("https://lineament.agency.example/join/")


def test_with_a_mail_server_the_link_goes_to_the_address_alone(house: House) -> None:
    outbox = MemoryOutbox()
    people = People(house.managing.record, Post(outbox=outbox, base="https://lineament.example"))
    made = people.invite("emil@home.example", "Emil Examiner", {Role.EXAMINER})
    assert made.link is None
    assert not made.unsent
    (sent,) = outbox.sent
    assert sent.to == "emil@home.example"
    link = next(line for line in sent.text.splitlines() if line.startswith("https://lineament.example/join/"))
    assert follows(house.workspace, link) == made.account
    assert "Anna Administrator invites you" in sent.text


class Unreachable:
    """An outbox whose server is down."""

    def send(self, to: str, subject: str, text: str) -> None:  # noqa: ARG002
        raise MailUnavailable(why="the mail server does not answer")


def test_a_mail_server_that_is_down_is_told_and_the_link_stays_secret(house: House) -> None:
    people = People(house.managing.record, Post(outbox=Unreachable(), base="https://lineament.example"))
    made = people.invite("emil@home.example", "Emil", {Role.EXAMINER})
    assert (made.link, made.unsent) == (None, "the mail server does not answer")
    outbox = MemoryOutbox()
    People(house.managing.record, Post(outbox=outbox, base="https://lineament.example")).reset(made.account.id)
    assert len(outbox.sent) == 1


def test_the_mail_server_of_the_settings_carries_it(tmp_path: Path) -> None:
    postbox = Postbox()
    with mail_server(postbox, None) as port:
        url = f"smtp://127.0.0.1:{port}?from=lineament@agency.example"
        with solo(tmp_path / "ws", public_url="https://lineament.example", smtp_url=Secret(url)) as workspace:
            made = workspace.desk_at_the_machine().people.invite("chief@home.example", "Chief", BOTH)
            (arrived,) = postbox.envelopes
            assert arrived.rcpt_tos == ["chief@home.example"]
            assert isinstance(arrived.content, bytes)
            text = email.message_from_bytes(arrived.content, policy=email.policy.default).get_content()
            link = next(line for line in text.splitlines() if line.startswith("https://lineament.example/join/"))
            assert follows(workspace, link) == made.account


def test_one_address_has_one_account_in_an_agency(house: House, examiner: Account) -> None:
    with pytest.raises(AlreadyThere):
        house.managing.people.invite(examiner.email.upper(), "Emil", {Role.EXAMINER})
    other = house.agency()
    chief = house.desk(house.joined(other.id, Role.ADMINISTRATOR))
    assert chief.people.invite(examiner.email, "Emil", {Role.EXAMINER})  # whether it is taken elsewhere is not told


@pytest.mark.parametrize("roles", [{Role.AUDITOR, Role.EXAMINER}, {Role.ADMINISTRATOR, Role.SUPERVISOR}, set[Role]()])
def test_separated_roles_are_never_given(house: House, examiner: Account, roles: set[Role]) -> None:
    with pytest.raises(InvalidValue):
        house.managing.people.invite("new@home.example", "New", roles)
    with pytest.raises(InvalidValue):
        house.managing.people.set_roles(examiner.id, roles)


# ---------------------------------------------------------------- operators


def test_only_operators_make_operators_and_only_at_home(house: House, examiner: Account) -> None:
    with pytest.raises(NotAllowed):
        house.managing.people.invite("new@home.example", "New", {Role.OPERATOR})
    with pytest.raises(NotAllowed):
        house.managing.people.set_roles(examiner.id, {Role.OPERATOR})
    with pytest.raises(NotAllowed):
        house.managing.people.set_roles(house.operator.id, {Role.EXAMINER})
    with pytest.raises(NotAllowed):
        house.managing.people.reset(house.operator.id)  # the link would make an administrator an operator
    chief = house.joined(house.agency().id, Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed):
        house.desk(chief).people.invite("new@home.example", "New", {Role.OPERATOR})
    both = house.joined(HOME_AGENCY, Role.ADMINISTRATOR, Role.OPERATOR, name="Both Ways")
    assert house.desk(both).people.set_roles(examiner.id, {Role.OPERATOR}).roles == {Role.OPERATOR}


def test_an_account_abroad_never_operates(house: House) -> None:
    both = house.joined(house.agency().id, Role.ADMINISTRATOR, Role.OPERATOR, name="Forged Row")
    with refused(ReasonCode.OPERATOR_ELSEWHERE):
        house.desk(both).people.invite("new@home.example", "New", {Role.OPERATOR})


def test_the_last_operator_and_the_last_administrator_stay(house: House) -> None:
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        house.managing.people.close(house.operator.id)
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        house.managing.people.suspend(house.operator.id)
    both = house.joined(HOME_AGENCY, Role.ADMINISTRATOR, Role.OPERATOR, name="Both Ways")
    house.desk(both).people.close(house.administrator.id)
    house.desk(both).people.set_roles(house.operator.id, {Role.AUDITOR})
    other = house.joined(HOME_AGENCY, Role.ADMINISTRATOR, name="Other Administrator")
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        house.desk(other).people.close(both.id)


def test_an_invitation_that_nobody_followed_is_nobody_to_rely_on(house: House) -> None:
    house.operating.agencies.invite_operator("second@home.example", "Second")
    with refused(ReasonCode.LAST_OF_ROLE, words="last operator"):
        house.managing.people.suspend(house.operator.id)


def test_nobody_manages_the_own_account(house: House) -> None:
    people, own = house.managing.people, house.administrator.id
    for act in (
        lambda: people.set_roles(own, {Role.EXAMINER}),
        lambda: people.train(own, TODAY),
        lambda: people.suspend(own),
        lambda: people.reset(own),
        lambda: people.close(own),
    ):
        with refused(ReasonCode.OWN_ACCOUNT):
            act()


# ---------------------------------------------------------------- what becomes of them


def test_a_suspension_ends_every_session_and_can_be_taken_back(house: House, examiner: Account) -> None:
    signed_in(house, examiner)
    assert len(house.managing.people.get(examiner.email).sessions) == 1
    assert house.managing.people.suspend(examiner.id).state is AccountState.SUSPENDED
    person = house.managing.people.get(examiner.id)
    assert not person.sessions
    assert len(person.factors) == 1
    assert house.managing.people.restore(examiner.id).state is AccountState.ACTIVE
    with pytest.raises(WrongState):
        house.managing.people.restore(examiner.id)
    assert house.actions(HOME_AGENCY)[:2] == ["account_restored", "account_suspended"]


def test_a_reset_takes_password_factors_and_sessions(house: House, examiner: Account) -> None:
    signed_in(house, examiner)
    with house.workspace.store.begin() as tx:
        tx.accounts.set_password(examiner.id, "hash")
    made = house.managing.people.reset(examiner.id)
    assert follows(house.workspace, made.link) == made.account
    person = house.managing.people.get(examiner.id)
    assert (person.sessions, person.factors) == ([], [])
    with house.workspace.store.read() as tx:
        assert tx.accounts.password(examiner.id) is None
    assert made.account.state is AccountState.INVITED
    assert made.account.id == examiner.id


def test_a_closed_account_keeps_nothing_but_its_place(house: House, examiner: Account) -> None:
    signed_in(house, examiner)
    closed = house.managing.people.close(examiner.id)
    assert (closed.state, closed.email) == (AccountState.CLOSED, "")
    assert examiner.id not in {one.id for one in house.managing.people.list()}
    assert examiner.id in {one.id for one in house.managing.people.list(closed=True)}
    for act in (house.managing.people.suspend, house.managing.people.reset, house.managing.people.close):
        with pytest.raises(WrongState):
            act(examiner.id)
    assert house.managing.people.invite(examiner.email, "Emil again", {Role.EXAMINER})


def test_who_is_let_go_works_on_no_case_any_more(house: House, examiner: Account) -> None:
    desk = house.desk(house.joined(HOME_AGENCY, Role.SUPERVISOR, name="Susan Supervisor"))
    case = desk.casework.open(CaseTerms(ref="1", offence="fraud", purpose="to find the forger", basis="CPP 77"))
    desk.members.add(case.key, examiner.email, CaseRole.EXAMINER)
    house.managing.people.suspend(examiner.id)
    assert examiner.id in {one.account_id for one in desk.members.of(case.key)}
    house.managing.people.close(examiner.id)
    assert examiner.id not in {one.account_id for one in desk.members.of(case.key)}
    assert '"cases":1' in house.said(HOME_AGENCY)


def test_training_lapses_and_is_taken_back(house: House, examiner: Account) -> None:
    people = house.managing.people
    assert people.train(examiner.id, TODAY + timedelta(days=365)).trained(TODAY)
    assert not people.train(examiner.id, None).trained(TODAY)
    for wrong in (TODAY - timedelta(days=1), TODAY + timedelta(days=4000)):
        with pytest.raises(InvalidValue):
            people.train(examiner.id, wrong)


def test_roles_hold_from_the_next_desk_on(house: House, examiner: Account) -> None:
    house.managing.people.set_roles(examiner.id, {Role.SUPERVISOR})
    assert house.desk(examiner).official.roles == {Role.SUPERVISOR}
    assert '"before":["examiner"]' in house.said(HOME_AGENCY)


def test_failures_are_forgiven(house: House, examiner: Account) -> None:
    with house.workspace.store.begin() as tx:
        for _ in range(5):
            tx.accounts.failed(examiner.email, house.clock())
    assert house.managing.people.get(examiner.id).locked
    house.managing.people.unlock(examiner.id)
    person = house.managing.people.get(examiner.id)
    assert (person.failures, person.locked) == (0, False)


def test_sessions_are_ended_for_somebody(house: House, examiner: Account) -> None:
    signed_in(house, examiner)
    assert house.managing.people.end_sessions(examiner.id) == 1
    assert house.managing.people.end_sessions(examiner.id) == 0


# ---------------------------------------------------------------- other agencies


def test_another_agencys_people_are_not_there_in_the_same_words(house: House, examiner: Account) -> None:
    chief = house.desk(house.joined(house.agency().id, Role.ADMINISTRATOR)).people
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
        said = []
        for name in (examiner.id, examiner.email, "f" * 16, "nobody@home.example"):
            with pytest.raises(NotFound) as refusal:
                act(name)
            said.append(str(refusal.value).replace(name, "…"))
        assert len(set(said)) == 1
    assert [one.name for one in chief.list()] == ["Rufus Firefly"]


def test_people_are_managed_by_administrators_alone(house: House, examiner: Account) -> None:
    for account in (examiner, house.operator):
        with pytest.raises(NotAllowed):
            house.desk(account).people.list()
        with pytest.raises(NotAllowed):
            house.desk(account).people.invite("new@home.example", "New", {Role.EXAMINER})


# ---------------------------------------------------------------- the way out


def test_whoever_runs_the_machine_lets_the_last_operator_in_again(house: House, examiner: Account) -> None:
    machine = house.workspace.desk_at_the_machine().people
    made = machine.reset_at_the_machine(house.operator.email)
    assert follows(house.workspace, made.link) == made.account
    assert house.actions(HOME_AGENCY)[0] == "account_reset"
    assert "at-the-machine" in house.said(HOME_AGENCY)
    for name in (examiner.email, house.joined(house.agency().id, Role.ADMINISTRATOR).email):
        with pytest.raises(NotFound):
            machine.reset_at_the_machine(name)


def test_nobody_with_an_account_is_at_the_machine(house: House) -> None:
    for desk in (house.managing, house.operating):
        with pytest.raises(NotAllowed):
            desk.people.reset_at_the_machine(house.operator.email)
