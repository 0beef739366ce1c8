"""The ID token (OpenID Connect Core 1.0, 3.1.3.7), verified with the provider's keys and against the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from lineament.errors import InvalidValue, OpenIdUnavailable, SignInRefused
from lineament.model.accounts import checked_email

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Only signatures with a public key: neither “none” nor one with a shared secret."""

_SHORTEST_RSA = 342  # characters of a modulus of 2048 bits in base64 (NIST SP 800-131A)
_LEEWAY = 60  # seconds that the clocks may differ
_MOST_CHARACTERS = 255  # of a subject (OpenID Connect Core 1.0, 2) and of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The person who signed in, according to the provider. Issuer and subject identify them; the address does not."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedToken:
    """The claims that an ID token must have."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None = None  # received with it; the token has its digest, or none


def public_keys(untrusted: Mapping[str, Any]) -> KeySet:
    """Return the provider's keys for signatures. Raises OpenIdUnavailable if they cannot be read."""
    keys = untrusted.get("keys")
    try:
        found = [key for key in keys if isinstance(key, dict) and _signs(key)] if isinstance(keys, list) else []
        return KeySet.import_key_set(cast("KeySetSerialization", {"keys": found}))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise OpenIdUnavailable(why="the provider's keys cannot be read") from error


def _signs(key: dict[str, Any]) -> bool:
    kind = key.get("kty")
    is_long = kind != "RSA" or len(str(key.get("n"))) >= _SHORTEST_RSA
    return kind in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig" and is_long


def subject_of(untrusted_token: str, keys: KeySet, expected: ExpectedToken, now: datetime) -> Subject:
    """Return whom the token is about.

    Raises SignInRefused unless the provider signed it, for us, for this sign-in, and within its time.
    """
    try:
        token = jwt.decode(untrusted_token, keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(token.claims, token.header, _options(expected), _params(expected))
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
    except ExpiredTokenError as error:
        raise SignInRefused(why="the provider's ID token has expired") from error
    except ClaimError as error:
        raise SignInRefused(why=f"the provider's ID token is not for this sign-in ({error.claim})") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignInRefused(why="the provider's ID token is not signed as it should be") from error
    return _subject(token.claims)


def _options(expected: ExpectedToken) -> dict[str, dict[str, object]]:
    return {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "nonce": {"essential": True, "value": expected.nonce},
        **{name: {"essential": True} for name in ("sub", "exp", "iat")},
    }


def _params(expected: ExpectedToken) -> dict[str, object]:
    return {"client_id": expected.client_id, "nonce": expected.nonce, "access_token": expected.access_token}


def _subject(claims: Mapping[str, Any]) -> Subject:
    subject, name = claims["sub"], claims.get("name")
    if not 0 < len(subject) <= _MOST_CHARACTERS or not subject.isprintable():
        raise SignInRefused(why="the provider's ID token is not for this sign-in (sub)")
    email = _email(claims.get("email"))
    return Subject(
        issuer=claims["iss"],
        subject=subject,
        email=email,
        email_verified=email is not None and claims.get("email_verified") is True,
        name=name if isinstance(name, str) and name.isprintable() and len(name) <= _MOST_CHARACTERS else "",
    )


def _email(untrusted: object) -> str | None:
    try:
        return checked_email(untrusted) if isinstance(untrusted, str) else None
    except InvalidValue:
        return None
