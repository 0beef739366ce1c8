"""Ingests of every connector: chosen by location, resumed after an interruption, each picture stored once."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import PORTRAITS, SOURCE, Ran
from tests.support.database import raw_database
from tests.support.films import film, pan
from tests.support.signed_pictures import signed
from tests.support.world import solo

from lineament.errors import HostRefused, Interrupted, NotRead
from lineament.model.faces import CaptureId, Provenance
from lineament.model.sources import SourceTerms
from lineament.model.tracks import BEST, Sighting, Track, Tracker
from lineament.sandbox.files import locate
from lineament.services.gallery.erase import Erase, Erasure
from lineament.services.gallery.items import IngestOutcome, Task
from lineament.services.gallery.unsearched import Which
from lineament.services.keyholder import source_key
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import FolderConnector
from lineament.sources.video.connector import VideoConnector
from lineament.sources.video.sampled import frames
from lineament.store.facts import open_facts
from lineament.workspace import Workspace

Run = Callable[..., Ran]
TERMS = SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR", licence="CC BY 4.0")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(TERMS)
        yield world.workspace


class Pile:
    """A connector of numbered pictures that resumes after the last number it yielded."""

    def __init__(self, pictures: list[Path], stop_at: int | None = None) -> None:
        self.yielded: list[int] = []
        self._pictures, self._stop_at = pictures, stop_at

    def count(self) -> int | None:
        return None

    def items(self) -> Iterator[Item | Refusal]:
        return (item for item, _ in self.items_from(None))

    def items_from(self, cursor: str | None) -> Iterator[tuple[Item | Refusal, str]]:
        for number, path in enumerate(self._pictures):
            if number <= int(cursor or -1):
                continue
            if number == self._stop_at:
                raise KeyboardInterrupt
            self.yielded.append(number)
            if path.name == "none":
                yield Refusal(name="none", why=NotRead(why="it is not a picture")), str(number)
            else:
                uri = f"https://press.example/{number}"
                item = Item(name=path.name, untrusted=path.read_bytes(), provenance=Provenance(uri=uri))
                yield item, str(number)


# ---------------------------------------------------------------- runs


def test_an_interrupted_run_resumes_at_its_cursor(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.services.gallery.ingest.BATCH", 4)  # pictures are checked one at a time
    monkeypatch.setattr("lineament.services.gallery.items.PATIENCE", -1.0)
    portraits = sorted(PORTRAITS.glob("*.jpg"))
    pictures = [*portraits[:3], Path("none"), *portraits[3:]]
    stopped = Pile(pictures, stop_at=5)
    with pytest.raises(Interrupted):
        workspace.desk_at_the_machine().ingest.run(
            "press", Task(connector=stopped, kind="pile", what="pile 1"), workers=1
        )
    (run,) = workspace.desk_at_the_machine().sources.runs("press")
    assert run.ended_at is None
    done = run.seen
    assert 0 < done < 5, "pictures in progress at the interruption are not committed, and requested again"
    assert run.cursor == str(done - 1)
    again = Pile(pictures)
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Task(connector=again, kind="pile", what="pile 1"), workers=1
    )
    assert again.yielded == list(range(done, 7))
    assert report.resumed
    (run,) = workspace.desk_at_the_machine().sources.runs("press")
    assert run.ended_at is not None
    assert run.counts == {"enrolled": 6, "refused": 1}
    assert (run.faces, run.connector, run.what) == (6, "pile", "pile 1")
    assert workspace.desk_at_the_machine().sources.run("press", run.id)[1] == [
        ("none", "It was not read: it is not a picture.")
    ]
    third = Pile(pictures)
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Task(connector=third, kind="pile", what="pile 1"), workers=1
    )
    assert (third.yielded, report.outcomes[IngestOutcome.ALREADY_THERE]) == (list(range(7)), 6)
    assert len(workspace.desk_at_the_machine().sources.runs("press")) == 2


# ---------------------------------------------------------------- duplicates


def test_the_same_bytes_are_one_picture_with_two_places(workspace: Workspace) -> None:
    obama, sunak = PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg"
    report = workspace.desk_at_the_machine().ingest.run("press", Pile([obama, sunak, obama]), workers=1)
    assert (report.outcomes[IngestOutcome.ENROLLED], report.outcomes[IngestOutcome.ANOTHER_PLACE], report.faces) == (
        2,
        1,
        2,
    )
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Task(connector=Pile([sunak, obama, obama, obama]), what="b"), workers=1
    )
    assert report.outcomes == {IngestOutcome.ANOTHER_PLACE: 3, IngestOutcome.ALREADY_THERE: 1}
    with workspace.store.read() as tx:
        first, second = tx.captures.of_source(tx.sources.get("press").id)
        assert [place.uri[-1] for place in tx.places.of_capture(first.id)] == ["2", "1", "3"]
        assert [place.uri[-1] for place in tx.places.of_capture(second.id)] == ["0"]
        assert tx.captures.faces_without() == 0
        assert (first.provenance.licence, first.provenance.connector) == ("CC BY 4.0", "folder 1")
    workspace.desk_at_the_machine().erase.capture(first.id, "asked")
    report = workspace.desk_at_the_machine().ingest.run("press", Task(connector=Pile([obama] * 9), what="c"), workers=1)
    assert report.outcomes == {IngestOutcome.ERASED_BEFORE: 9}, "at whatever place"


def test_near_identical_pictures_are_a_group(workspace: Workspace, tmp_path: Path) -> None:
    import cv2

    original = cv2.imread(str(PORTRAITS / "obama.jpg"))
    assert original is not None
    small = tmp_path / "small.jpg"
    cv2.imwrite(str(small), cv2.resize(original, None, fx=0.7, fy=0.7), [cv2.IMWRITE_JPEG_QUALITY, 70])
    workspace.desk_at_the_machine().ingest.run(
        "press", Pile([PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg", small]), workers=1
    )
    with workspace.store.read() as tx:
        first, other, near = tx.captures.of_source(tx.sources.get("press").id)
        assert tx.places.group_of(first.id) == [first.id, near.id]
        assert tx.places.group_of(other.id) == [other.id]


# ---------------------------------------------------------------- the choice of a connector


def test_an_archive_a_manifest_and_a_film_in_one_command(lineament: Run, photos: Path, tmp_path: Path) -> None:
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(photos / "sunak.jpg", "a/sunak.jpg")
    shutil.copy(photos / "macron-2025.jpg", tmp_path / "m.jpg")
    (tmp_path / "list.csv").write_text("uri,title\nm.jpg,Emmanuel Macron\nmissing.jpg,Nobody\n")
    film(tmp_path / "film.mp4", pan("obama.jpg", 30))
    done = lineament("ingest", "press", "pictures.zip", "list.csv", "film.mp4", "--json")
    assert done.code == 0, done.err
    assert (done.json["refused_in_all"], done.json["less_good"] > 0) == (1, True)
    with raw_database(tmp_path / "ws") as database:
        rows = database.execute("SELECT uri, evidence FROM captures ORDER BY id").fetchall()
    found = [(uri.rpartition("/")[2].partition("#")[0], "time_code" in evidence) for uri, evidence in rows]
    assert found[:2] == [("sunak.jpg", False), ("m.jpg", False)]
    assert 1 <= len(found[2:]) <= 3, "the best few frames of one person"
    assert set(found[2:]) == {("film.mp4", True)}

    again = lineament("ingest", "press", "film.mp4", "--json").json
    assert (again["faces"], again["enrolled"]) == (0, 0), "a second run chooses the same frames"
    runs = lineament("source", "runs", "press", "--json").json["runs"]
    assert [run["connector"] for run in runs] == ["video", "video", "manifest", "archive"]
    shown = lineament("source", "runs", "press", runs[2]["run"], "--json").json
    assert shown["counts"] == {"enrolled": 1, "refused": 1}
    assert "missing.jpg" in shown["refused_first"][0]["name"]
    assert "missing.jpg" in lineament("source", "runs", "press", runs[2]["run"]).out
    assert lineament("source", "runs", "press").code == 0
    assert lineament("source", "runs", "press", 99).code == 3


def test_one_person_through_a_scene_without_a_cut_is_one_track(workspace: Workspace, tmp_path: Path) -> None:
    """The film shows a portrait that crosses the picture and changes its size."""
    portrait = Image.open(PORTRAITS / "obama.jpg").convert("RGB")

    def crossing() -> Iterator[np.ndarray]:
        for number in range(60):
            side = 120 + abs(30 - number) * 2
            picture = Image.new("RGB", (320, 240), (90, 90, 90))
            picture.paste(portrait.resize((side, side)), ((320 - side) * number // 59, 240 - side))
            yield np.asarray(picture)

    path = film(tmp_path / "crossing.mp4", crossing())
    tracker: Tracker[None] = Tracker()
    ended: list[Track[None]] = []
    for frame in frames(locate(path)[0]):
        seen = [
            Sighting(seconds=frame.time_code, box=face.box, vector=face.template.vector, norm=1, kept=None)
            for face in workspace.analyser.analyse(frame.untrusted, enrolling=True).faces
        ]
        ended += tracker.add(frame.time_code, seen)
    (track,) = ended + tracker.end()
    assert track.seen == 12

    totals: list[int | None] = []
    task = Task(connector=VideoConnector(path, None, 10**7), kind="video")
    report = workspace.desk_at_the_machine().ingest.run(
        "press", task, workers=1, on_progress=lambda now: totals.append(now.total)
    )
    assert totals[-1] == report.seen == 12, "the progress bar reaches its end"
    assert report.faces == BEST


def test_locations_that_no_connector_reads(lineament: Run, photos: Path) -> None:
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    assert lineament("ingest", "press", photos, "--as", "stream").code == 2
    assert lineament("ingest", "press", "nowhere.zip").code == 3
    assert lineament("ingest", "press", "https://press.example/").code == 2, "no contact"
    assert lineament("source", "runs", "press", "--json").json["runs"] == []


def test_only_listed_hosts_and_no_social_network(lineament: Run) -> None:
    lineament("init")
    refused = lineament("source", "add", "a", *SOURCE, "--host", "www.facebook.com")
    assert refused.code == HostRefused.exit_code, refused.err
    assert lineament("source", "list", "--json").json["sources"] == []
    line = ("--host", "press.example", "--contact", "ada@agency.example")
    assert lineament("source", "add", "press", *SOURCE, *line).code == 0
    assert lineament("ingest", "press", "https://other.example/").code == HostRefused.exit_code


def test_pictures_that_are_reserved_later_are_erased(workspace: Workspace) -> None:
    workspace.desk_at_the_machine().ingest.run(
        "press", Pile([PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg"]), workers=1
    )
    assert workspace.desk_at_the_machine().erase.erase_reserved("press", {}) == 0
    assert (
        workspace.desk_at_the_machine().erase.erase_reserved(
            "press", {"https://press.example/1": "noai", "https://press.example/9": "noai"}
        )
        == 1
    )
    assert workspace.desk_at_the_machine().sources.get("press").faces == 1
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Pile([PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg"]), workers=1
    )
    assert report.outcomes == {IngestOutcome.ALREADY_THERE: 1, IngestOutcome.ERASED_BEFORE: 1}


def test_a_reserved_picture_may_be_erased_by_another_process_meanwhile(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg"]
    workspace.desk_at_the_machine().ingest.run("press", Pile(pictures), workers=1)
    erase, other = Erase.capture, workspace.desk_at_the_machine().erase

    def erase_twice(service: Erase, capture_id: CaptureId, reason: str) -> Erasure:
        monkeypatch.setattr(Erase, "capture", erase)
        other.capture(capture_id, reason)
        return service.capture(capture_id, reason)

    monkeypatch.setattr(Erase, "capture", erase_twice)
    found = {f"https://press.example/{number}": "noai" for number in range(2)}
    assert workspace.desk_at_the_machine().erase.erase_reserved("press", found) == 1
    assert workspace.desk_at_the_machine().sources.get("press").faces == 0


def test_a_picture_of_which_something_was_erased_meanwhile_is_refused_and_taken_next_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = Pile([PORTRAITS / "obama.jpg"])
    with monkeypatch.context() as patch:
        patch.setattr(type(workspace.blobs), "missing", lambda _, addresses: set(addresses))
        report = workspace.desk_at_the_machine().ingest.run("press", delivery, workers=1)
    assert report.outcomes == {IngestOutcome.REFUSED: 1}
    assert "ingest it again" in report.refusals[0][1]
    (run,) = workspace.desk_at_the_machine().sources.runs("press")
    assert workspace.desk_at_the_machine().sources.run("press", run.id)[1] == report.refusals
    report = workspace.desk_at_the_machine().ingest.run("press", Pile([PORTRAITS / "obama.jpg"]), workers=1)
    assert report.outcomes == {IngestOutcome.ENROLLED: 1}


# ---------------------------------------------------------------- content credentials


def test_content_credentials_are_stored_and_respected(workspace: Workspace, tmp_path: Path) -> None:
    plain = (PORTRAITS / "obama.jpg").read_bytes()
    pictures = {
        "shown.jpg": signed(plain),
        "generated.jpg": signed(plain, "trainedAlgorithmicMedia"),
        "reserved.jpg": signed(plain, uses={"c2pa.data_mining": "notAllowed"}),
    }
    for name, picture in pictures.items():
        (tmp_path / name).write_bytes(picture)
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Pile([tmp_path / name for name in pictures]), workers=1
    )
    assert report.outcomes == {IngestOutcome.ENROLLED: 1, IngestOutcome.REFUSED: 2}
    assert "trainedAlgorithmicMedia" in report.refusals[0][1]
    assert "reserves" in report.refusals[1][1]
    with workspace.store.read() as tx:
        source = tx.sources.get("press")
        (capture,) = tx.captures.of_source(source.id)
        said = open_facts(capture, source_key(tx, workspace.keys, source)).credentials
    assert said is not None
    assert said.issuer == "Press agency"


# ---------------------------------------------------------------- turned and weak faces


def saved(folder: Path, name: str, pixels: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / name, quality=95)
    return folder


@pytest.mark.parametrize(("quarters", "degrees"), [(1, -90), (2, 180), (3, 90)])
def test_a_turned_face_is_enrolled_and_shown_upright(
    workspace: Workspace, tmp_path: Path, quarters: int, degrees: int
) -> None:
    with Image.open(PORTRAITS / "obama.jpg") as picture:
        turned = np.rot90(np.asarray(picture.convert("RGB")), quarters)
    folder = saved(tmp_path / "photos", "turned.png", np.ascontiguousarray(turned))
    report = workspace.desk_at_the_machine().ingest.run("press", FolderConnector([folder], None, 2**24), workers=1)
    assert (report.outcomes, report.faces) == ({IngestOutcome.ENROLLED: 1}, 1)
    with workspace.store.read() as tx:
        source = tx.sources.get("press")
        key = source_key(tx, workspace.keys, source)
        (capture,) = tx.captures.of_source(source.id)
        (face,) = tx.faces.of_capture(capture.id)
    assert abs(face.quality.roll) == pytest.approx(abs(degrees), abs=10)
    assert capture.thumbnail is not None
    for shown in (face.crop, capture.thumbnail):
        (again,) = workspace.analyser.analyse(workspace.blobs.get(key, shown)).faces
        assert abs(again.quality.roll) < 10


def test_a_face_too_weak_to_compare_is_counted_and_kept_without_a_template(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The template of a portrait that is stretched to two and a half times its width is far below the weakest grade."""
    folder = tmp_path / "photos"
    with Image.open(PORTRAITS / "ardern-2018.jpg") as picture:
        saved(folder, "portrait.png", np.asarray(picture))
        saved(folder, "stretched.png", np.asarray(picture.resize((640, 320))))
    desk = workspace.desk_at_the_machine()
    report = desk.ingest.run("press", FolderConnector([folder], None, 2**24), workers=1)
    assert report.outcomes == {IngestOutcome.ENROLLED: 1, IngestOutcome.TOO_WEAK: 1}
    assert report.faces == 1
    (weak,) = desk.unsearched.page("press", Which.NOT_COMPARABLE).pictures
    assert "stretched.png" in weak.capture.provenance.uri
    with workspace.store.read() as tx:
        assert tx.faces.count(tx.sources.get("press").id, workspace.pack.model) == report.faces
