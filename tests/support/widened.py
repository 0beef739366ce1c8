"""The pages of watches, of batches and of several people searched at once, as one person sees them in every state."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page
from tests.conftest import PORTRAITS, two_people
from tests.support.clock import TICK, Clock
from tests.support.guarded import Guarded, Pages
from tests.support.serving import serving
from tests.support.watched import SAME, add_source, compare, enrol
from tests.support.world import CASE, PROBE, SOURCE, World, gallery, ingest

from lineament.model.jobs import JobProgress
from lineament.model.search import Mode, Probe, ProbeFace, ProbeKind, SearchRequest
from lineament.model.together import Together
from lineament.model.watches import WatchTerms
from lineament.web.addresses import batch_address, case_address, probe_address, search_address

REASON = "Were the two published together anywhere?"


def widened(folder: Path, browser: Browser) -> Pages:
    """Yield the pages of a person who works alone."""
    clock = Clock(datetime.now(UTC), tick=TICK)
    with World(gallery(folder / "ws", clock), clock) as world, serving(world.workspace) as served:
        page = browser.new_page(base_url=served.url)
        page.goto(served.entrance)
        yield from _watches(world, page)
        yield from _batch(world, page, folder)
        yield from _together(world, page, folder)
        yield _opened(page, _case(world), "case-widened", "2 people")
        hooks = world.machine.web_hooks
        hooks.test(hooks.add("https://hooks.agency.example/lineament").hook.id)  # which nothing delivers
        yield _opened(page, "/web-hooks", "web-hooks-added", "hooks.agency.example")


def _opened(page: Page, address: str, name: str, words: str) -> Guarded:
    page.goto(address)
    return Guarded(name, page, words)


def _case(world: World) -> str:
    return case_address(world.machine.casework.get(CASE.ref).key)


def _take(world: World, content: bytes) -> Probe:
    return world.machine.probes.take(CASE.ref, content, kind=ProbeKind.CCTV)


# ---------------------------------------------------------------- watches


def _watches(world: World, page: Page) -> Pages:
    for name in ("press", "museum-loans"):
        add_source(world, name)
    _watch(world, "obama.jpg", "He may be seen at the port again, before the trial begins.", days=1)
    world.clock.advance(days=3)
    over = _watch(world, "sunak.jpg", "A witness saw him with the others.", days=9)
    world.machine.watches.end(over)
    _watch(world, "ardern-2018.jpg", "Her sister reported her missing on Sunday.", days=20, source="museum-loans")
    _watch(world, PROBE.name, "Whoever wrote on the forged letterhead may be published again.", days=30)
    enrol(world, SAME, source="press", width=480)
    compare(world)
    yield _opened(page, "/", "home-fired", "Watches that fired")
    page.get_by_role("button", name="Open the list").first.click()
    page.wait_for_url("**/searches/*")
    yield Guarded("result-watch", page, "new face")
    world.clock.advance(hours=2)
    enrol(world, SAME, source="press", width=420)
    compare(world)
    world.machine.sources.suspend("museum-loans")
    yield _opened(page, f"{_case(world)}/watches", "case-watches-fired", "new candidate")


def _watch(world: World, name: str, reason: str, days: int, source: str | None = None) -> str:
    probe = _take(world, (PORTRAITS / name).read_bytes())
    terms = WatchTerms(
        reason=reason, ends_on=world.today + timedelta(days=days), sources=() if source is None else (source,)
    )
    return world.machine.watches.begin(probe.id, terms).id


# ---------------------------------------------------------------- a batch


def _batch(world: World, page: Page, folder: Path) -> Pages:
    batches = world.machine.batches
    batch = batches.begin(CASE.ref, ProbeKind.CCTV)
    here = batch_address(batch.id)
    yield _opened(page, here, "batch-empty", "No photograph yet")
    two_people(folder / "group.jpg", "macron-2014.jpg", "obama.jpg")
    blank = io.BytesIO()
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(blank, "JPEG")
    for name, content in {
        "camera-3_2026-05-03_22-14-07_entrance-hall-north.jpg": PROBE.read_bytes(),
        "group.jpg": (folder / "group.jpg").read_bytes(),
        "till 2.jpg": (PORTRAITS / "sunak.jpg").read_bytes(),
        "wall.jpg": blank.getvalue(),
        "notes.txt": b"not a picture at all",
    }.items():
        batches.add(batch.id, name, content)
    yield _opened(page, here, "batch-waits", "choose a face")
    request = SearchRequest(case=CASE.ref, reason="who came in?", sources=(SOURCE,), mode=Mode.INVESTIGATION)
    job = batches.start(batch.id, {}, request)
    yield _opened(page, here, "batch-queued", "Queued")
    page.goto("about:blank")  # the page of a batch loads itself again when its job goes on
    with world.workspace.store.begin() as tx:
        tx.jobs.claim_this(job.id, "elsewhere 1 1", world.clock())
        done = JobProgress(done=1, total=2, words="1 searched")
        tx.jobs.renew(job.id, "elsewhere 1 1", done, world.clock() + timedelta(minutes=2))
    yield _opened(page, here, "batch-running", "1 of 2")
    page.goto("about:blank")
    world.clock.advance(minutes=3)
    compare(world)
    yield _opened(page, here, "batch-searched", "candidates")


# ---------------------------------------------------------------- several people


def _together(world: World, page: Page, folder: Path) -> Pages:
    two_people(folder / "both.jpg", "macron-2025.jpg", "ardern-2022.jpg")
    two_people(folder / "with-obama.jpg", "macron-2025.jpg", "obama.jpg")
    ingest(world.workspace, "press", [folder / "both.jpg", folder / "with-obama.jpg"])
    first, second = _take(world, PROBE.read_bytes()), _take(world, (PORTRAITS / "ardern-2018.jpg").read_bytes())
    page.goto(f"{probe_address(first.id)}?face=1")
    page.locator("#people > summary").click()
    yield Guarded("search-people", page, "All of them in one picture")
    for together, name in ((Together.ALL, "result-all"), (Together.ANY, "result-any")):
        request = SearchRequest(
            case=CASE.ref,
            reason=REASON,
            mode=Mode.IDENTIFICATION,
            people=(ProbeFace(probe_id=second.id, face=1),),
            together=together,
        )
        search = search_address(world.machine.search.run(first.id, request, 1).search_id)
        yield _opened(page, search, name, "Person 1 is the probe")
        page.locator(".candidate").first.click()
        page.wait_for_url("**/candidates/*")
        yield Guarded(f"candidate-{name.removeprefix('result-')}", page, "Candidate 1 of")
    yield _opened(page, f"{search}/new", "search-new-people", "Search what is new")
