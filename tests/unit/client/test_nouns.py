"""Every route of the API has a method of the client, in both worlds, and every method has a route."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from tests.support.both_clients import WORLDS, client_of

from lineament.api.app import declared
from lineament.client import CaseTerms, Client, Face, NewDecision, Problem, SourceTerms, WatchTerms
from lineament.client.nouns import Iterated, Noun, Walked

OPEN = {"/v1/openapi.json", "/v1/problems/{code}"}
"""Routes that need no key, and no method: they describe the others."""
EXAMPLES: dict[str, Any] = {
    "str": "x",
    "int": 1,
    "int | str": 1,
    "bytes": b"x",
    "str | Path": "x",
    "Mapping[str, bytes]": {"x.jpg": b"x"},
    "Sequence[Face]": [],
    "Sequence[Edit]": [],
    "Sequence[OfferedFile]": [],
    "Sequence[tuple[int, int, bytes]]": [],
    "SourceTerms": SourceTerms(name="x", controller="x", basis="x", jurisdiction="FR"),
    "CaseTerms": CaseTerms(ref="x", offence="x", purpose="x", basis="x"),
    "Face": Face(probe="x"),
    "WatchTerms": WatchTerms(until=date(2027, 1, 1)),
    "NewDecision": NewDecision(outcome="x", checklist={}),
}


def methods(client: object) -> Iterator[tuple[str, Any]]:
    """Yield every method of a client's nouns that asks for something, with its name."""
    for noun in (Client, *(type(inner) for inner in vars(client).values() if isinstance(inner, Noun))):
        for kind in noun.__mro__:
            for name, method in vars(kind).items():
                if isinstance(method, Walked | Iterated):
                    yield noun.__name__.lower(), name


def examples(method: Any) -> list[Any]:
    """Return an argument for each parameter that a method needs."""
    needed = list(inspect.signature(method).parameters.values())[1:]
    return [EXAMPLES[each.annotation] for each in needed if each.default is inspect.Parameter.empty]


@pytest.mark.parametrize("world", WORLDS)
def test_every_route_has_a_method(world: str) -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.raw_path.decode().partition('?')[0]}")
        problem = {"type": "x", "title": "x", "status": 418, "detail": "x", "code": "x"}
        return httpx.Response(418, json=problem, headers={"content-type": "application/problem+json"})

    with Client("http://127.0.0.1", "k") as any_client:
        found = list(methods(any_client))
    assert len(found) > 40
    with client_of(world, "k", transport=httpx.MockTransport(refuse)) as client:
        for noun, name in found:
            owner = client if noun == "client" else getattr(client, noun)
            method = getattr(owner, name)
            with pytest.raises(Problem):
                list(_called(method))
    routes = {f"{route.method} {route.path}" for route in declared() if route.path not in OPEN}
    reached = {_route(line, routes) for line in asked}
    assert reached == routes
