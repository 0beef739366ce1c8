"""The HTTP service of a witness (c2sp.org/tlog-witness): it reads small bodies, and writes no log of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lineament.witness.folder import WitnessFolder
from lineament.witness.protocol import LONGEST_REQUEST, WitnessRefusal

SECONDS = 10.0
"""Most seconds for the body of a request."""
MOST_AT_ONCE = 64
"""The most connections at once; further ones are answered with 503."""

_CLOSE = {"connection": "close"}
"""So that the rest of the body is not read."""


def create_witness_app(folder: WitnessFolder, clock: Callable[[], datetime]) -> Starlette:
    """Return the service of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await asyncio.wait_for(_body(request), SECONDS)
            line = await run_in_threadpool(folder.cosign, body, clock)
        except TimeoutError:
            return PlainTextResponse("the request took too long\n", 408, headers=_CLOSE)
        except ClientDisconnect:
            return Response(status_code=400)
        except WitnessRefusal as refusal:
            if refusal.size is not None:
                kind = {"content-type": "text/x.tlog.size"}  # exactly, without a charset
                return Response(f"{refusal.size}\n", refusal.status, headers=kind)
            headers = _CLOSE if refusal.status == 413 else None
            return PlainTextResponse(f"{refusal.why}\n", refusal.status, headers=headers)
        return PlainTextResponse(line)

    async def newest(request: Request) -> Response:
        log = folder.log_named(request.path_params["digest"])
        note = None if log is None else await run_in_threadpool(log.newest)
        return PlainTextResponse("there is none\n", 404) if note is None else PlainTextResponse(note)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{digest}/checkpoint", newest, methods=["GET"]),
        ]
    )


def witness_server(folder: WitnessFolder, clock: Callable[[], datetime]) -> uvicorn.Server:
    """Make the server. It trusts no header of a proxy, and names neither itself nor its clients."""
    return uvicorn.Server(
        uvicorn.Config(
            create_witness_app(folder, clock),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
    )


async def _body(request: Request) -> bytes:
    """Read the body of a request. Raises WitnessRefusal (413) if it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_REQUEST:
            raise WitnessRefusal(413, f"it is longer than {LONGEST_REQUEST} bytes")
    return bytes(body)
