"""A page that is read while a job ends shows what the job did, or follows the job until it does; never neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.two_agencies import Pages, TwoAgencies
from tests.support.world import SOURCE

from lineament.model.search import SearchRequest
from lineament.services.batches import Batches
from lineament.services.disclosure.disclose import Disclosure
from lineament.services.gallery.register import Register
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.services.jobs.queue import Jobs

pytestmark = pytest.mark.enable_socket
Reads = list[tuple[type, str]]


def after_the_first(monkeypatch: pytest.MonkeyPatch, reads: Reads, act: Callable[[], object]) -> list[str]:
    """Act once, after the first of the calls of these methods; return the names of those called, as they come."""
    called: list[str] = []

    def wrap(owner: type, name: str) -> None:
        read = getattr(owner, name)

        def reading(self: object, *args: object, **named: object) -> object:
            found = read(self, *args, **named)
            called.append(name)
            if len(called) == 1:
                act()
            return found

        monkeypatch.setattr(owner, name, reading)

    for owner, name in reads:
        wrap(owner, name)
    return called


@pytest.fixture
def pages(two_agencies: TwoAgencies, tmp_path: Path) -> Iterator[Pages]:
    with two_agencies.copy(tmp_path) as world, world.pages() as pages:
        yield pages


def ingest_under_way(world: TwoAgencies) -> tuple[int, Callable[[], None]]:
    """Make a run look as if a worker did it; return its number, and what ends it with its job."""
    desk, now, store = world.desk_of("home operator"), world.clock.at, world.workspace.store
    job = desk.jobs.add(INGEST, ingest_arguments(SOURCE, ["/data/new"]), source=SOURCE)
    with store.begin() as tx:
        assert tx.jobs.claim_this(job.id, "a worker", now) is not None
        run = tx.runs.begin(desk.sources.get(SOURCE).id, "folder", "/data/new", now)

    def end() -> None:
        with store.begin() as tx:
            tx.runs.end(run.id, now)
            assert tx.jobs.finish(job.id, "a worker", {}, now)

    return run.id, end


@pytest.mark.parametrize(("page", "read"), [("", "runs"), ("/runs/{run}", "run")], ids=["source", "run"])
def test_a_run(pages: Pages, monkeypatch: pytest.MonkeyPatch, page: str, read: str) -> None:
    run, end = ingest_under_way(pages.world)
    called = after_the_first(monkeypatch, [(Register, read), (Jobs, "newest_of_source")], end)
    shown = pages.ask(pages.world.people["home operator"], "GET", f"/sources/{SOURCE}{page.format(run=run)}").text
    assert set(called) == {read, "newest_of_source"}
    assert "stopped" not in shown
    assert "ended" in shown


def test_a_pack(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    world = pages.world
    key = world.cases["A own"].key
    disclosure = world.desk_of("A supervisor").disclosure
    made = {pack.id for pack in disclosure.packs(key)}
    job = disclosure.ask(key, sharp=True)
    reads: Reads = [(Disclosure, "packs"), (Disclosure, "under_way")]
    called = after_the_first(monkeypatch, reads, world.workspace.worker.drain)
    shown = pages.ask(world.people["A supervisor"], "GET", f"/cases/{key}/disclosure").text
    assert set(called) == {"packs", "under_way"}
    (pack,) = [pack for pack in disclosure.packs(key) if pack.id not in made]
    assert f"disclosure/{pack.id}" in shown
    assert f"/jobs/{job.id}/progress" in shown


def test_a_batch(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    world, batch, key = pages.world, pages.world.cases["A own"].batch, pages.world.cases["A own"].key
    request = SearchRequest(case=key, reason="who is it?", sources=(SOURCE,))
    world.desk_of("A examiner").batches.start(batch, {}, request)
    reads: Reads = [(Batches, "show"), (Jobs, "show")]
    called = after_the_first(monkeypatch, reads, world.workspace.worker.drain)
    shown = pages.ask(world.people["A examiner"], "GET", f"/batches/{batch}").text
    assert called == ["show", "show"]
    assert "data-live" in shown
    assert 'href="/searches/' in shown
