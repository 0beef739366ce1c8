"""Who may be here: the start-up token, sessions, and the checks on what a browser says about itself.

The pages are for the one person who started the server, on the machine where it runs. What has to be kept out is
everything else that a browser on this machine may be made to do: pages of other origins that post forms (CSRF) or
point their own name at 127.0.0.1 (DNS rebinding), frames, and scripts that came in with a text.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.errors import ForeignRequest, NotSignedIn

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names under which the pages may be asked for, with any port."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
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
"""On every answer, unless the route set the header itself."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that showed the token."""

    key: str  # the value of its cookie
    csrf: str  # goes into every form


class Sessions:
    """The sessions of this run, in memory: they end with the server, as its token does."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._open: dict[bytes, Session] = {}

    def admit(self, untrusted_token: str) -> Session | None:
        """A new session for whoever has the token; None otherwise."""
        if not hmac.compare_digest(untrusted_token.encode(errors="replace"), self._token):
            return None
        session = Session(key=secrets.token_urlsafe(32), csrf=secrets.token_urlsafe(32))
        self._open[_digest(session.key)] = session
        return session

    def of(self, untrusted_cookie: str | None) -> Session | None:
        """The session of a cookie, found by digest, so that the time it takes tells nothing about the key."""
        return None if untrusted_cookie is None else self._open.get(_digest(untrusted_cookie))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()


def cookie_name(headers: Headers) -> str:
    """The session's cookie; with the port, for cookies do not know ports and two workspaces may be open at once."""
    port = headers.get("host", "").rpartition(":")[2]
    return f"lineament-{port}" if port.isdecimal() else "lineament"


def checked_host(headers: Headers) -> None:
    """Refuses names other than the loopback's, so that a foreign name pointed here reads nothing."""
    host = headers.get("host", "").lower()
    name, colon, port = host.rpartition(":")
    if host in LOOPBACK or (colon and name in LOOPBACK and port.isdecimal()):
        return
    raise ForeignRequest


def checked_origin(headers: Headers) -> None:
    """Refuses forms that another origin's page sent; what the browser leaves out, the form's own token proves."""
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin", "null")  # “null” under our own referrer policy
    if site != "same-origin" or origin not in {"null", f"http://{headers.get('host')}"}:
        raise ForeignRequest


def entered(scope: Scope, sessions: Sessions) -> Response | None:
    """The answer to ``/?token=…``, as ``lineament serve`` prints it: a session, and the address without the token."""
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    if not tokens:
        return None
    session = sessions.admit(tokens[0])
    if session is None:
        raise NotSignedIn
    answer = RedirectResponse("/", status_code=303)
    name = cookie_name(Headers(scope=scope))
    answer.set_cookie(name, session.key, httponly=True, samesite="strict", path="/")
    return answer


class WithHeaders:
    """Puts the protective headers on every answer, whoever gives it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in there)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
