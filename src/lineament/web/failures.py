"""Errors as pages: what happened, what was kept, what to do next. Never a traceback."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from lineament import errors
from lineament.errors import LineamentError
from lineament.services.people.sessions import SessionState
from lineament.views.failures import UNFORESEEN, Failure, failure_for
from lineament.web.render import Renderer
from lineament.web.scripted import NEEDS, TOKEN

log = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Response)


def is_correctable(error: LineamentError) -> bool:
    """Return whether the sender can correct the form: not if it is not permitted, or the server is at fault."""
    kinds = errors.NotSignedIn | errors.StepUpNeeded | errors.ForeignRequest | errors.NotAllowed
    return failure_for(error).status < 500 and not isinstance(error, kinds)


def page(request: Request, failure: Failure, message: str) -> HTMLResponse:
    """Render the page of a failure: with the menu of somebody who is signed in, or else with nothing of the workspace.

    Where the server is at fault there is no menu, because what it is made from may be at fault too.
    """
    framed = failure.status < 500 and _framed(request, failure, message)
    return framed or _plain(request, failure, message)


def _framed(request: Request, failure: Failure, message: str) -> HTMLResponse | None:
    """Render the page with the menu; return None if nobody is signed in."""
    try:
        visit = request.app.state.known_visit(request)
        if visit is None or visit.standing is not SessionState.OPEN:
            return None
        shown: HTMLResponse = visit.page("failure_framed.html", failure=failure, message=message)
    except LineamentError as error:
        log.warning("no menu beside %r: %s", failure.title, error)
        return None
    shown.status_code = failure.status
    return shown


def _plain(request: Request, failure: Failure, message: str) -> HTMLResponse:
    renderer: Renderer = request.app.state.renderer
    away = request.app.state.site.is_public(request.headers)
    html = renderer.page("failure.html", failure=failure, message=message, away=away, path="", csrf="")
    return HTMLResponse(html, status_code=failure.status)


async def at_the_door(request: Request, error: LineamentError) -> HTMLResponse:
    """Answer an error of the entrance, before anybody is known."""
    failure = failure_for(error)
    if isinstance(error, errors.TooManyAttempts):
        html = _refusal(request.app.state.renderer, failure, str(error))
        return with_wait(HTMLResponse(html, status_code=failure.status), error)
    return _plain(request, failure, str(error))


async def lineament_error(request: Request, error: Exception) -> HTMLResponse:
    """Answer one of our own errors."""
    if not isinstance(error, LineamentError):
        return unforeseen(request, error)
    failure = failure_for(error)
    if failure.status == UNFORESEEN.status:
        log.error("%s %s: %s", request.method, _route(request), error)
    if isinstance(error, errors.TooManyAttempts):
        return await at_the_door(request, error)
    response = page(request, failure, str(error))
    if isinstance(error, errors.ForeignRequest):
        response.headers[NEEDS] = TOKEN
    return response


@lru_cache(maxsize=256)
def _refusal(renderer: Renderer, failure: Failure, message: str) -> str:
    """Render the page of a refusal that says nothing but the seconds to wait, once: floods ask for it."""
    return renderer.page("failure.html", failure=failure, message=message, away=False, path="", csrf="")


def with_wait(response: ResponseT, error: LineamentError) -> ResponseT:
    """Say in the header, too, when to try again, if the error says so."""
    if isinstance(error, errors.TooManyAttempts):
        response.headers["retry-after"] = str(error.seconds)
    return response


async def http_error(request: Request, error: Exception) -> HTMLResponse:
    """Answer a request for a page that does not exist, or with a method that it does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        failure = Failure(405, "This address works in another way")
        response = page(request, failure, "Go back and use the buttons of the page.")
        response.headers.update(getattr(error, "headers", None) or {})
        return response
    failure = Failure(status, "There is nothing here" if status == 404 else "This request cannot be answered", "")
    return page(request, failure, "The address may be mistyped, or what it showed has been erased.")


async def bad_address(request: Request, error: Exception) -> HTMLResponse:
    """Answer an address with an invalid part, such as a rank that is not a number."""
    if not isinstance(error, RequestValidationError):
        return unforeseen(request, error)
    return page(request, Failure(404, "There is nothing here", ""), "The address may be mistyped.")


def unforeseen(request: Request, error: Exception) -> HTMLResponse:
    """Answer any other error: with the traceback in the terminal, and one line on the page."""
    log.error("%s %s", request.method, _route(request), exc_info=error)
    return page(request, UNFORESEEN, "Lineament did not expect this. The terminal in which it runs shows the details.")


def _route(request: Request) -> str:
    """Return the pattern of the page's address, without what it names: a case, or the token of an invitation."""
    return str(getattr(request.scope.get("route"), "path", "an unknown page"))
