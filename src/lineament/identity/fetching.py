"""Fetches small JSON documents from one provider: encrypted, within limits of time and size, without redirects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from lineament.errors import OpenIdUnavailable
from lineament.model.hosts import is_this_machine
from lineament.sandbox.limited_http import client_for_one_response

SECONDS = 10.0
"""Most seconds for a whole response."""

MOST_BYTES = 256 * 2**10
"""Size of the largest response that is read."""

_PLAIN = re.compile(r"[!-~]{1,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResponse:
    """A JSON object with the HTTP status of its response."""

    status: int
    json: dict[str, Any]


def checked_address(address: object) -> str:
    """Return an https:// address, or http:// on this machine.

    Raises OpenIdUnavailable for any other, to which no secret may be sent.
    """
    try:
        text = address if isinstance(address, str) and _PLAIN.fullmatch(address) else ""
        parts, url = urlsplit(text), httpx.URL(text)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname))
        whole = bool(parts.hostname) and parts.hostname == url.host and parts.port != 0 and not parts.username
    except (ValueError, httpx.InvalidURL) as error:
        raise OpenIdUnavailable(why="one of its addresses cannot be read") from error
    if not safe or not whole:
        raise OpenIdUnavailable(why="its addresses must begin with https://")
    return text


def get(address: object) -> ProviderResponse:
    """Fetch a document. Raises OpenIdUnavailable if there is no JSON object in the response."""
    return _send(httpx.Request("GET", checked_address(address), headers=_HEADERS))


def post(address: object, form: Mapping[str, str], auth: tuple[str, str] | None) -> ProviderResponse:
    """Post a form, with ``auth`` as user and password. Raises OpenIdUnavailable if the response has no JSON object."""
    request = httpx.Request("POST", checked_address(address), headers=_HEADERS, data=dict(form))
    if auth is not None:
        request = next(httpx.BasicAuth(*auth).auth_flow(request))
    return _send(request)


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lineament"}


def _send(request: httpx.Request) -> ProviderResponse:
    try:
        with client_for_one_response(seconds=SECONDS, size=2 * MOST_BYTES) as client:  # _read refuses more than half
            response = client.send(request, stream=True)
            try:
                content = _read(response)
            finally:
                response.close()
    except httpx.TimeoutException as error:
        raise OpenIdUnavailable(why="the provider does not answer, or takes too long") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise OpenIdUnavailable(why="there is no connection to the provider") from error
    return ProviderResponse(status=response.status_code, json=_object(content, response.status_code))


def _read(response: httpx.Response) -> bytes:
    """Read the body within the limits; refuse a compressed one."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OpenIdUnavailable(why="the provider compresses its response although it was asked not to")
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MOST_BYTES:
            raise OpenIdUnavailable(why=f"the provider's answer is longer than {MOST_BYTES} bytes")
    return bytes(content)


def _object(content: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OpenIdUnavailable(why=f"the provider answered with {status} and no JSON") from error
    if not isinstance(found, dict):
        raise OpenIdUnavailable(why=f"the provider answered with {status} and no JSON object")
    return found
