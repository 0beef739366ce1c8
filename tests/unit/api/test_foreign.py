"""Applications that speak another product's language: what nobody foresaw is answered, and logged once."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lineament.api.compat.foreign import FaultWording, create_foreign
from lineament.errors import LineamentError, TooManyAttempts


class SomeFault(Exception):
    """What the product has a name for."""


def app(error: Exception) -> Starlette:
    """Return an application with one address, which raises this error."""

    async def fail(_request: Request) -> Response:
        raise error

    wording = FaultWording(
        fault=SomeFault,
        of_fault=lambda _: JSONResponse("a fault", 400),
        of_error=lambda _: JSONResponse("an error of ours", 429),
        of_status=lambda status: JSONResponse("a status", status),
    )
    return create_foreign("/product", [Route("/product/a", fail)], wording)


def ask(error: Exception, path: str = "/product/a") -> httpx.Response:
    """Return the answer of an application; what it raises to the server is raised here."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app(error), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await client.get(path)

    return asyncio.run(answer())


def test_what_nobody_foresaw_is_answered_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(RuntimeError("a defect"))

    assert (answer.status_code, answer.json()) == (500, "a status")
    assert [(record.getMessage(), bool(record.exc_info)) for record in caplog.records] == [("GET /product", True)]


def test_a_program_that_leaves_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ClientDisconnect):
        ask(ClientDisconnect())

    assert caplog.records == []


def test_each_kind_of_error_has_its_wording(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        refused = ask(TooManyAttempts(why="it asks too often", seconds=7))
        answers = [ask(SomeFault()), refused, ask(SomeFault(), "/product/b"), ask(LineamentError(detail="a defect"))]

    told = [(answer.status_code, answer.json()) for answer in answers]
    ours = (429, "an error of ours")
    assert told == [(400, "a fault"), ours, (404, "a status"), ours]
    assert refused.headers["retry-after"] == "7"
    assert len(caplog.records) == 1, "an error without a status of its own is the server's fault"
