from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.authenticator import ATTESTED, VERIFIED, Authenticator, b64

from lineament.errors import SignInRefused
from lineament.identity.passkeys import (
    MOST_BYTES,
    NewPasskey,
    answering,
    assertion,
    registration,
    rp_id_of,
    verify_assertion,
    verify_registration,
)

RP, ORIGIN = "lineament.agency.example", "https://lineament.agency.example"


def enrolled(key: Authenticator) -> NewPasskey:
    options, challenge = registration(RP, "Lineament", "account-1", "a@agency.example", "A. Examiner", [])
    return verify_registration(key.create(options), challenge, RP, ORIGIN)


def signed_in(key: Authenticator, kept: NewPasskey) -> int:
    options, challenge = assertion(RP, [kept.credential_id])
    return check(key.get(options), challenge, kept)


def check(answer: str, challenge: bytes, kept: NewPasskey) -> int:
    return verify_assertion(answer, challenge, RP, ORIGIN, kept.credential_id, kept.public_key, kept.sign_count)


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(ORIGIN, RP)


def test_the_options_are_json_and_say_what_is_asked() -> None:
    options, challenge = registration(RP, "Lineament", "account-1", "a@agency.example", "A. Examiner", [b"one"])
    options = json.loads(json.dumps(options))
    assert options["rp"] == {"id": RP, "name": "Lineament"}
    assert options["user"] == {"id": b64(b"account-1"), "name": "a@agency.example", "displayName": "A. Examiner"}
    assert base64.urlsafe_b64decode(options["challenge"] + "==") == challenge
    assert options["excludeCredentials"] == [{"id": b64(b"one"), "type": "public-key"}]
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    asked, _ = assertion(RP, [b"one", b"two"])
    assert [key["id"] for key in json.loads(json.dumps(asked))["allowCredentials"]] == [b64(b"one"), b64(b"two")]
    assert asked["userVerification"] == "required"


def test_challenges_are_long_and_new() -> None:
    challenges = {assertion(RP, [])[1] for _ in range(5)} | {registration(RP, "L", "i", "e", "n", [])[1]}
    assert len(challenges) == 6
    assert min(map(len, challenges)) >= 32


def test_a_passkey_is_enrolled_and_signs_in_again_and_again(key: Authenticator) -> None:
    kept = enrolled(key)
    assert kept.credential_id == key.credential_id
    assert kept.sign_count == 0
    assert signed_in(key, kept) == 1
    later = NewPasskey(credential_id=kept.credential_id, public_key=kept.public_key, sign_count=1)
    assert signed_in(key, later) == 2


def test_a_passkey_that_does_not_count_is_fine() -> None:
    key = Authenticator(ORIGIN, RP, count=-1)
    kept = enrolled(key)
    assert [signed_in(key, kept), signed_in(key, kept)] == [0, 0]


@pytest.mark.parametrize("kept_count", [1, 2, 1000])
def test_a_count_that_has_not_grown_is_a_copied_key(key: Authenticator, kept_count: int) -> None:
    first = enrolled(key)
    kept = NewPasskey(credential_id=first.credential_id, public_key=first.public_key, sign_count=kept_count)
    with pytest.raises(SignInRefused, match="copied"):
        signed_in(key, kept)


def test_a_copied_key_is_only_named_where_the_signature_holds(key: Authenticator) -> None:
    """Otherwise anybody could raise the alarm of somebody else's passkey."""
    first = enrolled(key)
    kept = NewPasskey(credential_id=first.credential_id, public_key=first.public_key, sign_count=1000)
    with pytest.raises(SignInRefused, match="is not valid"):
        signed_in(Authenticator(ORIGIN, RP), kept)


def test_an_answer_is_good_for_its_challenge_alone(key: Authenticator) -> None:
    kept = enrolled(key)
    options, challenge = assertion(RP, [kept.credential_id])
    answer = key.get(options)
    assert check(answer, challenge, kept) == 1
    with pytest.raises(SignInRefused):
        check(answer, assertion(RP, [kept.credential_id])[1], kept)
    with pytest.raises(SignInRefused):
        check(answer, b"", kept)


@pytest.mark.parametrize(
    "other",
    [
        {"origin": "https://lineament.agency.example.evil.example"},
        {"origin": "http://lineament.agency.example"},
        {"origin": "https://lineament.agency.example:8443"},
        {"rp_id": "agency.example"},
        {"flags": VERIFIED},  # nobody touched it
    ],
)
def test_another_origin_or_nobody_there_is_refused(key: Authenticator, other: dict[str, Any]) -> None:
    kept = enrolled(key)
    wrong = Authenticator(**{"origin": ORIGIN, "rp_id": RP, "key": key.key, **other})
    with pytest.raises(SignInRefused):
        signed_in(wrong, kept)
    with pytest.raises(SignInRefused):
        enrolled(wrong)


def test_another_passkey_of_the_same_key_is_refused(key: Authenticator) -> None:
    kept = enrolled(key)
    key.credential_id = b"\10" * 32
    with pytest.raises(SignInRefused, match="another passkey"):
        signed_in(key, kept)


def test_an_enrolment_is_no_sign_in_and_the_other_way_round(key: Authenticator) -> None:
    kept = enrolled(key)
    options, challenge = assertion(RP, [kept.credential_id])
    with pytest.raises(SignInRefused):
        check(key.create(options), challenge, kept)
    with pytest.raises(SignInRefused):
        verify_registration(key.get(options), challenge, RP, ORIGIN)


def test_an_answer_says_which_passkey_to_look_up(key: Authenticator) -> None:
    options, _ = assertion(RP, [key.credential_id])
    assert answering(key.get(options)) == key.credential_id


def _changed(field: str, change: Callable[[Any], Any]) -> Callable[[str], str]:
    def apply(answer: str) -> str:
        whole = json.loads(answer)
        place = whole["response"] if field in whole["response"] else whole
        place[field] = change(place[field])
        return json.dumps(whole)

    return apply


BROKEN: list[Callable[[str], str]] = [
    lambda _: "",
    lambda _: "null",
    lambda _: "[]",
    lambda _: "[" * 60_000,
    lambda _: '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}',
    lambda answer: answer[:-5],
    lambda answer: answer + " " * MOST_BYTES,
    _changed("id", lambda text: text[:-2] + "AA"),
    _changed("type", lambda _: "password"),
    _changed("signature", lambda text: text[:-4] + "AAAA"),
    _changed("signature", lambda _: "!"),
    _changed("authenticatorData", lambda _: ""),
    _changed("authenticatorData", lambda text: text[:20]),
    _changed("authenticatorData", lambda text: text + "AAAA"),
    _changed("clientDataJSON", lambda _: b64(b"\xff{")),
    _changed("clientDataJSON", lambda _: b64(b"[1]")),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_answers_are_refused(key: Authenticator, broken: Callable[[str], str]) -> None:
    kept = enrolled(key)
    options, challenge = assertion(RP, [kept.credential_id])
    with pytest.raises(SignInRefused):
        check(broken(key.get(options)), challenge, kept)


@settings(max_examples=60)
@given(data=st.binary(max_size=200), extensions=st.booleans())
def test_hostile_enrolments_are_refused(data: bytes, extensions: bool) -> None:
    options, challenge = registration(RP, "Lineament", "i", "e", "n", [])
    whole = json.loads(Authenticator(ORIGIN, RP, flags=ATTESTED | (0x81 if extensions else 1)).create(options))
    whole["response"]["attestationObject"] = b64(data)
    with pytest.raises(SignInRefused):
        verify_registration(json.dumps(whole), challenge, RP, ORIGIN)


@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("https://lineament.agency.example", RP),
        ("http://localhost:8080", "localhost"),
        ("https://a.example:8443", "a.example"),
    ],
)
def test_the_relying_party_is_the_host(origin: str, rp_id: str) -> None:
    assert rp_id_of(origin) == rp_id
