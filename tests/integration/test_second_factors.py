"""Second factors: each proof counts once, and what is possible without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.authenticator import Authenticator
from tests.support.fixtures import EMAIL, ORIGIN, RP
from tests.support.world import Person, World

from lineament.errors import AlreadyThere, NotFound, Refused, SignInRefused, StepUpNeeded
from lineament.model.accounts import FactorKind, Role
from lineament.services.people.factors import MOST, Factors
from lineament.services.people.sessions import Session, SessionState


def unproved(world: World, person: Person) -> Session:
    """Return a new session without a second factor; the app shows a code that was not used."""
    world.clock.advance(minutes=1)
    return world.session(world.enter_password(person).key)


def kinds(world: World, session: Session) -> list[str]:
    return [factor.kind.value for factor in world.sign_in.factors.all(session)]


# ---------------------------------------------------------------- codes


def test_the_first_app_opens_the_session(world: World, rufus: Person) -> None:
    session = world.session(rufus.key)
    assert session.standing is SessionState.OPEN
    assert session.fresh
    assert session.official.proved_at == world.clock()
    assert world.actions()[-1] == "factor_added"


def test_a_code_counts_once_and_only_while_the_app_shows_it(world: World, factors: Factors, rufus: Person) -> None:
    session = unproved(world, rufus)
    code = world.code(rufus)
    factors.prove_code(session, f" {code[:3]} {code[3:]} ")
    with pytest.raises(SignInRefused, match="used before; wait"):
        factors.prove_totp(world.session(world.enter_password(rufus).key), code)
    for other in (unproved(world, rufus), world.session(world.enter_password(rufus).key)):
        with pytest.raises(SignInRefused):
            factors.prove_totp(other, code)
    assert factors.prove_totp(other, world.code(rufus))


def test_the_code_that_added_the_app_is_used_up(world: World, factors: Factors, rufus: Person) -> None:
    session = world.session(world.enter_password(rufus).key)
    with pytest.raises(SignInRefused, match="wait until your app shows the next code"):
        factors.prove_totp(session, world.code(rufus))


def test_the_code_of_somebody_else_is_refused(world: World, factors: Factors, rufus: Person) -> None:
    groucho = world.sign_up_with_app("groucho@agency.example")
    session = unproved(world, rufus)
    for wrong in (world.code(groucho), "000000", "", "٠٠٠٠٠٠", "x" * 10_000, "\ud800\0"):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, wrong)
        world.clock.advance(minutes=16)
        session = unproved(world, rufus)
    assert world.session(groucho.key) is not None


def test_five_wrong_codes_lock_the_factor_even_for_valid_codes(world: World, factors: Factors, rufus: Person) -> None:
    session = unproved(world, rufus)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, "000000")
    assert world.actions()[-1] == "sign_in_locked"
    other = unproved(world, rufus)  # the password is not locked, and does not forgive the codes
    with pytest.raises(SignInRefused):
        factors.prove_code(other, world.code(rufus))
    world.clock.advance(minutes=15)
    factors.prove_code(world.session(world.enter_password(rufus).key), world.code(rufus))


def test_an_app_is_added_with_its_own_code_and_in_its_own_session(world: World, factors: Factors) -> None:
    rufus, groucho = world.sign_up(EMAIL), world.sign_up("groucho@agency.example")
    session = world.session(rufus.key)
    new = factors.begin_totp(session)
    with pytest.raises(SignInRefused):
        factors.enrol_totp(session, new.pending, "000000", "phone")
    assert factors.pending_totp(session, new.pending).secret == new.secret  # unchanged, for a second attempt
    rufus.secret = new.secret
    theirs = world.session(groucho.key)
    for wrong in (new.pending, "", "zz", "00" * 100):
        with pytest.raises(SignInRefused):
            factors.enrol_totp(theirs, wrong, world.code(rufus), "phone")
    assert new.secret not in repr(new)
    factors.enrol_totp(session, new.pending, world.code(rufus), "phone")


def test_recovery_codes_work_once_each_and_new_ones_replace_them(world: World, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(world.session(rufus.key))
    assert len(set(codes)) == 10
    opened = world.session(factors.prove_code(unproved(world, rufus), codes[0].lower().replace("-", " ")).key)
    assert opened.fresh
    with pytest.raises(SignInRefused):
        factors.prove_code(unproved(world, rufus), codes[0])
    assert next(factor for factor in factors.all(opened) if factor.kind is FactorKind.RECOVERY).left == 9
    factors.new_recovery_codes(world.new_session(rufus))
    with pytest.raises(SignInRefused):
        factors.prove_code(unproved(world, rufus), codes[1])


def test_recovery_codes_are_not_in_the_database(world: World, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(world.session(rufus.key))
    stored = b"".join(path.read_bytes() for path in world.workspace.home.glob("lineament.db*"))
    assert not any(form.encode() in stored for code in codes for form in (code, code.replace("-", "")))


# ---------------------------------------------------------------- passkeys


def test_a_passkey_is_added_and_used(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    world.add_passkey(rufus, key)
    session = unproved(world, rufus)
    options = factors.begin_passkey(session, ORIGIN)
    assert options["rpId"] == RP
    opened = world.session(factors.prove_passkey(session, key.get(options), ORIGIN).key)
    assert opened.fresh


def test_an_answer_counts_once_and_only_for_its_challenge(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    world.add_passkey(rufus, key)
    session = unproved(world, rufus)
    answer = key.get(factors.begin_passkey(session, ORIGIN))
    later = world.session(factors.prove_passkey(session, answer, ORIGIN).key)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(later, answer, ORIGIN)  # there is no challenge
    factors.begin_passkey(later, ORIGIN)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(later, answer, ORIGIN)  # there is another challenge


def test_a_passkey_only_answers_at_its_own_origin(world: World, factors: Factors, rufus: Person) -> None:
    world.add_passkey(rufus, Authenticator(ORIGIN, RP))
    session = unproved(world, rufus)
    phishing = Authenticator("https://evil.example", "evil.example")
    for origin in (ORIGIN, "https://evil.example"):
        with pytest.raises(SignInRefused):
            factors.prove_passkey(session, phishing.get(factors.begin_passkey(session, ORIGIN)), origin)
    assert factors.begin_passkey(session, "http://localhost:8471")["allowCredentials"] == []


def test_the_passkey_of_somebody_else_and_a_copied_passkey_are_refused(
    world: World, factors: Factors, rufus: Person
) -> None:
    groucho = world.sign_up_with_app("groucho@agency.example")
    theirs, mine = Authenticator(ORIGIN, RP, credential_id=b"\1" * 32), Authenticator(ORIGIN, RP)
    world.add_passkey(groucho, theirs)
    world.add_passkey(rufus, mine)
    session = unproved(world, rufus)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, theirs.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    session = world.session(
        factors.prove_passkey(session, mine.get(factors.begin_passkey(session, ORIGIN)), ORIGIN).key
    )
    mine.count -= 1  # a copy that was made before the last signature
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, mine.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)


def test_a_passkey_is_added_once_and_only_for_its_challenge(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    session = world.session(rufus.key)
    answer = key.create(factors.begin_passkey_enrolment(session, ORIGIN))
    session = world.session(factors.enrol_passkey(session, answer, ORIGIN, "blue key").key)
    with pytest.raises(SignInRefused):
        factors.enrol_passkey(session, answer, ORIGIN, "again")
    with pytest.raises(AlreadyThere):
        factors.enrol_passkey(session, key.create(factors.begin_passkey_enrolment(session, ORIGIN)), ORIGIN, "again")
    elsewhere = Authenticator("https://evil.example", RP, credential_id=b"\2" * 32)
    with pytest.raises(SignInRefused):
        factors.enrol_passkey(
            session, elsewhere.create(factors.begin_passkey_enrolment(session, ORIGIN)), ORIGIN, "evil"
        )


# ---------------------------------------------------------------- adding and removing


def test_adding_and_removing_need_a_fresh_factor(world: World, factors: Factors, rufus: Person) -> None:
    (app,) = factors.all(world.session(rufus.key))
    world.clock.advance(minutes=15, seconds=1)
    stale, without_factor = world.session(rufus.key), world.session(world.enter_password(rufus).key)
    for session in (stale, without_factor):
        for act in (
            lambda session=session: factors.begin_totp(session),
            lambda session=session: factors.begin_passkey_enrolment(session, ORIGIN),
            lambda session=session: factors.new_recovery_codes(session),
            lambda session=session: factors.remove(session, app.id),
        ):
            with pytest.raises(StepUpNeeded):
                act()
    assert kinds(world, stale) == ["totp"]


def test_an_app_that_was_begun_in_time_is_not_added_too_late(world: World, factors: Factors, rufus: Person) -> None:
    new = factors.begin_totp(world.session(rufus.key))
    world.clock.advance(minutes=16)
    late = Person(account=rufus.account, key=rufus.key, secret=new.secret)
    with pytest.raises(StepUpNeeded):
        factors.enrol_totp(world.session(rufus.key), new.pending, world.code(late), "phone")


def test_the_last_factor_is_not_removed(world: World, factors: Factors, rufus: Person) -> None:
    session = world.session(rufus.key)
    factors.new_recovery_codes(session)
    app = next(factor for factor in factors.all(session) if factor.kind is FactorKind.TOTP)
    with pytest.raises(Refused):
        factors.remove(session, app.id)
    world.add_passkey(rufus, Authenticator(ORIGIN, RP))
    factors.remove(world.session(rufus.key), app.id)
    assert sorted(kinds(world, session)) == ["passkey", "recovery"]
    assert world.actions()[-1] == "factor_removed"


def test_nobody_removes_the_factor_of_another(world: World, factors: Factors, rufus: Person) -> None:
    groucho = world.sign_up_with_app("groucho@agency.example")
    (theirs,) = factors.all(world.session(groucho.key))
    for unknown in (theirs.id, "nothing", "\ud800"):
        with pytest.raises(NotFound):
            factors.remove(world.session(rufus.key), unknown)
    assert factors.all(world.session(groucho.key)) == [theirs]


def test_an_agency_may_accept_passkeys_and_no_codes(world: World, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(world.session(rufus.key))
    world.add_passkey(rufus, Authenticator(ORIGIN, RP))
    world.wish(passkey_only=True)
    session = unproved(world, rufus)
    assert session.kinds == {FactorKind.PASSKEY}
    for code in (world.code(rufus), codes[0]):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, code)
    passkey = next(factor for factor in factors.all(session) if factor.kind is FactorKind.PASSKEY)
    with pytest.raises(Refused):
        factors.remove(world.session(rufus.key), passkey.id)
    with pytest.raises(Refused):
        factors.new_recovery_codes(world.session(rufus.key))


def test_if_only_passkeys_count_an_app_is_no_factor(world: World, rufus: Person) -> None:
    world.wish(passkey_only=True)
    assert unproved(world, rufus).standing is SessionState.UNENROLLED


def test_the_number_of_factors_is_limited(world: World, factors: Factors, rufus: Person) -> None:
    with world.workspace.store.begin() as tx:
        for number in range(MOST - 1):
            tx.factors.add(rufus.account.id, FactorKind.TOTP, f"app {number}", {"secret": "A" * 32}, world.clock())
    with pytest.raises(Refused):
        factors.begin_totp(world.session(rufus.key))


# ---------------------------------------------------------------- the step-up


def test_a_step_up_expires_and_is_renewed(world: World, factors: Factors, rufus: Person) -> None:
    world.clock.advance(minutes=15)
    assert world.session(rufus.key).fresh
    world.clock.advance(seconds=1)
    session = world.session(rufus.key)
    assert session.standing is SessionState.OPEN
    assert not session.fresh
    assert world.session(factors.prove_code(session, world.code(rufus)).key).fresh


def test_an_export_needs_a_step_up(world: World, factors: Factors, tmp_path: Path) -> None:
    auditor = world.sign_up_with_app("margaret@agency.example", Role.AUDITOR)
    file = tmp_path / "ledger.jsonl"
    world.workspace.desk(world.session(auditor.key).official).audit.export(file)
    assert file.exists()
    world.clock.advance(minutes=16)
    with pytest.raises(StepUpNeeded):
        world.workspace.desk(world.session(auditor.key).official).audit.export(file)
    opened = world.session(factors.prove_code(world.session(auditor.key), world.code(auditor)).key)
    world.workspace.desk(opened.official).audit.export(file)
