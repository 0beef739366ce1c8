"""Faces that another program marked in a picture: found where the detector missed them, in every orientation."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from tests.conftest import PORTRAITS
from tests.support.folders import put
from tests.support.world import World, solo
from tests.support.xmp import Centred, centred, marked, picture_with

from lineament.model.faces import Box, EnrolledFace, Pixels, Provenance, QualityReason
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.sources.archive.connector import ArchiveConnector
from lineament.sources.base import Connector
from lineament.sources.folder.connector import FolderConnector
from lineament.views.runs import report_beside
from lineament.vision.analyse import MOST_HINTS
from lineament.vision.detections import Detections, Floats

SIZE = (1400, 1000)
FACE_HEIGHT = 12
"""Pixels of a face that the detector misses in a picture of that size, and sees if it looks closely."""
UNDO = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
LARGEST = 2**24


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws", max_file_bytes=LARGEST) as world:
        world.machine.sources.add(SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR"))
        yield world


@pytest.fixture
def far_away(world: World) -> tuple[Image.Image, Box]:
    """A picture that shows somebody from far away, upright, with the place of the face."""
    photograph = PORTRAITS / "obama.jpg"
    (face,) = world.workspace.analyser.analyse(photograph.read_bytes()).faces
    with Image.open(photograph) as whole:
        scale = FACE_HEIGHT / face.box.height
        small = whole.convert("RGB").resize(
            (round(whole.width * scale), round(whole.height * scale)), Image.Resampling.LANCZOS
        )
    picture = Image.new("RGB", SIZE, (120, 130, 140))
    picture.paste(small, (800, 600))
    box = face.box.scaled(scale, scale)
    return picture, Box(x=800 + box.x, y=600 + box.y, width=box.width, height=box.height)


def stored(picture: Image.Image, box: Box, orientation: int) -> tuple[Image.Image, Centred]:
    """Return an upright picture as a camera with that orientation stores it, and where the box is in it."""
    mask = Image.new("L", picture.size)
    mask.paste(255, (round(box.x), round(box.y), round(box.x + box.width), round(box.y + box.height)))
    exif = Image.Exif()
    exif[0x0112] = UNDO.get(orientation, 1)
    turned = [image.copy() for image in (picture, mask)]
    for image in turned:
        image.getexif()[0x0112] = UNDO.get(orientation, 1)
    as_stored, as_marked = (ImageOps.exif_transpose(image) for image in turned)
    left, top, right, bottom = as_marked.getbbox() or (0, 0, 0, 0)
    return as_stored, centred(Box(x=left, y=top, width=right - left, height=bottom - top), as_stored.size)


def ingest(world: World, connector: Connector) -> IngestReport:
    return world.machine.ingest.run("press", connector, workers=1)


def folder(path: Path) -> FolderConnector:
    return FolderConnector([path], None, LARGEST)


def enrolled(world: World) -> dict[str, tuple[Provenance, list[EnrolledFace]]]:
    """Return the provenance and the faces of each picture by the name of its file."""
    with world.workspace.store.read() as tx:
        captures = tx.captures.of_source(tx.sources.get("press").id)
        return {
            capture.provenance.uri.rpartition("/")[2]: (capture.provenance, tx.faces.of_capture(capture.id))
            for capture in captures
        }


def test_a_face_that_was_missed_is_found_where_it_is_marked(
    world: World, far_away: tuple[Image.Image, Box], tmp_path: Path
) -> None:
    picture, box = far_away
    for orientation in range(1, 9):
        image, region = stored(picture, box, orientation)
        packet = marked([(region, f"Ada {orientation}")], image.size)
        put(tmp_path / "photos" / f"{orientation}.png", picture_with(image, "PNG", packet, orientation))
    put(tmp_path / "photos" / "unmarked.png", picture_with(picture, "PNG", b"<a/>"))
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.ENROLLED], report.outcomes[IngestOutcome.NO_FACE]) == (8, 1)
    assert (report.outcomes[IngestOutcome.HINTED], report.outcomes[IngestOutcome.UNUSED_MARK]) == (8, 0)
    assert report.seen == 9
    found = enrolled(world)
    assert found["unmarked.png"][1] == []
    for orientation in range(1, 9):
        provenance, (face,) = found[f"{orientation}.png"]
        assert face.box.overlap(box) > 0.5
        assert QualityReason.HINTED in face.quality.reasons
        assert not face.quality.reliable
        assert provenance.words == f"subject: Ada {orientation}"


def test_a_heic_that_its_library_turns_is_marked_as_it_is_stored(
    world: World, far_away: tuple[Image.Image, Box], tmp_path: Path
) -> None:
    picture, box = far_away
    image, region = stored(picture, box, 6)
    heic = picture_with(image, "HEIF", marked([(region, "Ada")], image.size), 6)
    put(tmp_path / "photos" / "6.heic", heic)
    decoded = world.workspace.analyser.decode(heic)
    assert (decoded.width, decoded.height, decoded.orientation) == (*SIZE, 6)
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.HINTED], report.outcomes[IngestOutcome.UNUSED_MARK]) == (1, 0)


def test_marks_in_side_cars_count_in_folders_and_archives(
    world: World, far_away: tuple[Image.Image, Box], tmp_path: Path
) -> None:
    picture, box = far_away
    packet = marked([(centred(box, SIZE), "Ada")], SIZE)
    first, second = (picture_with(picture, "PNG", f"<a{number}/>".encode()) for number in range(2))
    put(tmp_path / "photos" / "1.png", first)
    put(tmp_path / "photos" / "1.png.xmp", packet)
    put(tmp_path / "photos" / "1.xmp", marked([(centred(box, SIZE), "Nobody")], SIZE))
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.HINTED], report.outcomes[IngestOutcome.SIDE_CAR]) == (1, 2)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as zipped:
        zipped.writestr("2.png", second)
        zipped.writestr("2.xmp", packet)
    report = ingest(world, ArchiveConnector(tmp_path / "photos.zip", None, LARGEST))
    assert (report.outcomes[IngestOutcome.HINTED], report.outcomes[IngestOutcome.SIDE_CAR]) == (1, 1)
    assert report_beside(report) == "1 read as side-cars, 1 faces found only where metadata mark one"
    assert {provenance.words for provenance, _ in enrolled(world).values()} == {"subject: Ada"}


def test_marks_that_lie_give_no_face(world: World, far_away: tuple[Image.Image, Box], tmp_path: Path) -> None:
    picture, box = far_away
    elsewhere = (0.2, 0.2, 0.05, 0.07)
    lies = {
        "elsewhere": marked([(elsewhere, "Ada")], SIZE),
        "cropped": marked([(centred(box, SIZE), "Ada")], (1400, 700)),
        "outside": marked([((1.4, 0.2, 0.1, 0.1), "Ada")], SIZE),
        "broken": marked([(centred(box, SIZE), "Ada")], SIZE)[:-30],
    }
    for name, packet in lies.items():
        put(tmp_path / "photos" / f"{name}.png", picture_with(picture, "PNG", f"<{name}/>".encode()))
        put(tmp_path / "photos" / f"{name}.png.xmp", packet)
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.NO_FACE], report.outcomes[IngestOutcome.UNUSED_MARK]) == (4, 4)
    assert report.outcomes[IngestOutcome.HINTED] == 0


def test_marks_in_known_material_without_a_face_are_counted(
    world: World, far_away: tuple[Image.Image, Box], tmp_path: Path
) -> None:
    content = picture_with(far_away[0], "PNG", marked([((0.2, 0.2, 0.05, 0.07), "Ada")], SIZE))
    world.machine.known_abuse.load([hashlib.sha256(content).hexdigest()])
    put(tmp_path / "photos" / "1.png", content)
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.NO_FACE], report.outcomes[IngestOutcome.UNUSED_MARK]) == (1, 1)


def test_a_face_that_the_detector_sees_is_no_hint(world: World, tmp_path: Path) -> None:
    photograph = (PORTRAITS / "obama.jpg").read_bytes()
    (face,) = world.workspace.analyser.analyse(photograph).faces
    with Image.open(PORTRAITS / "obama.jpg") as image:
        size = image.size
    put(tmp_path / "photos" / "obama.jpg", photograph)
    put(tmp_path / "photos" / "obama.jpg.xmp", marked([(centred(face.box, size), "Ada")], size))
    report = ingest(world, folder(tmp_path / "photos"))
    assert (report.outcomes[IngestOutcome.HINTED], report.outcomes[IngestOutcome.UNUSED_MARK]) == (0, 0)
    ((provenance, (enrolled_face,)),) = enrolled(world).values()
    assert QualityReason.HINTED not in enrolled_face.quality.reasons
    assert provenance.words == "subject: Ada"


def test_thousands_of_marks_cost_a_few_looks(
    world: World, far_away: tuple[Image.Image, Box], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, _ = far_away
    many = [((0.1 + 0.0005 * number, 0.2, 0.02, 0.03), "") for number in range(900)]
    put(tmp_path / "photos" / "1.png", picture_with(picture, "PNG", marked(many, SIZE)))
    looks: list[Floats] = []
    detector = world.workspace.analyser._detector
    within = detector.find_within

    def counted(pixels: Pixels, box: Floats) -> Detections:
        looks.append(box)
        return within(pixels, box)

    monkeypatch.setattr(detector, "find_within", counted)
    report = ingest(world, folder(tmp_path / "photos"))
    assert len(looks) == MOST_HINTS
    assert report.outcomes[IngestOutcome.UNUSED_MARK] == 900
