"""Several photographs sent to a batch in the browser, searched by a job that survives its worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import PORTRAITS, two_people
from tests.support.clock import TICK, Clock
from tests.support.killed import Killed, killed_at
from tests.support.serving import Served, serving, token_in
from tests.support.world import CASE, SOURCE, World, copied_gallery, ingest_portraits, opened, solo

from lineament.errors import Refused
from lineament.model.jobs import LEASE
from lineament.model.search import ProbeKind, SearchRequest

pytestmark = pytest.mark.enable_socket
WHY = {"reason": "who is it?", "source": SOURCE, "mode": "identification", "limit": "20"}


@pytest.fixture
def world(portraits: Path, tmp_path: Path) -> Iterator[World]:
    with copied_gallery(portraits, tmp_path / "ws") as made:
        yield made


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with serving(world.workspace) as running:
        yield running


@pytest.fixture
def browser(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, bytes]:
    two_people(tmp_path / "group.jpg", "macron-2014.jpg", "obama.jpg")
    shutil.copy(PORTRAITS / "macron-2014.jpg", tmp_path / "macron.jpg")
    return {
        "macron.jpg": (tmp_path / "macron.jpg").read_bytes(),
        "group.jpg": (tmp_path / "group.jpg").read_bytes(),
        "notes.txt": b"not a picture at all",
    }


def send(browser: httpx.Client, world: World, pictures: dict[str, bytes]) -> tuple[str, str]:
    """Send every picture to a new batch; return its address and the token of its forms."""
    key = world.machine.casework.get(CASE.ref).key
    token = token_in(browser.get(f"/search?case={key}").text)
    address = ""
    for name, content in pictures.items():
        form = {"csrf": token, "case": key, "kind": "cctv"}
        to = f"{address}/photographs" if address else "/batches"
        answer = browser.post(to, data=form, files={"photograph": (name, content)})
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
    return address, token


def test_each_photograph_has_a_row_and_then_a_list(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, pictures)
    page = browser.get(address).text
    for words in ("macron.jpg", "waits", "group.jpg", "choose a face", "notes.txt", "not searched"):
        assert words in page
    assert "3 photographs" in page
    started = browser.post(f"{address}/search", data=WHY | {"csrf": token})
    assert started.status_code == 303
    assert world.workspace.worker.drain() == 1
    page = browser.get(address).text
    assert "searched" in page
    assert "choose a face" in page, "it waits for its choice, and nothing else did"
    shown = world.machine.batches.show(address.rpartition("/")[2])
    group = next(row for row in shown.rows if row.photograph.name == "group.jpg")
    form = WHY | {"csrf": token, f"face-{group.photograph.id}": "2"}
    assert browser.post(f"{address}/search", data=form).status_code == 303
    world.workspace.worker.drain()
    rows = {row.photograph.name: row for row in world.machine.batches.show(shown.batch.id).rows}
    assert [rows[name].state for name in pictures] == ["searched", "searched", "not searched"]
    found = world.machine.search.get(rows["group.jpg"].photograph.search_id or "")
    assert (found.face, found.reason) == (2, "who is it?")
    assert len(world.machine.casework.stored_searches(CASE.ref)) == 2
    world.machine.audit.verify()


def test_nothing_is_searched_twice_after_a_kill_between_search_and_note(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, {"macron.jpg": pictures["macron.jpg"]})
    browser.post(f"{address}/search", data=WHY | {"csrf": token})
    shown = world.machine.batches.show(address.rpartition("/")[2])
    (row,) = shown.rows
    request = SearchRequest(case=CASE.ref, reason="who is it?", sources=(SOURCE,))
    made = world.machine.search.run(row.photograph.probe_id or "", request, 1)  # and then it was killed
    world.workspace.worker.drain()
    (row,) = world.machine.batches.show(shown.batch.id).rows
    assert row.photograph.search_id == made.search_id
    assert len(world.machine.casework.stored_searches(CASE.ref)) == 1


def test_a_worker_killed_at_any_step_loses_no_photograph_and_searches_none_twice(
    tmp_path: Path, pictures: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(tick=TICK)
    with solo(tmp_path / "ws", clock) as world:
        ingest_portraits(world.workspace)
        world.machine.casework.open(CASE)
        batch = world.machine.batches.begin(CASE.ref, ProbeKind.CCTV).id
        for name in ("macron-2014.jpg", "obama.jpg"):
            world.machine.batches.add(batch, name, (PORTRAITS / name).read_bytes())
        world.machine.batches.start(batch, {}, SearchRequest(case=CASE.ref, reason="who is it?", sources=(SOURCE,)))
    shutil.copytree(tmp_path / "ws", tmp_path / "whole")
    with opened(tmp_path / "whole", clock) as world, killed_at(99, monkeypatch) as steps:
        world.workspace.worker.drain()
    assert len(steps) >= 6
    for step in range(1, len(steps)):
        shutil.copytree(tmp_path / "ws", tmp_path / f"at-{step}")
        with opened(tmp_path / f"at-{step}", clock) as world:
            with pytest.raises(Killed), killed_at(step, monkeypatch):
                world.workspace.worker.drain()
            world.clock.advance(seconds=LEASE.total_seconds())
            world.workspace.worker.drain()
            rows = world.machine.batches.show(batch).rows
            made = {search.result.search_id for search in world.machine.casework.stored_searches(CASE.ref)}
            assert [row.state for row in rows] == ["searched", "searched"], f"killed before step {step}"
            assert {row.photograph.search_id for row in rows} == made, f"killed before step {step}"
            assert len(made) == 2
            world.machine.audit.verify()


def test_the_gate_is_asked_before_each_and_what_it_refuses_waits(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, {"macron.jpg": pictures["macron.jpg"]})
    browser.post(f"{address}/search", data=WHY | {"csrf": token})
    world.machine.stops.stop_everything("an incident")
    world.workspace.worker.drain()
    batch = world.machine.batches.show(address.rpartition("/")[2])
    assert [row.state for row in batch.rows] == ["waits"]
    assert "an incident" in browser.get(address).text
    with pytest.raises(Refused):
        world.machine.batches.start(batch.batch.id, {}, SearchRequest(case=CASE.ref, reason="why"))
    world.machine.stops.resume_everything()
    assert browser.post(f"{address}/search", data=WHY | {"csrf": token}).status_code == 303
    world.workspace.worker.drain()
    assert [row.state for row in world.machine.batches.show(batch.batch.id).rows] == ["searched"]


def test_what_cannot_be_started_says_why_and_keeps_what_was_typed(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, {"notes.txt": pictures["notes.txt"], "group.jpg": pictures["group.jpg"]})
    refused = browser.post(f"{address}/search", data=WHY | {"csrf": token, "reason": "typed with care"})
    assert refused.status_code == 422
    assert "typed with care" in refused.text
    assert "no photograph with a chosen face waits" in refused.text
    assert browser.post(f"{address}/photographs", data={"csrf": token}).status_code == 422


def test_a_batch_that_is_searched_is_not_searched_a_second_time(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, pictures)
    for code in (303, 403):
        assert browser.post(f"{address}/search", data=WHY | {"csrf": token}).status_code == code
    assert world.workspace.worker.drain() == 1


def test_a_search_by_hand_is_not_taken_for_one_of_the_batch(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, token = send(browser, world, {"macron.jpg": pictures["macron.jpg"]})
    assert browser.post(f"{address}/search", data=WHY | {"csrf": token}).status_code == 303
    (row,) = world.machine.batches.show(address.rpartition("/")[2]).rows
    assert row.probe is not None
    by_hand = SearchRequest(case=CASE.ref, reason="something else", sources=(SOURCE,))
    other = world.machine.search.run(row.probe.id, by_hand).search_id
    world.workspace.worker.drain()
    (row,) = world.machine.batches.show(address.rpartition("/")[2]).rows
    assert row.photograph.search_id not in {None, other}


def test_a_batch_goes_with_its_case_and_a_removed_photograph_leaves_it(
    world: World, browser: httpx.Client, pictures: dict[str, bytes]
) -> None:
    address, _ = send(browser, world, pictures)
    batch_id = address.rpartition("/")[2]
    shown = world.machine.batches.show(batch_id)
    first = next(row for row in shown.rows if row.photograph.name == "macron.jpg")
    world.machine.probes.remove(first.photograph.probe_id or "")
    assert [row.photograph.name for row in world.machine.batches.show(batch_id).rows] == ["group.jpg", "notes.txt"]
    world.machine.key_rotation.case(CASE.ref)
    assert world.machine.probes.picture(
        next(row.photograph.probe_id or "" for row in world.machine.batches.show(batch_id).rows)
    )
    with world.workspace.store.begin() as tx:
        case = tx.cases.find(CASE.ref, world.machine.record.sight)
        tx.batches.delete_of(case.id)
        assert tx.batches.of_case(case.id, 5) == []


def test_a_kind_that_is_no_photograph_begins_no_batch(world: World) -> None:
    with pytest.raises(Refused):
        world.machine.batches.begin(CASE.ref, ProbeKind.SKETCH)
