"""Pictures in which no face was found are kept and listed with why, and end as all others do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from tests.conftest import PORTRAITS, Ran
from tests.support.archives import Warc
from tests.support.folders import put
from tests.support.serving import serving
from tests.support.world import solo

from lineament.errors import NotFound
from lineament.model.events.sources import SourcePicturesRead
from lineament.model.faces import NO_GRADE, Capture
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import IngestOutcome, IngestReport, Task
from lineament.services.gallery.prepare import NOTHING_FOUND
from lineament.services.gallery.unsearched import NOT_KEPT, Which
from lineament.services.keyholder import source_key
from lineament.sources.choose import choose
from lineament.sources.folder.connector import FolderConnector
from lineament.sources.registry import Terms
from lineament.store import guard
from lineament.store.faces import NewFace
from lineament.testing import chart, encoded
from lineament.workspace import Workspace

Run = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        put(tmp_path / "photos" / f"chart {number}.png", encoded(chart(size=(300 + number, 200)), "PNG"))
    put(tmp_path / "photos" / "obama.jpg", (PORTRAITS / "obama.jpg").read_bytes())
    return tmp_path / "photos"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"))
        yield world.workspace


@pytest.fixture
def wide_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables in which no address folds, however long the name of the test's folder is."""
    monkeypatch.setattr("lineament.cli.terminal.WIDE", 1000)


def ingest(workspace: Workspace, folder: Path) -> IngestReport:
    return workspace.desk_at_the_machine().ingest.run("press", FolderConnector([folder], None, 2**24), workers=1)


def stored(workspace: Workspace) -> list[Capture]:
    with workspace.store.read() as tx:
        return list(tx.captures.of_source(tx.sources.get("press").id))


def blobs(workspace: Workspace) -> int:
    return len([path for path in (workspace.home / "blobs").rglob("*") if path.is_file()])


def test_a_picture_without_a_face_is_kept_and_listed(workspace: Workspace, folder: Path) -> None:
    assert ingest(workspace, folder).outcomes == {IngestOutcome.NO_FACE: 3, IngestOutcome.ENROLLED: 1}
    model = workspace.analyser.model
    assert {capture.looked_at_by for capture in stored(workspace)} == {model}
    unsearched = workspace.desk_at_the_machine().unsearched
    first = unsearched.page("press", Which.WITHOUT_FACE, limit=2)
    second = unsearched.page("press", Which.WITHOUT_FACE, first.later or 0, limit=2)
    assert (first.total, len(first.pictures), len(second.pictures), second.later) == (3, 2, 1, None)
    assert all(picture.why.startswith(NOTHING_FOUND) for picture in first.pictures)
    for picture in (*first.pictures, *second.pictures):
        assert picture.capture.original is not None
        assert unsearched.thumbnail("press", picture.capture.id).startswith(b"\xff\xd8")
    (portrait,) = (capture for capture in stored(workspace) if "obama" in capture.provenance.uri)
    with pytest.raises(NotFound):
        unsearched.thumbnail("press", portrait.id)
    with workspace.store.read() as tx:
        events = [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())]
    assert events.count(SourcePicturesRead.action) == 2
    assert ingest(workspace, folder).outcomes == {IngestOutcome.ALREADY_THERE: 4}


@pytest.mark.parametrize(
    ("portrait", "blur", "lacks"),
    [
        ("obama.jpg", 13, ", and its template is too weak to be taken for a face"),  # scores 0.73
        ("ardern-2018.jpg", 16, " of the 0.6 that is asked"),  # scores 0.46
    ],
)
def test_a_picture_that_nearly_shows_a_face_says_what_it_lacks(
    workspace: Workspace, tmp_path: Path, portrait: str, blur: int, lacks: str
) -> None:
    blurred = Image.open(PORTRAITS / portrait).resize((400, 500)).filter(ImageFilter.GaussianBlur(blur))
    put(tmp_path / "near" / "blurred.png", encoded(blurred, "PNG"))
    ingest(workspace, tmp_path / "near")
    (listed,) = workspace.desk_at_the_machine().unsearched.page("press", Which.WITHOUT_FACE).pictures
    found = re.fullmatch(r"no face was found: the best place, (\d+) px high, scores 0\.\d\d(.*)", listed.why)
    assert found is not None, listed.why
    assert (found[2], 100 < int(found[1]) < 250) == (lacks, True)


def test_it_is_erased_as_any_other_picture(workspace: Workspace, folder: Path) -> None:
    ingest(workspace, folder)
    (first, second, third) = (capture for capture in stored(workspace) if "chart" in capture.provenance.uri)
    desk = workspace.desk_at_the_machine()
    before = blobs(workspace)
    desk.erase.capture(first.id, "asked")
    assert blobs(workspace) == before - 2
    content = (folder / "chart 1.png").read_bytes()
    assert second.sha256 == hashlib.sha256(content).hexdigest()
    assert desk.known_abuse.load([second.sha256]).barred == 1
    assert blobs(workspace) == before - 4
    (barred, kept) = desk.unsearched.page("press", Which.WITHOUT_FACE).pictures
    assert (barred.capture.original, barred.capture.barred, kept.capture.id) == (None, True, third.id)
    assert ingest(workspace, folder).outcomes == {IngestOutcome.ALREADY_THERE: 3, IngestOutcome.ERASED_BEFORE: 1}
    desk.erase.source("press", "the contract ended")
    assert blobs(workspace) == 0
    assert json.loads(desk.erase.receipt("press"))["statement"]["left"]["blobs"] == 0


def test_what_an_earlier_version_did_not_keep_is_kept_when_it_comes_again(workspace: Workspace, folder: Path) -> None:
    put(folder / "copy of chart 0.png", (folder / "chart 0.png").read_bytes())
    assert ingest(workspace, folder).outcomes[IngestOutcome.ANOTHER_PLACE] == 1
    places = {capture.sha256: capture.provenance.uri for capture in stored(workspace)}
    with workspace.store.begin() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE captures SET original = NULL, thumbnail = NULL, no_face_because = NULL, looked_at_by = NULL"
            " WHERE no_face_because IS NOT NULL"
        )
        guard.sign_everything(tx.connection, tx.vault)
    listed = workspace.desk_at_the_machine().unsearched.page("press", Which.WITHOUT_FACE)
    assert {picture.why for picture in listed.pictures} == {NOT_KEPT}
    put(tmp := folder.parent / "later" / "other name.png", (folder / "chart 0.png").read_bytes())
    assert ingest(workspace, tmp.parent).outcomes == {IngestOutcome.NO_FACE: 1}
    (kept,) = (capture for capture in stored(workspace) if capture.original is not None and capture.no_face_because)
    with workspace.store.read() as tx:
        further = {place.uri for place in tx.places.of_capture(kept.id)}
    assert kept.provenance.uri.endswith("other%20name.png")
    again = {(folder / name).as_uri() for name in ("copy of chart 0.png", "chart 0.png")}
    assert further == again | {places[kept.sha256]}
    assert ingest(workspace, folder).outcomes == {IngestOutcome.NO_FACE: 2, IngestOutcome.ALREADY_THERE: 3}
    assert ingest(workspace, folder).outcomes == {IngestOutcome.ALREADY_THERE: 5}
    assert workspace.desk_at_the_machine().unsearched.page("press", Which.WITHOUT_FACE).total == 3


def test_a_face_that_cannot_be_compared_is_listed(workspace: Workspace, folder: Path) -> None:
    ingest(workspace, folder)
    (portrait,) = (capture for capture in stored(workspace) if "obama" in capture.provenance.uri)
    content = (PORTRAITS / "obama.jpg").read_bytes()
    (face,) = workspace.analyser.analyse(content).faces
    weak_face = replace(face, quality=replace(face.quality, grade=NO_GRADE))
    with workspace.store.begin() as tx:
        source = tx.sources.get("press")
        key = source_key(tx, workspace.keys, source)
        crop = workspace.blobs.put(key, b"\xff\xd8 a crop")
        tx.faces.add(portrait.id, source.id, [NewFace(face=weak_face, crop=crop)], key, 0)
    page = workspace.desk_at_the_machine().unsearched.page("press", Which.NOT_COMPARABLE)
    (weak,) = page.pictures
    assert weak.face is not None
    assert weak.why.startswith("the face is too weak to be compared")
    assert workspace.desk_at_the_machine().unsearched.crop("press", weak.face.id) == b"\xff\xd8 a crop"


@pytest.mark.usefixtures("wide_tables")
def test_the_command_lists_them(ready: Run, tmp_path: Path) -> None:
    put(tmp_path / "chart.png", encoded(chart(size=(300, 200)), "PNG"))
    ready("ingest", "press", tmp_path / "chart.png")
    listed = json.loads(ready("source", "pictures", "press", "--without-face", "--json").out)
    (only,) = listed["pictures"]
    assert (listed["total"], only["kept"], only["face"]) == (1, True, None)
    assert only["why"].startswith(NOTHING_FOUND)
    table = ready("source", "pictures", "press", "--without-face").out
    assert "chart.png" in table
    assert NOTHING_FOUND in table
    assert "There is none" in ready("source", "pictures", "press", "--not-comparable").out
    assert ready("source", "pictures", "press").code == 2


def put_scan(path: Path) -> Path:
    """Write a TIFF of three pages, of which the first alone has a face."""
    pages = [Image.open(PORTRAITS / "obama.jpg").resize((400, 500)), chart(size=(300, 200)), chart(size=(301, 200))]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


@pytest.mark.usefixtures("wide_tables")
def test_the_command_names_the_page_of_a_file_of_several_pictures(ready: Run, tmp_path: Path) -> None:
    ready("ingest", "press", put_scan(tmp_path / "scan.tiff"))
    listed = json.loads(ready("source", "pictures", "press", "--without-face", "--json").out)["pictures"]
    assert [(picture["part"], picture["parts"]) for picture in listed] == [(2, 3), (3, 3)]
    table = ready("source", "pictures", "press", "--without-face").out
    assert [f"page {number} of 3" in table for number in (1, 2, 3)] == [False, True, True]


@pytest.mark.enable_socket
def test_the_list_and_the_picture_name_its_page(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, put_scan(tmp_path / "scan.tiff"))
    with serving(workspace) as site, site.client() as browser:
        listed = browser.get("/sources/press/without-face").text
        assert [f"page {number} of 3 of its file" in listed for number in (1, 2, 3)] == [False, True, True]
        (address,) = re.findall(r'href="(/sources/press/pictures/\d+)" aria-label="Open picture 2"', listed)
        assert "page 2 of 3" in browser.get(address).text


def test_those_of_a_run_are_listed_alone(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    ingest(workspace, folder)
    for number in range(2):
        put(tmp_path / "later" / f"chart {number}.png", encoded(chart(size=(400 + number, 200)), "PNG"))
    ingest(workspace, tmp_path / "later")
    desk = workspace.desk_at_the_machine()
    later, earlier = desk.sources.runs("press")
    listed = {
        run.number: [
            picture.capture.width
            for picture in desk.unsearched.page("press", Which.WITHOUT_FACE, run_id=run.id).pictures
        ]
        for run in (earlier, later)
    }
    assert listed == {1: [300, 301, 302], 2: [400, 401]}
    first = desk.unsearched.page("press", Which.WITHOUT_FACE, limit=2, run_id=earlier.id)
    rest = desk.unsearched.page("press", Which.WITHOUT_FACE, first.later or 0, limit=2, run_id=earlier.id)
    assert [picture.capture.width for picture in (*first.pictures, *rest.pictures)] == [300, 301, 302]
    with pytest.raises(NotFound):
        desk.unsearched.page("press", Which.WITHOUT_FACE, run_id=99)


@pytest.mark.enable_socket
def test_the_page_shows_them(workspace: Workspace, folder: Path) -> None:
    ingest(workspace, folder)
    with serving(workspace) as site, site.client() as browser:
        page = browser.get("/sources/press/without-face")
        assert page.status_code == 200
        assert page.text.count(NOTHING_FOUND) == 3
        pictures = re.findall(r'src="(/sources/press/pictures/\d+/thumbnail)"', page.text)
        assert [browser.get(address).headers["content-type"] for address in pictures] == ["image/jpeg"] * 3
        assert "Every face of this source can be compared" in browser.get("/sources/press/not-comparable").text
        assert "/sources/press/without-face" in browser.get("/sources/press").text
        of_run = browser.get("/sources/press/without-face?run=1")
        assert of_run.text.count(NOTHING_FOUND) == 3
        assert browser.get("/sources/press/without-face?run=99").status_code == 404


def test_an_erased_picture_goes_with_every_page_that_holds_it(workspace: Workspace, tmp_path: Path) -> None:
    """The page is kept with another picture that it shows, and would keep the erased one."""
    inside = base64.b64encode((PORTRAITS / "obama.jpg").read_bytes()).decode()
    warc = Warc(tmp_path / "a.warc.gz")
    warc.page("https://e.example/p", f"<img src=/a.jpg><img src='data:image/jpeg;base64,{inside}'>")
    warc.answer("https://e.example/a.jpg", (PORTRAITS / "sunak.jpg").read_bytes())
    path = warc.close()
    desk = workspace.desk_at_the_machine()
    (chosen,) = choose([str(path)], Terms(max_bytes=2**24))
    task = Task(connector=chosen.connector, kind=chosen.kind, what=chosen.locations, page=chosen.page)
    assert desk.ingest.run("press", task, workers=1).outcomes[IngestOutcome.ENROLLED] == 2
    by_uri = {capture.provenance.uri: capture for capture in stored(workspace)}
    embedded, other = by_uri["https://e.example/p#data=1"], by_uri["https://e.example/a.jpg"]
    assert embedded.page == other.page is not None
    desk.erase.capture(embedded.id, "asked")
    (left,) = stored(workspace)
    assert (left.id, left.page) == (other.id, None)
    with workspace.store.read() as tx:
        kept = tx.captures.addresses(tx.sources.get("press").id)
    assert blobs(workspace) == len(kept) == 3
