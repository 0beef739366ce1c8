"""Pictures are looked at again by another model: the old gallery answers until a source is done, and ids stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.clock import TODAY
from tests.support.folders import put
from tests.support.world import solo

from lineament.errors import Interrupted
from lineament.index.scan import ScanIndex
from lineament.model.cases import CaseTerms
from lineament.model.faces import Box, EnrolledFace, FaceId, Template
from lineament.model.packs import CURRENT
from lineament.model.search import Mode, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.look_again import BATCH, LookAgain, LookAgainReport, Switch, match
from lineament.services.keyholder import source_key
from lineament.services.rotation.report import RotationReport
from lineament.sources.folder.connector import FolderConnector
from lineament.store.values import quality_to
from lineament.testing import chart, encoded
from lineament.vision.analyse import Analyser, face_crop, thumbnail
from lineament.vision.decode import Decoder
from lineament.vision.packs import shipped_pack
from lineament.workspace import Workspace

CASE = CaseTerms(ref="K-1", offence="abduction", purpose="find a missing child", basis="CPP 77")
NEXT = "next/0011aabb"


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyser]:
    """Another model: the same nets without the mirror image, so that its templates are others."""
    shipped = shipped_pack(CURRENT, tmp_path_factory.mktemp("cache"))
    pack = replace(shipped, recognisers=(replace(shipped.recognisers[0], views=(1.0,)),), model=NEXT)
    decoder = Decoder(workers=1, max_pixels=10**8, max_bytes=10**8, memory=2**31, seconds=60)
    analyser = Analyser(pack=pack, decoder=decoder, runtime="openvino", precision="f32", threads=1)
    yield analyser
    analyser.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    photos = tmp_path / "photos"
    for path in sorted(PORTRAITS.glob("*.jpg")):
        put(photos / path.name, path.read_bytes())
    put(photos / "chart.png", encoded(chart(size=(300, 200)), "PNG"))
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"))
        world.machine.casework.open(CASE)
        world.machine.ingest.run("press", FolderConnector([photos], None, 2**24), workers=1)
        yield world.workspace


def gallery(workspace: Workspace, model: str, dimension: int) -> Gallery:
    folder = workspace.home / "index"
    return Gallery(workspace.store, workspace.keys, folder, models={model: dimension}, open_index=ScanIndex.open)


def looking(workspace: Workspace, analyser: Analyser, into: Gallery) -> LookAgain:
    record = workspace.desk_at_the_machine().record
    return LookAgain(record, workspace.keys, workspace.blobs, lambda: analyser, lambda: into)


def faces(workspace: Workspace) -> list[EnrolledFace]:
    with workspace.store.read() as tx:
        source = tx.sources.get("press")
        return [face for capture in tx.captures.of_source(source.id) for face in tx.faces.of_capture(capture.id)]


def templates(workspace: Workspace, model: str) -> dict[int, Template]:
    with workspace.store.read() as tx:
        source = tx.sources.get("press")
        ids = tx.faces.ids(source.id, model)
        found, vectors = tx.faces.vectors(ids, source_key(tx, workspace.keys, source))
    return {int(face_id): Template(model, vector) for face_id, vector in zip(found, vectors, strict=True)}


def best(workspace: Workspace, into: Gallery, analyser: Analyser, portrait: str) -> tuple[int, int]:
    """Return the face that is most like a portrait, and how many were compared."""
    probe = analyser.analyse((PORTRAITS / portrait).read_bytes()).faces[0].template
    with workspace.store.read() as tx:
        found = into.search([tx.sources.get("press")], probe, 1, TODAY)
    return int(found.hits[0].face_id) if found.hits else 0, found.faces


def test_the_old_gallery_answers_until_the_new_one_is_whole(workspace: Workspace, following: Analyser) -> None:
    before, old = faces(workspace), templates(workspace, workspace.analyser.model)
    first = gallery(workspace, workspace.analyser.model, workspace.analyser.dimension)
    second = gallery(workspace, NEXT, following.dimension)
    expected = best(workspace, first, workspace.analyser, "obama.jpg")
    assert expected[1] == len(before)
    assert best(workspace, second, following, "obama.jpg") == (0, 0)

    prepared = looking(workspace, following, second).run(["press"], workers=1, adopt=False)
    assert (prepared.looked, prepared.described, prepared.found) == (len(before) + 1, len(before), 0)
    assert best(workspace, first, workspace.analyser, "obama.jpg") == expected
    assert best(workspace, second, following, "obama.jpg") == (0, 0)

    adopted = looking(workspace, following, second).run(None, workers=1)
    assert (adopted.looked, adopted.adopted, adopted.lost) == (0, ["press"], 0)
    assert best(workspace, second, following, "obama.jpg") == expected
    assert best(workspace, first, workspace.analyser, "obama.jpg") == (0, 0)
    after, new = faces(workspace), templates(workspace, NEXT)
    assert [face.id for face in after] == [face.id for face in before]
    assert {face.model for face in after} == {NEXT}
    assert [face.crop for face in after] == [face.crop for face in before]
    assert old.keys() == new.keys()
    assert all(np.abs(new[at].vector - old[at].vector).max() > 0.01 for at in old)
    assert looking(workspace, following, second).run(None, workers=1).adopted == []
    assert looking(workspace, following, second).others("press", NEXT) == []
    assert workspace.desk_at_the_machine().look_again.others("press", workspace.analyser.model) == [
        (NEXT, len(before) + 1)
    ]


def test_lists_of_earlier_searches_stay(workspace: Workspace, following: Analyser) -> None:
    desk = workspace.desk_at_the_machine()
    probe = desk.probes.take("K-1", (PORTRAITS / "macron-2014.jpg").read_bytes())
    search = desk.search.run(probe.id, SearchRequest(case="K-1", reason="why", mode=Mode.INVESTIGATION))
    shown = desk.search.stored(search.search_id).result.candidates
    assert shown
    looking(workspace, following, gallery(workspace, NEXT, following.dimension)).run(["press"], workers=1)
    assert desk.search.stored(search.search_id).result.candidates == shown
    for candidate in shown:
        assert desk.pictures.crop(search.search_id, str(candidate.rank)).startswith(b"\xff\xd8")
        assert desk.pictures.original(search.search_id, str(candidate.rank))[0]


def test_a_face_that_was_missed_is_added(workspace: Workspace, following: Analyser) -> None:
    """The faces of a picture are taken away, as if an earlier model had seen none."""
    (lost, *_) = faces(workspace)
    with workspace.store.begin() as tx:
        source = tx.sources.by_id(lost.source_id)
        tx.faces.erase(source.id, [lost.id], source_key(tx, workspace.keys, source))
        tx.connection.exec_driver_sql(f"DELETE FROM bands WHERE capture_id = {lost.capture_id}")
    into = gallery(workspace, NEXT, following.dimension)
    report = looking(workspace, following, into).run(["press"], workers=1)
    assert report.found == 1
    (found,) = (face for face in faces(workspace) if face.capture_id == lost.capture_id)
    assert found.id > lost.id
    with workspace.store.read() as tx:
        capture, source = tx.captures.get(lost.capture_id), tx.sources.get("press")
        assert (capture.no_face_because, capture.looked_at_by) == (None, NEXT)
        assert source.faces == len(faces(workspace))
    portrait = capture.provenance.uri.rpartition("/")[2]
    assert best(workspace, into, following, portrait) == (int(found.id), source.faces)


def test_a_turned_picture_of_an_earlier_version_is_shown_upright(
    workspace: Workspace, following: Analyser, tmp_path: Path
) -> None:
    """Versions up to 0.2 knew of no turn: what they enrolled upside down, they show upside down."""
    upside_down = encoded(Image.open(PORTRAITS / "obama.jpg").transpose(Image.Transpose.ROTATE_180), "PNG")
    put(tmp_path / "turned" / "a.png", upside_down)
    workspace.desk_at_the_machine().ingest.run("press", FolderConnector([tmp_path / "turned"], None, 2**24), workers=1)
    enrolled = faces(workspace)[-1]
    assert enrolled.quality.quarters == 2
    picture = workspace.analyser.decode(upside_down)
    with workspace.store.begin() as tx:
        key = source_key(tx, workspace.keys, tx.sources.get("press"))
        crop, small = workspace.blobs.put(key, face_crop(picture, enrolled.box)), tx.captures.get(enrolled.capture_id)
        whole = workspace.blobs.put(key, thumbnail(picture))
        workspace.blobs.flush()
        tx.faces.set_crop(enrolled.id, crop)
        tx.captures.set_thumbnail(enrolled.capture_id, whole)
        quality = json.dumps(quality_to(replace(enrolled.quality, roll=0.0)))
        tx.connection.exec_driver_sql("UPDATE faces SET quality = ? WHERE id = ?", (quality, int(enrolled.id)))
    assert small.thumbnail is not None
    others = {face.id: face.crop for face in faces(workspace) if face.id != enrolled.id}
    looking(workspace, following, gallery(workspace, NEXT, following.dimension)).run(["press"], workers=1)
    with workspace.store.read() as tx:
        shown = (tx.faces.get(enrolled.id).crop, tx.captures.get(enrolled.capture_id).thumbnail)
        assert (tx.deletions.all(), tx.jobs.open_of_kind("deletions")) == ([], None)
    for address in shown:
        assert address is not None
        (face,) = workspace.analyser.analyse(workspace.blobs.get(key, address)).faces
        assert abs(face.quality.roll) < 10
    assert not {crop, whole} & set(workspace.blobs.addresses())
    assert {face.id: face.crop for face in faces(workspace) if face.id != enrolled.id} == others


def test_a_face_whose_picture_is_gone_is_described_from_its_crop(workspace: Workspace, following: Analyser) -> None:
    (first, second, *_) = faces(workspace)
    with workspace.store.begin() as tx:
        for face in (first, second):
            tx.captures.forget_pictures(face.capture_id)
        source = tx.sources.get("press")
        key = source_key(tx, workspace.keys, source)
        tx.faces.set_crop(second.id, workspace.blobs.put(key, encoded(chart(size=(100, 100)), "JPEG")))
    into = gallery(workspace, NEXT, following.dimension)
    report = looking(workspace, following, into).run(["press"], workers=1)
    assert report.lost == 1
    comparable = {face.id: face.comparable for face in faces(workspace)}
    assert (comparable[first.id], comparable[second.id]) == (True, False)
    assert first.id in templates(workspace, NEXT)
    assert second.id not in templates(workspace, NEXT)


def test_it_resumes_after_a_stop_and_takes_what_came_meanwhile(
    workspace: Workspace, following: Analyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.services.gallery.look_again.BATCH", 2)
    into = gallery(workspace, NEXT, following.dimension)
    expected = len(faces(workspace)) + 1

    def stop(now: LookAgainReport) -> None:
        if now.looked >= 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="4 pictures are looked at and kept"):
        looking(workspace, following, into).run(["press"], workers=1, on_progress=stop)
    put(tmp_path / "late" / "late.png", encoded(chart(size=(320, 200)), "PNG"))
    connector = FolderConnector([tmp_path / "late"], None, 2**24)
    workspace.desk_at_the_machine().ingest.run("press", connector, workers=1)
    report = looking(workspace, following, into).run(["press"], workers=1)
    assert (report.looked, report.adopted) == (expected - 4 + 1, ["press"])
    assert BATCH > 2
    with workspace.store.read() as tx:
        assert tx.prepared.count_to_look_at(tx.sources.get("press").id, NEXT) == 0


def test_it_goes_on_with_the_new_key_if_that_of_the_source_is_rotated_meanwhile(
    workspace: Workspace, following: Analyser, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = following.analyse
    rotated: list[RotationReport] = []

    def rotate_first(*arguments: Any, **options: Any) -> Any:
        if not rotated:
            rotated.append(workspace.desk_at_the_machine().key_rotation.source("press"))
        return analyse(*arguments, **options)

    monkeypatch.setattr(following, "analyse", rotate_first)
    known = faces(workspace)
    into = gallery(workspace, NEXT, following.dimension)
    looked = looking(workspace, following, into).run(["press"], workers=1, adopt=False).looked
    assert (len(rotated), looked) == (1, len(known) + 1)
    prepared_again = workspace.desk_at_the_machine().key_rotation.source("press")
    assert prepared_again.resealed > rotated[0].resealed
    assert looking(workspace, following, into).run(["press"], workers=1).adopted == ["press"]
    assert [face.id for face in faces(workspace)] == [face.id for face in known]
    with workspace.store.read() as tx:
        source = tx.sources.get("press")
        key = source_key(tx, workspace.keys, source)
        assert key.older is None
        assert [bad for _, bad in tx.faces.check_templates(source.id, key)] == [[]]


def test_the_workspace_changes_its_pack_only_when_nothing_is_left_in_any_source(
    workspace: Workspace, following: Analyser, tmp_path: Path
) -> None:
    desk = workspace.desk_at_the_machine()
    desk.sources.add(SourceTerms(name="agency", controller="Press", basis="LED 8", jurisdiction="FR"))
    put(tmp_path / "agency" / "obama.jpg", (PORTRAITS / "obama.jpg").read_bytes())
    desk.ingest.run("agency", FolderConnector([tmp_path / "agency"], None, 2**24), workers=1)
    into = gallery(workspace, workspace.analyser.model, workspace.analyser.dimension)  # as a process has it
    with workspace.store.read() as tx:
        into.open(tx.sources.all())
    into.sync()
    indexes = [path.parent for path in (workspace.home / "index").rglob("*") if path.is_file()]
    assert len(set(indexes)) == 2
    switch = Switch(pack=CURRENT, against=workspace.pack.model)
    switching = LookAgain(desk.record, workspace.keys, workspace.blobs, lambda: following, lambda: into, switch=switch)
    one = switching.run(["agency"], workers=1)
    assert (one.looked, one.adopted) == (1, [])
    assert {face.model for face in faces(workspace)} == {workspace.analyser.model}
    assert all(folder.exists() for folder in indexes)
    rest = switching.run(None, workers=1)
    assert (rest.looked, rest.lost, sorted(rest.adopted)) == (len(faces(workspace)) + 1, 0, ["agency", "press"])
    assert {face.model for face in faces(workspace)} == {NEXT}
    assert not any(folder.exists() for folder in indexes)


def test_a_source_that_is_withdrawn_meanwhile_is_left(
    workspace: Workspace, following: Analyser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.services.gallery.look_again.BATCH", 2)
    into = gallery(workspace, NEXT, following.dimension)
    erase = workspace.desk_at_the_machine().erase

    def withdraw(_: LookAgainReport) -> None:
        erase.source("press", "the contract ended")

    report = looking(workspace, following, into).run(None, workers=1, on_progress=withdraw)
    assert (report.looked, report.adopted) == (2, [])


def test_a_withdrawn_source_leaves_nothing_that_was_prepared(workspace: Workspace, following: Analyser) -> None:
    into = gallery(workspace, NEXT, following.dimension)
    looking(workspace, following, into).run(["press"], workers=1, adopt=False)
    desk = workspace.desk_at_the_machine()
    erased = faces(workspace)[0]
    desk.erase.face(erased.id, "asked")
    with workspace.store.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT face_id FROM prepared_faces").fetchall()
    assert erased.id not in {row[0] for row in rows}
    assert rows
    desk.erase.source("press", "the contract ended")
    with workspace.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM prepared_faces").scalar() == 0
    assert json.loads(desk.erase.receipt("press"))["statement"]["left"]["rows"] == 0


def test_pairs_of_faces_overlap_by_more_than_half(workspace: Workspace) -> None:
    (seen,) = workspace.analyser.analyse((PORTRAITS / "obama.jpg").read_bytes()).faces
    (enrolled, *_) = faces(workspace)
    box = seen.box
    beside = Box(x=box.x + box.width * 0.2, y=box.y, width=box.width, height=box.height)
    apart = Box(x=box.x + box.width * 0.5, y=box.y, width=box.width, height=box.height)
    near, far = (replace(enrolled, id=FaceId(at), box=where) for at, where in ((1, beside), (2, apart)))
    assert match([far, near], [seen]) == ({near.id: seen}, [])
    assert match([far], [seen]) == ({}, [seen])
    assert match([near, replace(near, id=FaceId(3))], [seen]) == ({near.id: seen}, [])
