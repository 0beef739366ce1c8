"""What every page is made with: the router on which access is declared, and the visit that a route is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import NotSignedIn
from lineament.model.accounts import Permission
from lineament.web.forms import Sent, checked
from lineament.web.render import Renderer
from lineament.web.security import Session, Sessions, checked_origin, cookie_name
from lineament.workspace import Desk, Workspace

Route = TypeVar("Route", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who may be here."""

    request: Request
    session: Session
    desk: Desk

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A whole page."""
        renderer: Renderer = self.request.app.state.renderer
        html = renderer.page(
            template,
            path=self.request.url.path,
            csrf=self.session.csrf,
            official=self.desk.official,
            **values,
        )
        return HTMLResponse(html, status_code=status)


def go_on_to(address: str) -> RedirectResponse:
    """What follows a form that did its work: the next page, which can be read again without doing it twice."""
    return RedirectResponse(address, status_code=303)


def picture(data: bytes, media_type: str = "image/jpeg") -> Response:
    """A picture that we made ourselves."""
    return Response(data, media_type=media_type)


async def _visit(request: Request) -> Visit:
    sessions: Sessions = request.app.state.sessions
    session = sessions.of(request.cookies.get(cookie_name(request.headers)))
    if session is None:
        raise NotSignedIn
    workspace: Workspace = request.app.state.workspace
    desk = workspace.desk_at_the_machine()
    if not desk.official.solo:
        raise NotSignedIn
    return Visit(request=request, session=session, desk=desk)


Here = Annotated[Visit, Depends(_visit)]


def _allowed(permission: Permission) -> Callable[[Visit], None]:
    def check(here: Here) -> None:
        here.desk.record.require(permission)

    return check


async def _sent(here: Here) -> Sent:
    checked_origin(here.request.headers)
    return await checked(here.request, here.session, limit=here.desk.settings.max_file_bytes)


Form = Annotated[Sent, Depends(_sent)]


class Pages(APIRouter):
    """Routes with their access. Nothing is open unless it says so, and every form is checked before it is read."""

    def page(self, path: str, *, access: Permission) -> Callable[[Route], Route]:
        """A page or a picture that is read."""
        return self._on("GET", path, access, [] if access is Permission.PUBLIC else [Depends(_allowed(access))])

    def act(self, path: str, *, access: Permission) -> Callable[[Route], Route]:
        """A form that changes something: sent by POST, from one of our own pages, by somebody who is here."""
        if access is Permission.PUBLIC:
            raise ValueError(path)
        return self._on("POST", path, access, [Depends(_allowed(access)), Depends(_sent)])

    def _on(self, method: str, path: str, access: Permission, needs: list[Any]) -> Callable[[Route], Route]:
        return self.api_route(
            path,
            methods=[method],
            dependencies=needs,
            tags=[access.value],
            response_model=None,
            response_class=HTMLResponse,
            include_in_schema=False,
        )
