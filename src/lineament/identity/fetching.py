"""Small JSON documents from one provider: encrypted, in time, never large, never from where it sends us on."""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from lineament.errors import OpenIdUnavailable

SECONDS = 10.0
"""How long one answer may take as a whole."""

MOST_BYTES = 256 * 2**10
"""Of the largest answer that is read."""

_PLAIN = re.compile(r"[!-~]{1,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON object and how it was sent."""

    status: int
    json: dict[str, Any]


def checked_address(address: object) -> str:
    """An https:// address, or http:// on this machine; OpenIdUnavailable for any other, which no secret is sent to."""
    try:
        text = address if isinstance(address, str) and _PLAIN.fullmatch(address) else ""
        parts, asked = urlsplit(text), httpx.URL(text)
        safe = parts.scheme == "https" or (parts.scheme == "http" and _here(parts.hostname))
        whole = bool(parts.hostname) and parts.hostname == asked.host and parts.port != 0 and not parts.username
    except (ValueError, httpx.InvalidURL) as error:
        raise OpenIdUnavailable(why="one of its addresses cannot be read") from error
    if not safe or not whole:
        raise OpenIdUnavailable(why="its addresses must begin with https://")
    return text


def _here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def get(address: object) -> Answer:
    """Ask for a document; OpenIdUnavailable where it cannot be had."""
    return _asked(httpx.Request("GET", checked_address(address), headers=_HEADERS))


def post(address: object, form: Mapping[str, str], auth: tuple[str, str] | None) -> Answer:
    """Post a form, with user and password; OpenIdUnavailable where there is no JSON object in answer."""
    request = httpx.Request("POST", checked_address(address), headers=_HEADERS, data=dict(form))
    if auth is not None:
        request = next(httpx.BasicAuth(*auth).auth_flow(request))
    return _asked(request)


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lineament"}


def _asked(request: httpx.Request) -> Answer:
    try:
        trust = ssl.create_default_context()
        with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False, verify=trust) as client:
            response = client.send(request, stream=True)
            try:
                content = _read(response)
            finally:
                response.close()
    except httpx.TimeoutException as error:
        raise OpenIdUnavailable(why="the provider does not answer") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise OpenIdUnavailable(why="there is no connection to the provider") from error
    return Answer(status=response.status_code, json=_object(content, response.status_code))


def _read(response: httpx.Response) -> bytes:
    """The bytes as they come, up to the limits; what is compressed is not opened."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OpenIdUnavailable(why="the provider compresses what it was asked not to")
    until = time.monotonic() + SECONDS
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MOST_BYTES:
            raise OpenIdUnavailable(why=f"the provider's answer is longer than {MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise OpenIdUnavailable(why="the provider's answer takes too long")
    return bytes(content)


def _object(content: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OpenIdUnavailable(why=f"the provider answered with {status} and no JSON") from error
    if not isinstance(found, dict):
        raise OpenIdUnavailable(why=f"the provider answered with {status} and no JSON object")
    return found
