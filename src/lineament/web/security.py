"""Host names, origins, cookies, the start-up token, and the headers that protect every response.

They prevent what others can make a browser do: pages of other origins that post forms (CSRF) or point their own
name at this port (DNS rebinding), links that lead away, frames, and scripts that came in with a text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.errors import ForeignRequest

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine under which the pages are served, with any port."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_FEATURES = ("camera", "microphone", "geolocation", "display-capture", "usb", "serial", "hid", "midi")
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "cache-control": "no-store",
}
"""On every response, unless the route set the header itself."""
TLS_HEADERS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}
"""Also on every response if the pages are reached by https."""

_OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]{0,2000}")  # printable ASCII without blanks and backslashes


def own_path(untrusted: str | None) -> str:
    """Return a path of ours with its query; “/” for anything that a browser might read as another site."""
    return untrusted if untrusted is not None and _OWN_PATH.fullmatch(untrusted) else "/"


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that showed the token or signed in, or is about to."""

    key: str  # the value of its cookie

    def __repr__(self) -> str:
        return "BrowserSession(…)"

    @property
    def csrf(self) -> str:
        """The token in every form: only those who have the cookie, or were shown the page, know it."""
        digest = hmac.digest(self.key.encode(errors="surrogatepass"), b"lineament form 1", "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def new_key() -> str:
    """Return 256 random bits in base64url."""
    return secrets.token_urlsafe(32)


class TokenSessions:
    """The sessions of browsers that showed a token of this run, in memory: they end with the server.

    A token is good for one sign-in. The next one takes its place and is announced where the server was started.
    """

    def __init__(self, token: str, announce: Callable[[str], None]) -> None:
        self.token = token
        self._announce = announce
        self._open: dict[bytes, BrowserSession] = {}

    def admit(self, untrusted_token: str) -> BrowserSession | None:
        """Return a new session and use the token up if it is right, else None."""
        if not hmac.compare_digest(untrusted_token.encode(errors="replace"), self.token.encode()):
            return None
        self.token = new_key()
        session = BrowserSession(new_key())
        self._open[_digest(session.key)] = session
        self._announce(self.token)
        return session

    def find(self, untrusted_cookie: str | None) -> BrowserSession | None:
        """Return the session of a cookie, looked up by digest so that the time it takes tells nothing about the key."""
        return None if untrusted_cookie is None else self._open.get(_digest(untrusted_cookie))

    def end(self, session: BrowserSession) -> None:
        """Forget a session."""
        self._open.pop(_digest(session.key), None)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where the pages are reached: by the names of this machine, and by a public one behind the agency's TLS proxy."""

    public_url: str | None = None  # an origin, as the settings checked it
    client_header: str | None = None  # in which the proxy writes the client's address, in lower case

    @property
    def encrypted(self) -> bool:
        """Whether the public name is reached by https."""
        return self.public_url is not None and self.public_url.startswith("https://")

    def is_public(self, headers: Headers) -> bool:
        """Return whether the request names the public host."""
        if self.public_url is None:
            return False
        parts = urlsplit(self.public_url)
        standard = {"https": 443, "http": 80}[parts.scheme]
        return headers.get("host", "").lower() in {parts.netloc, f"{parts.hostname}:{parts.port or standard}"}

    def client(self, headers: Headers, peer: str) -> str:
        """Return the network address that a request comes from; of IPv6 the network of 64 bits that one client has.

        ``peer`` is at the other end of the connection. The header is read only from the proxy: on this machine, and
        for the public name. The proxy's own entry is the last one; what comes before it was sent by the client.
        """
        if self.client_header is None or not self.is_public(headers) or not _network(peer)[1]:
            return _network(peer)[0]
        written = headers.getlist(self.client_header)
        return _network(written[-1].rpartition(",")[2].strip() if written else "")[0]

    def check_host(self, headers: Headers) -> None:
        """Raise ForeignRequest for any name but the loopback's and the public one.

        A foreign name that is pointed at this port (DNS rebinding) thus reads nothing.
        """
        host = headers.get("host", "").lower()
        name, colon, port = host.rpartition(":")
        if host in LOOPBACK or (colon and name in LOOPBACK and port.isdecimal()) or self.is_public(headers):
            return
        raise ForeignRequest

    def origin(self, headers: Headers) -> str:
        """Return the origin of our own pages for a request whose host was checked."""
        if self.public_url is not None and self.is_public(headers):
            return self.public_url
        return f"http://{headers.get('host', '').lower()}"

    def check_origin(self, headers: Headers) -> None:
        """Raise ForeignRequest if another origin's page sent the form.

        If the browser does not say which origin it is, the form's own token proves it.
        """
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin", "null")  # “null” under our own referrer policy
        if site != "same-origin" or origin not in {"null", self.origin(headers)}:
            raise ForeignRequest

    def cookie_name(self, headers: Headers, kind: str = "") -> str:
        """Return the name of a cookie of ours: behind TLS, one that no other host and no plain connection can set.

        Elsewhere the port is part of it: cookies ignore ports, and two workspaces may be open at once.
        """
        name = f"lineament-{kind}" if kind else "lineament"
        if self._secure(headers):
            return f"__Host-{name}"
        port = headers.get("host", "").rpartition(":")[2]
        return f"{name}-{port}" if port.isdecimal() else name

    def set_cookie(
        self, response: Response, headers: Headers, value: str, kind: str = "", *, seconds: int | None = None
    ) -> None:
        """Set a cookie, by default until the browser is closed."""
        self._set_cookie(response, headers, value, kind, max_age=seconds, samesite="strict")

    def set_lax_cookie(self, response: Response, headers: Headers, value: str, kind: str) -> None:
        """Set a cookie for ten minutes that comes back with a browser that another site sends here (OpenID)."""
        self._set_cookie(response, headers, value, kind, max_age=600, samesite="lax")

    def _set_cookie(self, response: Response, headers: Headers, value: str, kind: str, **more: Any) -> None:
        response.set_cookie(
            self.cookie_name(headers, kind),
            value,
            path="/",
            httponly=True,
            secure=self._secure(headers),
            **more,
        )

    def delete_cookie(self, response: Response, headers: Headers, kind: str = "") -> None:
        """Delete a cookie."""
        name, secure = self.cookie_name(headers, kind), self._secure(headers)
        response.delete_cookie(name, path="/", httponly=True, secure=secure, samesite="strict")

    def _secure(self, headers: Headers) -> bool:
        return self.encrypted and self.is_public(headers)


def _network(untrusted_address: str) -> tuple[str, bool]:
    """Return the network of one client, “unknown” for what is no address, and whether it is on this machine."""
    try:
        address = ip_address(untrusted_address)
    except ValueError:
        return "unknown", False
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is not None:
            return str(mapped), mapped.is_loopback
        return str(ip_network((int(address), 64), strict=False)), address.is_loopback
    return str(address), address.is_loopback


class HeadersMiddleware:
    """Puts the protective headers on every response, whichever part gives it."""

    def __init__(self, app: ASGIApp, *, encrypted: bool = False) -> None:
        self._app = app
        self._headers = HEADERS | TLS_HEADERS if encrypted else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its response back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in self._headers.items()]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in present)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
