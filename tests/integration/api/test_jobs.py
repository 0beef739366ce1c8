"""Jobs through ``/v1``: who sees which, their progress as it changes, and how that ends."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import PORTRAITS
from tests.support.described import described
from tests.support.programs import key_for, program
from tests.support.serving import Served, serving
from tests.support.world import CASE, PROBE, SOURCE, World, copied_gallery

from lineament.api import listening
from lineament.model.accounts import Permission
from lineament.model.cases import CaseTerms
from lineament.model.jobs import Job
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.jobs.kinds import DELETIONS, INGEST, SWEEP, ingest_arguments

pytestmark = pytest.mark.enable_socket
PATIENCE = 30.0
"""Seconds after which a test gives up waiting for what must happen."""
OTHER_CASE = CaseTerms(ref="2026-0413", offence="fraud", purpose="to find where it was published", basis="CPP 77")


@pytest.fixture
def world(portraits: Path, tmp_path: Path) -> Iterator[World]:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        yield world


def queue_ingest(world: World, source: str = SOURCE) -> Job:
    """Queue an ingest of one picture."""
    arguments = ingest_arguments(source, [str(PORTRAITS / "macron-2014.jpg")])
    return world.machine.jobs.add(INGEST, arguments, source=source)


def queue_batch(world: World, case: str) -> Job:
    """Queue the search of a photograph in a case."""
    batches = world.machine.batches
    batch = batches.begin(case, ProbeKind.CCTV)
    batches.add(batch.id, "probe.jpg", PROBE.read_bytes())
    request = SearchRequest(case=case, reason="to find where it was published", mode=Mode.INVESTIGATION)
    return batches.start(batch.id, {}, request)


def ids(client: httpx.Client) -> set[str]:
    return {job["job"] for job in described(client.get("/v1/jobs"))["items"]}


# ---------------------------------------------------------------- who sees what


def test_a_key_sees_the_jobs_that_it_could_have_asked_for(world: World) -> None:
    world.machine.casework.open(OTHER_CASE)
    world.machine.sources.add(SourceTerms(name="other", controller="x", basis="x", jurisdiction="FR"))
    ingests = queue_ingest(world), queue_ingest(world, "other")
    batches = queue_batch(world, CASE.ref), queue_batch(world, OTHER_CASE.ref)
    for kind in (SWEEP, DELETIONS):
        world.machine.jobs.add(kind, {})
    seen = {
        "operator": program(world, Permission.MANAGE_SOURCES),
        "of a source": program(world, Permission.MANAGE_SOURCES, sources=(SOURCE,)),
        "searcher": program(world, Permission.SEARCH, case=CASE.ref),
        "both": program(world, Permission.SEARCH, Permission.MANAGE_SOURCES, case=OTHER_CASE.ref),
    }
    assert {name: ids(each.client) for name, each in seen.items()} == {
        "operator": {ingests[0].id, ingests[1].id},
        "of a source": {ingests[0].id},
        "searcher": {batches[0].id},
        "both": {ingests[0].id, ingests[1].id, batches[1].id},
    }
    hidden = seen["searcher"].client.get(f"/v1/jobs/{batches[1].id}")
    missing = seen["searcher"].client.get(f"/v1/jobs/{'0' * 16}")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["detail"].replace(batches[1].id, "0" * 16) == missing.json()["detail"]
    for address in ("/stop", "/events"):
        method = "POST" if address == "/stop" else "GET"
        assert seen["of a source"].client.request(method, f"/v1/jobs/{ingests[1].id}{address}").status_code == 404
    reader = program(world, Permission.READ_SOURCES)
    assert reader.client.get("/v1/jobs").status_code == 403
    for each in (*seen.values(), reader):
        each.close()


def test_jobs_are_listed_in_parts_and_stopped(world: World) -> None:
    asked = [queue_ingest(world).id for _ in range(3)]
    made = program(world, Permission.MANAGE_SOURCES)
    first = described(made.client.get("/v1/jobs", params={"limit": 2}))
    rest = described(made.client.get("/v1/jobs", params={"limit": 2, "after": first["next"]}))
    assert [job["job"] for job in first["items"] + rest["items"]] == asked[::-1]
    assert rest["next"] is None
    assert described(made.client.post(f"/v1/jobs/{asked[0]}/stop"))["state"] == "stopped"
    assert made.client.post(f"/v1/jobs/{asked[0]}/stop").status_code == 409
    assert world.workspace.worker.drain() == 2
    done = described(made.client.get(f"/v1/jobs/{asked[1]}"))
    assert (done["state"], done["result"]["seen"]) == ("done", 1)
    made.close()


# ---------------------------------------------------------------- events


Event = tuple[str, dict[str, Any]]


@contextmanager
def listening_to(served: Served, key: str, job: Job) -> Iterator[queue.Queue[Event | None]]:
    """Listen to a job in a thread; yield its events, and None once the answer has ended."""
    events: queue.Queue[Event | None] = queue.Queue()

    def listen() -> None:
        headers = {"authorization": f"Bearer {key}"}
        with httpx.stream("GET", f"{served.url}/v1/jobs/{job.id}/events", headers=headers, timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            name = ""
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    events.put((name, json.loads(value)))
        events.put(None)

    thread = threading.Thread(target=listen)
    thread.start()
    yield events
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_progress_is_told_as_it_changes_until_the_job_has_ended(world: World) -> None:
    job, made = queue_ingest(world), key_for(world, Permission.MANAGE_SOURCES)
    with serving(world.workspace) as served, listening_to(served, made.text, job) as events:
        name, told = events.get(timeout=PATIENCE) or ("", {})
        assert (name, told["job"], told["state"]) == ("progress", job.id, "queued")
        world.machine.jobs.stop(job.id)
        name, told = events.get(timeout=PATIENCE) or ("", {})
        assert (name, told["state"]) == ("ended", "stopped")
        assert events.get(timeout=PATIENCE) is None


def test_a_key_that_is_revoked_is_told_nothing_more(world: World) -> None:
    job, made = queue_ingest(world), key_for(world, Permission.MANAGE_SOURCES)
    with serving(world.workspace) as served, listening_to(served, made.text, job) as events:
        assert (events.get(timeout=PATIENCE) or ("", {}))[0] == "progress"
        world.machine.api_keys.revoke(made.key.id)
        name, told = events.get(timeout=PATIENCE) or ("", {})
        assert (name, told["code"]) == ("closed", "key-refused")
        assert events.get(timeout=PATIENCE) is None


def test_a_server_that_ends_tells_those_who_listen(world: World) -> None:
    job, made = queue_ingest(world), key_for(world, Permission.MANAGE_SOURCES)
    with serving(world.workspace) as served, listening_to(served, made.text, job) as events:
        assert (events.get(timeout=PATIENCE) or ("", {}))[0] == "progress"
        served.server.should_exit = True
        name, told = events.get(timeout=PATIENCE) or ("", {})
        assert (name, told["code"]) == ("closed", listening.STOPPING)
        assert events.get(timeout=PATIENCE) is None


def test_a_key_listens_only_so_often_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_OF_KEY", 1)
    job, made = queue_ingest(world), key_for(world, Permission.MANAGE_SOURCES)
    headers = {"authorization": f"Bearer {made.text}"}
    with serving(world.workspace) as served:
        address = f"{served.url}/v1/jobs/{job.id}/events"
        with listening_to(served, made.text, job) as events:
            assert events.get(timeout=PATIENCE) is not None
            refused = httpx.get(address, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-attempts")
            world.machine.jobs.stop(job.id)
        assert httpx.get(address, headers=headers).status_code == 200


# ---------------------------------------------------------------- asking for one


def test_a_crawl_and_a_second_look_are_asked_for(world: World) -> None:
    terms = SourceTerms(
        name="site", controller="x", basis="x", jurisdiction="FR", hosts=("a.example",), contact="us@a.example"
    )
    world.machine.sources.add(terms)
    made = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES, sources=("site",))
    client = made.client
    asked = client.post("/v1/sources/site/crawls", json={"host": "a.example", "path": "/people", "notify": True})
    job = described(asked)
    assert (asked.status_code, asked.headers["location"]) == (202, f"/v1/jobs/{job['job']}")
    assert (job["arguments"]["what"], job["arguments"]["notify"]) == (["https://a.example/people"], True)
    for refused in ({"host": "b.example"}, {"host": "a.example", "path": "no path"}):
        assert client.post("/v1/sources/site/crawls", json=refused).status_code == 422
    look = described(client.post("/v1/sources/site/second-looks", json={}))
    assert (look["kind"], "notify" in look["arguments"]) == ("look again", False)
    assert client.post(f"/v1/sources/{SOURCE}/second-looks", json={}).status_code == 404
    made.close()
