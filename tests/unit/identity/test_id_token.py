from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from lineament.errors import OpenIdUnavailable, SignInRefused
from lineament.identity.id_token import ExpectedToken, Subject, public_keys, subject_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
EXPECTED = ExpectedToken(issuer="https://id.agency.example", client_id="lineament", nonce="n-1")
CLAIMS: dict[str, Any] = {
    "iss": "https://id.agency.example",
    "aud": "lineament",
    "sub": "4711",
    "nonce": "n-1",
    "iat": SECONDS,
    "exp": SECONDS + 300,
    "email": "A.Examiner@Agency.example",
    "email_verified": True,
    "name": "A. Examiner",
}
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
PUBLIC = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}


def signed(key: Any = RSA, alg: str = "RS256", kid: str | None = "rsa", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return jwt.encode({"alg": alg} | ({"kid": kid} if kid else {}), claims, key, algorithms=[alg])


def read(token: str, expected: ExpectedToken = EXPECTED, published: dict[str, Any] | None = None) -> Subject:
    return subject_of(token, public_keys(published or PUBLIC), expected, NOW)


def test_a_token_says_who_it_is() -> None:
    assert read(signed()) == Subject(
        issuer="https://id.agency.example",
        subject="4711",
        email="a.examiner@agency.example",
        email_verified=True,
        name="A. Examiner",
    )


def test_the_key_is_found_by_its_name_or_is_the_only_one() -> None:
    assert read(signed(EC, "ES256", "ec")).subject == "4711"
    assert read(signed(kid=None), published={"keys": [RSA.as_dict(private=False)]}).subject == "4711"


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": "https://id.agency.example/"}, "iss"),
        ({"iss": ...}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ...}, "aud"),
        ({"aud": ["lineament", "another-client"]}, "azp"),
        ({"aud": ["lineament", "another-client"], "azp": "another-client"}, "azp"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": ...}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": 4711}, "sub"),
        ({"sub": ...}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"exp": ...}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"iat": ...}, "iat"),
        ({"iat": SECONDS + 3600}, "iat"),
        ({"nbf": SECONDS + 3600}, "nbf"),
    ],
)
def test_a_token_for_others_or_without_what_it_must_say_is_refused(changes: dict[str, Any], claim: str) -> None:
    with pytest.raises(SignInRefused, match=rf"not for this sign-in \({claim}\)"):
        read(signed(**changes))


def test_a_token_runs_out_with_a_minute_of_grace() -> None:
    assert read(signed(exp=SECONDS - 30)).subject == "4711"
    with pytest.raises(SignInRefused, match="expired"):
        read(signed(exp=SECONDS - 61))


def test_a_token_for_several_that_names_us_as_its_party_is_fine() -> None:
    assert read(signed(aud=["lineament", "another-client"], azp="lineament")).subject == "4711"


def test_a_token_that_came_with_another_access_token_is_refused() -> None:
    expected = ExpectedToken(issuer=EXPECTED.issuer, client_id="lineament", nonce="n-1", access_token="access")
    with pytest.raises(SignInRefused, match="at_hash"):
        read(signed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), expected)


def _coded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(token: str) -> str:
    return f"{_coded({'alg': 'none', 'kid': 'rsa'})}.{token.split('.')[1]}."


def _other_claims(token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{_coded(CLAIMS | {'sub': '4712'})}.{signature}"


def _by_public_key(token: str) -> str:
    """Return a token signed symmetrically, with our public key as the secret."""
    begun = f"{_coded({'alg': 'HS256', 'kid': 'rsa'})}.{token.split('.')[1]}"
    signature = hmac.digest(RSA.as_pem(private=False), begun.encode(), "sha256")
    return f"{begun}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


FORGED: list[Callable[[str], str]] = [
    _unsigned,
    _other_claims,
    _by_public_key,
    lambda token: token[:-8] + "AAAAAAAA",
    lambda token: token.rsplit(".", 1)[0] + ".",
    lambda _: signed(RSAKey.generate_key(2048), kid="rsa"),
    lambda _: signed(RSAKey.generate_key(2048), kid="unknown"),
    lambda _: signed(ECKey.generate_key("P-256"), "ES256", "ec"),
    lambda _: signed(EC, "ES256", "rsa"),
    lambda _: signed(RSA, kid=None),  # which of the two?
    lambda _: signed(OctKey.generate_key(256), "HS256"),
    lambda _: "",
    lambda _: "a.b.c",
    lambda _: "a.b.c.d.e",
    lambda _: "ÿ.ÿ.ÿ",
    lambda _: "." * 100_000,
    lambda _: "e30.e30.e30",
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_token_is_refused(forge: Callable[[str], str]) -> None:
    with pytest.raises(SignInRefused, match="not signed as it should be"):
        read(forge(signed()))


@pytest.mark.parametrize(
    ("claims", "email", "verified"),
    [
        ({"email": ...}, None, False),
        ({"email": 7}, None, False),
        ({"email": "no address"}, None, False),
        ({"email_verified": ...}, "a.examiner@agency.example", False),
        ({"email_verified": "true"}, "a.examiner@agency.example", False),
        ({"email_verified": 1}, "a.examiner@agency.example", False),
    ],
)
def test_an_address_counts_only_where_the_provider_vouches_for_it(
    claims: dict[str, Any], email: str | None, verified: bool
) -> None:
    subject = read(signed(**claims))
    assert (subject.email, subject.email_verified) == (email, verified)


@pytest.mark.parametrize("name", [..., 7, "x" * 256, "two\nlines"])
def test_a_name_that_is_none_is_left_out(name: Any) -> None:
    assert read(signed(name=name)).name == ""


@pytest.mark.parametrize(
    "published",
    [
        {},
        {"keys": []},
        {"keys": "rsa"},
        {"keys": [{"kty": "RSA"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [RSA.as_dict(private=False) | {"use": "enc"}]},
        {"keys": [7, None]},
    ],
)
def test_without_keys_for_signatures_nobody_signs_in(published: dict[str, Any]) -> None:
    with pytest.raises(OpenIdUnavailable, match="keys"):
        public_keys(published)
