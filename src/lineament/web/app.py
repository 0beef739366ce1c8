"""The application: its routes, the checks before them, and the pages for errors."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament.api import problems
from lineament.api.app import create_api
from lineament.errors import LineamentError, SignInNeeded, StepUpNeeded
from lineament.web import (
    account,
    again,
    agencies,
    assets,
    batches,
    cases,
    disclosure,
    drops,
    erasing,
    failures,
    health,
    home,
    jobs,
    jurisdictions,
    kept_pages,
    keys,
    leads,
    ledger,
    misuse,
    oversight,
    own,
    people,
    probes,
    proficiency,
    registering,
    reports,
    reviews,
    room,
    rulings,
    runs,
    searches,
    signin,
    sources,
    stops,
    threshold,
    watches,
)
from lineament.web.doors import Doors
from lineament.web.gateway import Gateway, is_for_programs
from lineament.web.observed import Observed
from lineament.web.pages import PageRoute, ask_to_sign_in, known_visit
from lineament.web.render import Renderer
from lineament.web.scripted import ScriptedForms
from lineament.web.security import HeadersMiddleware, SiteAddress, TokenSessions
from lineament.workspace import Workspace
from lineament.workspace.observing import look


class Entrance:
    """Refuses foreign host names and too many requests, and answers errors that nothing else handled."""

    def __init__(self, app: ASGIApp, *, site: SiteAddress, doors: Doors) -> None:
        self._app = app
        self._site = site
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, for_programs = Request(scope), is_for_programs(scope["path"])
        try:
            self._site.check_host(request.headers)
            response = await self._doors.enter(scope)
        except LineamentError as error:
            response = problems.of_error(error) if for_programs else await failures.at_the_door(request, error)
        if response is None:
            await self._pass_on(scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            return  # it left before its form had arrived: nothing was done, and nobody waits for an answer
        except Exception as error:
            if started:
                raise
            unforeseen = problems.unforeseen if is_for_programs(scope["path"]) else failures.unforeseen
            await unforeseen(Request(scope), error)(scope, receive, send)


PAGE_MODULES = (
    home,
    cases,
    rulings,
    room,
    disclosure,
    drops,  # before the sources, whose last address would be theirs
    registering,
    erasing,
    runs,  # likewise
    sources,
    jobs,
    probes,
    proficiency,
    reviews,
    batches,
    searches,
    again,
    reports,
    ledger,
    misuse,
    oversight,
    signin,
    account,
    keys,
    people,
    own,
    stops,
    threshold,
    watches,
    jurisdictions,
    leads,
    agencies,
    assets,
    health,
    kept_pages,
)
"""The modules whose routes the application has."""


def declared() -> list[PageRoute]:
    """Return every route of the application."""
    return [route for module in PAGE_MODULES for route in module.pages.declared]


def create_app(workspace: Workspace, token: str, announce: Callable[[str], None] = lambda _: None) -> FastAPI:
    """Make the pages of ``workspace`` for its officials; while it is solo, for whoever has ``token``.

    The token is good for one sign-in; ``announce`` is called with the one that replaces it.
    """
    app = FastAPI(title="Lineament", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    settings = workspace.settings
    site, sessions = SiteAddress(settings.public_url, settings.client_header), TokenSessions(token, announce)
    doors = Doors(site, sessions, workspace.sign_in.limits, lambda: workspace.desk_at_the_machine().official.solo)
    app.state.workspace = workspace
    app.state.site = site
    app.state.sessions = sessions
    app.state.assets = assets.load()
    app.state.known_visit = known_visit
    readiness = app.state.readiness = health.Readiness(look(workspace))
    app.state.kept_pages = kept_pages.kept_for(workspace)
    app.state.renderer = Renderer({name: asset.digest for name, asset in app.state.assets.items()})
    for module in PAGE_MODULES:
        app.include_router(module.pages)
    app.add_exception_handler(LineamentError, failures.lineament_error)
    app.add_exception_handler(SignInNeeded, ask_to_sign_in)
    app.add_exception_handler(StepUpNeeded, ask_to_sign_in)
    app.add_exception_handler(HTTPException, failures.http_error)
    app.add_exception_handler(RequestValidationError, failures.bad_address)
    app.add_middleware(Gateway, api=create_api(workspace, lambda: readiness.stopping), site=site)
    app.add_middleware(Entrance, site=site, doors=doors)
    app.add_middleware(ScriptedForms)
    app.add_middleware(HeadersMiddleware, encrypted=site.encrypted)
    app.add_middleware(Observed)
    return app
