"""What is personal is for those alone who may read it: in the files that are written, and in the database."""

from __future__ import annotations

import json
import stat
import struct
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from tests.conftest import PORTRAITS, ROOT, Ran
from tests.support.database import raw_database
from tests.support.serving import serving
from tests.support.world import PROBE, opened, solo

from lineament.errors import Damaged
from lineament.model.credentials import Credentials
from lineament.model.faces import Capture, PhotoFacts, Place, SourceId
from lineament.model.sources import SourceTerms
from lineament.services.evaluate.outputs import write_files
from lineament.services.keyholder import source_key
from lineament.store.db import Store
from lineament.store.durable import private_file
from lineament.store.facts import open_facts
from lineament.store.keys import DataKey
from lineament.workspace import Workspace

TERMS = SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR")
Run = Callable[..., Ran]
LINE = ("--case", "K-1", "--reason", "because", "--investigate")
PRIVATE = 0o600


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_reads_what_a_command_writes(ready: Run, tmp_path: Path) -> None:
    report, ledger, receipt = (tmp_path / name for name in ("report.html", "ledger.jsonl", "receipt.json"))
    report.write_text("of an earlier search, and readable by everybody")
    report.chmod(0o644)
    for line in (
        ("search", tmp_path / "probe.jpg", *LINE, "--report", report),
        ("ledger", "export", ledger),
        ("compare", PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg", "--crops", tmp_path / "crops"),
        ("source", "withdraw", "press", "--yes", "--receipt", receipt),
        ("source", "receipt", "press", tmp_path / "again.json"),
    ):
        assert ready(*line).code == 0, line
    crops = [tmp_path / "crops" / name for name in ("a.jpg", "b.jpg")]
    written = [report, ledger, receipt, tmp_path / "again.json", *crops]
    assert {path.name: mode(path) for path in written} == {path.name: PRIVATE for path in written}
    assert mode(tmp_path / "crops") == 0o700
    assert "Lineament" in report.read_text()


def test_nobody_else_reads_a_file_of_a_room(ready: Run, tmp_path: Path) -> None:
    (tmp_path / "statement.txt").write_text("I saw him")
    added = ready("case", "put", "K-1", tmp_path / "statement.txt", "--json").json
    assert ready("case", "get", "K-1", added["papers"][0]["paper"], tmp_path / "out").code == 0
    assert mode(tmp_path / "out") == PRIVATE


def test_nobody_else_reads_what_a_service_writes(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        world.machine.audit.export(tmp_path / "ledger.jsonl")
    assert mode(tmp_path / "ledger.jsonl") == PRIVATE
    write_files(tmp_path / "evaluation", {"evaluation.html": b"<p>"})
    assert mode(tmp_path / "evaluation" / "evaluation.html") == PRIVATE


def test_a_workspace_is_its_owners(ready: Run, tmp_path: Path) -> None:
    assert ready("search", tmp_path / "probe.jpg", *LINE).code == 0
    home = tmp_path / "new"
    assert ready("--home", home, "init").code == 0
    open_to_others = [path for path in (home, *home.rglob("*")) if mode(path) & 0o077]
    assert open_to_others == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_bytes(b"before")
    with pytest.raises(TypeError), private_file(place) as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert place.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("what", [("--source", "press"), ("--capture", "1"), ("--face", "1")], ids=lambda pair: pair[0])
def test_nothing_is_erased_without_a_question(ready: Run, what: tuple[str, str]) -> None:
    before = ready("source", "show", "press", "--json").json
    assert ready("erase", *what, "--reason", "asked").code == 1, "nobody answers the question"
    assert ready("source", "show", "press", "--json").json == before
    assert ready("erase", *what, "--reason", "asked", "--yes").code == 0
    assert ready("source", "show", "press", "--json").json["faces"] < before["faces"]


# ---------------------------------------------------------------- what photographs say of themselves

PLACE = Place(latitude=48.8582, longitude=2.2945)
TAKEN = "2024:03:09 17:23:41"
DEGREES = (48.8582, 2.2945, 48 + 51 / 60 + 29.52 / 3600, 2 + 17 / 60 + 40.2 / 3600)
AT = datetime(2024, 3, 9, 17, 23, 41)  # noqa: DTZ001 - the camera does not know its zone
TRACES = (
    *(struct.pack(order, degrees) for order in (">d", "<d") for degrees in DEGREES),
    *(text.encode() for text in ("48.8582", "2.2945", TAKEN, "2024-03-09T17:23:41", "17:23:41")),
)
"""A position and a time as a database or a file might hold them."""


def traces(home: Path) -> set[bytes]:
    """Return which of the traces any file of a workspace holds, its log and its journal too."""
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert files
    return {trace for trace in TRACES for content in files if trace in content}


def with_position(path: Path) -> None:
    """Write a photograph that says where and when it was taken. No other of it is in the gallery."""
    portrait = Image.open(PROBE)
    exif = portrait.getexif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = TAKEN
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
    gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLongitude] = (48.0, 51.0, 29.52), (2.0, 17.0, 40.2)
    portrait.save(path, exif=exif, quality=95)


def facts_of(workspace: Workspace, source: str) -> list[PhotoFacts]:
    with workspace.store.read() as tx:
        found = tx.sources.get(source)
        key = source_key(tx, workspace.keys, found)
        return [open_facts(capture, key) for capture in tx.captures.of_source(found.id)]


def test_a_position_is_nowhere_in_plain_and_shown_to_who_compares(ready: Run, tmp_path: Path) -> None:
    home = tmp_path / "ws"
    with_position(tmp_path / "with-position.jpg")
    assert ready("ingest", "press", tmp_path / "with-position.jpg").code == 0
    found = ready("search", tmp_path / "probe.jpg", *LINE, "--json", "--report", tmp_path / "report.html").json
    assert ready("ledger", "export", tmp_path / "ledger.jsonl").code == 0
    assert traces(home) == set()
    assert not [trace for trace in TRACES if trace in (tmp_path / "ledger.jsonl").read_bytes()]
    candidates = [each for entry in found["candidates"] for each in (entry, *entry["further"])]
    rank = next(each["rank"] for each in candidates if each["uri"].endswith("with-position.jpg"))
    with opened(home) as world, serving(world.workspace) as served, served.client() as browser:
        page = browser.get(f"/searches/{found['search_id']}/candidates/{rank}").text
        (facts,) = [facts for facts in facts_of(world.workspace, "press") if facts.place is not None]
    assert "48.85820, 2.29450" in page
    assert "2024-03-09 17:23" in page
    assert facts.taken_at == AT


def test_a_position_opens_for_its_own_picture_alone(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        capture, key = sealed_capture(world.workspace.store, world.workspace)
        assert open_facts(capture, key).taken_at == AT
        for other in (
            replace(capture, sha256="ab" * 32),
            replace(capture, part=2),
            replace(capture, source_id=SourceId(9)),
        ):
            with pytest.raises(Damaged):
                open_facts(other, key)


def sealed_capture(store: Store, workspace: Workspace) -> tuple[Capture, DataKey]:
    world_photo = workspace.home.parent / "photo.jpg"
    with_position(world_photo)
    desk = workspace.desk_at_the_machine()
    desk.sources.add(TERMS)
    desk.collect.run(desk.collect.choose("press", [str(world_photo)]))
    with store.read() as tx:
        source = tx.sources.get("press")
        (capture,) = tx.captures.of_source(source.id)
        return capture, source_key(tx, workspace.keys, source)


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_positions_of_an_older_workspace_are_sealed_and_their_traces_gone(tmp_path: Path, version: str) -> None:
    with tarfile.open(ROOT / "tests" / "data" / f"workspace-{version}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    (home,) = [path.parent for path in tmp_path.rglob("lineament.db")]
    said = Credentials(state="Valid", issuer="Élysée", kinds=("digitalCapture",))
    with raw_database(home) as database:
        row = ("2024-03-09T17:23:41", 48.8582, 2.2945, json.dumps(asdict(said), ensure_ascii=False))
        database.execute("UPDATE captures SET taken_at = ?, latitude = ?, longitude = ?, credentials = ?", row)
    assert traces(home)
    with opened(home) as world:
        assert traces(home) == set()
        with world.workspace.store.read() as tx:
            source = next(source for source in tx.sources.all() if source.captures)
        facts = facts_of(world.workspace, source.name)
        assert facts == [PhotoFacts(taken_at=AT, place=PLACE, credentials=said)] * len(facts)
        assert len(facts) == source.captures
    assert traces(home) == set()
    assert "Élysée".encode() not in (home / "lineament.db").read_bytes()
