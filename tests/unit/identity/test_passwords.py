from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from lineament.errors import Damaged, InvalidValue
from lineament.identity import passwords
from lineament.identity.passwords import (
    MAX_LENGTH,
    MEMORY,
    checked_password,
    fits,
    hash_password,
    needs_rehash,
    unowned_hash,
)

GOOD = "lantern-otter-plinth"


@pytest.fixture(autouse=True)
def real_cost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the parameters that ship, which the other tests do without."""
    monkeypatch.setattr(passwords, "MEMORY", MEMORY)
    passwords.hasher.cache_clear()
    yield
    passwords.hasher.cache_clear()


def test_a_password_fits_its_hash_and_no_other_does() -> None:
    stored = hash_password(GOOD)
    assert fits(stored, GOOD)
    assert not fits(stored, GOOD + "s")
    assert not fits(stored, "")
    assert hash_password(GOOD) != stored  # salted


def test_the_parameters_are_those_that_owasp_asks_for() -> None:
    assert re.match(r"\$argon2id\$v=19\$m=47104,t=1,p=1\$", hash_password(GOOD))


def test_an_unknown_account_costs_as_much_as_a_known_one() -> None:
    assert extract_parameters(unowned_hash()) == extract_parameters(hash_password(GOOD))
    assert not needs_rehash(unowned_hash())
    for untrusted in ("", GOOD, "x" * 1000, "\udcff"):
        assert not fits(None, untrusted)


def test_a_password_is_the_same_on_every_keyboard() -> None:
    composed, decomposed = "crème brûlée à trois", "cre\u0300me bru\u0302le\u0301e a\u0300 trois"
    assert composed != decomposed
    assert fits(hash_password(composed), decomposed)


def test_a_text_longer_than_any_password_never_fits() -> None:
    longest = "ab3" * 85 + "x"
    assert len(longest) == MAX_LENGTH
    stored = hash_password(longest)
    assert fits(stored, longest)
    assert not fits(stored, longest + "y")


def test_a_hash_of_other_parameters_is_outdated_and_still_fits() -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert fits(old, GOOD)
    assert needs_rehash(old)
    assert not needs_rehash(hash_password(GOOD))


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=1", "$2b$12$abcdefghijklmnopqrstuv"])
def test_an_invalid_hash_is_damaged(stored: str) -> None:
    if stored:
        with pytest.raises(Damaged) as caught:
            fits(stored, GOOD)
        assert GOOD not in str(caught.value)
    else:
        assert not fits(stored, GOOD)


ALSO = ("marie.curie@police.example", "Police judiciaire de Lyon")


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "the quick heron swims",
        "ünïcödé wörds hélp",
        "7f3k-9qpz-w2mx",
        "839205716482913",
        "correct pony ledger",
        "  twelve blanks round  ",
        "🦉🦊🐢🪁🧭🪶🫖🪨🧵🪗🛶🪴",
    ],
)
def test_good_passwords_are_taken_as_they_are(password: str) -> None:
    assert checked_password(password, 12, ALSO) == password


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "x" * (MAX_LENGTH + 1),
        "passwordpassword",
        "Password1234!",
        "P@ssw0rd2024!",
        "123456789012",
        "qwertyuiop12345",
        "1q2w3e4r5t6y",
        "aaaaaaaaaaaaaa",
        "abcabcabcabc",
        "WelcomeSummer2024",
        "Administrator1",
        "poiuytrewqlkjh",
        "correcthorsebatterystaple",
        "!@#$%^&*()_+",
        "ＰＡＳＳＷＯＲＤ1234",
        "my-Marie-Curie-word",
        "marie.curie-4711-x",
        "POLICE JUDICIAIRE DE LYON 7",
    ],
)
def test_bad_passwords_are_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        checked_password(password, 12, ALSO)
    assert password not in str(caught.value)
    assert password not in repr(caught.value.details)
    assert "marie" not in str(caught.value).lower()


def test_the_policy_says_how_long_a_password_is_at_least() -> None:
    assert checked_password("otter-plinth", 12, ())
    with pytest.raises(InvalidValue, match="15 to 256"):
        checked_password("otter-plinth", 15, ())


def test_a_name_of_three_letters_is_no_obstacle() -> None:
    assert checked_password("a jolly lantern", 12, ("jo@police.example", "BKA"))
