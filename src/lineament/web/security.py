"""Who may be here: names, origins, cookies, the start-up token, and the checks on what a browser says about itself.

What has to be kept out is everything that a browser may be made to do by somebody else: pages of other origins that
post forms (CSRF) or point their own name at this port (DNS rebinding), links that lead away, frames, and scripts that
came in with a text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.errors import ForeignRequest, NotSignedIn

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine under which the pages may be asked for, with any port."""

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
"""On every answer, unless the route set the header itself."""
ONLY_TLS = {"strict-transport-security": "max-age=31536000"}
"""Also on every answer where the pages are reached by https."""

_OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]{0,2000}")  # printable ASCII without blanks and backslashes


def own_path(untrusted: str | None) -> str:
    """A path of ours to go on to, with its query; “/” for anything that a browser might read as another place."""
    return untrusted if untrusted is not None and _OWN_PATH.fullmatch(untrusted) else "/"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser: one that showed the token or signed in, or one that is about to."""

    key: str  # the value of its cookie

    def __repr__(self) -> str:
        return "Session(…)"

    @property
    def csrf(self) -> str:
        """Goes into every form: only who has the cookie, or was shown the page, knows it."""
        made = hmac.digest(self.key.encode(errors="surrogatepass"), b"lineament form 1", "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def new_key() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


class Sessions:
    """The sessions of whoever has the token of this run, in memory: they end with the server, as its token does."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._open: dict[bytes, Session] = {}

    def admit(self, untrusted_token: str) -> Session | None:
        """A new session for whoever has the token; None otherwise."""
        if not hmac.compare_digest(untrusted_token.encode(errors="replace"), self._token):
            return None
        session = Session(new_key())
        self._open[_digest(session.key)] = session
        return session

    def of(self, untrusted_cookie: str | None) -> Session | None:
        """The session of a cookie, found by digest, so that the time it takes tells nothing about the key."""
        return None if untrusted_cookie is None else self._open.get(_digest(untrusted_cookie))

    def end(self, session: Session) -> None:
        """Forget a session."""
        self._open.pop(_digest(session.key), None)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pages are reached: by the names of this machine, and by a public one behind the agency's TLS proxy."""

    public_url: str | None = None  # an origin, as the settings checked it

    @property
    def encrypted(self) -> bool:
        """Whether the public name is reached by https."""
        return self.public_url is not None and self.public_url.startswith("https://")

    def public(self, headers: Headers) -> bool:
        """Whether the request names the public host."""
        if self.public_url is None:
            return False
        parts = urlsplit(self.public_url)
        standard = {"https": 443, "http": 80}[parts.scheme]
        return headers.get("host", "").lower() in {parts.netloc, f"{parts.hostname}:{parts.port or standard}"}

    def checked_host(self, headers: Headers) -> None:
        """Refuses names other than the loopback's and the public one: a foreign name pointed here reads nothing."""
        host = headers.get("host", "").lower()
        name, colon, port = host.rpartition(":")
        if host in LOOPBACK or (colon and name in LOOPBACK and port.isdecimal()) or self.public(headers):
            return
        raise ForeignRequest

    def origin(self, headers: Headers) -> str:
        """The origin of our own pages for a request whose host was checked."""
        if self.public_url is not None and self.public(headers):
            return self.public_url
        return f"http://{headers.get('host', '').lower()}"

    def checked_origin(self, headers: Headers) -> None:
        """Refuses forms that another origin's page sent; what the browser leaves out, the form's own token proves."""
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin", "null")  # “null” under our own referrer policy
        if site != "same-origin" or origin not in {"null", self.origin(headers)}:
            raise ForeignRequest

    def cookie_name(self, headers: Headers, kind: str = "") -> str:
        """A cookie of ours: behind TLS, one that no other host and no plain connection can set.

        Else with the port, for cookies do not know ports and two workspaces may be open at once.
        """
        name = f"lineament-{kind}" if kind else "lineament"
        if self._secure(headers):
            return f"__Host-{name}"
        port = headers.get("host", "").rpartition(":")[2]
        return f"{name}-{port}" if port.isdecimal() else name

    def keep(self, answer: Response, headers: Headers, value: str, kind: str = "", *, lax: bool = False) -> None:
        """Put a cookie; ``lax`` for what has to come back with a browser that another site sends here (OpenID)."""
        answer.set_cookie(
            self.cookie_name(headers, kind),
            value,
            max_age=600 if lax else None,
            path="/",
            httponly=True,
            secure=self._secure(headers),
            samesite="lax" if lax else "strict",
        )

    def drop(self, answer: Response, headers: Headers, kind: str = "") -> None:
        """Take a cookie away."""
        secure = self._secure(headers)
        answer.delete_cookie(self.cookie_name(headers, kind), path="/", httponly=True, secure=secure, samesite="strict")

    def _secure(self, headers: Headers) -> bool:
        return self.encrypted and self.public(headers)


async def entered(scope: Scope, place: Place, sessions: Sessions, solo: Callable[[], bool]) -> Response | None:
    """The answer to ``/?token=…``, as ``lineament serve`` prints it: a session, and the address without the token.

    The token is for a workspace of one person, on the machine itself; elsewhere it opens nothing.
    """
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    if not tokens:
        return None
    headers = Headers(scope=scope)
    answer = RedirectResponse("/", status_code=303)
    if place.public(headers) or not await run_in_threadpool(solo):
        return answer
    session = sessions.admit(tokens[0])
    if session is None:
        raise NotSignedIn
    place.keep(answer, headers, session.key)
    return answer


class WithHeaders:
    """Puts the protective headers on every answer, whoever gives it."""

    def __init__(self, app: ASGIApp, *, encrypted: bool = False) -> None:
        self._app = app
        self._headers = HEADERS | ONLY_TLS if encrypted else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in self._headers.items()]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in there)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
