"""Second factors: each proof counts once, and what is open without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.authenticator import Authenticator
from tests.support.signing import House, Person, house

from lineament.errors import AlreadyThere, NotFound, Refused, SignInRefused, StepUpNeeded
from lineament.model.accounts import FactorKind, Role
from lineament.services.people.factors import MOST, Factors
from lineament.services.people.sessions import Session, SessionState

EMAIL = "rufus@agency.example"
ORIGIN = "https://lineament.agency.example"
RP = "lineament.agency.example"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path / "ws")
    with made.workspace:
        yield made


@pytest.fixture
def factors(here: House) -> Factors:
    return here.door.factors


@pytest.fixture
def rufus(here: House) -> Person:
    return here.with_app(EMAIL)


def again(here: House, person: Person) -> Session:
    """A new session, whose second factor is asked for; the app shows a code that was not used."""
    here.clock.advance(minutes=1)
    return here.session(here.password(person).key)


def with_passkey(here: House, person: Person, key: Authenticator) -> Session:
    """The session after a passkey was added to the account."""
    session = here.session(person.key)
    options = here.door.factors.begin_passkey_enrolment(session, key.origin)
    begun = here.door.factors.enrol_passkey(session, key.create(options), key.origin, "blue key")
    person.key = begun.key
    return here.session(begun.key)


def kinds(here: House, session: Session) -> list[str]:
    return [factor.kind.value for factor in here.door.factors.all(session)]


# ---------------------------------------------------------------- codes


def test_the_first_app_opens_the_session(here: House, rufus: Person) -> None:
    session = here.session(rufus.key)
    assert session.standing is SessionState.OPEN
    assert session.fresh
    assert session.official.proved_at == here.clock()
    assert here.actions()[-1] == "factor_added"


def test_a_code_counts_once_and_only_while_it_is_shown(here: House, factors: Factors, rufus: Person) -> None:
    session = again(here, rufus)
    code = here.code(rufus)
    factors.prove_code(session, f" {code[:3]} {code[3:]} ")
    with pytest.raises(SignInRefused, match="used before; wait"):
        factors.prove_totp(here.session(here.password(rufus).key), code)
    for other in (again(here, rufus), here.session(here.password(rufus).key)):
        with pytest.raises(SignInRefused):
            factors.prove_totp(other, code)
    assert factors.prove_totp(other, here.code(rufus))


def test_the_code_of_the_enrolment_is_used_up(here: House, factors: Factors, rufus: Person) -> None:
    session = here.session(here.password(rufus).key)
    with pytest.raises(SignInRefused, match="wait until your app shows the next code"):
        factors.prove_totp(session, here.code(rufus))


def test_the_code_of_somebody_else_does_not_fit(here: House, factors: Factors, rufus: Person) -> None:
    groucho = here.with_app("groucho@agency.example")
    session = again(here, rufus)
    for wrong in (here.code(groucho), "000000", "", "٠٠٠٠٠٠", "x" * 10_000, "\ud800\0"):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, wrong)
        here.clock.advance(minutes=16)
        session = again(here, rufus)
    assert here.session(groucho.key) is not None


def test_five_wrong_codes_lock_the_factor_for_right_ones_too(here: House, factors: Factors, rufus: Person) -> None:
    session = again(here, rufus)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, "000000")
    assert here.actions()[-1] == "sign_in_locked"
    other = again(here, rufus)  # the password is still right, and does not forgive this
    with pytest.raises(SignInRefused):
        factors.prove_code(other, here.code(rufus))
    here.clock.advance(minutes=15)
    factors.prove_code(here.session(here.password(rufus).key), here.code(rufus))


def test_an_app_is_added_with_a_code_of_its_own_and_in_its_own_session(here: House, factors: Factors) -> None:
    rufus, groucho = here.joined(EMAIL), here.joined("groucho@agency.example")
    session = here.session(rufus.key)
    new = factors.begin_totp(session)
    with pytest.raises(SignInRefused):
        factors.enrol_totp(session, new.pending, "000000", "phone")
    assert factors.pending_totp(session, new.pending).secret == new.secret  # the same, for a second try
    rufus.secret = new.secret
    theirs = here.session(groucho.key)
    for wrong in (new.pending, "", "zz", "00" * 100):
        with pytest.raises(SignInRefused):
            factors.enrol_totp(theirs, wrong, here.code(rufus), "phone")
    assert new.secret not in repr(new)
    factors.enrol_totp(session, new.pending, here.code(rufus), "phone")


def test_recovery_codes_work_once_each_and_new_ones_replace_them(here: House, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(here.session(rufus.key))
    assert len(set(codes)) == 10
    opened = here.session(factors.prove_code(again(here, rufus), codes[0].lower().replace("-", " ")).key)
    assert opened.fresh
    with pytest.raises(SignInRefused):
        factors.prove_code(again(here, rufus), codes[0])
    assert next(one for one in factors.all(opened) if one.kind is FactorKind.RECOVERY).left == 9
    factors.new_recovery_codes(here.signed_in(rufus))
    with pytest.raises(SignInRefused):
        factors.prove_code(again(here, rufus), codes[1])


def test_recovery_codes_are_not_in_the_database(here: House, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(here.session(rufus.key))
    held = b"".join(path.read_bytes() for path in here.workspace.home.glob("lineament.db*"))
    assert not any(form.encode() in held for code in codes for form in (code, code.replace("-", "")))


# ---------------------------------------------------------------- passkeys


def test_a_passkey_is_added_and_shown(here: House, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    with_passkey(here, rufus, key)
    session = again(here, rufus)
    options = factors.begin_passkey(session, ORIGIN)
    assert options["rpId"] == RP
    opened = here.session(factors.prove_passkey(session, key.get(options), ORIGIN).key)
    assert opened.fresh


def test_an_answer_counts_once_and_only_to_what_was_asked(here: House, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    with_passkey(here, rufus, key)
    session = again(here, rufus)
    answer = key.get(factors.begin_passkey(session, ORIGIN))
    later = here.session(factors.prove_passkey(session, answer, ORIGIN).key)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(later, answer, ORIGIN)  # nothing is asked
    factors.begin_passkey(later, ORIGIN)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(later, answer, ORIGIN)  # something else is asked


def test_a_passkey_answers_at_its_own_place_alone(here: House, factors: Factors, rufus: Person) -> None:
    with_passkey(here, rufus, Authenticator(ORIGIN, RP))
    session = again(here, rufus)
    phishing = Authenticator("https://evil.example", "evil.example")
    for origin in (ORIGIN, "https://evil.example"):
        with pytest.raises(SignInRefused):
            factors.prove_passkey(session, phishing.get(factors.begin_passkey(session, ORIGIN)), origin)
    assert factors.begin_passkey(session, "http://localhost:8471")["allowCredentials"] == []


def test_the_passkey_of_somebody_else_or_a_copied_one_does_not_fit(
    here: House, factors: Factors, rufus: Person
) -> None:
    groucho = here.with_app("groucho@agency.example")
    theirs, mine = Authenticator(ORIGIN, RP, credential_id=b"\1" * 32), Authenticator(ORIGIN, RP)
    with_passkey(here, groucho, theirs)
    with_passkey(here, rufus, mine)
    session = again(here, rufus)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, theirs.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    session = here.session(factors.prove_passkey(session, mine.get(factors.begin_passkey(session, ORIGIN)), ORIGIN).key)
    mine.count -= 1  # a copy that was made before the last signature
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, mine.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)


def test_a_passkey_is_added_once_and_only_as_it_was_asked_for(here: House, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    session = here.session(rufus.key)
    answer = key.create(factors.begin_passkey_enrolment(session, ORIGIN))
    session = here.session(factors.enrol_passkey(session, answer, ORIGIN, "blue key").key)
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


def test_adding_and_removing_take_a_factor_shown_lately(here: House, factors: Factors, rufus: Person) -> None:
    (app,) = factors.all(here.session(rufus.key))
    here.clock.advance(minutes=15, seconds=1)
    stale, unproved = here.session(rufus.key), here.session(here.password(rufus).key)
    for session in (stale, unproved):
        for act in (
            lambda session=session: factors.begin_totp(session),
            lambda session=session: factors.begin_passkey_enrolment(session, ORIGIN),
            lambda session=session: factors.new_recovery_codes(session),
            lambda session=session: factors.remove(session, app.id),
        ):
            with pytest.raises(StepUpNeeded):
                act()
    assert kinds(here, stale) == ["totp"]


def test_what_was_begun_in_time_is_not_finished_too_late(here: House, factors: Factors, rufus: Person) -> None:
    new = factors.begin_totp(here.session(rufus.key))
    here.clock.advance(minutes=16)
    late = Person(account=rufus.account, key=rufus.key, secret=new.secret)
    with pytest.raises(StepUpNeeded):
        factors.enrol_totp(here.session(rufus.key), new.pending, here.code(late), "phone")


def test_the_last_factor_stays_where_one_is_wanted(here: House, factors: Factors, rufus: Person) -> None:
    session = here.session(rufus.key)
    factors.new_recovery_codes(session)
    app = next(one for one in factors.all(session) if one.kind is FactorKind.TOTP)
    with pytest.raises(Refused):
        factors.remove(session, app.id)
    with_passkey(here, rufus, Authenticator(ORIGIN, RP))
    factors.remove(here.session(rufus.key), app.id)
    assert sorted(kinds(here, session)) == ["passkey", "recovery"]
    assert here.actions()[-1] == "factor_removed"


def test_nobody_removes_the_factor_of_another(here: House, factors: Factors, rufus: Person) -> None:
    groucho = here.with_app("groucho@agency.example")
    (theirs,) = factors.all(here.session(groucho.key))
    for unknown in (theirs.id, "nothing", "\ud800"):
        with pytest.raises(NotFound):
            factors.remove(here.session(rufus.key), unknown)
    assert factors.all(here.session(groucho.key)) == [theirs]


def test_where_passkeys_alone_count_no_code_opens_anything(here: House, factors: Factors, rufus: Person) -> None:
    codes = factors.new_recovery_codes(here.session(rufus.key))
    with_passkey(here, rufus, Authenticator(ORIGIN, RP))
    here.wish(passkey_only=True)
    session = again(here, rufus)
    assert session.kinds == {FactorKind.PASSKEY}
    for code in (here.code(rufus), codes[0]):
        with pytest.raises(SignInRefused):
            factors.prove_code(session, code)
    passkey = next(one for one in factors.all(session) if one.kind is FactorKind.PASSKEY)
    with pytest.raises(Refused):
        factors.remove(here.session(rufus.key), passkey.id)
    with pytest.raises(Refused):
        factors.new_recovery_codes(here.session(rufus.key))


def test_where_passkeys_alone_count_an_app_is_none(here: House, rufus: Person) -> None:
    here.wish(passkey_only=True)
    assert again(here, rufus).standing is SessionState.UNENROLLED


def test_an_account_has_so_many_factors_and_no_more(here: House, factors: Factors, rufus: Person) -> None:
    with here.workspace.store.begin() as tx:
        for number in range(MOST - 1):
            tx.factors.add(rufus.account.id, FactorKind.TOTP, f"app {number}", {"secret": "A" * 32}, here.clock())
    with pytest.raises(Refused):
        factors.begin_totp(here.session(rufus.key))


# ---------------------------------------------------------------- the step-up


def test_a_step_up_lapses_and_is_shown_again(here: House, factors: Factors, rufus: Person) -> None:
    here.clock.advance(minutes=15)
    assert here.session(rufus.key).fresh
    here.clock.advance(seconds=1)
    session = here.session(rufus.key)
    assert session.standing is SessionState.OPEN
    assert not session.fresh
    assert here.session(factors.prove_code(session, here.code(rufus)).key).fresh


def test_an_export_asks_for_a_step_up(here: House, factors: Factors, tmp_path: Path) -> None:
    auditor = here.with_app("margaret@agency.example", Role.AUDITOR)
    file = tmp_path / "ledger.jsonl"
    here.workspace.desk(here.session(auditor.key).official).audit.export(file)
    assert file.exists()
    here.clock.advance(minutes=16)
    with pytest.raises(StepUpNeeded):
        here.workspace.desk(here.session(auditor.key).official).audit.export(file)
    opened = here.session(factors.prove_code(here.session(auditor.key), here.code(auditor)).key)
    here.workspace.desk(opened.official).audit.export(file)
