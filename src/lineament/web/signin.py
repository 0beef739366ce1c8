"""Signing in, showing the second factor, unlocking, joining, signing out."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import Headers

from lineament.errors import AlreadyThere, InvalidValue, SignInRefused
from lineament.model.accounts import FactorKind, Permission
from lineament.services.people.sessions import Begun, Standing
from lineament.web.forms import Sent
from lineament.web.pages import (
    AsGuest,
    Form,
    Guest,
    GuestForm,
    Held,
    Here,
    Pages,
    Visit,
    found,
    go_on_to,
    place_of,
    signed_in_at,
)
from lineament.web.security import own_path

pages = Pages()

AT_PROVIDER = "openid"
"""The cookie of a sign-in under way at the agency's provider."""
_BACK = "/sign-in/openid/back"
_ANY = frozenset(Standing)
_FACTOR = frozenset({Standing.OPEN, Standing.UNPROVED, Standing.UNENROLLED})
_LOCKED = frozenset({Standing.OPEN, Standing.LOCKED})

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_of(headers: Headers) -> str:
    """What the browser says of itself, in a few words, so that its owner knows it again."""
    said = headers.get("user-agent", "")[:500]
    browser = next((name for mark, name in _BROWSERS if mark in said), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    known = " on ".join(part for part in (browser, system) if part)
    return known or re.sub(r"[^ -~]", " ", said)[:60].strip() or "a browser"


def as_typed(sent: Sent, name: str) -> str:
    """A password as it was typed, blanks at its ends too."""
    return sent.texts.get(name, ("",))[0]


# ---------------------------------------------------------------- signing in


@pages.page("/sign-in", access=Permission.PUBLIC)
def sign_in(guest: AsGuest, next: str = "/") -> Response:  # noqa: A002 - what the address says
    """The door: address and password, or the agency's own provider."""
    here = found(guest.request)
    if here is not None and here.standing is not Standing.LOCKED:
        return go_on_to(own_path(next))
    return _door(guest, next)


@pages.act("/sign-in", access=Permission.PUBLIC)
def signing_in(guest: AsGuest, sent: GuestForm) -> Response:
    """Sign in with a password; the second factor is asked for on the next page."""
    email, asked = sent.text("email"), sent.text("next")
    try:
        begun = guest.workspace.sign_in.password(email, as_typed(sent, "password"), device_of(guest.request.headers))
    except SignInRefused as refusal:
        return _door(guest, asked, email=email, wrong=str(refusal))
    return guest.go_on(asked, begun)


def _door(guest: Guest, untrusted_next: str, *, email: str = "", wrong: str = "") -> HTMLResponse:
    return guest.page(
        "sign_in.html",
        status=403 if wrong else 200,
        next=own_path(untrusted_next),
        email=email,
        openid=guest.workspace.sign_in.openid,
        wrong=wrong,
    )


@pages.page("/sign-in/openid", access=Permission.PUBLIC)
def to_provider(guest: AsGuest, next: str = "/", invitation: str = "") -> Response:  # noqa: A002
    """On to the agency's provider (OpenID Connect)."""
    back = guest.origin + _BACK
    begun = guest.workspace.sign_in.openid_begin(back, next_path=own_path(next), invitation=invitation[:200])
    answer = RedirectResponse(begun.address, status_code=303)
    place_of(guest.request).keep(answer, guest.request.headers, begun.pending, AT_PROVIDER, lax=True)
    return answer


@pages.page(_BACK, access=Permission.PUBLIC)
def from_provider(guest: AsGuest) -> Response:
    """Back from the provider, who said who it is."""
    request, place = guest.request, place_of(guest.request)
    pending = request.cookies.get(place.cookie_name(request.headers, AT_PROVIDER), "")
    try:
        begun, asked = guest.workspace.sign_in.openid_finish(
            pending, request.url.query, guest.origin + _BACK, device_of(request.headers)
        )
    except (SignInRefused, AlreadyThere) as refusal:
        answer = _door(guest, "/", wrong=str(refusal))
        place.drop(answer, request.headers, AT_PROVIDER)
        return answer
    # A page and no redirect: the session's cookie goes along only where one of our own pages leads.
    answer = signed_in_at(request, guest.page("signed_in.html", next=own_path(asked)), begun)
    place.drop(answer, request.headers, AT_PROVIDER)
    return answer


# ---------------------------------------------------------------- joining


@pages.page("/join/{token}", access=Permission.PUBLIC)
def invitation(guest: AsGuest, token: str) -> HTMLResponse:
    """Who is invited, and the form to join with."""
    return _invitation(guest, token)


@pages.act("/join/{token}", access=Permission.PUBLIC)
def joining(guest: AsGuest, token: str, sent: GuestForm) -> Response:
    """Join with a name and a password; a second factor comes next."""
    password, name = as_typed(sent, "password"), sent.text("name")
    try:
        if password != as_typed(sent, "again"):
            raise InvalidValue(what="The password", value="…", why="you typed two different ones")
        begun = guest.workspace.sign_in.join(token, name, password, device_of(guest.request.headers))
    except (InvalidValue, AlreadyThere) as refusal:
        return _invitation(guest, token, name=name, wrong=str(refusal))
    return guest.go_on("/", begun)


def _invitation(guest: Guest, token: str, *, name: str | None = None, wrong: str = "") -> HTMLResponse:
    invited = guest.workspace.sign_in.invited(token)
    return guest.page(
        "join.html",
        status=422 if wrong else 200,
        invited=invited,
        name=invited.account.name if name is None else name,
        openid=f"/sign-in/openid?{urlencode({'invitation': token})}" if guest.workspace.sign_in.openid else "",
        wrong=wrong,
    )


# ---------------------------------------------------------------- the second factor


@pages.page("/second-factor", access=Permission.OWN_ACCOUNT, standings=_FACTOR)
def second_factor(here: Held, next: str = "/") -> Response:  # noqa: A002
    """The second factor after the password, or the way to one's first."""
    if here.standing is Standing.OPEN:
        return go_on_to(own_path(next))
    return _factor(here, "second_factor.html", next)


@pages.act("/second-factor", access=Permission.OWN_ACCOUNT, standings=_FACTOR)
def showing(here: Held, sent: Form) -> Response:
    """Show it."""
    return _show(here, sent, "second_factor.html")


@pages.page("/step-up", access=Permission.OWN_ACCOUNT)
def step_up(here: Here, next: str = "/") -> Response:  # noqa: A002
    """The second factor once more, before a search or an export."""
    if here.signed_in is None or not here.signed_in.kinds:
        return go_on_to(own_path(next))
    return _factor(here, "step_up.html", next)


@pages.act("/step-up", access=Permission.OWN_ACCOUNT)
def stepping_up(here: Here, sent: Form) -> Response:
    """Show it again."""
    return _show(here, sent, "step_up.html")


@pages.page("/locked", access=Permission.OWN_ACCOUNT, standings=_LOCKED)
def locked(here: Held, next: str = "/") -> Response:  # noqa: A002
    """A session that was idle: the password or the second factor opens it."""
    if here.standing is not Standing.LOCKED:
        return go_on_to(own_path(next))
    return _factor(here, "locked.html", next)


@pages.act("/locked", access=Permission.OWN_ACCOUNT, standings=_LOCKED)
def unlocking(here: Held, sent: Form) -> Response:
    """Unlock it."""
    return _show(here, sent, "locked.html")


def _show(here: Visit, sent: Sent, template: str) -> Response:
    asked = sent.text("next")
    try:
        return here.go_on(asked, _proof(here, sent))
    except SignInRefused as refusal:
        return _factor(here, template, asked, wrong=str(refusal))


def _proof(here: Visit, sent: Sent) -> Begun:
    door, signed_in = here.workspace.sign_in, here.signed_in
    if signed_in is None:
        raise SignInRefused(why="nobody is signed in here")
    if answer := sent.text("passkey"):
        return door.factors.prove_passkey(signed_in, answer, here.origin)
    if code := sent.text("code"):
        return door.factors.prove_code(signed_in, code)
    if here.standing is Standing.LOCKED:
        return door.unlock(signed_in, as_typed(sent, "password"))
    raise SignInRefused(why="nothing was shown")


def _factor(here: Visit, template: str, untrusted_next: str, *, wrong: str = "") -> HTMLResponse:
    signed_in = here.signed_in
    kinds = frozenset() if signed_in is None else signed_in.kinds
    options: dict[str, Any] | None = None
    if signed_in is not None and FactorKind.PASSKEY in kinds and speaks_for_passkeys(here.origin):
        options = here.workspace.sign_in.factors.begin_passkey(signed_in, here.origin)
    return here.page(
        template,
        status=403 if wrong else 200,
        next=own_path(untrusted_next),
        kinds=frozenset(kind.value for kind in kinds),
        options=None if options is None else json.dumps(options),
        named=named(here.origin),
        wrong=wrong,
    )


def speaks_for_passkeys(origin: str) -> bool:
    """Whether browsers let pages there use passkeys: they want a name, not an address of numbers."""
    try:
        ip_address((urlsplit(origin).hostname or "").strip("[]"))
    except ValueError:
        return True
    return False


def named(origin: str) -> str:
    """The same pages under a name for which passkeys work."""
    port = urlsplit(origin).port
    return origin if speaks_for_passkeys(origin) else f"http://localhost:{port}" if port else "http://localhost"


# ---------------------------------------------------------------- signing out


@pages.act("/sign-out", access=Permission.OWN_ACCOUNT, standings=_ANY)
def signing_out(request: Request, here: Held, sent: Form) -> Response:  # noqa: ARG001
    """End this session."""
    if here.signed_in is None:
        request.app.state.sessions.end(here.session)
    else:
        here.workspace.sign_in.sign_out(here.signed_in)
    answer = go_on_to("/sign-in" if here.signed_in is not None else "/")
    place_of(request).drop(answer, request.headers)
    return answer
