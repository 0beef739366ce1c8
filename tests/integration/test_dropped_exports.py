"""A case export of Project VIC that is dropped in the browser is read by its records, not taken for a side-car."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.dropping import DropClient
from tests.support.films import film, pan
from tests.support.processes import vary_portraits
from tests.support.serving import serving
from tests.support.vics import document, export, media
from tests.support.world import SOURCE, copied

from lineament.model.drops import DroppedFile
from lineament.sources.base import Found, Item, Refusal
from lineament.sources.folder.connector import is_side_car
from lineament.sources.registry import Terms
from lineament.sources.upload.arrivals import ArrivalStanding
from lineament.sources.upload.connector import UploadConnector
from lineament.sources.upload.exports import HEAD, begins_as_export

PICTURE, OTHER = b"\xff\xd8\xff\xe0 one", b"\xff\xd8\xff\xe0 two"


@dataclass(slots=True)
class ListedFiles:
    """Files of a drop that all have arrived (``Arrivals``)."""

    contents: dict[str, bytes]
    folder: Path
    id: str = "d"
    done: int = 0
    copies: dict[str, Path] = field(default_factory=dict)

    def standing(self) -> ArrivalStanding:
        return ArrivalStanding(files=len(self.contents), listed=True, over=False, quiet=0)

    def _files(self) -> list[DroppedFile]:
        return [
            DroppedFile(path=path, size=len(content), modified=0, number=at, received=len(content))
            for at, (path, content) in enumerate(self.contents.items(), 1)
        ]

    def after(self, number: int) -> Sequence[DroppedFile]:
        return self._files()[number:]

    def side_cars(self) -> Sequence[DroppedFile]:
        return [file for file in self._files() if is_side_car(file.path.encode())]

    def find(self, path: str) -> DroppedFile | None:
        return next((file for file in self._files() if file.path == path), None)

    def parts(self, file: DroppedFile) -> Iterator[bytes]:
        yield self.contents[file.path]

    def as_file(self, file: DroppedFile, suffix: str) -> Path:
        place = self.folder / f"{file.number}{suffix}"
        place.write_bytes(self.contents[file.path])
        self.copies[file.path] = place
        return place

    def forget_copy(self, file: DroppedFile) -> None:
        self.copies.pop(file.path).unlink()

    def copy_of(self, path: str) -> Path | None:
        return self.copies.get(path)


def listed(root: Path, contents: dict[str, bytes]) -> ListedFiles:
    folder = root / "copies with a blank"
    folder.mkdir(exist_ok=True)
    return ListedFiles(contents, folder)


def found_in(arrivals: ListedFiles, cursor: str | None = None) -> list[tuple[Found, str]]:
    return list(UploadConnector(arrivals, Terms(max_bytes=2**24)).items_from(cursor))


def told(found: Found) -> str:
    if isinstance(found, Item):
        return found.provenance.uri
    return f"refused {found.name}" if isinstance(found, Refusal) else f"left out: {found.kind.value}"


@pytest.fixture
def dropped(tmp_path: Path) -> ListedFiles:
    """A folder with an export of three records, one of which does not fit its file, and a picture of no record."""
    (tmp_path / "made").mkdir()
    records = [media(tmp_path / "made", "a.jpg", PICTURE), media(tmp_path / "made", "b.jpg", OTHER)]
    wrong = records[0] | {"RelativeFilePath": "VIC_Files/c.jpg"}
    content = document([{"CaseNumber": "K 17", "Media": [*records, wrong]}], of="Cases")
    files = {"out/export.json": content, "out/photo.jpg.json": b'{"licence": "CC0"}', "out/photo.jpg": PICTURE + b"3"}
    beside = {"a.jpg": PICTURE, "b.jpg": OTHER, "c.jpg": OTHER, "d.jpg": OTHER + b"4"}
    return listed(tmp_path, files | {f"out/VIC_Files/{name}": content for name, content in beside.items()})


def test_its_records_are_read_and_their_files_are_not_read_again(dropped: ListedFiles) -> None:
    found = found_in(dropped)
    assert [told(each) for each, _ in found] == [
        "upload:d/out/export.json#media=1",
        "upload:d/out/export.json#media=2",
        "refused out/export.json record 3: VIC_Files/c.jpg",
        "left out: side_car",
        "upload:d/out/photo.jpg",
        "upload:d/out/VIC_Files/d.jpg",
    ]
    first, photo = found[0][0], found[4][0]
    assert isinstance(first, Item)
    assert isinstance(photo, Item)
    assert (first.untrusted, first.provenance.connector) == (PICTURE, "vics 1")
    assert "case: K 17" in (first.provenance.words or "")
    assert photo.provenance.licence == "CC0"
    assert list(dropped.folder.iterdir()) == [], "no copy stays"


def test_a_run_that_is_resumed_anywhere_reads_nothing_twice_and_passes_nothing_over(dropped: ListedFiles) -> None:
    whole = [(told(each), cursor) for each, cursor in found_in(dropped)]
    assert len({cursor for _, cursor in whole}) == len(whole)
    for at, (_, cursor) in enumerate(whole, 1):
        assert [(told(each), after) for each, after in found_in(dropped, cursor)] == whole[at:]


def test_an_export_that_is_dropped_by_itself_finds_its_media_and_never_leaves_its_folder(tmp_path: Path) -> None:
    whole = media(tmp_path, "a.jpg", PICTURE)
    records = [whole, *(whole | {"RelativeFilePath": path} for path in ("..\\secret.jpg", "C:\\a.jpg", "none.jpg"))]
    content = export(tmp_path, records).read_bytes()
    alone = found_in(listed(tmp_path, {"x.json": content, "VIC_Files/a.jpg": PICTURE, "secret.jpg": PICTURE}))
    assert [told(each).partition(":")[0] for each, _ in alone] == [
        "upload",
        "refused x.json record 2",
        "refused x.json record 3",
        "refused x.json record 4",
        "upload",
    ]
    below = found_in(listed(tmp_path, {"in/x.json": content, "in/VIC_Files/a.jpg": PICTURE, "secret.jpg": PICTURE}))
    leads_out, a_drive, missing = (str(each.why) for each, _ in below if isinstance(each, Refusal))
    assert "leads out" in leads_out
    assert "not one from the folder" in a_drive
    assert "no such file" in missing


def test_an_export_that_is_damaged_or_of_another_version_is_refused_as_one(tmp_path: Path) -> None:
    content = document([media(tmp_path, "a.jpg", PICTURE)])
    other = content.replace(b"DataModels/2.0", b"DataModels/3.0")
    found = found_in(listed(tmp_path, {"cut.json": content[:-30], "other.json": other, "VIC_Files/a.jpg": PICTURE}))
    assert Counter(type(each) for each, _ in found) == {Item: 1, Refusal: 2}
    assert "version 3.0" in str([each.why for each, _ in found if isinstance(each, Refusal)][1])


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (document([]), True),
        (document([], "1.3", mark=False), True),
        (b"\xff\xfe" + document([], mark=False).decode().encode("utf-16-le"), True),
        (document([]).replace(b"/", b"\\/"), True),
        (b'{"value": [], "odata.metadata": "x/DataModels/1.3.xml"}', True),
        (b'{"uri": "https://a.example/DataModels/1.jpg"}', False),
        (b'{"licence": "CC0"}', False),
        (b'["@odata.context", "/DataModels/2.0.xml"]', False),
        (b" " * HEAD + document([], mark=False), False),
        (b"\xff\xfe\x00", False),
        (b"", False),
    ],
)
def test_what_begins_as_an_export(content: bytes, is_one: bool) -> None:
    assert begins_as_export(content) is is_one


@pytest.mark.enable_socket
def test_an_export_with_a_video_is_dropped_and_taken_in(portraits: Path, tmp_path: Path) -> None:
    folder = tmp_path / "seized"
    folder.mkdir()
    pictures = sorted((vary_portraits(tmp_path / "varied", 2, width=311) / "0").iterdir())
    records = [media(folder, path.name, path.read_bytes()) for path in pictures]
    made = film(tmp_path / "film.mp4", pan("ardern-2018.jpg", 30))
    records.append(media(folder, "film.mp4", made.read_bytes()))
    gone = records[0] | {"RelativeFilePath": "VIC_Files\\gone.jpg"}
    export(folder, [*records, gone])
    with (
        copied(portraits, tmp_path / "ws") as world,
        serving(world.workspace) as served,
        served.client() as browser,
    ):
        workspace, client = world.workspace, DropClient(browser, SOURCE).open()
        client.drop(folder)
        assert workspace.worker.drain() > 0
        after = client.standing()
        with workspace.store.read() as tx:
            rows = tx.connection.exec_driver_sql("SELECT uri, evidence FROM captures WHERE uri LIKE 'upload:%'").all()
        assert list((workspace.home / "drops").rglob("*.json")) == []
    assert after["over"]
    assert after["run"]["counts"]["refused"] == 1
    assert "side_car" not in after["run"]["counts"]
    assert after["refusals"][0][0] == "seized/case-vics.json record 4: VIC_Files\\gone.jpg"
    uris = sorted(uri.rpartition("/")[2].partition("&")[0] for uri, _ in rows)
    assert [uri for uri, _ in itertools.groupby(uris)] == [f"case-vics.json#media={number}" for number in (1, 2, 3)]
    assert all("K 17" in json.dumps(evidence) for _, evidence in rows)
