"""Errors as pages: what happened, what was kept, what to do next. Never a traceback."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from lineament import errors
from lineament.errors import LineamentError
from lineament.services.people.sessions import SessionState
from lineament.web.render import Renderer
from lineament.web.scripted import NEEDS, TOKEN

log = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Response)

KEPT_NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Failure:
    """The response to an error. A subclass without a response of its own uses that of its nearest base class."""

    status: int
    title: str
    kept: str = KEPT_NOTHING
    entrance: bool = False  # whether the way in has to be explained


CHANGED_OUTSIDE = Failure(500, "What is stored was changed outside Lineament", "It is left as it is.")
FAILURES: dict[type[Exception], Failure] = {
    errors.NotSignedIn: Failure(403, "Open the newest address from the terminal", "", entrance=True),
    errors.SignInNeeded: Failure(403, "Sign in first"),
    errors.StepUpNeeded: Failure(403, "Show your second factor again"),
    errors.SignInRefused: Failure(403, "The sign-in was refused"),
    errors.TooManyAttempts: Failure(429, "Wait before you try again"),
    errors.NotAllowed: Failure(403, "Your roles do not allow this"),
    errors.OpenIdUnavailable: Failure(503, "Your agency's sign-in cannot be reached"),
    errors.MailUnavailable: Failure(503, "The message could not be sent"),
    errors.ForeignRequest: Failure(403, "This request was not sent from here"),
    errors.NotFound: Failure(404, "There is nothing here", ""),
    errors.CandidateErased: Failure(410, "This candidate was erased", ""),
    errors.ProbeErased: Failure(410, "This photograph was erased", ""),
    errors.NoLongerShown: Failure(410, "This is no longer shown", "What was done is done."),
    errors.NoSuchFile: Failure(404, "There is nothing here", ""),
    errors.Undecided: Failure(409, "Decide first", ""),
    errors.Refused: Failure(403, "The rules say no", "No search was run. " + KEPT_NOTHING),
    errors.AlreadyThere: Failure(409, "That is already there"),
    errors.WrongState: Failure(409, "That cannot be done now"),
    errors.MixedModels: Failure(409, "These cannot be compared"),
    errors.ModelChanged: Failure(503, "Lineament has to be started again"),
    errors.InvalidValue: Failure(422, "Something in the form is not right"),
    errors.FileTooLarge: Failure(413, "The file is too large", "It was not kept."),
    errors.BadPicture: Failure(422, "The picture cannot be used", "It was not kept."),
    errors.NoFace: Failure(422, "No face was found", "The photograph is kept as it was."),
    errors.SeveralFaces: Failure(422, "Choose a face"),
    errors.AccessAltered: CHANGED_OUTSIDE,
    errors.RecordAltered: CHANGED_OUTSIDE,
    errors.RowsAltered: CHANGED_OUTSIDE,
    errors.LedgerBroken: Failure(500, "The ledger cannot be trusted", "No result is given."),
    errors.WitnessesUntrusted: Failure(500, "The ledger cannot be trusted", "No result is given."),
    errors.Damaged: Failure(500, "What is stored is damaged and cannot be used", "It is left as it is."),
    errors.GuardsMissing: Failure(503, "No file can be opened safely here", "It was not kept."),
    errors.DecoderUnavailable: Failure(503, "No file can be opened safely here", "It was not kept."),
    errors.KeyHolderUnavailable: Failure(503, "A key cannot be used now"),
    errors.KeyRotated: Failure(503, "A key was changed meanwhile"),
    errors.ThresholdUntrusted: Failure(503, "The threshold cannot be trusted", "No result is given."),
    errors.LedgerUnavailable: Failure(503, "The ledger cannot record this", "No result is given."),
    errors.ClockBehind: Failure(503, "The clock of this machine cannot be believed", "No result is given."),
    errors.WorkspaceBusy: Failure(503, "The workspace is busy"),
    errors.DropUnderWay: Failure(409, "That cannot be done now"),
    errors.StoreUnavailable: Failure(503, "The database cannot be used"),
    errors.PicturesUnavailable: Failure(
        503, "The pictures cannot be reached", "Nothing that was acknowledged is lost."
    ),
    errors.PicturesNotDeleted: Failure(503, "Not all of it is deleted yet", "It is no longer searched or shown."),
    errors.StorageFull: Failure(507, "The disk is full", "Nothing that was acknowledged is lost."),
}
UNFORESEEN = Failure(500, "Something went wrong", "What was acknowledged before is kept.")


def failure_for(error: LineamentError) -> Failure:
    """Return the response of the error's class, or of its nearest base class that has one."""
    return next((FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES), UNFORESEEN)


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
