"""Applications that speak the language of another product: their addresses, and how they say what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from lineament.errors import LineamentError, TooManyAttempts
from lineament.views.failures import UNFORESEEN, failure_for

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWording:
    """How a product says what went wrong."""

    fault: type[Exception]  # what the product has a name for, and we have no error
    of_fault: Callable[[Any], Response]
    of_error: Callable[[LineamentError], Response]  # one of our own
    of_status: Callable[[int], Response]  # what HTTP refuses; 500: what nobody foresaw


def create_foreign(prefix: str, routes: Sequence[Route], wording: FaultWording) -> Starlette:
    """Make the application of these addresses, all of which begin with ``prefix``."""

    async def unforeseen(request: Request, error: Exception) -> Response:
        """Answer any other error: with the traceback in the terminal, and one line for the program."""
        if isinstance(error, ClientDisconnect):
            raise error  # nobody waits for an answer, and nothing was done (web/app.py)
        log.error("%s %s", request.method, prefix, exc_info=error)
        return wording.of_status(500)

    async def own_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, LineamentError):
            return await unforeseen(request, error)
        if failure_for(error).status == UNFORESEEN.status:
            log.error("%s %s: %s", request.method, prefix, error)
        answer = wording.of_error(error)
        if isinstance(error, TooManyAttempts):
            answer.headers["retry-after"] = str(error.seconds)
        return answer

    async def fault(_request: Request, error: Exception) -> Response:
        return wording.of_fault(error)

    async def http_error(_request: Request, error: Exception) -> Response:
        """Answer a request for what does not exist, with a method that it does not have, or that is too large."""
        answer = wording.of_status(error.status_code if isinstance(error, HTTPException) else 500)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    handlers: dict[Any, Callable[[Request, Exception], Coroutine[Any, Any, Response]]] = {
        LineamentError: own_error,
        wording.fault: fault,
        HTTPException: http_error,
    }
    # among the handlers of the application, Starlette would raise the error again, and the server log it again
    last = Middleware(ExceptionMiddleware, handlers={Exception: unforeseen})
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=[last])
    app.router.redirect_slashes = False
    return app
