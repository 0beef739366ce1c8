"""Files of several pictures: each page is a capture, animations are followed as videos are, and all of it is erased."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import CASE, PORTRAITS, SOURCE, Ran
from tests.support.serving import serving
from tests.support.world import solo

from lineament.errors import NotFound
from lineament.model.cases import CaseTerms
from lineament.model.faces import Capture
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.ingest import Ingest
from lineament.services.gallery.items import IngestOutcome, IngestReport
from lineament.testing import encoded
from lineament.workspace import Workspace

TERMS = SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR", licence="CC BY 4.0")
EMPTY = Image.new("RGB", (240, 240), (90, 110, 90))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with solo(tmp_path / "ws") as world:
        world.machine.sources.add(TERMS)
        yield world.workspace


def portrait(name: str, side: int = 240) -> Image.Image:
    with Image.open(PORTRAITS / f"{name}.jpg") as image:
        return image.convert("RGB").resize((side, side * image.height // image.width)).crop((0, 0, side, side))


def pages(*images: Image.Image, kind: str = "TIFF") -> bytes:
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    return encoded(images[0], kind, save_all=True, append_images=list(images[1:]), **options)


def animation(kind: str, *images: Image.Image, milliseconds: int = 600) -> bytes:
    return encoded(images[0], kind, save_all=True, append_images=list(images[1:]), duration=milliseconds)


def ingest(workspace: Workspace, folder: Path, *files: tuple[str, bytes]) -> IngestReport:
    folder.mkdir(exist_ok=True)
    for name, data in files:
        (folder / name).write_bytes(data)
    desk = workspace.desk_at_the_machine()
    return desk.collect.run(desk.collect.choose("press", [str(folder)]))


def captures(workspace: Workspace) -> list[Capture]:
    with workspace.store.read() as tx:
        return list(tx.captures.of_source(tx.sources.get("press").id))


def fragments(workspace: Workspace) -> list[str]:
    return [capture.provenance.uri.rpartition("/")[2] for capture in captures(workspace)]


def faces(workspace: Workspace) -> list[int]:
    """Return how many faces each capture has."""
    with workspace.store.read() as tx:
        return [len(tx.faces.of_capture(capture.id)) for capture in captures(workspace)]


def test_each_page_is_a_capture_with_its_number(workspace: Workspace, tmp_path: Path) -> None:
    scan = pages(portrait("obama"), EMPTY, portrait("sunak"))
    report = ingest(workspace, tmp_path / "scans", ("scan.tif", scan))
    assert report.outcomes == {IngestOutcome.ENROLLED: 2, IngestOutcome.NO_FACE: 1}
    assert fragments(workspace) == ["scan.tif", "scan.tif#page=2", "scan.tif#page=3"]
    assert faces(workspace) == [1, 0, 1]
    found = captures(workspace)
    assert [(capture.part, capture.provenance.part, capture.provenance.parts) for capture in found] == [
        (1, 1, 3),
        (2, 2, 3),
        (3, 3, 3),
    ]
    assert len({capture.sha256 for capture in found}) == 1
    assert found[0].original == found[2].original is not None
    assert found[0].thumbnail != found[2].thumbnail
    again = ingest(workspace, tmp_path / "scans")
    assert again.outcomes == {IngestOutcome.ALREADY_THERE: 1}


def test_a_file_found_elsewhere_is_another_place_of_each_page(workspace: Workspace, tmp_path: Path) -> None:
    scan = pages(portrait("obama"), portrait("sunak"))
    ingest(workspace, tmp_path / "scans", ("scan.tif", scan))
    report = ingest(workspace, tmp_path / "copies", ("copy.tif", scan))
    assert report.outcomes == {IngestOutcome.ANOTHER_PLACE: 1}
    with workspace.store.read() as tx:
        places = [tx.places.of_capture(capture.id) for capture in captures(workspace)]
    assert [[place.uri.rpartition("/")[2] for place in each] for each in places] == [["copy.tif"], ["copy.tif#page=2"]]


def test_a_file_twice_in_one_batch_is_stored_once(workspace: Workspace, tmp_path: Path) -> None:
    scan = pages(portrait("obama"), portrait("sunak"))
    report = ingest(workspace, tmp_path / "scans", ("a.tif", scan), ("b.tif", scan))
    assert report.outcomes == {IngestOutcome.ENROLLED: 2, IngestOutcome.ANOTHER_PLACE: 2}
    assert fragments(workspace) == ["a.tif", "a.tif#page=2"]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_is_followed_as_a_video_is(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    obama, sunak = portrait("obama"), portrait("sunak")
    frames = (EMPTY, obama, obama.rotate(2), obama.rotate(4), EMPTY, sunak, sunak.rotate(3))
    report = ingest(workspace, tmp_path / "films", (f"film.{kind.lower()}", animation(kind, *frames)))
    found = captures(workspace)
    assert report.outcomes == {IngestOutcome.ENROLLED: len(found)}
    assert 2 <= len(found) <= 5
    assert all(number == 1 for number in faces(workspace))
    numbers = [capture.part for capture in found]
    assert 2 <= min(numbers) <= 4
    assert max(numbers) >= 6
    for capture in found:
        assert capture.provenance.time_code == pytest.approx((capture.part - 1) * 0.6, abs=0.01)
        assert capture.provenance.parts == 7
        assert capture.provenance.part == capture.part
    assert fragments(workspace)[0] == f"film.{kind.lower()}"
    assert all("#t=" in name for name in fragments(workspace)[1:])
    again = ingest(workspace, tmp_path / "films")
    assert again.outcomes == {IngestOutcome.ALREADY_THERE: 1}


def test_an_animation_of_nobody_is_one_picture_without_a_face(workspace: Workspace, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (200, 200), (20 * number, 10, 90)) for number in range(5)]
    report = ingest(workspace, tmp_path / "films", ("film.gif", animation("GIF", *frames)))
    assert report.outcomes == {IngestOutcome.NO_FACE: 1}
    assert [(capture.part, capture.provenance.parts) for capture in captures(workspace)] == [(1, 5)]
    assert ingest(workspace, tmp_path / "films").outcomes == {IngestOutcome.ALREADY_THERE: 1}


def test_the_pictures_of_a_telephone_with_two_lenses_are_both_taken(workspace: Workspace, tmp_path: Path) -> None:
    data = pages(portrait("obama"), portrait("sunak"), kind="MPO")
    report = ingest(workspace, tmp_path / "photos", ("two.jpg", data))
    assert report.outcomes == {IngestOutcome.ENROLLED: 2}
    assert fragments(workspace) == ["two.jpg", "two.jpg#page=2"]


@pytest.mark.parametrize("what", ["grey", "small", "marked"])
def test_a_map_beside_a_photograph_is_no_picture(workspace: Workspace, tmp_path: Path, what: str) -> None:
    """Telephones store the depth or the brightness of a photograph as a second picture: it shows a face, falsely."""
    second = {"grey": portrait("sunak").convert("L"), "small": portrait("sunak", 100)}.get(what, portrait("sunak"))
    data = pages(portrait("obama"), second, kind="MPO")
    if what == "marked":
        at = data.rindex(b"\xff\xd8\xff") + 2
        note = b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1.0'/>"
        segment = b"\xff\xe1" + (len(note) + 2).to_bytes(2, "big") + note
        sized = len(data) - at + 2
        entry = data.index(sized.to_bytes(4, "little"))
        data = data[:entry] + (sized + len(segment)).to_bytes(4, "little") + data[entry + 4 :]
        data = data[:at] + segment + data[at:]
    report = ingest(workspace, tmp_path / "photos", ("photo.jpg", data))
    assert report.outcomes == {IngestOutcome.ENROLLED: 1}


def test_both_pictures_of_a_heic_are_taken(workspace: Workspace, tmp_path: Path) -> None:
    import pillow_heif

    file = pillow_heif.from_pillow(EMPTY)
    file.add_from_pillow(portrait("obama"))
    out = io.BytesIO()
    file.save(out)
    report = ingest(workspace, tmp_path / "photos", ("burst.heic", out.getvalue()))
    assert report.outcomes == {IngestOutcome.ENROLLED: 1, IngestOutcome.NO_FACE: 1}
    assert sorted(faces(workspace)) == [0, 1]


def test_a_damaged_page_is_counted_and_the_others_are_taken(workspace: Workspace, tmp_path: Path) -> None:
    scan = bytearray(pages(portrait("obama"), portrait("sunak"), portrait("macron-2014")))
    with Image.open(io.BytesIO(scan)) as image:
        image.seek(1)
        strips = list(zip(image.tag_v2[273], image.tag_v2[279], strict=True))  # type: ignore[attr-defined]
    for start, size in strips:
        scan[start : start + size] = b"\xff" * size
    report = ingest(workspace, tmp_path / "scans", ("scan.tif", bytes(scan)))
    assert report.outcomes == {IngestOutcome.ENROLLED: 2, IngestOutcome.REFUSED: 1}
    ((name, why),) = report.refusals
    assert name.endswith("scan.tif, page 2")
    assert "damaged" in why
    assert fragments(workspace) == ["scan.tif", "scan.tif#page=3"]


def test_erasing_a_face_destroys_the_file_for_all_its_pages(workspace: Workspace, tmp_path: Path) -> None:
    group = Image.new("RGB", (480, 240))
    group.paste(portrait("macron-2014"), (0, 0))
    group.paste(portrait("sunak"), (240, 0))
    scan = pages(portrait("obama"), group)
    ingest(workspace, tmp_path / "scans", ("scan.tif", scan))
    first, second = captures(workspace)
    assert faces(workspace) == [1, 2]
    address = first.original
    assert address is not None
    desk = workspace.desk_at_the_machine()
    with workspace.store.read() as tx:
        erased, _ = tx.faces.of_capture(second.id)
    desk.erase.face(erased.id, "asked")
    first, second = captures(workspace)
    assert (first.original, second.original, second.thumbnail) == (None, None, None)
    assert first.thumbnail is not None, "it does not show the erased face"
    assert faces(workspace) == [1, 1]
    assert address not in list(workspace.blobs.addresses())
    (tmp_path / "scans" / "scan.tif").rename(tmp_path / "scans" / "again.tif")
    assert ingest(workspace, tmp_path / "scans").faces == 0


def test_an_erased_page_does_not_come_back(workspace: Workspace, tmp_path: Path) -> None:
    scan = pages(portrait("obama"), portrait("sunak"))
    ingest(workspace, tmp_path / "scans", ("scan.tif", scan))
    desk = workspace.desk_at_the_machine()
    desk.erase.capture(captures(workspace)[0].id, "asked")
    assert fragments(workspace) == ["scan.tif#page=2"]
    assert captures(workspace)[0].original is None
    report = ingest(workspace, tmp_path / "scans")
    assert (report.faces, report.outcomes) == (0, {IngestOutcome.ERASED_BEFORE: 1})


def test_known_abuse_bars_every_page(workspace: Workspace, tmp_path: Path) -> None:
    scan = pages(portrait("obama"), portrait("sunak"))
    ingest(workspace, tmp_path / "scans", ("scan.tif", scan))
    sha256 = captures(workspace)[0].sha256
    loaded = workspace.desk_at_the_machine().known_abuse.load([sha256])
    assert loaded.barred == 2
    assert [(capture.barred, capture.original, capture.thumbnail) for capture in captures(workspace)] == [
        (True, None, None)
    ] * 2


def test_pages_of_a_file_are_committed_together(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch ends after a file, even if the process is stopped there."""
    monkeypatch.setattr("lineament.services.gallery.items.BATCH", 2)
    commit = Ingest._commit
    sizes = []

    def watched(self: Ingest, context: object, batch: list[object], report: object) -> None:
        sizes.append(len(batch))
        commit(self, context, batch, report)  # type: ignore[arg-type]

    monkeypatch.setattr(Ingest, "_commit", watched)
    ingest(workspace, tmp_path / "scans", ("scan.tif", pages(*[EMPTY] * 5)), ("other.tif", pages(EMPTY, EMPTY)))
    assert sizes == [2, 5]


def test_a_damaged_photograph_is_taken_and_says_so(workspace: Workspace, tmp_path: Path) -> None:
    whole = (PORTRAITS / "obama.jpg").read_bytes()
    files = [("end.jpg", whole[:-2]), ("part.jpg", whole[: len(whole) * 85 // 100]), ("whole.jpg", whole)]
    report = ingest(workspace, tmp_path / "photos", *files)
    assert report.outcomes == {IngestOutcome.ENROLLED: 3}
    marks = {capture.provenance.uri.rpartition("/")[2]: capture for capture in captures(workspace)}
    assert (marks["end.jpg"].incomplete, marks["end.jpg"].missing) == (True, 0.0)
    assert marks["part.jpg"].incomplete
    assert 0.05 < (marks["part.jpg"].missing or 0) < 0.3
    assert (marks["whole.jpg"].incomplete, marks["whole.jpg"].missing) == (False, None)
    assert {capture.looked_at_by for capture in marks.values()} == {workspace.analyser.model}


def test_a_part_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    scan = pages(portrait("obama"), portrait("sunak"))
    assert workspace.analyser.decode(scan, part=2).part == 2
    with pytest.raises(NotFound, match="numbers 1 to 2"):
        workspace.analyser.decode(scan, part=3)


# ---------------------------------------------------------------- the command line


def test_a_search_finds_the_pages_and_says_which(lineament: Callable[..., Ran], tmp_path: Path) -> None:
    """From the folder to the candidate list: a scan, an animation and a damaged photograph."""
    folder = tmp_path / "found"
    folder.mkdir()
    obama, sunak = portrait("obama"), portrait("sunak")
    (folder / "scan.tif").write_bytes(pages(EMPTY, obama))
    (folder / "film.gif").write_bytes(animation("GIF", EMPTY, EMPTY, obama.rotate(3)))
    (folder / "cut.jpg").write_bytes(encoded(sunak, "JPEG", quality=90)[:-2])
    probe = tmp_path / "probe.tif"
    probe.write_bytes(pages(EMPTY, sunak, obama))
    assert lineament("init").code == 0
    assert lineament("source", "add", "press", *SOURCE).code == 0
    assert lineament("ingest", "press", folder, "--json").json["enrolled"] == 3
    assert lineament("case", "open", "K-1", *CASE).code == 0
    line = ("search", probe, "--case", "K-1", "--reason", "because", "--investigate")
    found = lineament(*line, "--json").json
    assert (found["probe"]["part"], found["probe"]["parts"], found["probe"]["incomplete"]) == (2, 3, False)
    best = found["candidates"][0]
    assert best["uri"].endswith("cut.jpg")
    assert (best["incomplete"], best["missing"], best["part"], best["parts"]) == (True, 0.0, None, None)
    found = lineament(*line, "--page", "3", "--json").json
    assert found["probe"]["part"] == 3
    first = found["candidates"][0]
    (second,) = first["further"]  # the same face again
    assert {first["uri"].rpartition("/")[2], second["uri"].rpartition("/")[2]} == {"scan.tif#page=2", "film.gif"}
    by_kind = {candidate["uri"].rpartition(".")[2][:3]: candidate for candidate in (first, second)}
    assert (by_kind["tif"]["part"], by_kind["tif"]["parts"], by_kind["tif"]["time_code"]) == (2, 2, None)
    assert (by_kind["gif"]["part"], by_kind["gif"]["parts"]) == (2, 2)
    shown = lineament(*line, "--page", "3", "--report", tmp_path / "report.html")
    assert "The photograph is page 3 of 3 of its file" in shown.out
    report = (tmp_path / "report.html").read_text()
    assert "page 3 of 3" in report
    assert "page 2 of 2" in report
    assert "only its end is missing" in report
    missing = lineament(*line, "--page", "4")
    assert missing.code != 0
    assert "numbers 1 to 3" in missing.err


@pytest.mark.enable_socket
def test_the_pages_of_a_search_say_which_picture_of_a_file_it_is(workspace: Workspace, tmp_path: Path) -> None:
    obama, cut = portrait("obama"), encoded(portrait("macron-2014"), "JPEG", quality=90)
    files = [
        ("scan.tif", pages(EMPTY, obama)),
        ("film.gif", animation("GIF", EMPTY, portrait("sunak"))),
        ("cut.jpg", cut[: len(cut) * 9 // 10]),
    ]
    ingest(workspace, tmp_path / "found", *files)
    desk = workspace.desk_at_the_machine()
    terms = CaseTerms(ref="K-1", offence="fraud", purpose="find where it was published", basis="CPP 77")
    desk.casework.open(terms)
    probe = desk.probes.take("K-1", encoded(obama, "PNG"), kind=ProbeKind.OTHER)
    request = SearchRequest(case="K-1", reason="a test", mode=Mode.INVESTIGATION)
    found = desk.search.run(probe.id, request)
    with serving(workspace) as running, running.client() as browser:
        listed = browser.get(f"/searches/{found.search_id}").text
        shown = [
            browser.get(f"/searches/{found.search_id}/candidates/{candidate.rank}").text
            for candidate in found.candidates
        ]
    assert len(shown) == 3
    for words in ("page 2 of 2 of its file", "frame 2 of 2 of its file", "the file is incomplete"):
        assert listed.count(words) == 1
    for words in ("<dd>page 2 of 2</dd>", "<dd>frame 2 of 2</dd>", "The file is incomplete: about"):
        assert [words in page for page in shown].count(True) == 1
