"""The base of all pages: the router on which access is declared, and the visit that a route receives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import wraps
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament import errors
from lineament.errors import FactorNeeded, LineamentError, NotSignedIn, SessionLocked, SignInNeeded
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.services.gallery.take_in import MOST_SENT
from lineament.services.people.callers import Caller
from lineament.services.people.sessions import Session, SessionKey, SessionState
from lineament.views.failures import failure_for
from lineament.web import failures
from lineament.web.doors import caller_of, remember_device
from lineament.web.forms import SentForm, read_form
from lineament.web.obstacles import halts
from lineament.web.rejected import RejectedForm
from lineament.web.render import Renderer
from lineament.web.scripted import NEEDS, SIGN_IN_PAGES, draft_tag
from lineament.web.security import BrowserSession, SiteAddress, new_key, own_path
from lineament.workspace import Desk, Workspace

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
ResponseT = TypeVar("ResponseT", bound=Response)

FORM_COOKIE = "form"
"""The cookie of a browser that got a form before signing in."""

OPEN = frozenset({SessionState.OPEN})
_FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
_ERRORS: dict[SessionState, type[LineamentError]] = {
    SessionState.LOCKED: SessionLocked,
    SessionState.UNPROVED: FactorNeeded,
    SessionState.UNENROLLED: FactorNeeded,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request for a page, or a form that was sent from one."""

    request: Request
    session: BrowserSession
    rejected: RejectedForm | None = None  # the form that the page shows again

    @property
    def origin(self) -> str:
        """The origin under which the browser reaches these pages."""
        return site_of(self.request).origin(self.request.headers)

    @property
    def caller(self) -> Caller:
        """Where the request comes from, for the limits of signing in."""
        return caller_of(site_of(self.request), self.request)

    def typed(self, name: str, first: str = "") -> str:
        """Return what was typed in a field of the rejected form, or ``first``."""
        return first if self.rejected is None else self.rejected.form.typed(name)

    def signed_in_redirect(self, address: str, new_key: SessionKey) -> RedirectResponse:
        """Redirect to a path of ours under the session's new key."""
        return with_session(self.request, redirect(own_path(address)), new_key)

    def render(self, template: str, **values: object) -> HTMLResponse:
        """Render a template with what every page needs; the status is that of the rejected form, or 200."""
        renderer: Renderer = self.request.app.state.renderer
        path, csrf = self.request.url.path, self.session.csrf
        html = renderer.page(template, path=path, csrf=csrf, rejected=self.rejected, **values)
        return HTMLResponse(html, status_code=200 if self.rejected is None else self.rejected.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(PageRequest):
    """A request with a session: of an official who signed in, or the one person of a solo workspace."""

    desk: Desk
    signed_in: Session | None  # None: with the start-up token, in a solo workspace

    @property
    def standing(self) -> SessionState:
        """What this session may open."""
        return SessionState.OPEN if self.signed_in is None else self.signed_in.standing

    @property
    def workspace(self) -> Workspace:
        """The workspace itself."""
        return self.desk.workspace

    def page(self, template: str, **values: object) -> HTMLResponse:
        """Render a whole page; if it is about a ``case``, it says whose that is."""
        case = values.get("case")
        if isinstance(case, Case) and not self.desk.official.solo:
            values["owner"] = self.desk.overview.owners([case])[case.agency_id]
        return self.render(
            template,
            official=self.desk.official,
            as_of=self.desk.clock().replace(second=0, microsecond=0),
            agency_name="" if self.signed_in is None else self.signed_in.agency,
            signed_in=self.signed_in,
            drafts_of=draft_tag(self.desk),
            halts=halts(self.desk) if self.standing is SessionState.OPEN else [],
            **values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest(PageRequest):
    """A request for a form before signing in: its session only ties the form to the browser that it was shown to."""

    workspace: Workspace

    def page(self, template: str, **values: object) -> HTMLResponse:
        """Render a whole page, which shows nothing of the workspace except ``values``."""
        response = self.render(template, **values)
        site_of(self.request).set_cookie(response, self.request.headers, self.session.key, FORM_COOKIE)
        return response


def site_of(request: Request) -> SiteAddress:
    """Return where these pages are reached."""
    site: SiteAddress = request.app.state.site
    return site


def redirect(address: str) -> RedirectResponse:
    """Redirect after a successful form to a page that can be reloaded without sending the form again."""
    return RedirectResponse(address, status_code=303)


def with_session(request: Request, response: ResponseT, new_key: SessionKey) -> ResponseT:
    """Set the cookie with the session's key and that of a device now known, and delete that of the form before it."""
    site = site_of(request)
    site.set_cookie(response, request.headers, new_key.key)
    if new_key.device is not None:
        remember_device(site, request, response, new_key.device)
    if site.cookie_name(request.headers, FORM_COOKIE) in request.cookies:
        site.delete_cookie(response, request.headers, FORM_COOKIE)
    return response


def image(data: bytes, media_type: str = "image/jpeg") -> Response:
    """Send a picture that we encoded ourselves."""
    return Response(data, media_type=media_type)


def download(untrusted: bytes, filename: str) -> Response:
    """Send untrusted bytes for the browser to save under a name; nothing in them runs."""
    return Response(
        untrusted,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            "content-security-policy": _FILE_POLICY,
        },
    )


async def ask_to_sign_in(request: Request, error: Exception) -> Response:
    """Redirect a GET to the sign-in page and from there back; refuse a form, because it would not be sent again."""
    if not isinstance(error, LineamentError):
        return await failures.lineament_error(request, error)
    page = next(SIGN_IN_PAGES[kind] for kind in type(error).__mro__ if kind in SIGN_IN_PAGES)
    if request.method != "GET":
        refusal = await failures.lineament_error(request, error)
        refusal.headers[NEEDS] = page
        return refusal
    query = request.url.query
    wanted = own_path(quote(request.url.path, safe="/~") + (f"?{query}" if query else ""))
    return redirect(page if wanted == "/" else f"{page}?{urlencode({'next': wanted})}")


# ---------------------------------------------------------------- who is there


def known_visit(request: Request) -> Visit | None:
    """Return the visit of a browser with a session, whatever its standing; None if it has none."""
    workspace: Workspace = request.app.state.workspace
    site, sessions = site_of(request), request.app.state.sessions
    cookie = request.cookies.get(site.cookie_name(request.headers))
    if cookie is None:
        return None
    with_token = None if site.is_public(request.headers) else sessions.find(cookie)
    if with_token is not None:
        desk = workspace.desk_at_the_machine()
        if not desk.official.solo:
            return None
        return Visit(request=request, session=with_token, desk=desk, signed_in=None)
    signed_in = workspace.sign_in.session(cookie)
    if signed_in is None:
        return None
    session, desk = BrowserSession(cookie), workspace.desk(signed_in.official)
    return Visit(request=request, session=session, desk=desk, signed_in=signed_in)


def _any_visit(request: Request) -> Visit:
    visit = known_visit(request)
    if visit is not None:
        return visit
    workspace: Workspace = request.app.state.workspace
    raise NotSignedIn if workspace.desk_at_the_machine().official.solo else SignInNeeded


AnyVisit = Annotated[Visit, Depends(_any_visit)]
"""Anybody with a session in any state, for the few routes that are open in states other than OPEN."""


async def _current_visit(visit: AnyVisit) -> Visit:
    _check_standing(visit, OPEN)
    return visit


CurrentVisit = Annotated[Visit, Depends(_current_visit)]
"""Somebody who is signed in."""


async def _current_guest(request: Request) -> Guest:
    key = request.cookies.get(site_of(request).cookie_name(request.headers, FORM_COOKIE), "")
    session = BrowserSession(key if len(key) >= 40 else new_key())
    return Guest(request=request, session=session, workspace=request.app.state.workspace)


CurrentGuest = Annotated[Guest, Depends(_current_guest)]
"""Anybody."""


def _check_standing(visit: Visit, standings: Collection[SessionState]) -> None:
    if visit.standing not in standings:
        raise _ERRORS.get(visit.standing, SignInNeeded)


def _check_access(permission: Permission, standings: Collection[SessionState]) -> Callable[[Visit], Any]:
    async def check(visit: AnyVisit) -> None:
        _check_standing(visit, standings)
        visit.desk.record.require(permission)

    return check


async def _sent_form(visit: AnyVisit) -> SentForm:
    site_of(visit.request).check_origin(visit.request.headers)
    return await read_form(visit.request, visit.session, limit=visit.desk.settings.max_file_bytes)


Form = Annotated[SentForm, Depends(_sent_form)]


async def _sent_parts(visit: AnyVisit) -> SentForm:
    site_of(visit.request).check_origin(visit.request.headers)
    return await read_form(visit.request, visit.session, limit=MOST_SENT)


PartsForm = Annotated[SentForm, Depends(_sent_parts)]
"""A form with parts of files, whatever the largest picture may be; its route says so with ``parts``."""


async def _guest_form(guest: CurrentGuest) -> SentForm:
    site = site_of(guest.request)
    site.check_origin(guest.request.headers)
    if site.cookie_name(guest.request.headers, FORM_COOKIE) not in guest.request.cookies:
        raise errors.ForeignRequest
    return await read_form(guest.request, guest.session, limit=0)


GuestForm = Annotated[SentForm, Depends(_guest_form)]


# ---------------------------------------------------------------- routes


def rejected_form(action: str, form: SentForm, error: LineamentError) -> RejectedForm:
    """Return a form that was not accepted, with the status of its error."""
    return RejectedForm(action=action, form=form, error=error, status=failure_for(error).status)


def _with_page(act: Endpoint, page: Callable[..., Response]) -> Endpoint:
    """Wrap the endpoint of a form: if it is not accepted, ``page`` is shown again, with what was typed and the error.

    If it is accepted and a page answers it, that is shown at an address of its own (``kept_pages``).
    ``page`` is called with those of the endpoint's arguments that it has; its visit carries the rejected form.
    """
    takes = inspect.signature(page).parameters
    visitor = "visit" if "visit" in takes else "guest"

    @wraps(act)
    def endpoint(**arguments: Any) -> Response:
        visit = arguments[visitor]
        try:
            response: Response = act(**arguments)
        except LineamentError as error:
            if not failures.is_correctable(error):
                raise
            rejected = rejected_form(visit.request.url.path, arguments["form"], error)
            known = {name: value for name, value in arguments.items() if name in takes}
            return failures.with_wait(page(**known | {visitor: replace(visit, rejected=rejected)}), error)
        if type(response) is HTMLResponse and isinstance(visit, Visit):
            html, policy = bytes(response.body), response.headers.get("content-security-policy")
            token = visit.request.app.state.kept_pages.keep(visit.session.csrf, html, policy)
            return redirect(f"/answers/{token}")
        return response

    return endpoint  # type: ignore[return-value]  # same signature, by functools.wraps


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoute:
    """A declared route; ``docs/reference/pages.md`` and the tests of all routes are made from these."""

    method: str
    path: str
    access: Permission
    endpoint: Callable[..., Any]
    page: Callable[..., Response] | None = None  # of a form: the endpoint that shows it again

    @property
    def summary(self) -> str:
        """The first sentence of the endpoint's docstring."""
        return " ".join((self.endpoint.__doc__ or "").partition("\n\n")[0].split())


class Pages(APIRouter):
    """Routes with their access. None is open by default, and every form is checked before it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[PageRoute] = []

    def page(
        self, path: str, *, access: Permission, standings: Collection[SessionState] = OPEN
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a page or a picture; ``standings`` are those that it is open to."""
        needs = [] if access is Permission.PUBLIC else [Depends(_check_access(access, standings))]

        def declare(endpoint: Endpoint) -> Endpoint:
            self._add(PageRoute(method="GET", path=path, access=access, endpoint=endpoint), endpoint, needs)
            return endpoint

        return declare

    def act(
        self,
        path: str,
        *,
        access: Permission,
        page: Callable[..., Response] | None,
        standings: Collection[SessionState] = OPEN,
        parts: bool = False,
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a form: sent by POST, from one of our own pages, by whoever it was shown to.

        ``page`` has the form and is shown again if it is not accepted; None if nothing can be wrong with it, or its
        answer opens elsewhere. ``parts`` says that it is a PartsForm.
        """
        needs = [Depends(_guest_form)]
        if access is not Permission.PUBLIC:
            needs = [Depends(_check_access(access, standings)), Depends(_sent_parts if parts else _sent_form)]

        def declare(endpoint: Endpoint) -> Endpoint:
            route = PageRoute(method="POST", path=path, access=access, endpoint=endpoint, page=page)
            self._add(route, endpoint if page is None else _with_page(endpoint, page), needs)
            return endpoint

        return declare

    def _add(self, route: PageRoute, endpoint: Callable[..., Any], needs: list[Any]) -> None:
        self.declared.append(route)
        self.add_api_route(
            route.path,
            endpoint,
            methods=[route.method],
            dependencies=needs,
            response_model=None,
            response_class=HTMLResponse,
            include_in_schema=False,
        )
