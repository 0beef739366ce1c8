"""Checks what arrives at a web hook: that it is from the agency's Lineament, and not old (Standard Webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lineament.client.parsing import loaded, parsed
from lineament.client.problems import WrongSignature

TOLERANCE = 300.0
"""Seconds by which the clocks of sender and receiver may differ."""
_SHORTEST = 24  # bytes, as Standard Webhooks says


@dataclass(frozen=True, slots=True, kw_only=True)
class HookMessage:
    """A message to a web hook. It names nobody: ask the API, with a key, for what happened."""

    id: str
    type: str
    timestamp: datetime


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> HookMessage:
    """Return a message that was signed with the secret of the web hook (“whsec_…”).

    ``headers`` and ``body`` are those of the request, the body as its raw bytes; ``now`` is the time in seconds since
    1970, by default that of this machine. Messages may come twice: keep the ids of those that were handled.

    Raises WrongSignature unless a signature is right and its time within TOLERANCE, ValueError for a secret that is
    none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    name, stated, signatures = (given.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    signed = f"{name}.{stated}.".encode() + body
    right = base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256))
    found = [each.removeprefix("v1,").encode(errors="replace") for each in signatures.split() if each.startswith("v1,")]
    if not any(hmac.compare_digest(right, each) for each in found):
        raise WrongSignature("the message was not signed with this secret")
    if not stated.isdecimal() or abs((time.time() if now is None else now) - int(stated)) > TOLERANCE:
        raise WrongSignature(f"the message is not of the last {TOLERANCE:.0f} seconds; is the clock right?")
    return parsed(HookMessage, loaded(body, "the message is not JSON"))


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < _SHORTEST:  # with an empty one, anybody could sign
        raise ValueError("this is no secret of a web hook; it begins with whsec_")
    return key
