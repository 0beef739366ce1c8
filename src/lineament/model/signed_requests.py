"""What an AWS Signature Version 4 covers, and how it is computed; for those that we check and those that we make."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALGORITHM = "AWS4-HMAC-SHA256"
ENDS_WITH = "aws4_request"
STAMP = "%Y%m%dT%H%M%SZ"
"""How the time of a signature is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The parts of a request that a signature covers."""

    method: str
    path: str  # as it was sent
    query: str  # as it was sent
    headers: Mapping[str, Sequence[str]]  # by their names in lower case
    body: bytes


def canonical(request: SignedRequest, path: str, names: Sequence[str], digest: str) -> bytes:
    """Return a request in the form in which it is signed.

    Args:
        request: Has every header of ``names``.
        path: As the service has it in this form: S3 as it was sent, all others percent-encoded once more.
        names: Those of the signed headers, sorted.
        digest: SHA-256 of the body, hexadecimal.
    """
    lines = [f"{name}:{','.join(' '.join(value.split()) for value in request.headers[name])}\n" for name in names]
    query = "&".join(sorted(request.query.split("&")))
    return "\n".join((request.method, path, query, "".join(lines), ";".join(names), digest)).encode()


def signature_for(canonical_request: bytes, secret: str, *, scope: str, stamp: str) -> str:
    """Return the signature of a request, hexadecimal; ``scope`` is day, region, service and ENDS_WITH."""
    to_sign = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical_request).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
