"""Time-stamps of RFC 3161 on checkpoints; the stand-alone verifier loads this only if it is given tokens to check.

A time-stamp covers the text of a checkpoint: everything before the empty line, with the newline that ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineament.errors import InvalidValue

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MOST_BYTES = 64 * 2**10
"""The most bytes of a response that is read; a token with its certificates has a few thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampQuestion:
    """A question to an authority."""

    der: bytes  # the TimeStampReq
    nonce: int


def ask_for_stamp(text: str) -> StampQuestion:
    """Return the question for a time-stamp on the text of a checkpoint."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    assert request.nonce is not None  # noqa: S101 - it was asked for
    return StampQuestion(der=request.as_bytes(), nonce=request.nonce)


def stamped_at(untrusted: bytes, text: str, roots: str, nonce: int | None = None) -> datetime:
    """Return the time of a response of an authority on the text of a checkpoint, UTC.

    Args:
        untrusted: The TimeStampResp.
        text: The text of the checkpoint.
        roots: The certificates that its token must lead to, PEM.
        nonce: Of the question; None if the token was kept.

    Raises:
        InvalidValue: It is no time-stamp, it is on something else, or no configured certificate vouches for it.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    label = "A time-stamp"
    if len(untrusted) > MOST_BYTES:
        raise InvalidValue(what=label, value=len(untrusted), why=f"it has more than {MOST_BYTES} bytes")
    try:
        response = decode_timestamp_response(untrusted)
        VerifierBuilder(roots=list(certificates(roots)), nonce=nonce).build().verify_message(response, text.encode())
        at = response.tst_info.gen_time
    except (VerificationError, ValueError, TypeError) as error:
        raise InvalidValue(
            what=label, value=type(error).__name__, why=str(error).partition(":")[0][:100] or "it is malformed"
        ) from error
    return at.astimezone(UTC)


def certificates(pem: str) -> Sequence[Certificate]:
    """Return the certificates of a PEM text. Raises InvalidValue if there is none."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise InvalidValue(what="The certificates of an authority", value=pem[:30], why="it is not PEM") from error
    if not found:
        raise InvalidValue(what="The certificates of an authority", value=pem[:30], why="there is none")
    return found
