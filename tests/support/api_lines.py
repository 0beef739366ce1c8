"""A valid request for each route of the API, with its targets and its preparation. A new route needs its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from tests.support.route_forms import Answer, Prepare, masked
from tests.support.targets import KINDS, Target, Targets, drops, nothing, runs, sources, unsearched
from tests.support.two_agencies import Pages, Participant, TwoAgencies

from lineament.api.routes import ApiEndpoint

OPEN_TO_ALL = {("GET", "/v1/openapi.json"), ("GET", "/v1/problems/{code}")}
"""What anybody may read without a key: nothing of any workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLine:
    """A valid request of a route; in its texts ``{…}`` stands for an id of the target, ``{later}`` for a later day."""

    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    media_type: str = "application/octet-stream"  # of the content
    files: Mapping[str, tuple[str, bytes, str]] | None = None  # a multipart form: name of the file, bytes, type
    data: Mapping[str, str] | None = None  # the fields of that form
    targets: Targets | None = None  # if something else than the parts of the address says which
    ids: Mapping[str, str] = field(default_factory=dict)  # another name of a part, or = and a constant
    prepare: Prepare | None = None
    not_for_guests: bool = False  # no guest may, whatever their role in the case
    fine: frozenset[int] = frozenset()  # refusals that say something other than that the caller may not


API_LINES: dict[tuple[str, str], ApiLine] = {
    ("GET", "/v1/key"): ApiLine(),
}


def line_of(route: ApiEndpoint) -> ApiLine:
    return API_LINES[route.method, route.path]


def api_targets(route: ApiEndpoint, world: TwoAgencies, person: Participant) -> list[Target]:
    """Return what a request may name; KeyError if a part of the route's address is not known here."""
    line = line_of(route)
    if line.targets is not None:
        return list(line.targets(world, person))
    named = [line.ids.get(part, part) for part in re.findall(r"{(\w+)(?::path)?}", route.path)]
    kinds = {KINDS[name] for name in named if not name.startswith("=")} or {nothing}
    if kinds & {runs, unsearched, drops}:  # named within its source
        kinds.discard(sources)
    (kind,) = kinds
    return list(kind(world, person))


def send(pages: Pages, key: str, route: ApiEndpoint, target: Target) -> Answer:
    """Send the valid request of a route with a key; return its answer without the names of the request."""
    line, world = line_of(route), pages.world
    names = {**target.ids, "later": str(world.today + timedelta(days=9))}
    parts = {part: text[1:] if text[0] == "=" else names[text] for part, text in line.ids.items()}
    names |= parts
    more: dict[str, Any] = {"headers": {"authorization": f"Bearer {key}"}}
    if line.json is not None:
        more["json"] = _filled(line.json, names)
    if line.content is not None:
        more |= {"content": line.content}
        more["headers"]["content-type"] = line.media_type
    if line.files is not None:
        more["files"] = dict(line.files)
    if line.query:
        more["params"] = _filled(dict(line.query), names)
    data = None if line.data is None else _filled(dict(line.data), names)
    answer: httpx.Response = pages.ask(None, route.method, route.path.format(**names), data, **more)
    return masked(answer, names)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return JSON with the names of the target in its texts."""
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, list):
        return [_filled(part, names) for part in value]
    if isinstance(value, dict):
        return {name: _filled(part, names) for name, part in value.items()}
    return value
