"""Every route of the API has a method of the client, in both worlds, and every method has a route."""

from __future__ import annotations

import inspect
import re
from datetime import date
from typing import Any

import httpx
import pytest
from tests.support.both_clients import WORLDS, client_of

from lineament.api.app import declared
from lineament.client import CaseTerms, Client, Face, NewDecision, Problem, SourceTerms, WatchTerms
from lineament.client.nouns import Iterated, Noun, Walked

OPEN = {"/v1/openapi.json", "/v1/problems/{code}"}
"""Routes without a method: they need no key and describe the others."""
EXAMPLES: dict[str, Any] = {
    "str": "1",
    "int": 1,
    "int | str": 1,
    "bytes": b"x",
    "str | Path": "x",
    "Mapping[str, bytes]": {"x.jpg": b"x"},
    "Sequence[Face]": [],
    "Sequence[int]": [],
    "Sequence[Edit]": [],
    "Sequence[OfferedFile]": [],
    "Sequence[tuple[int, int, bytes]]": [],
    "SourceTerms": SourceTerms(name="x", controller="x", basis="x", jurisdiction="FR"),
    "CaseTerms": CaseTerms(ref="x", offence="x", purpose="x", basis="x"),
    "Face": Face(probe="x"),
    "WatchTerms": WatchTerms(until=date(2027, 1, 1)),
    "NewDecision": NewDecision(outcome="x", checklist={}),
}


def methods() -> list[tuple[str, str, list[Any]]]:
    """Return every method that asks for something: the noun, its name, and an argument for each that it needs."""
    found = []
    with Client("http://127.0.0.1", "k") as client:
        nouns = {"": client, **{name: inner for name, inner in vars(client).items() if isinstance(inner, Noun)}}
    for noun, owner in nouns.items():
        for name in dir(type(owner)):
            method = inspect.getattr_static(owner, name)
            if isinstance(method, Walked | Iterated):
                found.append((noun, name, _examples(getattr(owner, name))))
    return found


def _examples(method: Any) -> list[Any]:
    needed = list(inspect.signature(method).parameters.values())[1:]  # without the noun itself
    return [EXAMPLES[each.annotation] for each in needed if each.default is inspect.Parameter.empty]


def route_of(line: str, routes: set[str]) -> str:
    """Return the route of a request; the request itself if there is none."""
    fitting = [route for route in routes if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), line)]
    return min(fitting, key=lambda route: route.count("{"), default=line)


@pytest.mark.parametrize("world", WORLDS)
def test_every_route_has_a_method(world: str) -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        problem = {"type": "x", "title": "x", "status": 418, "detail": "x", "code": "x"}
        return httpx.Response(418, json=problem, headers={"content-type": "application/problem+json"})

    found = methods()
    assert len(found) > 40
    with client_of(world, "k", transport=httpx.MockTransport(refuse)) as client:
        for noun, name, arguments in found:
            method = getattr(getattr(client, noun) if noun else client, name)
            with pytest.raises(Problem):
                list(method(*arguments))
    routes = {f"{route.method} {route.path}" for route in declared() if route.path not in OPEN}
    assert {route_of(line, routes) for line in asked} == routes
