"""Sends one signed message to a web hook (Standard Webhooks): https, no redirect, and no way into a private network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from lineament.errors import HookUnavailable, HostRefused, InvalidValue
from lineament.model.hosts import is_this_machine
from lineament.model.watches import Notice
from lineament.sandbox.limited_http import LimitedNetwork, limited_client
from lineament.sources.permission.hosts import Hosts

SECONDS = 10.0
"""Most seconds for a whole answer."""
MOST_BYTES = 64 * 2**10
"""Bytes of an answer that are read; nothing in it matters but its status."""
_PREFIX = "whsec_"
_PLAIN = re.compile(r"[!-~]{1,500}")


def new_secret() -> str:
    """Return a new secret as Standard Webhooks writes it: 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002 - as Standard Webhooks names it
    """Return the signature of a message with one secret: “v1,” and the base64 of an HMAC-SHA256."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def body_of(notice: Notice) -> bytes:
    """Return what is sent: an opaque id, the kind of event and its time; no case, no name, no picture."""
    told = {"id": notice.id, "type": notice.kind.value, "timestamp": notice.at.isoformat(timespec="seconds")}
    return json.dumps(told, separators=(",", ":")).encode()


def headers_of(notice: Notice, held: Sequence[str], at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message that is sent now, with a signature for each secret that is valid."""
    timestamp = int(at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "lineament",
        "webhook-id": notice.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, notice.id, timestamp, body) for secret in held),
    }


def checked_hook(url: str, own: Sequence[str]) -> str:
    """Return the address of a web hook. Raises InvalidValue unless it is a whole https address.

    ``own`` are the addresses of the agency's own network that the operator allows; http will do for one of this
    machine. Nothing is resolved: that is done, and checked, for each message.
    """
    try:
        parts = urlsplit(url if _PLAIN.fullmatch(url) else "")
        local = parts.scheme == "http" and is_this_machine(parts.hostname) and bool(own)
        whole = bool(parts.hostname) and not parts.username and not parts.fragment and parts.port != 0
        safe = parts.scheme == "https" or local
        if whole and httpx.URL(url).host != parts.hostname:
            safe = False
    except (ValueError, httpx.InvalidURL):
        safe = whole = False
    if not safe or not whole:
        why = "write a whole address that begins with https://, without a user and a password"
        raise InvalidValue(what="The address of the web hook", value=url[:100], why=why, field="url")
    return url


def send(url: str, body: bytes, headers: dict[str, str], own: Sequence[str]) -> None:
    """Send a message. Raises HookUnavailable unless the receiver answers with 2xx; a redirect is not followed."""
    network = LimitedNetwork(Hosts(own).addresses)
    network.allow(seconds=SECONDS, size=MOST_BYTES)
    try:
        with limited_client(network, timeout=SECONDS) as client:
            response = client.post(checked_hook(url, own), content=body, headers=headers)
    except InvalidValue as error:
        raise HookUnavailable(why="its address is not allowed any more") from error
    except HostRefused as error:
        raise HookUnavailable(why="its name leads to an address that is not allowed; ask the operator") from error
    except httpx.TimeoutException as error:
        raise HookUnavailable(why="it does not answer, or takes too long") from error
    except (httpx.HTTPError, OSError) as error:
        raise HookUnavailable(why="there is no connection to it that can be trusted") from error
    if not response.is_success:
        raise HookUnavailable(why=f"it answered with {response.status_code}")
