"""Passkeys (WebAuthn level 2): what the browser is asked for, and whether its answer is valid."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from lineament.errors import SignInRefused

MOST_BYTES = 64 * 2**10
"""Length of the longest answer that is read, in characters."""

_MILLISECONDS = 120_000
_NOBODY_VERIFIED = (
    "this passkey did not check who holds it; give it a PIN or a fingerprint, or show another second factor and add a "
    "passkey that has one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """The stored data of a passkey."""

    credential_id: bytes
    public_key: bytes  # COSE
    sign_count: int  # 0 for passkeys that do not count


def rp_id_of(origin: str) -> str:
    """Return the relying party of an origin: its host. Browsers accept no IP address as one."""
    return urlsplit(origin).hostname or ""


def registration(  # noqa: PLR0913, PLR0917 -- what WebAuthn binds to a new passkey
    rp_id: str, rp_name: str, account_id: str, email: str, name: str, existing: Sequence[bytes]
) -> tuple[dict[str, Any], bytes]:
    """Return the options (JSON) for navigator.credentials.create, and the challenge to keep in the session.

    ``existing`` are the credential ids that the account already has, so that no authenticator is added twice. The
    passkey is a second factor: the account is known by then, so it need not take up one of a security key's few slots.
    """
    options = webauthn.generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_id=account_id.encode(),
        user_name=email,
        user_display_name=name,
        timeout=_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=credential_id) for credential_id in existing],
    )
    return options_to_json_dict(options), options.challenge


def verify_registration(untrusted_json: str, challenge: bytes, rp_id: str, origin: str) -> NewPasskey:
    """Return the new passkey in the browser's answer.

    Raises SignInRefused if anything differs from the request, or the authenticator did not verify its user.
    """
    try:
        answer = webauthn.verify_registration_response(
            credential=_checked_length(untrusted_json),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=False,  # required below, with a reason of its own
        )
    except Exception as error:  # hostile CBOR and JSON fail in more ways than the library names
        raise SignInRefused(why="the new passkey's answer is not valid") from error
    if not answer.user_verified:
        raise SignInRefused(why=_NOBODY_VERIFIED)
    return NewPasskey(
        credential_id=answer.credential_id, public_key=answer.credential_public_key, sign_count=answer.sign_count
    )


def assertion(rp_id: str, allowed: Sequence[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return the options (JSON) for navigator.credentials.get, and the challenge to keep in the session."""
    options = webauthn.generate_authentication_options(
        rp_id=rp_id,
        timeout=_MILLISECONDS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=credential_id) for credential_id in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options), options.challenge


def answering(untrusted_json: str) -> bytes:
    """Return the credential that an answer claims to come from, to look it up. It proves nothing yet."""
    try:
        return webauthn.helpers.parse_authentication_credential_json(_checked_length(untrusted_json)).raw_id
    except Exception as error:  # as above
        raise SignInRefused(why="the passkey's answer is not valid") from error


def verify_assertion(  # noqa: PLR0913, PLR0917 -- what WebAuthn checks a signature against
    untrusted_json: str,
    challenge: bytes,
    rp_id: str,
    origin: str,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
) -> int:
    """Return the new count of signatures, to keep.

    Raises SignInRefused if the answer is not valid, or the authenticator did not verify its user: also for a passkey
    that was enrolled before that was required.

    ``credential_id``, ``public_key`` and ``sign_count`` are what was kept of the passkey. If both counts are zero, the
    passkey does not count; otherwise a count that has not grown means that the key was copied.
    """
    try:
        answer = webauthn.verify_authentication_response(
            credential=_checked_length(untrusted_json),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # compared below, once the signature is known to hold
            require_user_verification=False,  # as above
        )
    except Exception as error:  # as above
        raise SignInRefused(why="the passkey's answer is not valid") from error
    if not answer.user_verified:
        raise SignInRefused(why=_NOBODY_VERIFIED)
    if not hmac.compare_digest(answer.credential_id, credential_id):
        raise SignInRefused(why="the answer comes from another passkey")
    if (answer.new_sign_count or sign_count) and answer.new_sign_count <= sign_count:
        raise SignInRefused(why="this passkey may have been copied, so remove it and add a new one")
    return answer.new_sign_count


def _checked_length(untrusted_json: str) -> str:
    if len(untrusted_json) > MOST_BYTES:
        raise SignInRefused(why="the answer is longer than any passkey's")
    return untrusted_json
