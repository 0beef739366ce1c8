"""Signing in, proving the second factor, unlocking, joining, signing out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import Headers

from lineament.errors import AlreadyThere, SignInRefused
from lineament.model.accounts import FactorKind, Permission
from lineament.services.people.sessions import SessionKey, SessionState
from lineament.web.forms import SentForm
from lineament.web.pages import (
    AnyVisit,
    CurrentGuest,
    CurrentVisit,
    Form,
    GuestForm,
    Pages,
    Visit,
    known_visit,
    redirect,
    rejected_form,
    site_of,
    with_session,
)
from lineament.web.scripted import BACK
from lineament.web.security import own_path

pages = Pages()

PROVIDER_COOKIE = "openid"
"""The cookie of a sign-in in progress at the agency's provider."""
_FROM_PROVIDER = "/sign-in/openid/back"
_ANY = frozenset(SessionState)
_FACTOR = frozenset({SessionState.OPEN, SessionState.UNPROVED, SessionState.UNENROLLED})
_LOCKED = frozenset({SessionState.OPEN, SessionState.LOCKED})

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
    """Return the browser's name in a few words, such as “Firefox on Linux”, for the owner's list of sessions."""
    agent = headers.get("user-agent", "")[:500]
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    known = " on ".join(part for part in (browser, system) if part)
    return known or re.sub(r"[^ -~]", " ", agent)[:60].strip() or "a browser"


# ---------------------------------------------------------------- signing in


@pages.page("/sign-in", access=Permission.PUBLIC)
def sign_in(guest: CurrentGuest, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Sign in with address and password, or with the agency's own provider."""
    visit = known_visit(guest.request)
    if visit is not None and visit.standing is not SessionState.LOCKED and guest.rejected is None:
        return redirect(own_path(next))
    wanted = own_path(guest.typed("next", next))
    return guest.page("sign_in.html", next=wanted, openid=guest.workspace.sign_in.openid)


@pages.act("/sign-in", access=Permission.PUBLIC, page=sign_in)
def sign_in_with_password(guest: CurrentGuest, form: GuestForm) -> Response:
    """Sign in with a password; the second factor is asked for on the next page."""
    new_key = guest.workspace.sign_in.password(
        form.text("email"), form.typed("password"), device_of(guest.request.headers), caller=guest.caller
    )
    return guest.signed_in_redirect(form.text("next"), new_key)


@pages.page("/sign-in/openid", access=Permission.PUBLIC)
def to_provider(guest: CurrentGuest, next: str = "/", invitation: str = "") -> Response:  # noqa: A002
    """Go to the agency's provider (OpenID Connect)."""
    back = guest.origin + _FROM_PROVIDER
    sign_in = guest.workspace.sign_in.openid_begin(back, next_path=own_path(next), invitation=invitation[:200])
    response = RedirectResponse(sign_in.address, status_code=303)
    site_of(guest.request).set_lax_cookie(response, guest.request.headers, sign_in.pending, PROVIDER_COOKIE)
    return response


@pages.page(_FROM_PROVIDER, access=Permission.PUBLIC)
def from_provider(guest: CurrentGuest) -> Response:
    """Come back from the provider, which says who signed in."""
    request, site = guest.request, site_of(guest.request)
    pending = request.cookies.get(site.cookie_name(request.headers, PROVIDER_COOKIE), "")
    try:
        new_key, wanted = guest.workspace.sign_in.openid_finish(
            pending, request.url.query, guest.origin + _FROM_PROVIDER, device_of(request.headers), caller=guest.caller
        )
    except (SignInRefused, AlreadyThere) as error:
        response = sign_in(replace(guest, rejected=rejected_form(_FROM_PROVIDER, SentForm(), error)))
    else:
        # A page and no redirect: the browser sends the session's cookie only if one of our own pages leads on.
        response = with_session(request, guest.page("signed_in.html", next=own_path(wanted)), new_key)
    site.delete_cookie(response, request.headers, PROVIDER_COOKIE)
    return response


# ---------------------------------------------------------------- joining


@pages.page("/join/{token}", access=Permission.PUBLIC)
def invitation(guest: CurrentGuest, token: str) -> HTMLResponse:
    """Who is invited, and the form to join with."""
    sign_in = guest.workspace.sign_in
    openid = f"/sign-in/openid?{urlencode({'invitation': token})}" if sign_in.openid else ""
    return guest.page("join.html", invited=sign_in.invited(token, caller=guest.caller), openid=openid)


@pages.act("/join/{token}", access=Permission.PUBLIC, page=invitation)
def join(guest: CurrentGuest, token: str, form: GuestForm) -> Response:
    """Join with a name and a password; a second factor comes next."""
    new_key = guest.workspace.sign_in.join(
        token, form.text("name"), form.new_password(), device_of(guest.request.headers), caller=guest.caller
    )
    return guest.signed_in_redirect("/", new_key)


# ---------------------------------------------------------------- the second factor


@pages.page("/second-factor", access=Permission.OWN_ACCOUNT, standings=_FACTOR)
def second_factor(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002
    """The second factor after the password, or the way to add one."""
    if visit.standing is SessionState.OPEN and visit.rejected is None:
        return redirect(own_path(next))
    return _factor_page(visit, "second_factor.html", next)


@pages.act("/second-factor", access=Permission.OWN_ACCOUNT, standings=_FACTOR, page=second_factor)
def show_second_factor(visit: AnyVisit, form: Form) -> Response:
    """Show the second factor."""
    return visit.signed_in_redirect(form.text("next"), _proof(visit, form))


@pages.page("/step-up", access=Permission.OWN_ACCOUNT)
def step_up(visit: CurrentVisit, next: str = "/") -> Response:  # noqa: A002
    """The second factor once more, before a search or an export."""
    if (visit.signed_in is None or not visit.signed_in.kinds) and visit.rejected is None:
        return redirect(own_path(next))
    return _factor_page(visit, "step_up.html", next)


@pages.act("/step-up", access=Permission.OWN_ACCOUNT, page=step_up)
def show_again(visit: CurrentVisit, form: Form) -> Response:
    """Show the second factor again."""
    return visit.signed_in_redirect(form.text("next"), _proof(visit, form))


@pages.page("/locked", access=Permission.OWN_ACCOUNT, standings=_LOCKED)
def locked(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002
    """A session that was idle; the password or the second factor unlocks it."""
    if visit.standing is not SessionState.LOCKED and visit.rejected is None:
        return redirect(own_path(next))
    return _factor_page(visit, "locked.html", next)


@pages.act("/locked", access=Permission.OWN_ACCOUNT, standings=_LOCKED, page=locked)
def unlock(visit: AnyVisit, form: Form) -> Response:
    """Unlock an idle session."""
    return visit.signed_in_redirect(form.text("next"), _proof(visit, form))


def _proof(visit: Visit, form: SentForm) -> SessionKey:
    sign_in, signed_in, caller = visit.workspace.sign_in, visit.signed_in, visit.caller
    if signed_in is None:
        raise SignInRefused(why="nobody is signed in here")
    if answer := form.text("passkey"):
        return sign_in.factors.prove_passkey(signed_in, answer, visit.origin, caller=caller)
    if code := form.text("code"):
        return sign_in.factors.prove_code(signed_in, code, caller=caller)
    if visit.standing is SessionState.LOCKED:
        return sign_in.unlock(signed_in, form.typed("password"), caller=caller)
    raise SignInRefused(why="nothing was shown")


def _factor_page(visit: Visit, template: str, untrusted_next: str) -> HTMLResponse:
    signed_in = visit.signed_in
    kinds = frozenset() if signed_in is None else signed_in.kinds
    options: dict[str, Any] | None = None
    if signed_in is not None and FactorKind.PASSKEY in kinds and takes_passkeys(visit.origin):
        options = visit.workspace.sign_in.factors.begin_passkey(signed_in, visit.origin)
    return visit.page(
        template,
        next=own_path(visit.typed("next", untrusted_next)),
        kinds=frozenset(kind.value for kind in kinds),
        options=None if options is None else json.dumps(options),
        passkey_origin=passkey_origin(visit.origin),
    )


def takes_passkeys(origin: str) -> bool:
    """Return whether browsers let pages of that origin use passkeys: they want a name, not an IP address."""
    try:
        ip_address((urlsplit(origin).hostname or "").strip("[]"))
    except ValueError:
        return True
    return False


def passkey_origin(origin: str) -> str:
    """Return the origin of the same pages under a name for which passkeys work."""
    port = urlsplit(origin).port
    return origin if takes_passkeys(origin) else f"http://localhost:{port}" if port else "http://localhost"


@pages.page(BACK, access=Permission.OWN_ACCOUNT)
def back_to_form(visit: CurrentVisit) -> HTMLResponse:
    """Where signing in for a form in another tab leads: the form can be sent now, and what was typed is still there."""
    return visit.page("back_to_form.html")


# ---------------------------------------------------------------- signing out


@pages.act("/sign-out", access=Permission.OWN_ACCOUNT, standings=_ANY, page=None)
def sign_out(request: Request, visit: AnyVisit, form: Form) -> Response:  # noqa: ARG001
    """End this session."""
    if visit.signed_in is None:
        request.app.state.sessions.end(visit.session)
    else:
        visit.workspace.sign_in.sign_out(visit.signed_in)
    response = redirect("/sign-in" if visit.signed_in is not None else "/")
    site_of(request).delete_cookie(response, request.headers)
    response.headers["clear-site-data"] = '"cache", "storage"'
    return response
