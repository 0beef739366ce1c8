"""The router on which routes of the API are declared: access, size of the body, and requests that name themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from lineament.api import problems
from lineament.api.admission import Admission, Call, require
from lineament.api.bodies import MOST_JSON, allow
from lineament.api.repeats import HEADER, Repeats, named_request
from lineament.errors import LineamentError
from lineament.model.accounts import Permission

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_PROBLEMS: dict[int, str] = {
    401: "The key opens nothing.",
    403: "The rules, the roles of the official, or the rights of the key say no.",
    404: "There is no such thing, or it is not seen with this key.",
    409: "That cannot be done in the state that it is in.",
    410: "It was erased.",
    413: "The request is too large.",
    422: "Something in the request is not right.",
    429: "Too many requests; the header Retry-After says when to try again.",
    500: "The server is at fault.",
    503: "Something that is needed cannot be reached now.",
    507: "The disk is full.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, words in _PROBLEMS.items()
}
"""What any route may answer besides what it is for."""
_SECURITY: dict[str, Any] = {"security": [{"key": []}]}
_NAMED = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names the request: sent again within 24 hours, it is answered again and done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an earlier answer; if nothing has changed, the answer is 304 without a body.",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEndpoint:
    """A declared route; ``docs/reference/api.md`` and the tests of all routes are made from these."""

    method: str
    path: str
    access: Permission | None  # None: any key that is valid
    endpoint: Callable[..., Any]
    most: int | None  # bytes of its body; None: as many as the settings allow for a file

    @property
    def summary(self) -> str:
        """The first sentence of the endpoint's docstring."""
        return " ".join((self.endpoint.__doc__ or "").partition("\n\n")[0].split())


class GuardedRoute(APIRoute):
    """Checks key and right before anything of the body is read, and knows requests that were made before."""

    def get_route_handler(self) -> Handler:
        """Return the handler, with the checks around it."""
        inner, declared = super().get_route_handler(), self._declared

        async def handle(request: Request) -> Response:
            try:
                if declared.access is Permission.PUBLIC:
                    return await inner(request)
                admission: Admission = request.app.state.admission
                call = await run_in_threadpool(admission.bearer, request)
                request.state.call = call
                if declared.access is not None:
                    require(call, declared.access)
                allow(request.scope, call.desk.settings.max_file_bytes if declared.most is None else declared.most)
                if request.method == "GET":
                    return _conditional(request, await inner(request))
                return await _once(request, call, inner)
            except LineamentError as error:
                return await problems.lineament_error(request, error)
            except (HTTPException, RequestValidationError, ClientDisconnect):
                raise
            except Exception as error:  # noqa: BLE001 - Starlette would answer it, without a problem
                return problems.unforeseen(request, error)

        return handle

    @property
    def _declared(self) -> ApiEndpoint:
        found: ApiEndpoint = vars(self.endpoint)["declared"]
        return found


async def _once(request: Request, call: Call, inner: Handler) -> Response:
    """Run a handler; if the request has a name that is known, answer as before."""
    name = request.headers.get(HEADER)
    if name is None:
        return await inner(request)
    repeats: Repeats = request.app.state.repeats
    clock = call.desk.clock
    where = f"{request.method} {request.url.path}?{request.url.query}".encode()
    kind = request.headers.get("content-type", "").encode()
    named = named_request(name, call.admitted, call.secret, where, kind, await request.body())
    known = await run_in_threadpool(repeats.begin, named, clock())
    if known is not None:
        return known
    try:
        try:
            response = await inner(request)
        except LineamentError as error:
            response = await problems.lineament_error(request, error)
    except BaseException:
        await run_in_threadpool(repeats.forget, named)
        raise
    await run_in_threadpool(repeats.end, named, response, clock())
    return response


def _conditional(request: Request, response: Response) -> Response:
    """Give an answer in JSON an ETag, and leave its body out if the program has it already."""
    if response.status_code != 200 or response.headers.get("content-type") != "application/json":
        return response
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    if tag in {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers={"etag": tag})
    response.headers["etag"] = tag
    return response


async def _current_call(request: Request) -> Call:
    call: Call = request.state.call
    return call


CurrentCall = Annotated[Call, Depends(_current_call)]
"""Who calls."""


class Routes(APIRouter):
    """Routes with their access. None is open by default."""

    def __init__(self, tag: str) -> None:
        super().__init__(route_class=GuardedRoute, tags=[tag], responses=RESPONSES)
        self.declared: list[ApiEndpoint] = []

    def read(self, path: str, *, access: Permission | None, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that changes nothing but the record of who looked."""
        return partial(self._declare, "GET", path, access, MOST_JSON, more)

    def act(
        self, path: str, *, access: Permission | None, method: str = "POST", most: int | None = MOST_JSON, **more: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a route that does something; ``most`` is the size of its body in bytes.

        None: as many as the settings allow for a file (``max_file_bytes``).
        """
        return partial(self._declare, method, path, access, most, more)

    def _declare(  # noqa: PLR0913, PLR0917 - what a route consists of
        self,
        method: str,
        path: str,
        access: Permission | None,
        most: int | None,
        more: dict[str, Any],
        endpoint: Endpoint,
    ) -> Endpoint:
        declared = ApiEndpoint(method=method, path=path, access=access, endpoint=endpoint, most=most)
        vars(endpoint)["declared"] = declared
        self.declared.append(declared)
        open_to_all = access is Permission.PUBLIC
        extra: dict[str, Any] = dict(more.pop("openapi_extra", {}))
        if not open_to_all:
            header = _IF_NONE_MATCH if method == "GET" else _NAMED
            extra = {**_SECURITY, **extra, "parameters": [*extra.get("parameters", []), header]}
        if method == "GET" and not open_to_all:
            more["responses"] = {304: {"description": "Nothing has changed."}, **more.get("responses", {})}
        self.add_api_route(
            path,
            endpoint,
            methods=[method],
            summary=declared.summary.removesuffix("."),
            description=_details(endpoint),
            operation_id=endpoint.__name__.removesuffix("_"),
            openapi_extra=extra,
            **more,
        )
        return endpoint


def _details(endpoint: Callable[..., Any]) -> str:
    """Return what the docstring says after its first sentence."""
    _, _, rest = (endpoint.__doc__ or "").partition("\n\n")
    return " ".join(rest.split())
