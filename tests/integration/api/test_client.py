"""The client against a real server, in both worlds: from a folder to a candidate, and what may go wrong."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PORTRAITS
from tests.support.both_clients import WORLDS, client_of
from tests.support.programs import CASEWORK_RIGHTS, UNBOUND_RIGHTS, key_for
from tests.support.serving import serving
from tests.support.world import PROBE, World, solo

from lineament.api.problems import of_error
from lineament.api.repeats import NamedRequest, Repeats
from lineament.client import CaseTerms, Client, Edit, Face, Problem, Progress, Settings, SourceTerms, WatchTerms
from lineament.errors import WrongState
from lineament.store.keys import Cipher

pytestmark = pytest.mark.enable_socket
TERMS = SourceTerms(name="press", controller="The Herald", basis="contract", jurisdiction="FR")
CASE = CaseTerms(ref="2026-0412", offence="fraud", purpose="to find where it was published", basis="CPP 77")


@dataclass(frozen=True, slots=True)
class Agency:
    """A server, a client that collects, and the means to make another one."""

    world: World
    url: str
    kind: str
    client: Client

    def searching(self, case: str) -> Any:
        """Return a client with a key that searches in a case."""
        return client_of(self.kind, key_for(self.world, *CASEWORK_RIGHTS, case=case).text, url=self.url)


@pytest.fixture(params=WORLDS)
def agency(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Agency]:
    with solo(tmp_path / "ws") as world, serving(world.workspace) as served:
        key = key_for(world, *UNBOUND_RIGHTS)
        with client_of(request.param, key.text, url=served.url) as client:
            yield Agency(world, served.url, request.param, client)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The portraits but the probe, in folders; with a link out of them, and a file that is no picture."""
    folder = tmp_path / "photographs"
    shutil.copytree(
        PORTRAITS, folder / "press", ignore=shutil.ignore_patterns("*.md", "*.py", "__pycache__", PROBE.name)
    )
    (folder / "list.txt").write_text("a list")
    (folder / "away.jpg").symlink_to(PROBE)
    return folder


def test_from_a_folder_to_a_candidate(agency: Agency, folder: Path) -> None:
    client = agency.client
    assert client.sources.add(TERMS).state == "live"
    told: list[Progress] = []
    upload = client.uploads.folder("press", folder, progress=told.append)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert (upload.files, told[-1].files, told[-1].skipped) == (len(files), len(files), 1)
    assert told[-1].sent == upload.arrived.bytes
    assert upload.job is not None
    worker = threading.Thread(target=agency.world.workspace.worker.drain)
    worker.start()
    seen = list(client.jobs.follow(upload.job))
    worker.join()
    assert seen[-1].state == "done"
    assert seen[-1] == client.jobs.wait(upload.job) == next(client.jobs.list())
    *_, last = client.uploads.follow("press", upload.upload)
    assert last.ended_at is not None
    assert last.counts["enrolled"] == 5
    (run,) = client.sources.runs("press")
    assert client.sources.run("press", run.run).faces == client.sources.get("press").faces == 5
    case = client.cases.open(CASE)
    with agency.searching(case.key) as searching:
        assert searching.cases.obstacles(case.ref).reasons == ()
        settings = Settings(reason="to find “it” & more", until=date(2027, 1, 1), limit=3, sources=("press",))
        found = searching.searches.photograph(case.key, PROBE.read_bytes(), settings, kind="other photograph")
        assert found.reason == "to find “it” & more"
        assert "Emmanuel_Macron_2025" in found.candidates[0].uri
        assert found == searching.searches.get(found.search_id)
        assert [listed.search_id for listed in searching.searches.list(case.key)] == [found.search_id]
        beside = searching.searches.candidate(found.search_id, 1)
        assert beside.listed is not None
        assert beside.listed.rank == 1
        assert searching.searches.candidate_face(found.search_id, 1)[:2] == b"\xff\xd8"
        assert searching.searches.candidate_picture(found.search_id, 1)[:2] == b"\xff\xd8"
        original = searching.searches.original(found.search_id, 1)
        assert original == (folder / "press" / "macron-2025.jpg").read_bytes()


def test_photographs_are_kept_edited_searched_together_and_watched(agency: Agency) -> None:
    client = agency.client
    client.sources.add(TERMS)
    sent = client.sources.enrol(
        "press",
        {"a.jpg": (PORTRAITS / "macron-2025.jpg").read_bytes(), "b.jpg": b"none"},
        [{"uri": "urn:isbn:1"}, None],
    )
    assert [picture.outcome for picture in sent.pictures] == ["enrolled", "refused"]
    assert sent.pictures[0].faces[0].quality.reliable
    case = client.cases.open(CASE).key
    with agency.searching(case) as searching:
        probe = searching.probes.add(case, PROBE.read_bytes(), kind="other photograph")
        assert [listed.id for listed in searching.probes.list(case)] == [probe.id]
        assert searching.probes.face(probe.id, 1)[:2] == searching.probes.picture(probe.id)[:2] == b"\xff\xd8"
        edited = searching.probes.edit(probe.id, [Edit(kind="exposure", stops=0.5)])
        assert [edit.stops for edit in edited.edits] == [0.5]
        wrong = searching.probes.add(case, (PORTRAITS / "macron-2025.jpg").read_bytes(), kind="other photograph")
        searching.probes.remove(wrong.id)
        with pytest.raises(Problem, match="not-found"):
            searching.probes.get(wrong.id)
        found = searching.searches.make(case, Face(probe=probe.id))
        assert found.candidates[0].uri == "urn:isbn:1"
        batch = searching.searches.batch(case, [Face(probe=probe.id), Face(probe=probe.id, face=7)])
        assert (batch.searched, batch.failed) == (1, 1)
        assert isinstance(batch.items[1].problem, Problem)
        several = searching.searches.photographs(
            case, {"x.jpg": PROBE.read_bytes(), "y": b"none"}, kind="other photograph"
        )
        assert [item.name for item in several.items] == ["x.jpg", "y"]
        batch_begun = searching.batches.begin(case, kind="other photograph").batch
        assert searching.batches.add(batch_begun, PROBE.read_bytes(), name="the tip").name == "the tip"
        job = searching.batches.search(batch_begun, Settings(limit=2, mode="investigation"))
        agency.world.workspace.worker.drain()
        assert searching.jobs.wait(job.job).state == "done"
        assert searching.batches.get(batch_begun).photographs[0].state == "searched"
        review = searching.reviews.get(found.search_id)
        assert len(review.candidates) == 1
        assert searching.reviews.note(found.search_id, 1, "the same coat").text == "the same coat"
        until = agency.world.today + timedelta(days=30)
        watch = searching.watches.begin(case, Face(probe=probe.id), WatchTerms(until=until))
        (kept,) = searching.watches.list(case)
        assert (kept.watch, kept.until, kept.found) == (watch.watch, until, ())
        assert searching.watches.end(watch.watch).ended_at is not None
        assert list(searching.watches.findings()) == []


def test_a_file_that_is_gone_keeps_nothing_waiting(agency: Agency, folder: Path) -> None:
    client = agency.client
    client.sources.add(TERMS)
    told: list[Progress] = []

    def goes(progress: Progress) -> None:
        told.append(progress)
        (folder / "press" / "obama.jpg").unlink(missing_ok=True)

    upload = client.uploads.folder("press", folder, progress=goes)
    assert (told[-1].unreadable, upload.arrived.refused - told[-1].refused) == (1, 1)
    agency.world.workspace.worker.drain()
    *_, last = client.uploads.follow("press", upload.upload)
    assert (last.ended_at is not None, last.counts["enrolled"]) == (True, 4)


def test_the_ledger_proves_what_was_done(agency: Agency) -> None:
    ledger = agency.client.ledger
    before = ledger.checkpoint()
    agency.client.sources.add(TERMS)
    newest = next(ledger.entries(views=False))
    assert newest.entry == before.entries
    assert ledger.proof(newest.entry).entry == newest
    assert before.checkpoint is not None
    assert ledger.consistency(before.checkpoint).file


def test_a_request_that_is_still_under_way_says_when_to_ask_again(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        repeats = Repeats(world.workspace.store)
        named = NamedRequest("k|n", bytes(32), Cipher(bytes(32)))
        assert repeats.begin(named, world.clock()) is None
        with pytest.raises(WrongState) as caught:
            repeats.begin(named, world.clock())
    found = of_error(caught.value)
    assert (found.status_code, found.headers["retry-after"]) == (409, "2")


def test_a_key_that_travels_unencrypted_passes_no_proxy(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    case = agency.client.cases.open(CASE).key
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with agency.searching(case) as client:
        assert client.cases.get(case).ref == CASE.ref


def test_lists_are_read_to_their_end(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.client.steps.MOST_AT_ONCE", 2)
    names = [f"press-{number}" for number in range(5)]
    for name in names:
        agency.client.sources.add(SourceTerms(name=name, controller="P", basis="contract", jurisdiction="FR"))
    assert [source.name for source in agency.client.sources.list()] == names
    assert agency.client.sources.suspend(names[0]).state == "suspended"
    assert agency.client.sources.resume(names[0]).state == "live"


def test_a_problem_says_what_is_wrong(agency: Agency) -> None:
    with pytest.raises(Problem) as caught:
        agency.client.sources.get("nowhere")
    assert (caught.value.status, caught.value.code) == (404, "not-found")
    with pytest.raises(Problem) as caught:
        agency.client.searches.photograph("K-1", b"x")
    assert (caught.value.status, caught.value.code) == (403, "not-allowed")
    assert str(caught.value).endswith("(not-allowed)")


def test_an_upload_goes_on_where_it_was(agency: Agency, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = agency.client
    client.sources.add(TERMS)
    (folder / "large.bin").write_bytes(bytes(5 * 2**20))
    monkeypatch.setattr("lineament.client.uploads._MOST_PARTS", 2)

    def breaks(progress: Progress) -> None:
        if progress.sent:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.uploads.folder("press", folder, progress=breaks)
    told: list[Progress] = []
    upload = client.uploads.folder("press", folder, progress=told.append)
    assert 0 < told[0].sent < told[-1].sent == upload.arrived.bytes
    assert (upload.arrived.files + upload.arrived.refused, upload.listed) == (upload.files, True)
    assert client.uploads.missing("press", upload.upload).files == ()
    assert client.uploads.stop("press", upload.upload).ended_at is not None
