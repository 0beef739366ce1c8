"""Metrics, traces and logs name nobody, and count nothing by client (R46)."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import httpx
import pytest
from tests.conftest import PORTRAITS
from tests.support.otlp import Received, otlp_receiver
from tests.support.two_agencies import AgencyTexts, Pages, TwoAgencies
from tests.support.world import SOURCE

from lineament.errors import NotFound
from lineament.model.search import Mode, SearchRequest
from lineament.observe.logs import JsonLines
from lineament.observe.stages import Stage, install
from lineament.observe.traces import ATTRIBUTES, ONE_IN, Traces
from lineament.setting_values import Address
from lineament.sources.folder.connector import FolderConnector
from lineament.web.app import declared
from lineament.workspace.observing import Observing

pytestmark = pytest.mark.enable_socket
ROUTES = frozenset(route.path for route in declared())
LABELS = {"le", "stage", "route", "method", "status", "outcome", "code", "kind", "state", "pool"}


@pytest.fixture(scope="module")
def pages(two_agencies: TwoAgencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with two_agencies.copy(tmp_path_factory.mktemp("observed")) as world, world.pages() as pages:
        yield pages


def names(world: TwoAgencies) -> list[str]:
    """Return everything that would tell of somebody or of a case: names, addresses, references, reasons, ids."""
    texts = [getattr(of, name) for of in world.texts.values() for name in AgencyTexts.__slots__]
    people = [text for person in world.people.values() for text in (person.account.name, person.account.email)]
    ids = [person.account.id for person in world.people.values()] + list(world.agencies.values())
    cases = [text for case in world.cases.values() for text in (case.ref, case.key, case.probe, case.search) if text]
    return [*texts, *people, *(id_ for id_ in ids if len(id_) > 4), *cases, SOURCE, "home.example"]


def search(world: TwoAgencies, letter: str = "A") -> None:
    own = world.cases[f"{letter} own"]
    request = SearchRequest(case=own.key, reason=world.texts[letter].reason, mode=Mode.INVESTIGATION)
    world.desk_of(f"{letter} examiner").search.run(own.probe, request)


def look_around(pages: Pages) -> None:
    """Do what people do, and what fails."""
    world, examiner = pages.world, pages.world.people["A examiner"]
    own = world.cases["A own"]
    for address in (
        "/",
        f"/cases/{own.key}",
        f"/searches/{own.search}",
        f"/cases/{own.ref}?word={own.ref}",
        "/nowhere",
    ):
        pages.ask(examiner, "GET", address)
    pages.ask(None, "GET", f"/join/{examiner.account.email}")


def test_no_figure_tells_of_anybody_or_of_fewer_than_ten_searches(pages: Pages) -> None:
    world = pages.world
    with Observing(world.workspace.settings, "serve", Address("127.0.0.1", 0), ROUTES) as observing:
        observing.workspace = world.workspace

        def text() -> str:
            answer = httpx.get(f"http://127.0.0.1:{observing.port}/metrics", timeout=60)
            assert answer.status_code == 200
            return answer.text

        def steady() -> list[str]:
            volatile = ("lineament_resident_bytes ", "lineament_database_connections{")
            return [line for line in text().splitlines() if not line.startswith(volatile)]

        look_around(pages)
        search(world)
        first = steady()
        for letter in "ABABABAB":
            search(world, letter)
            assert steady() == first
        look_around(pages)
        assert steady() == first
        search(world)
        tenth = steady()
        found = text()
    assert 'lineament_stage_seconds_count{stage="search"} 10.0' in tenth
    assert "lineament_faces_compared_total 50.0" in tenth
    assert {label for labels in re.findall(r"\{(.*)\}", found) for label in re.findall(r'(\w+)="', labels)} <= LABELS
    routes = set(re.findall(r'route="([^"]*)"', found))
    assert {"/", "/searches/{search_id}"} < routes
    assert routes <= ROUTES | {"none"}
    assert [name for name in names(world) if name in found] == []


@pytest.fixture
def received() -> Iterator[Received]:
    with otlp_receiver() as receiver:
        yield receiver


def test_no_trace_tells_of_anybody(pages: Pages, received: Received) -> None:
    world = pages.world
    traces = Traces(received.endpoint, "serve", one_in=1)
    remove = install(traces)
    try:
        look_around(pages)
        search(world)
        foreign = SearchRequest(case=world.texts["A"].ref, reason="why", mode=Mode.INVESTIGATION)
        with pytest.raises(NotFound, match=foreign.case):
            world.desk_of("B examiner").search.run(world.cases["B own"].probe, foreign)
        photographs = FolderConnector([PORTRAITS / "macron-2014.jpg"], page_base=None, max_bytes=2**20)
        world.desk_of("home operator").ingest.run(SOURCE, photographs, workers=1)
    finally:
        remove()
        traces.close()
    spans = {span.name: span for span in received.spans}
    by_id = {span.span_id: span.name for span in received.spans}
    parents = {span.name: by_id.get(span.parent_span_id) for span in received.spans}
    assert {name: parents[name] for name in ("gate", "scan", "score", "commit")} == dict.fromkeys(
        ("gate", "scan", "score", "commit"), "search"
    )
    assert (parents["request"], parents["store"], parents["prepare"]) == (None, "ingest", "ingest")
    assert {parents["detect"], parents["embed"]} <= {"prepare", "analyse"}
    assert set(spans) <= set(Stage)
    attributes = {item.key for span in received.spans for item in span.attributes}
    assert {"http.route", "http.response.status_code", "error.type"} <= attributes <= set(ATTRIBUTES.values())
    assert {event.name for span in received.spans for event in span.events} == set()
    assert {key for resource in received.resources for key in resource} == {"service.name", "service.version"}
    sent = b"".join(received.bodies)
    assert [name for name in names(world) if name.encode() in sent] == []


def test_one_trace_in_ten_is_sent(received: Received) -> None:
    traces = Traces(received.endpoint, "serve")
    for _ in range(3000):
        traces.ended(Stage.SEARCH, traces.began(Stage.SEARCH), 0.0, {})
    traces.close()
    assert ONE_IN == 10
    assert 150 < len(received.spans) < 500  # 300 are expected, with a deviation of 16


def test_a_failure_is_one_line_that_tells_of_nobody(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    world, examiner = pages.world, pages.world.people["A examiner"]
    written, log = io.StringIO(), logging.getLogger("lineament")
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    log.addHandler(handler)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "the disk")

    own = world.cases["A own"]
    try:
        look_around(pages)
        assert written.getvalue() == ""  # what goes well is in the ledger alone
        monkeypatch.setattr("lineament.services.review.seen.seen_search", fail)
        monkeypatch.setattr("lineament.services.search.seen_search", fail)
        answer = pages.ask(examiner, "GET", f"/searches/{own.search}?reason={own.ref}")
    finally:
        log.removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == "a request failed"]
    assert answer.status_code == line["status"] == 500
    assert line["request"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["level"]) == ("GET", "/searches/{search_id}", "error")
    assert line["ms"] > 0
    told = [name for name in names(world) if name in json.dumps({**line, "logger": ""})]
    assert told == []
