"""Faces that the detector missed are enrolled from boxes that somebody draws, on the record, and stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import PORTRAITS, Ran
from tests.support.folders import put
from tests.support.serving import serving, token_in
from tests.support.world import solo

from lineament.errors import InvalidValue, NotFound, Refused
from lineament.model.cases import CaseTerms
from lineament.model.events.sources import FaceDrawn
from lineament.model.faces import Box, CaptureId, EnrolledFace
from lineament.model.search import SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.unsearched import Which
from lineament.services.keyholder import source_key
from lineament.sources.folder.connector import FolderConnector
from lineament.store import guard
from lineament.testing import chart, encoded
from lineament.vision.analyse import thumbnail
from lineament.workspace import Workspace

Run = Callable[..., Ran]
CASE = CaseTerms(ref="K-1", offence="abduction", purpose="find a missing child", basis="CPP 77")
NOBODY = Box(x=40, y=30, width=60, height=80)
"""A place in the chart where no face is."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A source with a chart and a portrait whose face was missed."""
    put(tmp_path / "photos" / "chart.png", encoded(chart(size=(300, 200)), "PNG"))
    put(tmp_path / "photos" / "obama.jpg", (PORTRAITS / "obama.jpg").read_bytes())
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"))
        world.machine.casework.open(CASE)
        world.machine.ingest.run("press", FolderConnector([tmp_path / "photos"], None, 2**24), workers=1)
        yield world.workspace


def capture_of(workspace: Workspace, name: str) -> CaptureId:
    with workspace.store.read() as tx:
        captures = tx.captures.of_source(tx.sources.get("press").id)
        return next(capture.id for capture in captures if name in capture.provenance.uri)


def faces_of(workspace: Workspace, capture: CaptureId) -> list[EnrolledFace]:
    with workspace.store.read() as tx:
        return tx.faces.of_capture(capture)


def miss(workspace: Workspace, capture: CaptureId) -> Box:
    """Let the gallery be as if the detector had missed the face of a capture; return its box."""
    (face,) = faces_of(workspace, capture)
    with workspace.store.begin() as tx:
        source = tx.sources.by_id(face.source_id)
        tx.faces.erase(source.id, [face.id], source_key(tx, workspace.keys, source))
        tx.prepared.looked_at(workspace.analyser.model, {capture: "no face was found"})
        tx.connection.exec_driver_sql(f"DELETE FROM bands WHERE capture_id = {capture}")
    return face.box


def test_a_face_that_was_missed_is_enrolled_and_searched(workspace: Workspace) -> None:
    portrait = capture_of(workspace, "obama")
    box = miss(workspace, portrait)
    desk = workspace.desk_at_the_machine()
    assert desk.unsearched.page("press", Which.WITHOUT_FACE).total == 2
    wide = Box(x=box.x - 10, y=box.y - 20, width=box.width + 20, height=box.height + 30)
    drawn = desk.draw_faces.add("press", portrait, wide)
    assert (drawn.face.drawn, drawn.estimated, drawn.face.comparable) == (True, False, True)
    assert drawn.face.box.overlap(box) > 0.9
    assert desk.unsearched.page("press", Which.WITHOUT_FACE).total == 1
    probe = desk.probes.take("K-1", (PORTRAITS / "obama.jpg").read_bytes())
    found = desk.search.run(probe.id, SearchRequest(case="K-1", reason="why"))
    assert [(candidate.face_id, candidate.drawn) for candidate in found.candidates] == [(drawn.face.id, True)]
    assert "box drawn by hand" in desk.report.html(found.search_id)
    with workspace.store.read() as tx:
        actions = [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())]
    assert actions.count(FaceDrawn.action) == 1


def test_a_picture_is_shown_upright_once_its_only_face_is_drawn(workspace: Workspace, tmp_path: Path) -> None:
    upside_down = encoded(Image.open(PORTRAITS / "ardern-2018.jpg").transpose(Image.Transpose.ROTATE_180), "PNG")
    put(tmp_path / "turned" / "turned.png", upside_down)
    desk = workspace.desk_at_the_machine()
    desk.ingest.run("press", FolderConnector([tmp_path / "turned"], None, 2**24), workers=1)
    turned = capture_of(workspace, "turned")
    box = miss(workspace, turned)
    with workspace.store.begin() as tx:
        key = source_key(tx, workspace.keys, tx.sources.get("press"))
        before = workspace.blobs.put(key, thumbnail(workspace.analyser.decode(upside_down)))
        workspace.blobs.flush()
        tx.captures.set_thumbnail(turned, before)
    assert desk.draw_faces.add("press", turned, box).face.quality.quarters == 2
    with workspace.store.read() as tx:
        shown = tx.captures.get(turned).thumbnail
    assert shown is not None
    (face,) = workspace.analyser.analyse(workspace.blobs.get(key, shown)).faces
    assert abs(face.quality.roll) < 10
    assert before not in set(workspace.blobs.addresses())


def test_where_nothing_looks_like_a_face_landmarks_are_estimated_and_a_weak_template_is_kept(
    workspace: Workspace,
) -> None:
    desk = workspace.desk_at_the_machine()
    drawn = desk.draw_faces.add("press", capture_of(workspace, "chart"), NOBODY)
    assert (drawn.estimated, drawn.face.box, drawn.face.quality.detector_score) == (True, NOBODY, 0)
    assert not drawn.face.comparable
    (listed,) = desk.unsearched.page("press", Which.NOT_COMPARABLE).pictures
    assert listed.face == drawn.face
    assert "box drawn by hand" in listed.why


def test_a_second_look_keeps_what_was_drawn(workspace: Workspace) -> None:
    desk = workspace.desk_at_the_machine()
    drawn = desk.draw_faces.add("press", capture_of(workspace, "chart"), NOBODY).face
    with workspace.store.begin() as tx:
        for table, column in (("captures", "looked_at_by"), ("faces", "model"), ("templates", "model")):
            tx.connection.exec_driver_sql(f"UPDATE {table} SET {column} = 'older/1'")
        guard.sign_everything(tx.connection, tx.vault)
    report = desk.look_again.run(["press"], workers=1)
    assert (report.looked, report.adopted) == (2, ["press"])
    (kept,) = faces_of(workspace, drawn.capture_id)
    assert (kept.id, kept.box, kept.drawn) == (drawn.id, drawn.box, True)


def test_what_cannot_be_enrolled_is_refused_with_the_reason(workspace: Workspace) -> None:
    desk = workspace.desk_at_the_machine()
    portrait, picture = capture_of(workspace, "obama"), capture_of(workspace, "chart")
    (face,) = faces_of(workspace, portrait)
    with pytest.raises(InvalidValue, match=f"face {face.id} is enrolled"):
        desk.draw_faces.add("press", portrait, face.box)
    for box, why in (
        (Box(x=0, y=0, width=4, height=40), "at least 8 pixels"),
        (Box(x=900, y=0, width=40, height=40), "outside the picture"),
        (Box(x=-1000, y=-1000, width=2300, height=2200), "larger than the picture"),
    ):
        with pytest.raises(InvalidValue, match=why):
            desk.draw_faces.add("press", picture, box)
    with pytest.raises(NotFound):
        desk.draw_faces.add("press", 9999, NOBODY)
    desk.sources.suspend("press")
    with pytest.raises(Refused):
        desk.draw_faces.add("press", picture, NOBODY)
    assert not faces_of(workspace, picture)


def test_a_face_that_was_erased_is_not_enrolled_again(workspace: Workspace) -> None:
    desk = workspace.desk_at_the_machine()
    portrait = capture_of(workspace, "obama")
    (face,) = faces_of(workspace, portrait)
    with workspace.store.begin() as tx:
        capture = tx.captures.get(portrait)
        tx.suppressions.add([desk.draw_faces._suppression.face(capture.sha256, face.box)], capture.enrolled_at)
    box = miss(workspace, portrait)
    with pytest.raises(Refused, match="erased before"):
        desk.draw_faces.add("press", portrait, box)


def test_the_command_enrols_a_face(ready: Run, tmp_path: Path) -> None:
    put(tmp_path / "chart.png", encoded(chart(size=(300, 200)), "PNG"))
    ready("ingest", "press", tmp_path / "chart.png")
    (listed,) = ready("source", "pictures", "press", "--without-face", "--json").json["pictures"]
    added = ready("source", "add-face", "press", listed["capture"], "--box", "40,30,60,80", "--json")
    shown = json.loads(added.out)
    assert (shown["drawn"], shown["estimated"], shown["box"]) == (True, True, [40.0, 30.0, 60.0, 80.0])
    for wrong in ("40,30,60", "a,b,c,d", "nan,0,1,1"):
        ran = ready("source", "add-face", "press", listed["capture"], "--box", wrong)
        assert ran.code != 0
        assert "four numbers" in ran.err


def test_the_page_enrols_a_face(workspace: Workspace) -> None:
    picture = capture_of(workspace, "chart")
    with serving(workspace) as served, served.client() as browser:
        address = f"/sources/press/pictures/{picture}"
        assert address in browser.get("/sources/press/without-face").text
        page = browser.get(address)
        assert page.status_code == 200
        assert browser.get(f"{address}/picture").content.startswith(b"\xff\xd8")
        sides = {"x": "40", "y": "30", "width": "60", "height": "80"}
        form = {"csrf": token_in(page.text), **sides}
        small = browser.post(f"{address}/add-face", data=form | {"width": "0"})
        assert small.status_code == 422
        done = browser.post(f"{address}/add-face", data=form)
        assert (done.status_code, done.headers["location"]) == (303, address)
        assert "box drawn by hand" in browser.get(address).text
    assert [face.drawn for face in faces_of(workspace, picture)] == [True]
