"""Searching with a candidate's face: what is kept of where it came from, and that an erasure takes the copy with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.world import CASE, PROBE, World, copied_gallery, ingest

from lineament.errors import InvalidValue, NotFound, ProbeErased, Refused
from lineament.model.faces import CaptureId, FaceId
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeKind, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms


@pytest.fixture
def world(portraits: Path, tmp_path: Path) -> Iterator[World]:
    with copied_gallery(portraits, tmp_path / "ws") as made:
        made.machine.sources.add(SourceTerms(name="press", controller="Press", basis="contract", jurisdiction="FR"))
        ingest(made.workspace, "press", [PORTRAITS / "obama.jpg"])
        yield made


def search(world: World, probe_id: str, face: int = 1) -> SearchResult:
    request = SearchRequest(case=CASE.ref, reason="to find where it was published", mode=Mode.INVESTIGATION)
    return world.machine.search.run(probe_id, request, face)


def first(world: World) -> SearchResult:
    return search(world, world.machine.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV).id)


def original_of(world: World, found: SearchResult) -> bytes:
    return world.machine.pictures.original(found.search_id, "1")[0]


def test_a_candidate_is_searched_with_and_its_origin_is_kept(world: World) -> None:
    found = first(world)
    best = found.candidates[0]
    copy = world.machine.copies.take(found.search_id, "1")
    probe = copy.probe
    assert probe.kind is ProbeKind.GALLERY
    assert probe.origin is not None
    assert probe.origin.search_id == found.search_id
    assert (probe.origin.face_id, probe.origin.capture_id) == (best.face_id, best.capture_id)
    assert probe.origin.source == best.source
    assert probe.sha256 == best.sha256
    assert probe.faces[copy.face - 1].box.overlap(best.box) > 0.5
    again = search(world, probe.id, copy.face)
    assert again.candidates[0].face_id == best.face_id, "it finds itself"
    assert again.candidates[0].score == pytest.approx(1.0, abs=1e-3)
    assert world.machine.copies.take(found.search_id, "1").probe.id == probe.id, "the same candidate is one photograph"
    assert '"search":"' + found.search_id in world.all_details().replace(" ", "")
    world.machine.audit.verify()


def test_every_edit_of_a_copy_has_its_origin(world: World) -> None:
    from lineament.model.search import Edit, EditKind

    found = first(world)
    probe = world.machine.copies.take(found.search_id, "1").probe
    lighter = world.machine.probes.edit(probe.id, [Edit(kind=EditKind.EXPOSURE, stops=0.5)])
    assert lighter.id != probe.id
    assert (lighter.origin, lighter.kind) == (probe.origin, ProbeKind.GALLERY)
    world.machine.erase.capture(found.candidates[0].capture_id, "asked")
    for gone in (probe, lighter):
        with pytest.raises((ProbeErased, NotFound)):
            world.machine.probes.picture(gone.id)


def test_nobody_declares_a_photograph_to_be_of_the_gallery(world: World) -> None:
    with pytest.raises(InvalidValue, match="made from a candidate"):
        world.machine.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.GALLERY)


@pytest.mark.parametrize("what", ["face", "capture", "source"])
def test_what_is_erased_from_the_gallery_is_gone_from_the_case_too(world: World, what: str) -> None:
    found = first(world)
    best = found.candidates[0]
    copy = world.machine.copies.take(found.search_id, "1")
    made = search(world, copy.probe.id, copy.face)
    home = world.workspace.home
    blobs = {path for path in (home / "blobs").rglob("*") if path.is_file()}
    with world.workspace.store.read() as tx:
        address = tx.probes.blob(copy.probe.id)
        sealed = tx.connection.exec_driver_sql("SELECT faces FROM probes WHERE id = ?", (copy.probe.id,)).scalar_one()
    kept = next(path for path in blobs if address[-32:] in path.name or address in str(path).replace("/", ""))
    content = kept.read_bytes()
    assert bytes(sealed) in world.stored_bytes()
    assert content in world.stored_bytes()
    erase = world.machine.erase
    ways = {
        "face": lambda: erase.face(FaceId(best.face_id), "asked"),
        "capture": lambda: erase.capture(CaptureId(best.capture_id), "asked"),
        "source": lambda: erase.source(best.source, "asked"),
    }
    ways[what]()
    left = world.stored_bytes()
    assert not kept.exists()
    assert content not in left
    assert bytes(sealed) not in left
    assert best.uri.encode() not in left
    gone = world.machine.probes.get(copy.probe.id)
    assert gone.faces == ()
    assert gone.erased_at is not None
    assert gone.origin is not None
    assert (gone.origin.face_id, gone.origin.capture_id, gone.origin.source) == (None, None, None)
    for read in (world.machine.probes.picture, lambda id_: world.machine.probes.crop(id_, 1)):
        with pytest.raises(ProbeErased):
            read(copy.probe.id)
    with pytest.raises(ProbeErased):
        search(world, copy.probe.id, copy.face)
    stored = world.machine.search.stored(made.search_id)
    assert stored.result.candidates == ()
    assert [(one.rank, one.score) for one in stored.erased] == [(one.rank, one.score) for one in made.candidates]
    world.machine.audit.verify()


def test_a_copy_that_nobody_searched_with_leaves_no_row(world: World) -> None:
    found = first(world)
    probe = world.machine.copies.take(found.search_id, "1").probe
    world.machine.erase.capture(found.candidates[0].capture_id, "asked")
    with world.workspace.store.read() as tx:
        assert probe.id not in tx.probes.of_case_ids(tx.cases.find(CASE.ref, world.machine.record.sight).id)
    world.machine.audit.verify()


def test_the_same_bytes_that_somebody_added_stay(world: World) -> None:
    found = first(world)
    own = world.machine.probes.take(CASE.ref, original_of(world, found), kind=ProbeKind.SEIZED_DEVICE)
    world.machine.copies.take(found.search_id, "1")
    world.machine.erase.capture(found.candidates[0].capture_id, "asked")
    assert world.machine.probes.picture(own.id), "it is evidence of the case, wherever else the bytes were"


def test_known_abuse_material_is_not_searched_with_and_a_copy_of_it_goes(world: World) -> None:
    found = first(world)
    best = found.candidates[0]
    probe = world.machine.copies.take(found.search_id, "1").probe
    search(world, probe.id)
    world.machine.known_abuse.load([best.sha256])
    with pytest.raises(Refused) as refused:
        world.machine.copies.take(found.search_id, "1")
    assert [why.code for why in refused.value.reasons] == [ReasonCode.KNOWN_ABUSE_COPY]
    shown = world.machine.pictures.beside_probe(found.search_id, "1").found
    assert shown is not None
    assert shown.why_no_copy is not None
    with pytest.raises(ProbeErased):
        world.machine.probes.picture(probe.id)
    world.machine.audit.verify()


def test_a_source_that_permits_no_more_is_not_searched_with(world: World) -> None:
    found = first(world)
    probe = world.machine.copies.take(found.search_id, "1").probe
    world.machine.sources.suspend(found.candidates[0].source)
    with pytest.raises(Refused):
        world.machine.copies.take(found.search_id, "1")
    with pytest.raises(Refused) as refused:
        search(world, probe.id)
    assert any(found.candidates[0].source in why.words for why in refused.value.reasons)


def test_a_destroyed_case_and_a_rotated_key_leave_nothing_behind(world: World) -> None:
    found = first(world)
    copy = world.machine.copies.take(found.search_id, "1")
    search(world, copy.probe.id, copy.face)
    world.machine.key_rotation.case(CASE.ref)
    assert world.machine.probes.picture(copy.probe.id)
    world.machine.erase.capture(found.candidates[0].capture_id, "asked")
    world.machine.key_rotation.case(CASE.ref)
    assert world.machine.probes.get(copy.probe.id).erased_at is not None
    world.machine.audit.verify()


def test_the_terminal_searches_with_a_candidate(ready: Callable[..., Ran], tmp_path: Path) -> None:
    line = ("--case", "K-1", "--reason", "because", "--investigate", "--json")
    found = ready("search", tmp_path / "probe.jpg", *line).json
    again = ready("search", "--candidate", f"{found['search_id']}/1", *line)
    assert again.code == 0, again.err
    assert again.json["probe"]["kind"] == "gallery"
    assert again.json["probe"]["origin"]["search_id"] == found["search_id"]
    assert again.json["probe"]["origin"]["face_id"] == found["candidates"][0]["face_id"]
    assert again.json["candidates"][0]["face_id"] == found["candidates"][0]["face_id"]
    assert "copied from" in ready("search", "--candidate", f"{found['search_id']}/1", *line[:-1]).out
    for wrong in (["--candidate", "nonsense"], [], [tmp_path / "probe.jpg", "--candidate", "1/1"]):
        assert ready("search", *wrong, *line).code == InvalidValue.exit_code
