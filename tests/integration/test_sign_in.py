"""Signing in: passwords, locks, sessions and their keys, invitations. Factors: test_second_factors.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.signing import OTHER_PASSWORD, PASSWORD, House, house

from lineament.errors import AlreadyThere, InvalidValue, SignInRefused, StepUpNeeded
from lineament.identity import passwords
from lineament.model.accounts import HOME_AGENCY, AccountState, Role
from lineament.model.agencies import AgencyTerms
from lineament.model.policy import AGENCY
from lineament.services.people.attempts import Attempts, failure_keys
from lineament.services.people.sessions import SessionState

EMAIL = "rufus@agency.example"
WRONG = "wrong and long"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path / "ws")
    with made.workspace:
        yield made


def refused(here: House, email: str = EMAIL, password: str = WRONG) -> str:
    with pytest.raises(SignInRefused) as refusal:
        here.door.password(email, password, "a browser")
    return str(refusal.value)


# ---------------------------------------------------------------- who may come in


def test_the_password_opens_a_session_that_opens_nothing_yet(here: House) -> None:
    rufus = here.with_app(EMAIL)
    begun = here.door.password(" Rufus@Agency.Example ", PASSWORD, "Firefox on Linux")
    session = here.session(begun.key)
    assert session.standing is SessionState.UNPROVED
    assert session.account.id == rufus.account.id
    assert session.signed_in.device == "Firefox on Linux"
    assert session.official.proved_at is None
    assert here.actions()[-1] == "signed_in"


def test_unknown_wrong_suspended_closed_and_locked_are_told_alike(here: House) -> None:
    here.with_app(EMAIL)
    suspended = here.joined("suspended@agency.example")
    here.put(suspended.account, AccountState.SUSPENDED)
    closed = here.joined("closed@agency.example")
    here.put(closed.account, AccountState.CLOSED)
    here.invited("invited@agency.example")
    messages = {
        refused(here),
        refused(here, password=""),
        refused(here, "unknown@agency.example", PASSWORD),
        refused(here, "no address at all", PASSWORD),
        refused(here, "\ud800\0" + "x" * 100_000, PASSWORD),
        refused(here, suspended.account.email, PASSWORD),
        refused(here, closed.account.email, PASSWORD),
        refused(here, "invited@agency.example", PASSWORD),
    }
    for _ in range(5):
        messages.add(refused(here, "locked@agency.example"))
    messages.add(refused(here, "locked@agency.example"))
    assert len(messages) == 1
    assert "@" not in messages.pop()


@pytest.fixture
def work(here: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], tuple[int, int, int]]:
    """How much a refused sign-in does: argon2, statements that write, statements that read."""
    done = {"argon2": 0, "write": 0, "read": 0}
    real = passwords.fits

    def fits(stored: str | None, untrusted: str) -> bool:
        done["argon2"] += 1
        return real(stored, untrusted)

    def executed(*event: object) -> None:
        done["read" if str(event[2]).lstrip().startswith("SELECT") else "write"] += 1

    monkeypatch.setattr(passwords, "fits", fits)
    for engine in (here.workspace.store._writer, here.workspace.store._reader):
        sa.event.listen(engine, "before_cursor_execute", executed)

    def measured(email: str, password: str) -> tuple[int, int, int]:
        done.update(argon2=0, write=0, read=0)
        refused(here, email, password)
        return done["argon2"], done["write"], done["read"]

    return measured


def test_an_unknown_address_takes_as_much_work(here: House, work: Callable[[str, str], tuple[int, int, int]]) -> None:
    here.with_app(EMAIL)
    suspended = here.joined("suspended@agency.example")
    here.put(suspended.account, AccountState.SUSPENDED)
    addresses = (EMAIL, "unknown@agency.example", suspended.account.email)
    for attempt in range(7):  # the fifth locks, the sixth and seventh are on a locked address
        password = PASSWORD if attempt > 4 else WRONG
        recorded = 2 if attempt == 4 else 3  # recording the lock reads more or less, by how long the ledger is
        assert len({work(email, password)[:recorded] for email in addresses}) == 1, attempt
        assert work(f"fresh-{attempt}@agency.example", password)[0] == 1


@pytest.mark.parametrize("email", [EMAIL, "unknown@agency.example"])
def test_five_failures_lock_an_address_known_or_not_and_time_unlocks_it(here: House, email: str) -> None:
    here.with_app(EMAIL)
    before = here.actions()
    for _ in range(4):
        refused(here, email)
    assert here.actions() == before
    refused(here, email)
    assert here.actions() == [*before, "sign_in_locked"]
    for _ in range(3):
        here.clock.advance(minutes=4)
        refused(here, email, PASSWORD)
    assert here.actions() == [*before, "sign_in_locked"]  # and trying meanwhile does not make it longer
    here.clock.advance(minutes=3, seconds=1)
    if email == EMAIL:
        here.door.password(email, PASSWORD, "a browser")
    else:
        refused(here, email)
        assert here.actions() == [*before, "sign_in_locked"]


def test_the_lock_is_filed_under_the_accounts_own_agency(here: House) -> None:
    with here.workspace.store.begin() as tx:
        other = tx.agencies.add(AgencyTerms(name="Police of Freedonia", jurisdiction="FR"), here.clock())
    here.with_app(EMAIL, agency_id=other.id)
    before = here.actions()
    for _ in range(5):
        refused(here)
    assert here.actions(other.id)[-1] == "sign_in_locked"
    assert here.actions() == before


def test_success_forgives_and_failures_long_ago_do_not_add_up(here: House) -> None:
    rufus = here.with_app(EMAIL)
    for _ in range(3):
        for _ in range(4):
            refused(here)
        here.password(rufus)
    for _ in range(4):
        refused(here)
    here.clock.advance(minutes=15, seconds=1)
    for _ in range(4):
        refused(here)
    here.password(rufus)


def test_a_stricter_agency_locks_earlier(here: House) -> None:
    here.with_app(EMAIL)
    here.wish(failures=2, locked_minutes=60)
    refused(here)
    refused(here)
    here.clock.advance(minutes=59)
    refused(here, password=PASSWORD)


def test_guessing_in_parallel_wins_nothing(here: House) -> None:
    attempts = Attempts(here.workspace.desk_at_the_machine().record)
    with ThreadPoolExecutor(12) as pool:
        counted = list(pool.map(lambda _: attempts.count(EMAIL, AGENCY), range(24)))
    assert sorted(one for one in counted if one is not None) == [1, 2, 3, 4, 5]


def test_whoever_unlocks_forgives_every_failure(here: House) -> None:
    rufus = here.with_app(EMAIL)
    session = here.session(rufus.key)
    for _ in range(5):
        refused(here)
        with pytest.raises(SignInRefused):
            here.door.factors.prove_code(session, "000000")
    with here.workspace.store.begin() as tx:
        for key in failure_keys(rufus.account):
            tx.accounts.forgive(key)
    here.signed_in(rufus)


# ---------------------------------------------------------------- sessions and their keys


def test_every_rise_of_privilege_changes_the_key_and_the_old_one_is_worth_nothing(here: House) -> None:
    door, factors = here.door, here.door.factors
    rufus = here.joined(EMAIL)
    keys = [rufus.key]
    new = factors.begin_totp(here.session(rufus.key))
    rufus.secret = new.secret
    keys.append(factors.enrol_totp(here.session(keys[-1]), new.pending, here.code(rufus), "phone").key)
    here.clock.advance(minutes=1)
    keys.append(factors.prove_code(here.session(keys[-1]), here.code(rufus)).key)
    keys.append(door.change_password(here.session(keys[-1]), PASSWORD, OTHER_PASSWORD).key)
    here.clock.advance(minutes=31)
    keys.append(door.unlock(here.session(keys[-1]), OTHER_PASSWORD).key)
    assert len(set(keys)) == len(keys)
    assert [door.session(key) is not None for key in keys] == [False] * (len(keys) - 1) + [True]
    assert min(map(len, keys)) >= 43


def test_a_planted_key_is_never_that_of_a_session(here: House) -> None:
    rufus = here.with_app(EMAIL)
    for planted in ("", "planted", "x" * 43, "\ud800"):
        assert here.door.session(planted) is None
    assert here.password(rufus).key != here.password(rufus).key


def test_the_database_holds_no_key_and_no_device_in_clear(here: House) -> None:
    rufus = here.with_app(EMAIL)
    begun = here.door.password(EMAIL, PASSWORD, "Netscape on OS/2")
    files = list(here.workspace.home.glob("lineament.db*"))
    held = b"".join(path.read_bytes() for path in files)
    assert held
    for secret in (begun.key, rufus.key, rufus.secret, PASSWORD, "Netscape", EMAIL, "$argon2id$"):
        assert secret.encode() not in held


def test_a_session_that_is_idle_is_locked_and_looking_does_not_open_it(here: House) -> None:
    rufus = here.with_app(EMAIL)
    for _ in range(4):
        here.clock.advance(minutes=29)
        assert here.session(rufus.key).standing is SessionState.OPEN
    here.clock.advance(minutes=30, seconds=1)
    for _ in range(3):
        assert here.session(rufus.key).standing is SessionState.LOCKED
        here.clock.advance(seconds=70)
    with pytest.raises(SignInRefused):
        here.door.unlock(here.session(rufus.key), OTHER_PASSWORD)
    assert here.session(rufus.key).standing is SessionState.LOCKED
    opened = here.session(here.door.unlock(here.session(rufus.key), PASSWORD).key)
    assert opened.standing is SessionState.OPEN
    assert not opened.fresh  # the password is no step-up


def test_the_second_factor_unlocks_too_and_is_a_step_up(here: House) -> None:
    rufus = here.with_app(EMAIL)
    here.clock.advance(minutes=31)
    opened = here.session(here.door.factors.prove_code(here.session(rufus.key), here.code(rufus)).key)
    assert opened.standing is SessionState.OPEN
    assert opened.fresh


def test_guessing_at_a_locked_session_locks_its_address(here: House) -> None:
    rufus = here.with_app(EMAIL)
    here.clock.advance(minutes=31)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            here.door.unlock(here.session(rufus.key), WRONG)
    with pytest.raises(SignInRefused):
        here.door.unlock(here.session(rufus.key), PASSWORD)


def test_a_session_ends_after_its_hours_however_busy(here: House) -> None:
    rufus = here.with_app(EMAIL)
    for _ in range(12 * 3 - 1):
        here.clock.advance(minutes=20)
        assert here.session(rufus.key).standing is SessionState.OPEN
    here.clock.advance(minutes=20)
    assert here.door.session(rufus.key) is None
    here.clock.advance(seconds=1)
    here.password(rufus)
    with here.workspace.store.read() as tx:
        assert len(tx.sessions.of_account(rufus.account.id)) == 1  # what is over is swept away


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.INVITED, AccountState.CLOSED])
def test_an_account_that_is_not_active_has_no_session(here: House, state: AccountState) -> None:
    rufus = here.with_app(EMAIL)
    here.put(rufus.account, state)
    assert here.door.session(rufus.key) is None


def test_other_roles_hold_from_the_next_request_on(here: House) -> None:
    rufus = here.with_app(EMAIL)
    with here.workspace.store.begin() as tx:
        tx.accounts.set_roles(rufus.account.id, [Role.AUDITOR])
    assert here.session(rufus.key).official.roles == {Role.AUDITOR}


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(here: House) -> None:
    rufus = here.with_app(EMAIL)
    one, other = here.signed_in(rufus), here.signed_in(rufus)
    assert {session.id for session in here.door.sessions(one)} >= {one.id, other.id}
    assert here.door.end(one, other.id)
    assert not here.door.end(one, other.id)
    assert here.door.end_others(one) == 1
    assert [session.id for session in here.door.sessions(one)] == [one.id]
    assert here.door.session(rufus.key) is None
    here.door.sign_out(one)
    here.door.sign_out(one)  # twice is no error
    assert here.door.sessions(one) == []
    assert here.actions()[-2:] == ["signed_out", "signed_out"]


def test_nobody_ends_the_session_of_another(here: House) -> None:
    rufus, groucho = here.with_app(EMAIL), here.with_app("groucho@agency.example")
    theirs = here.session(groucho.key)
    assert not here.door.end(here.session(rufus.key), theirs.id)
    assert here.door.end_others(here.session(rufus.key)) == 0
    assert here.door.session(groucho.key) is not None


# ---------------------------------------------------------------- passwords


def test_another_password_ends_the_other_sessions(here: House) -> None:
    rufus = here.with_app(EMAIL)
    other = here.password(rufus)
    with pytest.raises(SignInRefused):
        here.door.change_password(here.session(rufus.key), "not the old one", OTHER_PASSWORD)
    with pytest.raises(InvalidValue):
        here.door.change_password(here.session(rufus.key), PASSWORD, "short")
    with pytest.raises(InvalidValue):
        here.door.change_password(here.session(rufus.key), PASSWORD, "rufus of the agency")
    begun = here.door.change_password(here.session(rufus.key), PASSWORD, OTHER_PASSWORD)
    assert here.door.session(begun.key) is not None
    assert here.door.session(other.key) is None
    refused(here, password=PASSWORD)
    here.password(rufus, OTHER_PASSWORD)
    assert "password_changed" in here.actions()


# ---------------------------------------------------------------- invitations


def test_an_invitation_is_followed_once(here: House) -> None:
    account, token = here.invited(EMAIL, Role.SUPERVISOR)
    assert here.door.invited(token).account.id == account.id
    begun = here.door.join(token, "Rufus T. Firefly", PASSWORD, "a browser")
    session = here.session(begun.key)
    assert session.standing is SessionState.UNENROLLED
    assert (session.account.name, session.account.roles) == ("Rufus T. Firefly", frozenset({Role.SUPERVISOR}))
    assert here.actions()[-1] == "account_joined"
    for attempt in (lambda: here.door.invited(token), lambda: here.door.join(token, "x", PASSWORD, "a browser")):
        with pytest.raises(SignInRefused):
            attempt()


@pytest.mark.parametrize("token", ["", "no such token", "\ud800", "x" * 10_000])
def test_nobody_joins_without_an_invitation(here: House, token: str) -> None:
    here.invited(EMAIL)
    with pytest.raises(SignInRefused):
        here.door.join(token, "x", PASSWORD, "a browser")


def test_an_invitation_runs_out_and_asks_for_a_good_password(here: House) -> None:
    _, token = here.invited(EMAIL, days=2)
    for password in ("short", "password1234", "rufus of the agency", "x" * 257):
        with pytest.raises(InvalidValue) as refusal:
            here.door.join(token, "Rufus", password, "a browser")
        assert password not in str(refusal.value)
    with pytest.raises(InvalidValue):
        here.door.join(token, " ", PASSWORD, "a browser")
    here.clock.advance(days=2, seconds=1)
    with pytest.raises(SignInRefused):
        here.door.join(token, "Rufus", PASSWORD, "a browser")


def test_an_address_joins_at_one_agency_alone(here: House) -> None:
    with here.workspace.store.begin() as tx:
        other = tx.agencies.add(AgencyTerms(name="Police of Freedonia", jurisdiction="FR"), here.clock())
    here.joined(EMAIL, agency_id=other.id)
    _, token = here.invited(EMAIL, agency_id=HOME_AGENCY)
    with pytest.raises(AlreadyThere):
        here.door.join(token, "Rufus", OTHER_PASSWORD, "a browser")


def test_an_account_with_a_password_alone_opens_nothing_but_enrolment(here: House) -> None:
    rufus = here.joined(EMAIL)
    session = here.session(rufus.key)
    assert session.standing is SessionState.UNENROLLED
    for act in (
        lambda: here.door.factors.new_recovery_codes(session),
        lambda: here.door.factors.remove(session, "x"),
    ):
        with pytest.raises(StepUpNeeded):
            act()
    with pytest.raises(SignInRefused):
        here.door.factors.prove_code(session, "123456")
