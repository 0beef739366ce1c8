"""What every page is made with: the router on which access is declared, and the visit that a route is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import NotSignedIn
from lineament.web.forms import Sent, checked
from lineament.web.render import Renderer
from lineament.web.security import Session, Sessions, checked_origin, cookie_name
from lineament.workspace import Workspace

Route = TypeVar("Route", bound=Callable[..., Any])


class Access(StrEnum):
    """Who may open a route; declared beside each one."""

    PUBLIC = "public"  # anybody who reaches the port: nothing that belongs to the workspace
    EXAMINER = "examiner"  # whoever opened the address with the start-up token


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who may be here."""

    request: Request
    session: Session
    workspace: Workspace

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A whole page."""
        renderer: Renderer = self.request.app.state.renderer
        html = renderer.page(
            template,
            path=self.request.url.path,
            csrf=self.session.csrf,
            examiner=self.workspace.settings.examiner,
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
    return Visit(request=request, session=session, workspace=request.app.state.workspace)


Here = Annotated[Visit, Depends(_visit)]


async def _sent(here: Here) -> Sent:
    checked_origin(here.request.headers)
    return await checked(here.request, here.session, limit=here.workspace.settings.max_file_bytes)


Form = Annotated[Sent, Depends(_sent)]


class Pages(APIRouter):
    """Routes with their access. Nothing is open unless it says so, and every form is checked before it is read."""

    def page(self, path: str, *, access: Access) -> Callable[[Route], Route]:
        """A page or a picture that is read."""
        return self._on("GET", path, access, [] if access is Access.PUBLIC else [Depends(_visit)])

    def act(self, path: str, *, access: Access) -> Callable[[Route], Route]:
        """A form that changes something: sent by POST, from one of our own pages, by somebody who is here."""
        if access is Access.PUBLIC:
            raise ValueError(path)
        return self._on("POST", path, access, [Depends(_visit), Depends(_sent)])

    def _on(self, method: str, path: str, access: Access, needs: list[Any]) -> Callable[[Route], Route]:
        return self.api_route(
            path,
            methods=[method],
            dependencies=needs,
            tags=[access.value],
            response_model=None,
            response_class=HTMLResponse,
            include_in_schema=False,
        )
