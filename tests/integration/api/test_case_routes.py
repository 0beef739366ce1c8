"""Each route of casework: what is in another case than that of the key answers as what never was."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.blindly import decision
from tests.support.described import described
from tests.support.programs import program
from tests.support.watched import compare, enrol
from tests.support.world import CASE, PROBE, SOURCE, World, copied_gallery

from lineament.api import batches, candidates, cases, probes, reviews, searches, watches
from lineament.api.routes import ApiEndpoint
from lineament.model.api_keys import IN_A_CASE
from lineament.model.review import ReviewOutcome
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.watches import WatchTerms

pytestmark = pytest.mark.enable_socket

ROUTES = [
    route
    for module in (cases, probes, searches, batches, candidates, reviews, watches)
    for route in module.routes.declared
]
NAMES = [route.endpoint.__name__ for route in ROUTES]
BODIES: dict[str, Any] = {
    "edit_probe": {"edits": []},
    "make_search": {"probe": "{probe}", "mode": "investigation"},
    "search_probes": {"faces": [{"probe": "{probe}"}]},
    "decide": decision(ReviewOutcome.LEAD),
    "search_batch": {},
    "write_note": {"text": "See the ear."},
    "begin_watch": {"probe": "{probe}", "until": "2026-05-04"},
    "open_case": {"ref": "2026-0600", "offence": "theft", "purpose": "to find a witness", "basis": "law"},
}


@dataclass(slots=True)
class Neighbours:
    """Two cases with everything in them, and a program with a key for the second."""

    world: World
    client: httpx.Client
    ids: dict[str, str]  # of the first case
    own: dict[str, str]  # of the second


@pytest.fixture(scope="module")
def neighbours(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    with copied_gallery(portraits, tmp_path_factory.mktemp("neighbours") / "ws") as world:
        ids = filled(world, CASE.ref)
        own = filled(world, world.machine.casework.open(replace(CASE, ref="2026-0500")).key)
        enrol(world, "macron-2025.jpg", source=SOURCE, width=400)
        compare(world)
        for found in (ids, own):
            (kept,) = world.machine.watches.of_case(found["case"])
            found["finding"] = kept.findings[0].id
        with closing(program(world, *IN_A_CASE, case=own["case"])) as made:
            yield Neighbours(world, made.client, ids, own)


def filled(world: World, name: str) -> dict[str, str]:
    """Fill a case with a photograph, a search and a watch; return their ids."""
    desk = world.machine
    case = desk.casework.get(name)
    probe = desk.probes.take(case.key, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    request = SearchRequest(case=case.key, reason="to find a witness", mode=Mode.INVESTIGATION)
    terms = WatchTerms(reason="to find a witness", ends_on=world.today + timedelta(days=1))
    return {
        "case": case.key,
        "probe": probe.id,
        "search": desk.search.run(probe.id, request).search_id,
        "batch": desk.batches.begin(case.key, None).id,
        "watch": desk.watches.begin(probe.id, terms).id,
        "candidate": "1",
        "face": "1",
    }


def send(client: httpx.Client, route: ApiEndpoint, ids: dict[str, str]) -> httpx.Response:
    """Send a valid request to a route, about the things with these ids."""
    address = re.sub(r"\{(\w+)\}", lambda part: ids[part[1]], route.path)
    body = BODIES.get(route.endpoint.__name__)
    if body is not None:
        text = httpx.Request("POST", "/", json=body).content.decode()
        for name, id_ in ids.items():
            text = text.replace(f"{{{name}}}", id_)
        return client.request(route.method, address, content=text, headers={"content-type": "application/json"})
    if route.endpoint.__name__ == "search_photographs":
        return client.request(route.method, address, files={"photograph": ("a.jpg", PROBE.read_bytes())})
    photograph = PROBE.read_bytes() if route.most is None else None
    return client.request(route.method, address, content=photograph, headers={"content-type": "image/jpeg"})


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_what_is_elsewhere_answers_as_what_never_was(neighbours: Neighbours, route: ApiEndpoint) -> None:
    """Byte for byte, and before anything is done; a key sees no other case than its own."""
    never = {name: id_ if len(id_) == 1 else secrets.token_hex(8) for name, id_ in neighbours.ids.items()}
    size = neighbours.world.ledger_size()
    answers = []
    for ids in (neighbours.ids, never):
        text = send(neighbours.client, route, ids)
        shown = text.text
        for name, id_ in ids.items():
            shown = shown.replace(id_, name) if len(id_) > 1 else shown
        answers.append((text.status_code, shown, text.headers["content-type"]))
    first, second = answers
    assert first == second
    assert first[0] == {"list_cases": 200, "open_case": 403, "list_reviews": 200, "list_findings": 200}.get(
        route.endpoint.__name__, 404
    )
    assert neighbours.ids["search"] not in first[1]
    assert neighbours.world.ledger_size() == size


@pytest.mark.parametrize("name", ["make_search", "search_probes", "begin_watch", "list_obstacles"])
def test_a_photograph_of_another_case_answers_as_one_that_never_was(neighbours: Neighbours, name: str) -> None:
    route = next(route for route in ROUTES if route.endpoint.__name__ == name)
    answers = []
    for probe in (neighbours.ids["probe"], secrets.token_hex(8)):
        ids = neighbours.own | {"probe": probe}
        asked = replace(route, path=f"{route.path}?probe={probe}") if name == "list_obstacles" else route
        answer = send(neighbours.client, asked, ids)
        answers.append((answer.status_code, answer.text.replace(probe, "probe")))
    assert answers[0] == answers[1]
    assert "not-found" in answers[0][1]


def test_reads_of_the_own_case_are_as_described(neighbours: Neighbours) -> None:
    reads = [route for route in ROUTES if route.method == "GET"]
    answers = [send(neighbours.client, route, neighbours.own) for route in reads]
    assert all(described(answer) is not None for answer in answers)
    assert len(answers) > 15
    tagged = [answer.headers.get("etag") for answer in answers if answer.headers["content-type"] == "application/json"]
    assert all(tagged)
