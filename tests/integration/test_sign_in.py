"""Signing in: passwords, locks, sessions and their keys, invitations. Factors: test_second_factors.py."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.support.fixtures import EMAIL
from tests.support.world import OTHER_PASSWORD, PASSWORD, World

from lineament.errors import AlreadyThere, InvalidValue, SignInRefused, StepUpNeeded
from lineament.identity import passwords
from lineament.model.accounts import HOME_AGENCY, AccountState, Role
from lineament.model.agencies import AgencyTerms
from lineament.model.policy import AGENCY
from lineament.services.people.attempts import Attempts, failure_keys
from lineament.services.people.sessions import SessionState

WRONG = "wrong and long"


def refused(world: World, email: str = EMAIL, password: str = WRONG) -> str:
    with pytest.raises(SignInRefused) as refusal:
        world.sign_in.password(email, password, "a browser")
    return str(refusal.value)


# ---------------------------------------------------------------- who may sign in


def test_the_password_begins_a_session_that_permits_nothing_yet(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    begun = world.sign_in.password(" Rufus@Agency.Example ", PASSWORD, "Firefox on Linux")
    session = world.session(begun.key)
    assert session.standing is SessionState.UNPROVED
    assert session.account.id == rufus.account.id
    assert session.signed_in.device == "Firefox on Linux"
    assert session.official.proved_at is None
    assert world.actions()[-1] == "signed_in"


def test_every_refused_sign_in_has_the_same_message(world: World) -> None:
    world.sign_up_with_app(EMAIL)
    suspended = world.sign_up("suspended@agency.example")
    world.set_state(suspended.account, AccountState.SUSPENDED)
    closed = world.sign_up("closed@agency.example")
    world.set_state(closed.account, AccountState.CLOSED)
    world.invite("invited@agency.example")
    messages = {
        refused(world),
        refused(world, password=""),
        refused(world, "unknown@agency.example", PASSWORD),
        refused(world, "no address at all", PASSWORD),
        refused(world, "\ud800\0" + "x" * 100_000, PASSWORD),
        refused(world, suspended.account.email, PASSWORD),
        refused(world, closed.account.email, PASSWORD),
        refused(world, "invited@agency.example", PASSWORD),
    }
    for _ in range(5):
        messages.add(refused(world, "locked@agency.example"))
    messages.add(refused(world, "locked@agency.example"))
    assert len(messages) == 1
    assert "@" not in messages.pop()


@pytest.fixture
def work(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], tuple[int, int, int]]:
    """Count what a refused sign-in does: argon2, statements that write, statements that read."""
    done = {"argon2": 0, "write": 0, "read": 0}
    real = passwords.fits

    def fits(stored: str | None, untrusted: str) -> bool:
        done["argon2"] += 1
        return real(stored, untrusted)

    def executed(*event: object) -> None:
        done["read" if str(event[2]).lstrip().startswith("SELECT") else "write"] += 1

    monkeypatch.setattr(passwords, "fits", fits)
    for engine in (world.workspace.store._writer, world.workspace.store._reader):
        sa.event.listen(engine, "before_cursor_execute", executed)

    def measured(email: str, password: str) -> tuple[int, int, int]:
        done.update(argon2=0, write=0, read=0)
        refused(world, email, password)
        return done["argon2"], done["write"], done["read"]

    return measured


def test_an_unknown_address_takes_as_much_work_as_a_known_one(
    world: World, work: Callable[[str, str], tuple[int, int, int]]
) -> None:
    world.sign_up_with_app(EMAIL)
    suspended = world.sign_up("suspended@agency.example")
    world.set_state(suspended.account, AccountState.SUSPENDED)
    addresses = (EMAIL, "unknown@agency.example", suspended.account.email)
    for attempt in range(7):  # the fifth locks the address
        password = PASSWORD if attempt > 4 else WRONG
        recorded = 2 if attempt == 4 else 3  # how much recording the lock reads depends on the ledger
        assert len({work(email, password)[:recorded] for email in addresses}) == 1, attempt
        assert work(f"fresh-{attempt}@agency.example", password)[0] == 1


@pytest.mark.parametrize("email", [EMAIL, "unknown@agency.example"])
def test_five_failures_lock_an_address_known_or_not_for_a_time(world: World, email: str) -> None:
    world.sign_up_with_app(EMAIL)
    before = world.actions()
    for _ in range(4):
        refused(world, email)
    assert world.actions() == before
    refused(world, email)
    assert world.actions() == [*before, "sign_in_locked"]
    for _ in range(3):
        world.clock.advance(minutes=4)
        refused(world, email, PASSWORD)
    assert world.actions() == [*before, "sign_in_locked"]  # further attempts do not prolong the lock
    world.clock.advance(minutes=3, seconds=1)
    if email == EMAIL:
        world.sign_in.password(email, PASSWORD, "a browser")
    else:
        refused(world, email)
        assert world.actions() == [*before, "sign_in_locked", "sign_in_locked"]  # the next failure locks again


def test_a_lock_is_filed_under_the_agency_of_the_account(world: World) -> None:
    with world.workspace.store.begin() as tx:
        other = tx.agencies.add(AgencyTerms(name="Police of Freedonia", jurisdiction="FR"), world.clock())
    world.sign_up_with_app(EMAIL, agency_id=other.id)
    before = world.actions()
    for _ in range(5):
        refused(world)
    assert world.actions(other.id)[-1] == "sign_in_locked"
    assert world.actions() == before


def test_success_forgives_failures_and_old_failures_do_not_count(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    for _ in range(3):
        for _ in range(4):
            refused(world)
        world.enter_password(rufus)
    for _ in range(4):
        refused(world)
    world.clock.advance(minutes=15, seconds=1)
    for _ in range(4):
        refused(world)
    world.enter_password(rufus)


def test_a_stricter_agency_locks_after_fewer_failures(world: World) -> None:
    world.sign_up_with_app(EMAIL)
    world.wish(failures=2, locked_minutes=60)
    refused(world)
    refused(world)
    world.clock.advance(minutes=59)
    refused(world, password=PASSWORD)


def test_guessing_in_parallel_gains_no_attempts(world: World) -> None:
    attempts = Attempts(world.workspace.desk_at_the_machine().record)
    with ThreadPoolExecutor(12) as pool:
        counted = list(pool.map(lambda _: attempts.count(EMAIL, AGENCY), range(24)))
    assert sorted(count for count in counted if count is not None) == [1, 2, 3, 4, 5]


def test_unlocking_forgives_every_failure(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    session = world.session(rufus.key)
    for _ in range(5):
        refused(world)
        with pytest.raises(SignInRefused):
            world.sign_in.factors.prove_code(session, "000000")
    with world.workspace.store.begin() as tx:
        for key in failure_keys(rufus.account):
            tx.accounts.forgive(key)
    world.new_session(rufus)


# ---------------------------------------------------------------- sessions and their keys


def test_every_rise_of_privilege_changes_the_key_and_voids_the_old_one(world: World) -> None:
    sign_in, factors = world.sign_in, world.sign_in.factors
    rufus = world.sign_up(EMAIL)
    keys = [rufus.key]
    new = factors.begin_totp(world.session(rufus.key))
    rufus.secret = new.secret
    keys.append(factors.enrol_totp(world.session(keys[-1]), new.pending, world.code(rufus), "phone").key)
    world.clock.advance(minutes=1)
    keys.append(factors.prove_code(world.session(keys[-1]), world.code(rufus)).key)
    keys.append(sign_in.change_password(world.session(keys[-1]), PASSWORD, OTHER_PASSWORD).key)
    world.clock.advance(minutes=31)
    keys.append(sign_in.unlock(world.session(keys[-1]), OTHER_PASSWORD).key)
    assert len(set(keys)) == len(keys)
    assert [sign_in.session(key) is not None for key in keys] == [False] * (len(keys) - 1) + [True]
    assert min(map(len, keys)) >= 43


def test_a_planted_key_never_becomes_a_session(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    for planted in ("", "planted", "x" * 43, "\ud800"):
        assert world.sign_in.session(planted) is None
    assert world.enter_password(rufus).key != world.enter_password(rufus).key


def test_the_database_holds_no_key_and_no_device_in_plain(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    begun = world.sign_in.password(EMAIL, PASSWORD, "Netscape on OS/2")
    files = list(world.workspace.home.glob("lineament.db*"))
    stored = b"".join(path.read_bytes() for path in files)
    assert stored
    for secret in (begun.key, rufus.key, rufus.secret, PASSWORD, "Netscape", EMAIL, "$argon2id$"):
        assert secret.encode() not in stored


def test_an_idle_session_is_locked_and_requests_do_not_open_it(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    for _ in range(4):
        world.clock.advance(minutes=29)
        assert world.session(rufus.key).standing is SessionState.OPEN
    world.clock.advance(minutes=30, seconds=1)
    for _ in range(3):
        assert world.session(rufus.key).standing is SessionState.LOCKED
        world.clock.advance(seconds=70)
    with pytest.raises(SignInRefused):
        world.sign_in.unlock(world.session(rufus.key), OTHER_PASSWORD)
    assert world.session(rufus.key).standing is SessionState.LOCKED
    opened = world.session(world.sign_in.unlock(world.session(rufus.key), PASSWORD).key)
    assert opened.standing is SessionState.OPEN
    assert not opened.fresh  # a password is no step-up


def test_a_second_factor_unlocks_a_session_and_is_a_step_up(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    world.clock.advance(minutes=31)
    opened = world.session(world.sign_in.factors.prove_code(world.session(rufus.key), world.code(rufus)).key)
    assert opened.standing is SessionState.OPEN
    assert opened.fresh


def test_guessing_the_password_of_a_locked_session_locks_its_address(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    world.clock.advance(minutes=31)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            world.sign_in.unlock(world.session(rufus.key), WRONG)
    with pytest.raises(SignInRefused):
        world.sign_in.unlock(world.session(rufus.key), PASSWORD)


def test_a_session_ends_after_twelve_hours_even_if_it_is_used(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    for _ in range(12 * 3 - 1):
        world.clock.advance(minutes=20)
        assert world.session(rufus.key).standing is SessionState.OPEN
    world.clock.advance(minutes=20)
    assert world.sign_in.session(rufus.key) is None
    world.clock.advance(seconds=1)
    world.enter_password(rufus)
    with world.workspace.store.read() as tx:
        assert len(tx.sessions.of_account(rufus.account.id)) == 1  # ended sessions are deleted


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.INVITED, AccountState.CLOSED])
def test_an_account_that_is_not_active_has_no_session(world: World, state: AccountState) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    world.set_state(rufus.account, state)
    assert world.sign_in.session(rufus.key) is None


def test_new_roles_hold_from_the_next_request_on(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    with world.workspace.store.begin() as tx:
        tx.accounts.set_roles(rufus.account.id, [Role.AUDITOR])
    assert world.session(rufus.key).official.roles == {Role.AUDITOR}


def test_sessions_are_listed_and_ended_singly_or_all_others_at_once(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    own, other = world.new_session(rufus), world.new_session(rufus)
    assert {session.id for session in world.sign_in.sessions(own)} >= {own.id, other.id}
    assert world.sign_in.end(own, other.id)
    assert not world.sign_in.end(own, other.id)
    assert world.sign_in.end_others(own) == 1
    assert [session.id for session in world.sign_in.sessions(own)] == [own.id]
    assert world.sign_in.session(rufus.key) is None
    world.sign_in.sign_out(own)
    world.sign_in.sign_out(own)  # twice is no error
    assert world.sign_in.sessions(own) == []
    assert world.actions()[-2:] == ["signed_out", "signed_out"]


def test_nobody_ends_the_session_of_another(world: World) -> None:
    rufus, groucho = world.sign_up_with_app(EMAIL), world.sign_up_with_app("groucho@agency.example")
    theirs = world.session(groucho.key)
    assert not world.sign_in.end(world.session(rufus.key), theirs.id)
    assert world.sign_in.end_others(world.session(rufus.key)) == 0
    assert world.sign_in.session(groucho.key) is not None


# ---------------------------------------------------------------- passwords


def test_a_new_password_ends_the_other_sessions(world: World) -> None:
    rufus = world.sign_up_with_app(EMAIL)
    other = world.enter_password(rufus)
    with pytest.raises(SignInRefused):
        world.sign_in.change_password(world.session(rufus.key), "not the old one", OTHER_PASSWORD)
    with pytest.raises(InvalidValue):
        world.sign_in.change_password(world.session(rufus.key), PASSWORD, "short")
    with pytest.raises(InvalidValue):
        world.sign_in.change_password(world.session(rufus.key), PASSWORD, "rufus of the agency")
    begun = world.sign_in.change_password(world.session(rufus.key), PASSWORD, OTHER_PASSWORD)
    assert world.sign_in.session(begun.key) is not None
    assert world.sign_in.session(other.key) is None
    refused(world, password=PASSWORD)
    world.enter_password(rufus, OTHER_PASSWORD)
    assert "password_changed" in world.actions()


# ---------------------------------------------------------------- invitations


def test_an_invitation_is_followed_once(world: World) -> None:
    account, token = world.invite(EMAIL, Role.SUPERVISOR)
    assert world.sign_in.invited(token).account.id == account.id
    begun = world.sign_in.join(token, "Rufus T. Firefly", PASSWORD, "a browser")
    session = world.session(begun.key)
    assert session.standing is SessionState.UNENROLLED
    assert (session.account.name, session.account.roles) == ("Rufus T. Firefly", frozenset({Role.SUPERVISOR}))
    assert world.actions()[-1] == "account_joined"
    for attempt in (
        lambda: world.sign_in.invited(token),
        lambda: world.sign_in.join(token, "x", PASSWORD, "a browser"),
    ):
        with pytest.raises(SignInRefused):
            attempt()


@pytest.mark.parametrize("token", ["", "no such token", "\ud800", "x" * 10_000])
def test_nobody_joins_without_an_invitation(world: World, token: str) -> None:
    world.invite(EMAIL)
    with pytest.raises(SignInRefused):
        world.sign_in.join(token, "x", PASSWORD, "a browser")


def test_an_invitation_expires_and_requires_a_good_password(world: World) -> None:
    _, token = world.invite(EMAIL, days=2)
    for password in ("short", "password1234", "rufus of the agency", "x" * 257):
        with pytest.raises(InvalidValue) as refusal:
            world.sign_in.join(token, "Rufus", password, "a browser")
        assert password not in str(refusal.value)
    with pytest.raises(InvalidValue):
        world.sign_in.join(token, " ", PASSWORD, "a browser")
    world.clock.advance(days=2, seconds=1)
    with pytest.raises(SignInRefused):
        world.sign_in.join(token, "Rufus", PASSWORD, "a browser")


def test_an_address_joins_at_one_agency_alone(world: World) -> None:
    with world.workspace.store.begin() as tx:
        other = tx.agencies.add(AgencyTerms(name="Police of Freedonia", jurisdiction="FR"), world.clock())
    world.sign_up(EMAIL, agency_id=other.id)
    _, token = world.invite(EMAIL, agency_id=HOME_AGENCY)
    with pytest.raises(AlreadyThere):
        world.sign_in.join(token, "Rufus", OTHER_PASSWORD, "a browser")


def test_an_account_with_only_a_password_can_only_add_a_factor(world: World) -> None:
    rufus = world.sign_up(EMAIL)
    session = world.session(rufus.key)
    assert session.standing is SessionState.UNENROLLED
    for act in (
        lambda: world.sign_in.factors.new_recovery_codes(session),
        lambda: world.sign_in.factors.remove(session, "x"),
    ):
        with pytest.raises(StepUpNeeded):
            act()
    with pytest.raises(SignInRefused):
        world.sign_in.factors.prove_code(session, "123456")
