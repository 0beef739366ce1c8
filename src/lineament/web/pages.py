"""What every page is made with: the router on which access is declared, and the visit that a route is given."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament import errors
from lineament.errors import FactorNeeded, LineamentError, NotSignedIn, SessionLocked, SignInNeeded, StepUpNeeded
from lineament.model.accounts import Permission
from lineament.services.people.sessions import Begun, Standing
from lineament.services.people.sessions import Session as SignedIn
from lineament.web import failures
from lineament.web.forms import Sent, checked
from lineament.web.render import Renderer
from lineament.web.security import Place, Session, new_key, own_path
from lineament.workspace import Desk, Workspace

Route = TypeVar("Route", bound=Callable[..., Any])

FORM = "form"
"""The cookie of a browser that is shown a form before it is signed in."""

OPEN = frozenset({Standing.OPEN})
_NEEDED: dict[Standing, type[LineamentError]] = {
    Standing.LOCKED: SessionLocked,
    Standing.UNPROVED: FactorNeeded,
    Standing.UNENROLLED: FactorNeeded,
}
_WHERE: dict[type[Exception], str] = {
    SessionLocked: "/locked",
    FactorNeeded: "/second-factor",
    StepUpNeeded: "/step-up",
    SignInNeeded: "/sign-in",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who may be here: an official who signed in, or the one person of a solo workspace."""

    request: Request
    session: Session
    desk: Desk
    signed_in: SignedIn | None  # None: with the start-up token, in a solo workspace

    @property
    def standing(self) -> Standing:
        """What is open to this visit."""
        return Standing.OPEN if self.signed_in is None else self.signed_in.standing

    @property
    def workspace(self) -> Workspace:
        """The workspace itself."""
        return self.desk.workspace

    @property
    def origin(self) -> str:
        """Where the browser is, as it says itself; one of the names of these pages."""
        return place_of(self.request).origin(self.request.headers)

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A whole page."""
        renderer: Renderer = self.request.app.state.renderer
        html = renderer.page(
            template,
            path=self.request.url.path,
            csrf=self.session.csrf,
            official=self.desk.official,
            agency_name="" if self.signed_in is None else self.signed_in.agency,
            signed_in=self.signed_in,
            **values,
        )
        return HTMLResponse(html, status_code=status)

    def go_on(self, address: str, begun: Begun) -> RedirectResponse:
        """The next page, under the session's new key."""
        return signed_in_at(self.request, go_on_to(own_path(address)), begun)


@dataclass(frozen=True, slots=True)
class Guest:
    """One request of anybody, who is shown a form before signing in."""

    request: Request
    session: Session  # not signed in: it only ties the form to the browser that it was shown to
    workspace: Workspace

    @property
    def origin(self) -> str:
        """Where the browser is, as it says itself; one of the names of these pages."""
        return place_of(self.request).origin(self.request.headers)

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A whole page, which shows nothing of the workspace but what is given here."""
        renderer: Renderer = self.request.app.state.renderer
        html = renderer.page(template, path=self.request.url.path, csrf=self.session.csrf, **values)
        answer = HTMLResponse(html, status_code=status)
        place_of(self.request).keep(answer, self.request.headers, self.session.key, FORM)
        return answer

    def go_on(self, address: str, begun: Begun) -> RedirectResponse:
        """The next page, signed in."""
        return signed_in_at(self.request, go_on_to(own_path(address)), begun)


Answer = TypeVar("Answer", bound=Response)


def place_of(request: Request) -> Place:
    """Where these pages are reached."""
    place: Place = request.app.state.place
    return place


def go_on_to(address: str) -> RedirectResponse:
    """What follows a form that did its work: the next page, which can be read again without doing it twice."""
    return RedirectResponse(address, status_code=303)


def signed_in_at(request: Request, answer: Answer, begun: Begun) -> Answer:
    """The answer with the session's key in the cookie; the form that was shown before it is spent."""
    place = place_of(request)
    place.keep(answer, request.headers, begun.key)
    if place.cookie_name(request.headers, FORM) in request.cookies:
        place.drop(answer, request.headers, FORM)
    return answer


def picture(data: bytes, media_type: str = "image/jpeg") -> Response:
    """A picture that we made ourselves."""
    return Response(data, media_type=media_type)


async def elsewhere(request: Request, error: Exception) -> Response:
    """Where to go first, and then on to what was asked for; a form is refused, for it is not sent twice."""
    if not isinstance(error, LineamentError) or request.method != "GET":
        return await failures.lineament_error(request, error)
    where = next(_WHERE[kind] for kind in type(error).__mro__ if kind in _WHERE)
    query = request.url.query
    asked = own_path(quote(request.url.path, safe="/~") + (f"?{query}" if query else ""))
    return go_on_to(where if asked == "/" else f"{where}?{urlencode({'next': asked})}")


# ---------------------------------------------------------------- who is there


def found(request: Request) -> Visit | None:
    """The visit of a browser that is known, whatever is open to it; None where it is not."""
    workspace: Workspace = request.app.state.workspace
    place, sessions = place_of(request), request.app.state.sessions
    cookie = request.cookies.get(place.cookie_name(request.headers))
    if cookie is None:
        return None
    with_token = None if place.public(request.headers) else sessions.of(cookie)
    if with_token is not None:
        desk = workspace.desk_at_the_machine()
        return Visit(request, with_token, desk, None) if desk.official.solo else None
    signed_in = workspace.sign_in.session(cookie)
    if signed_in is None:
        return None
    return Visit(request, Session(cookie), workspace.desk(signed_in.official), signed_in)


def _held(request: Request) -> Visit:
    visit = found(request)
    if visit is not None:
        return visit
    workspace: Workspace = request.app.state.workspace
    alone = workspace.desk_at_the_machine().official.solo
    raise NotSignedIn if alone else SignInNeeded


Held = Annotated[Visit, Depends(_held)]
"""Whoever is known, whatever is open to them; for the few routes that declare other standings than OPEN."""


async def _visit(held: Held) -> Visit:
    _checked_standing(held, OPEN)
    return held


Here = Annotated[Visit, Depends(_visit)]
"""Whoever may be here."""


async def _guest(request: Request) -> Guest:
    kept = request.cookies.get(place_of(request).cookie_name(request.headers, FORM), "")
    return Guest(request, Session(kept if len(kept) >= 40 else new_key()), request.app.state.workspace)


AsGuest = Annotated[Guest, Depends(_guest)]
"""Anybody."""


def _checked_standing(visit: Visit, standings: Collection[Standing]) -> None:
    if visit.standing not in standings:
        raise _NEEDED.get(visit.standing, SignInNeeded)


def _allowed(permission: Permission, standings: Collection[Standing]) -> Callable[[Visit], Any]:
    async def check(held: Held) -> None:
        _checked_standing(held, standings)
        held.desk.record.require(permission)

    return check


async def _sent(held: Held) -> Sent:
    place_of(held.request).checked_origin(held.request.headers)
    return await checked(held.request, held.session, limit=held.desk.settings.max_file_bytes)


Form = Annotated[Sent, Depends(_sent)]


async def _guest_sent(guest: AsGuest) -> Sent:
    place = place_of(guest.request)
    place.checked_origin(guest.request.headers)
    if place.cookie_name(guest.request.headers, FORM) not in guest.request.cookies:
        raise errors.ForeignRequest
    return await checked(guest.request, guest.session, limit=0)


GuestForm = Annotated[Sent, Depends(_guest_sent)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoute:
    """A route as it was declared; ``docs/reference/pages.md`` and the tests of all routes are made from these."""

    method: str
    path: str
    access: Permission
    summary: str  # first sentence of the endpoint's docstring


class Pages(APIRouter):
    """Routes with their access. Nothing is open unless it says so, and every form is checked before it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[PageRoute] = []

    def page(
        self, path: str, *, access: Permission, standings: Collection[Standing] = OPEN
    ) -> Callable[[Route], Route]:
        """A page or a picture that is read; ``standings`` are those that it is open to."""
        needs = [] if access is Permission.PUBLIC else [Depends(_allowed(access, standings))]
        return self._on("GET", path, access, needs)

    def act(self, path: str, *, access: Permission, standings: Collection[Standing] = OPEN) -> Callable[[Route], Route]:
        """A form that changes something: sent by POST, from one of our own pages, by whoever it was shown to."""
        if access is Permission.PUBLIC:
            return self._on("POST", path, access, [Depends(_guest_sent)])
        return self._on("POST", path, access, [Depends(_allowed(access, standings)), Depends(_sent)])

    def _on(self, method: str, path: str, access: Permission, needs: list[Any]) -> Callable[[Route], Route]:
        add = self.api_route(
            path,
            methods=[method],
            dependencies=needs,
            response_model=None,
            response_class=HTMLResponse,
            include_in_schema=False,
        )

        def declare(endpoint: Route) -> Route:
            summary = " ".join((endpoint.__doc__ or "").partition("\n\n")[0].split())
            self.declared.append(PageRoute(method=method, path=path, access=access, summary=summary))
            return add(endpoint)

        return declare
