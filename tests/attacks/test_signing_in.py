"""Attacks on signing in: guesses, locks as weapons, floods, stolen keys and links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.authenticator import PRESENT, VERIFIED, Authenticator
from tests.support.world import Person, World, officials

from lineament.errors import SignInRefused
from lineament.services.people.factors import Factors
from lineament.services.people.sessions import Session, SessionState

EMAIL = "rufus@agency.example"
ORIGIN = "https://lineament.agency.example"
RP = "lineament.agency.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with officials(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def factors(world: World) -> Factors:
    return world.sign_in.factors


@pytest.fixture
def rufus(world: World) -> Person:
    return world.sign_up_with_app(EMAIL)


# ---------------------------------------------------------------- passkeys that do not know who holds them


def with_passkey(world: World, person: Person, key: Authenticator) -> Session:
    """Add a passkey whose authenticator verifies its user; return the session."""
    factors, session = world.sign_in.factors, world.session(person.key)
    answer = key.create(factors.begin_passkey_enrolment(session, ORIGIN))
    person.key = factors.enrol_passkey(session, answer, ORIGIN, "blue key").key
    return world.session(person.key)


def test_a_passkey_without_user_verification_is_not_enrolled(world: World, factors: Factors, rufus: Person) -> None:
    session = world.session(rufus.key)
    options = factors.begin_passkey_enrolment(session, ORIGIN)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    with pytest.raises(SignInRefused, match="did not check who holds it"):
        factors.enrol_passkey(session, Authenticator(ORIGIN, RP, flags=PRESENT).create(options), ORIGIN, "found key")
    assert [factor.kind for factor in factors.all(session)] == ["totp"]


def test_a_passkey_without_user_verification_is_no_step_up(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    with_passkey(world, rufus, key)
    key.flags = PRESENT  # as a passkey answers that was enrolled before verification was required
    world.clock.advance(minutes=16)
    session = world.session(rufus.key)
    options = factors.begin_passkey(session, ORIGIN)
    assert options["userVerification"] == "required"
    with pytest.raises(SignInRefused, match="give it a PIN"):
        factors.prove_passkey(session, key.get(options), ORIGIN)
    assert not world.session(rufus.key).fresh
    key.flags = PRESENT | VERIFIED
    proved = factors.prove_passkey(session, key.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    assert world.session(proved.key).fresh


def test_a_passkey_without_user_verification_unlocks_nothing(world: World, factors: Factors, rufus: Person) -> None:
    key = Authenticator(ORIGIN, RP)
    with_passkey(world, rufus, key)
    key.flags = PRESENT
    world.clock.advance(minutes=31)
    session = world.session(rufus.key)
    with pytest.raises(SignInRefused):
        factors.prove_passkey(session, key.get(factors.begin_passkey(session, ORIGIN)), ORIGIN)
    assert world.session(rufus.key).standing is SessionState.LOCKED
