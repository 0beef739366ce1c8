"""Signatures of requests, as clients of AWS make them (AWS Signature Version 4, in the header Authorization)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from lineament.errors import SignatureRefused
from lineament.model.signed_requests import ALGORITHM, ENDS_WITH, STAMP, SignedRequest, canonical, signature_for

CLOCKS_DIFFER = timedelta(minutes=15)
"""How far the clock of a client may be from ours."""
_MOST_HEADERS = 50
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<credential>[!-+\--~]{1,200}), *"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]{1,1000}), *Signature=(?P<signature>[0-9a-f]{64})"
)
_STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_HASH = "x-amz-content-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says of its signature; nothing of it was checked."""

    key_id: str
    scope: str  # day, region, service, as the client derives its key from them
    headers: tuple[str, ...]  # the names of those that are signed
    signature: str
    stamp: str  # the time of the signature, as the client wrote it

    @property
    def at(self) -> datetime:
        """When it was made, by the client's clock. Raises SignatureRefused."""
        try:
            return datetime.strptime(self.stamp, STAMP).replace(tzinfo=UTC)
        except ValueError:
            raise SignatureRefused(why="the header X-Amz-Date holds no time") from None


def signature_of(headers: Mapping[str, Sequence[str]], service: str, always: Sequence[str]) -> Signature:
    """Return what a request says of its signature. Raises SignatureRefused.

    ``always`` names the headers that have to be signed: what decides what the request does.
    """
    stated = headers.get("authorization", ())
    found = _AUTHORIZATION.fullmatch(stated[0]) if len(stated) == 1 else None
    if found is None:
        raise SignatureRefused(why=f"the header Authorization is not in the form of {ALGORITHM}")
    stamps = headers.get("x-amz-date", ())
    if len(stamps) != 1 or not _STAMPED.fullmatch(stamps[0]):
        raise SignatureRefused(why="the header X-Amz-Date is missing, or is not a time as 20260131T120000Z")
    key_id, _, scope = found["credential"].partition("/")
    day, *place = scope.split("/")
    if len(place) != 3 or place[1:] != [service, ENDS_WITH] or not place[0]:
        raise SignatureRefused(why=f"its scope is not that of {service}; set the client to that service")
    if day != stamps[0][:8]:
        raise SignatureRefused(why="the day of its scope is not that of the header X-Amz-Date")
    names = tuple(found["headers"].split(";"))
    if list(names) != sorted(set(names)) or len(names) > _MOST_HEADERS:
        raise SignatureRefused(why="the names of the signed headers are not in order")
    if unsigned := [name for name in always if name not in names]:
        raise SignatureRefused(why=f"it does not cover the header {unsigned[0]}")
    return Signature(key_id=key_id, scope=scope, headers=names, signature=found["signature"], stamp=stamps[0])


def check_clock(signature: Signature, now: datetime) -> None:
    """Raise SignatureRefused if a signature was made too long ago, or later than now."""
    if abs(now - signature.at) > CLOCKS_DIFFER:
        now_here = now.astimezone(UTC).strftime(STAMP)
        why = f"it was made at {signature.stamp}, more than 15 minutes from {now_here} here; set the clock"
        raise SignatureRefused(why=why)


def check_signature(signature: Signature, request: SignedRequest, secret: str) -> None:
    """Raise SignatureRefused unless the request was signed with that secret, as it arrived."""
    stated = request.headers.get(_HASH)
    digest = hashlib.sha256(request.body).hexdigest()
    if stated is not None and list(stated) != [digest]:
        raise SignatureRefused(why="the body is not the one of the header X-Amz-Content-SHA256")
    for name in signature.headers:
        if name not in request.headers:
            raise SignatureRefused(why=f"it covers the header {name}, which is missing")
    signed = canonical(request, quote(request.path, safe="/~"), signature.headers, digest)
    expected = signature_for(signed, secret, scope=signature.scope, stamp=signature.stamp)
    if not secret or not hmac.compare_digest(expected, signature.signature):
        raise SignatureRefused(why="it does not fit the request; check the secret, and what changes the request")
