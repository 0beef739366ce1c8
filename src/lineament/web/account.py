"""One's own account: second factors, recovery codes, sessions, password."""

from __future__ import annotations

import json

from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from lineament.errors import NotFound, StepUpNeeded
from lineament.identity import totp
from lineament.model.accounts import FactorKind, Permission
from lineament.services.people.sessions import Session, SessionKey, SessionState, countable
from lineament.web.pages import AnyVisit, CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.signin import passkey_origin, takes_passkeys

pages = Pages()

_ENROLLING = frozenset({SessionState.OPEN, SessionState.UNENROLLED})
_OWN = Permission.OWN_ACCOUNT


def _session(visit: Visit) -> Session:
    if visit.signed_in is None:
        raise NotFound(what="account", name="yours", hint="lineament user list")
    return visit.signed_in


@pages.page("/account", access=_OWN)
def account(visit: CurrentVisit) -> HTMLResponse:
    """My account: second factors, where I am signed in, my password."""
    session, sign_in = visit.signed_in, visit.workspace.sign_in
    if session is None:
        return visit.page("account.html", account=None)
    return visit.page(
        "account.html",
        account=session.account,
        agency=session.agency,
        policy=session.policy,
        factors=sign_in.factors.all(session),
        countable={kind.value for kind in countable(session.policy)},
        sessions=sign_in.sessions(session),
        this=session.id,
    )


@pages.act("/account/password", access=_OWN, page=account)
def change_password(visit: CurrentVisit, form: Form) -> Response:
    """Change the password; all other sessions end."""
    old, new = form.typed("old"), form.new_password()
    new_key = visit.workspace.sign_in.change_password(_session(visit), old, new, caller=visit.caller)
    return visit.signed_in_redirect("/account", new_key)


# ---------------------------------------------------------------- second factors


@pages.page("/account/passkey", access=_OWN, standings=_ENROLLING)
def new_passkey(visit: AnyVisit) -> HTMLResponse:
    """The form that adds a passkey."""
    options = None
    if takes_passkeys(visit.origin):
        options = visit.workspace.sign_in.factors.begin_passkey_enrolment(_session(visit), visit.origin)
    return visit.page(
        "account_passkey.html",
        options=None if options is None else json.dumps(options),
        passkey_origin=passkey_origin(visit.origin),
    )


@pages.act("/account/passkey", access=_OWN, standings=_ENROLLING, page=new_passkey)
def add_passkey(visit: AnyVisit, form: Form) -> Response:
    """Add the passkey that the browser created."""
    session, factors = _session(visit), visit.workspace.sign_in.factors
    answer, name = form.text("passkey"), form.text("name")
    return _finish_adding(
        visit, session, factors.enrol_passkey(session, answer, visit.origin, name, caller=visit.caller)
    )


@pages.page("/account/app", access=_OWN, standings=_ENROLLING)
def new_app(visit: AnyVisit) -> HTMLResponse:
    """The form that adds an app for codes; after a wrong first code it shows the same key."""
    factors, session = visit.workspace.sign_in.factors, _session(visit)
    pending = visit.typed("pending")
    new = factors.pending_totp(session, pending) if pending else factors.begin_totp(session)
    return visit.page(
        "account_app.html",
        secret=" ".join(new.secret[at : at + 4] for at in range(0, len(new.secret), 4)),
        qr=Markup(totp.qr_svg(new.address)),  # noqa: S704 - drawn by us: the address is in it only as squares
        pending=new.pending,
    )


@pages.act("/account/app", access=_OWN, standings=_ENROLLING, page=new_app)
def add_app(visit: AnyVisit, form: Form) -> Response:
    """Add the app, with a first code from it."""
    session, factors = _session(visit), visit.workspace.sign_in.factors
    pending, code, name = form.text("pending"), form.text("code"), form.text("name")
    return _finish_adding(visit, session, factors.enrol_totp(session, pending, code, name, caller=visit.caller))


def _finish_adding(visit: Visit, session: Session, new_key: SessionKey) -> Response:
    first = not session.enrolled and not session.policy.passkey_only
    return visit.signed_in_redirect("/account/recovery" if first else "/account", new_key)


@pages.page("/account/recovery", access=_OWN)
def recovery(visit: CurrentVisit) -> HTMLResponse:
    """What recovery codes are for, and how many are left."""
    factors = visit.workspace.sign_in.factors.all(_session(visit))
    left = sum(factor.left for factor in factors if factor.kind is FactorKind.RECOVERY)
    return visit.page("account_recovery.html", codes=(), left=left)


@pages.act("/account/recovery", access=_OWN, page=recovery)
def new_codes(visit: CurrentVisit, form: Form) -> Response:  # noqa: ARG001 - its token was checked
    """Make new recovery codes, which are shown for ten minutes."""
    try:
        codes = visit.workspace.sign_in.factors.new_recovery_codes(_session(visit))
    except StepUpNeeded:
        return redirect("/step-up?next=/account/recovery")
    return visit.page("account_recovery.html", codes=codes, left=len(codes))


@pages.act("/account/factors/{factor_id}/remove", access=_OWN, page=account)
def remove_factor(visit: CurrentVisit, form: Form, factor_id: str) -> Response:  # noqa: ARG001
    """Remove a second factor, but never the last if one is required."""
    try:
        visit.workspace.sign_in.factors.remove(_session(visit), factor_id)
    except StepUpNeeded:
        return redirect("/step-up?next=/account")
    return redirect("/account")


# ---------------------------------------------------------------- sessions


@pages.act("/account/sessions/others/end", access=_OWN, page=account)
def end_other_sessions(visit: CurrentVisit, form: Form) -> Response:  # noqa: ARG001
    """End all my other sessions, and forget the other browsers that I signed in with."""
    visit.workspace.sign_in.end_others(_session(visit), caller=visit.caller)
    return redirect("/account")


@pages.act("/account/sessions/{session_id}/end", access=_OWN, page=account)
def end_session(visit: CurrentVisit, form: Form, session_id: str) -> Response:  # noqa: ARG001
    """End one of my sessions."""
    if not visit.workspace.sign_in.end(_session(visit), session_id):
        raise NotFound(what="session", name=session_id[:40], hint="the page of your account")
    return redirect("/account")
