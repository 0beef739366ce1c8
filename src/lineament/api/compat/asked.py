"""A request of a program that was written for another product: checked, read, and answered in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lineament.api.admission import Call
from lineament.api.compat.uploads import LARGEST, SentBody, read_body


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """What a program asks for, after its key was checked."""

    call: Call
    path: Mapping[str, str]  # the parts of the address that name something
    query: QueryParams
    sent: SentBody = field(default_factory=SentBody)

    @property
    def model(self) -> str:
        """The name of the models in use."""
        return self.call.desk.workspace.pack_name


Answer = Mapping[str, Any] | list[Any] | Response
ReadEndpoint = Callable[[ReadRequest], Answer]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def answering(
    endpoint: ReadEndpoint, admit: Callable[[Request], Call], *, status: int = 200, most_files: int = 1
) -> Handler:
    """Return the handler of an address: it checks the key, reads the body, and calls the endpoint in a thread.

    Args:
        endpoint: Returns JSON, or a response.
        admit: Checks the key of a request. Raises KeyRefused or TooManyAttempts.
        status: That of JSON.
        most_files: Most files of a request.
    """

    async def handle(request: Request) -> Response:
        call = await run_in_threadpool(admit, request)
        sent = SentBody()
        if request.method not in {"GET", "HEAD"}:
            largest = min(LARGEST, call.desk.settings.max_file_bytes)
            sent = await read_body(request, largest=largest, most_files=most_files)
        asked = ReadRequest(call=call, path=request.path_params, query=request.query_params, sent=sent)
        answer = await run_in_threadpool(endpoint, asked)
        return answer if isinstance(answer, Response) else JSONResponse(answer, status_code=status)

    return handle


def only_key(request: Request) -> str:
    """Return the key in the header x-api-key; empty if there is none, or several: a proxy may read another one."""
    sent = request.headers.getlist("x-api-key")
    return sent[0].strip() if len(sent) == 1 else ""


def milliseconds_since(began: float) -> float:
    """Return how long ago a moment of ``time.perf_counter`` was."""
    return 1000 * (time.perf_counter() - began)
