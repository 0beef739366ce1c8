"""The application: its routes, its checks at the door, and a page for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.errors import LineamentError, SignInNeeded, StepUpNeeded
from lineament.web import (
    account,
    agencies,
    assets,
    cases,
    failures,
    home,
    jobs,
    ledger,
    own,
    people,
    probes,
    room,
    rulings,
    searches,
    signin,
    sources,
    stops,
)
from lineament.web.pages import PageRoute, elsewhere
from lineament.web.render import Renderer
from lineament.web.security import Place, Sessions, WithHeaders, entered
from lineament.workspace import Workspace


class Door:
    """Turns away foreign names, lets in who has the token, and answers what nothing else answered."""

    def __init__(self, app: ASGIApp, *, place: Place, sessions: Sessions, solo: Callable[[], bool]) -> None:
        self._app = app
        self._place = place
        self._sessions = sessions
        self._solo = solo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._place.checked_host(request.headers)
            answer = await entered(scope, self._place, self._sessions, self._solo)
        except LineamentError as refusal:
            answer = await failures.lineament_error(request, refusal)
        if answer is None:
            await self._guarded(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun:
                raise
            await failures.unforeseen(Request(scope), error)(scope, receive, send)


PAGE_MODULES = (
    home,
    cases,
    rulings,
    room,
    sources,
    jobs,
    probes,
    searches,
    ledger,
    signin,
    account,
    people,
    own,
    stops,
    agencies,
    assets,
)
"""The modules whose routes the application has."""


def declared() -> list[PageRoute]:
    """Every route of the application."""
    return [route for module in PAGE_MODULES for route in module.pages.declared]


def create_app(workspace: Workspace, token: str) -> FastAPI:
    """The pages of ``workspace`` for its officials; while it is solo, for whoever has ``token``."""
    app = FastAPI(title="Lineament", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    place, sessions = Place(workspace.settings.public_url), Sessions(token)
    app.state.workspace = workspace
    app.state.place = place
    app.state.sessions = sessions
    app.state.assets = assets.packaged()
    app.state.renderer = Renderer({name: found.digest for name, found in app.state.assets.items()})
    for module in PAGE_MODULES:
        app.include_router(module.pages)
    app.add_exception_handler(LineamentError, failures.lineament_error)
    app.add_exception_handler(SignInNeeded, elsewhere)
    app.add_exception_handler(StepUpNeeded, elsewhere)
    app.add_exception_handler(HTTPException, failures.http_error)
    app.add_exception_handler(RequestValidationError, failures.bad_address)
    app.add_middleware(Door, place=place, sessions=sessions, solo=lambda: workspace.desk_at_the_machine().official.solo)
    app.add_middleware(WithHeaders, encrypted=place.encrypted)
    return app
