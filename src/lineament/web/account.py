"""One's own account: second factors, recovery codes, sessions, password."""

from __future__ import annotations

import json

from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from lineament.errors import InvalidValue, NotFound, Refused, SignInRefused, StepUpNeeded
from lineament.identity import totp
from lineament.model.accounts import FactorKind, Permission
from lineament.services.people.factors import NewApp
from lineament.services.people.sessions import Begun, Session, Standing, countable
from lineament.web.pages import Form, Held, Here, Pages, Visit, go_on_to
from lineament.web.signin import as_typed, named, speaks_for_passkeys

pages = Pages()

_ENROLLING = frozenset({Standing.OPEN, Standing.UNENROLLED})
_OWN = Permission.OWN_ACCOUNT


def _session(here: Visit) -> Session:
    if here.signed_in is None:
        raise NotFound(what="account", name="yours", hint="lineament user list")
    return here.signed_in


@pages.page("/account", access=_OWN)
def account(here: Here) -> HTMLResponse:
    """My account: second factors, where I am signed in, my password."""
    return _account(here)


def _account(here: Visit, *, wrong: str = "") -> HTMLResponse:
    session, door = here.signed_in, here.workspace.sign_in
    if session is None:
        return here.page("account.html", account=None)
    return here.page(
        "account.html",
        status=422 if wrong else 200,
        account=session.account,
        agency=session.agency,
        policy=session.policy,
        factors=door.factors.all(session),
        countable={kind.value for kind in countable(session.policy)},
        sessions=door.sessions(session),
        this=session.id,
        wrong=wrong,
    )


@pages.act("/account/password", access=_OWN)
def changing_password(here: Here, sent: Form) -> Response:
    """Another password; all other sessions end."""
    new = as_typed(sent, "new")
    try:
        if new != as_typed(sent, "again"):
            raise InvalidValue(what="The password", value="…", why="you typed two different ones")
        begun = here.workspace.sign_in.change_password(_session(here), as_typed(sent, "old"), new)
    except (InvalidValue, SignInRefused) as refusal:
        return _account(here, wrong=str(refusal))
    return here.go_on("/account", begun)


# ---------------------------------------------------------------- second factors


@pages.page("/account/passkey", access=_OWN, standings=_ENROLLING)
def new_passkey(here: Held) -> HTMLResponse:
    """A new passkey."""
    return _new_passkey(here)


@pages.act("/account/passkey", access=_OWN, standings=_ENROLLING)
def adding_passkey(here: Held, sent: Form) -> Response:
    """Add the passkey that the browser made."""
    session = _session(here)
    try:
        begun = here.workspace.sign_in.factors.enrol_passkey(
            session, sent.text("passkey"), here.origin, sent.text("name")
        )
    except SignInRefused as refusal:
        return _new_passkey(here, wrong=str(refusal))
    return _added(here, session, begun)


def _new_passkey(here: Visit, *, wrong: str = "") -> HTMLResponse:
    options = None
    if speaks_for_passkeys(here.origin):
        options = here.workspace.sign_in.factors.begin_passkey_enrolment(_session(here), here.origin)
    return here.page(
        "account_passkey.html",
        status=403 if wrong else 200,
        options=None if options is None else json.dumps(options),
        named=named(here.origin),
        wrong=wrong,
    )


@pages.page("/account/app", access=_OWN, standings=_ENROLLING)
def new_app(here: Held) -> HTMLResponse:
    """A new app for codes."""
    return _new_app(here, here.workspace.sign_in.factors.begin_totp(_session(here)))


@pages.act("/account/app", access=_OWN, standings=_ENROLLING)
def adding_app(here: Held, sent: Form) -> Response:
    """Add the app, with a first code of it."""
    session, factors, pending = _session(here), here.workspace.sign_in.factors, sent.text("pending")
    try:
        begun = factors.enrol_totp(session, pending, sent.text("code"), sent.text("name"))
    except SignInRefused as refusal:
        return _new_app(here, factors.pending_totp(session, pending), wrong=str(refusal))
    return _added(here, session, begun)


def _new_app(here: Visit, new: NewApp, *, wrong: str = "") -> HTMLResponse:
    secret = " ".join(new.secret[at : at + 4] for at in range(0, len(new.secret), 4))
    return here.page(
        "account_app.html",
        status=403 if wrong else 200,
        secret=secret,
        qr=Markup(totp.qr_svg(new.address)),  # noqa: S704 - drawn by us: the address is in it as squares alone
        pending=new.pending,
        wrong=wrong,
    )


def _added(here: Visit, session: Session, begun: Begun) -> Response:
    first = not session.enrolled and not session.policy.passkey_only
    return here.go_on("/account/recovery" if first else "/account", begun)


@pages.page("/account/recovery", access=_OWN)
def recovery(here: Here) -> HTMLResponse:
    """What recovery codes are for."""
    left = [one.left for one in here.workspace.sign_in.factors.all(_session(here)) if one.kind is FactorKind.RECOVERY]
    return here.page("account_recovery.html", codes=(), left=sum(left))


@pages.act("/account/recovery", access=_OWN)
def new_codes(here: Here, sent: Form) -> Response:  # noqa: ARG001 - its token was checked
    """New recovery codes, shown this once."""
    try:
        codes = here.workspace.sign_in.factors.new_recovery_codes(_session(here))
    except StepUpNeeded:
        return go_on_to("/step-up?next=/account/recovery")
    return here.page("account_recovery.html", codes=codes, left=len(codes))


@pages.act("/account/factors/{factor_id}/remove", access=_OWN)
def removing(here: Here, sent: Form, factor_id: str) -> Response:  # noqa: ARG001
    """Remove a second factor; never the last where one is wanted."""
    try:
        here.workspace.sign_in.factors.remove(_session(here), factor_id)
    except StepUpNeeded:
        return go_on_to("/step-up?next=/account")
    except Refused as refusal:
        return _account(here, wrong=str(refusal))
    return go_on_to("/account")


# ---------------------------------------------------------------- sessions


@pages.act("/account/sessions/others/end", access=_OWN)
def ending_others(here: Here, sent: Form) -> Response:  # noqa: ARG001
    """End every other session of mine."""
    here.workspace.sign_in.end_others(_session(here))
    return go_on_to("/account")


@pages.act("/account/sessions/{session_id}/end", access=_OWN)
def ending(here: Here, sent: Form, session_id: str) -> Response:  # noqa: ARG001
    """End one of my sessions."""
    if not here.workspace.sign_in.end(_session(here), session_id):
        raise NotFound(what="session", name=session_id[:40], hint="the page of your account")
    return go_on_to("/account")
