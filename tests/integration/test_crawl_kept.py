"""The records of a crawl: sealed, destroyed with the picture that they are evidence of, exported as plain WARC."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator
from tests.conftest import PORTRAITS, Ran, two_people
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.folders import taken_and_refused
from tests.support.killed import Killed
from tests.support.local_web import CannedReply, LocalWeb, page
from tests.support.refusals import refused
from tests.support.world import StaffedWorld, settings
from warcio.checker import Checker

from lineament.errors import (
    AlreadyThere,
    Damaged,
    KeyRotated,
    NotAllowed,
    NotRead,
    Refused,
    StepUpNeeded,
    WorkspaceBusy,
)
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.faces import Capture
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import IngestOutcome, IngestReport, Task
from lineament.sources.base import Item
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.sealed import Seal
from lineament.workspace import Workspace

Run = Callable[..., Ran]
MOST = 10**7
SECRET = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(4))
"""Incompressible bytes, at the end of every picture and in hexadecimal on every page."""


@dataclass
class Site:
    """A host whose pages show portraits, and a workspace that crawled it, for tests to copy."""

    web: LocalWeb
    home: Path
    processes: list[bytes] = field(default_factory=list)  # command line and environment of those that crawled

    def crawl(self, begin: str = "/", again_after: float = 86400.0) -> Crawl:
        return Crawl(
            start=(self.web.url("a.test", begin),),
            hosts=self.web.listed("a.test"),
            contact="complaints@agency.example",
            delay=0.0,
            again_after=again_after,
            resolve=self.web.addresses,
        )


def portrait(name: str) -> bytes:
    return (PORTRAITS / f"{name}.jpg").read_bytes() + SECRET


def host(site: Site, group: Path) -> Callable[[str, Mapping[str, str]], CannedReply | None]:
    pictures = {f"/{name}.jpg": portrait(name) for name in ("macron-2025", "sunak", "obama")}
    pictures |= {"/again.jpg": portrait("macron-2025"), "/group.jpg": group.read_bytes() + SECRET}
    text = f"<p>{'words ' * 200}</p><p>{SECRET.hex()}</p>"
    shown = {"/one": ["/macron-2025.jpg"], "/both": ["/sunak.jpg", "/obama.jpg"], "/group": ["/group.jpg"]}
    shown |= {"/": ["/one", "/both", "/group"], "/another": ["/again.jpg"]}

    def answer(path: str, headers: Mapping[str, str]) -> CannedReply | None:
        if path == "/":
            site.processes += crawling()
        if path in pictures or path in shown:
            if headers.get("if-none-match") == '"1"':
                return CannedReply(status=304, headers={"ETag": '"1"'})
            if path in pictures:
                return CannedReply(pictures[path], type="image/jpeg", headers={"ETag": '"1"'})
            return page(path, *shown[path], text, ETag='"1"')
        return None

    return answer


def crawling() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"crawl.worker" in command:
                yield command + (process / "environ").read_bytes()
        except OSError:
            continue


def ingest(workspace: Workspace, site: Site, name: str, crawl: Crawl) -> IngestReport:
    stored = of_crawl(workspace, name)
    connector = SiteConnector(crawl, stored, MOST)
    report = workspace.desk_at_the_machine().ingest.run(
        "press", Task(connector=connector, kind="site", what=name, page=stored.page), workers=1
    )
    assert not (stored.folder / "crawl.log").read_bytes()
    return report


def of_crawl(workspace: Workspace, name: str = "first") -> KeptCrawl:
    return workspace.crawls.crawl(workspace.desk_at_the_machine().sources.get("press"), name)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("crawled")
    two_people(folder / "group.jpg", "macron-2014.jpg", "ardern-2018.jpg")
    with LocalWeb() as web:
        site = Site(web, folder / "ws")
        web.host("a.test", host(site, folder / "group.jpg"))
        with Workspace.create(settings(site.home)) as workspace:
            workspace.desk_at_the_machine().sources.add(
                SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR")
            )
            report = ingest(workspace, site, "first", site.crawl())
            assert (report.outcomes[IngestOutcome.ENROLLED], report.faces) == (4, 5)
        yield site


@pytest.fixture
def home(crawled: Site, tmp_path: Path) -> Path:
    shutil.copytree(crawled.home, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace.open(settings(home)) as opened:
        yield opened


def captures(workspace: Workspace) -> dict[str, Capture]:
    """Return the captures by the last part of their addresses."""
    with workspace.store.read() as tx:
        found = list(tx.captures.of_source(workspace.desk_at_the_machine().sources.get("press").id))
    return {item.provenance.uri.rpartition("/")[2]: item for item in found}


def bodies(workspace: Workspace, tmp_path: Path) -> dict[str, bytes]:
    """Return the payloads of the exported answers by path."""
    path = tmp_path / f"taken-{os.urandom(4).hex()}.warc.gz"
    workspace.desk_at_the_machine().takeout.warc("press", path)
    found = {}
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            if record.headers["WARC-Type"] == "response":
                found["/" + record.headers["WARC-Target-URI"].split("/", 3)[3]] = record.reader.read()
    return found


# ---------------------------------------------------------------- sealed


def files_with(home: Path, *secrets: bytes) -> list[Path]:
    """Return the files that contain one of these, plain or compressed."""
    found = []
    for path in (file for file in home.rglob("*") if file.is_file()):
        data = path.read_bytes()
        views, at = [data], data.find(b"\x1f\x8b\x08")
        while at >= 0:
            try:
                views.append(zlib.decompressobj(wbits=31).decompress(data[at:]))
            except zlib.error:
                views.append(b"")
            at = data.find(b"\x1f\x8b\x08", at + 1)
        if any(secret in view for secret in secrets for view in views):
            found.append(path)
    return found


def test_pictures_pages_and_the_key_are_not_stored_in_plain(crawled: Site, workspace: Workspace) -> None:
    key = of_crawl(workspace).key
    secrets = (SECRET, SECRET.hex().encode(), portrait("obama")[:500], key, key.hex().encode())
    assert files_with(workspace.home, *secrets) == []
    assert crawled.processes, "some were seen during the crawl"
    assert not any(key.hex().encode() in process or key in process for process in crawled.processes)
    assert key.hex() not in repr(of_crawl(workspace))
    plain = workspace.home / "plain.gz"
    plain.write_bytes(b"before" + gzip.compress(b"x" + SECRET))
    assert files_with(workspace.home, *secrets) == [plain], "a secret in plain would be found"


def test_a_record_only_opens_at_its_place_in_its_file_with_its_key(workspace: Workspace) -> None:
    record = captures(workspace)["obama.jpg"].provenance.record
    assert record is not None
    stored = of_crawl(workspace)
    packed = stored.exchange(record.archive, record.offset, record.id)
    assert portrait("obama") in zlib.decompressobj(wbits=31).decompress(packed)
    archive = stored.folder / record.archive
    with pytest.raises(Damaged, match="under another key"):
        KeptCrawl(stored.folder, os.urandom(32)).exchange(record.archive, record.offset, record.id)
    other = archive.rename(archive.with_name("site-other.warc.gz.sealed"))
    with pytest.raises(Damaged, match="sealed elsewhere"):
        stored.exchange(other.name, record.offset, record.id)
    with pytest.raises(Damaged, match="no frame begins"):
        stored.exchange(other.name, record.offset + 1, record.id)
    with pytest.raises(NotRead):
        stored.exchange("../first/" + other.name, record.offset, record.id)
    assert of_crawl(workspace, "another").key != stored.key
    assert repr(Seal(bytes(32))) == "Seal(…)"
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(b"")  # as a process gets if its parent was killed early


def test_the_rotated_key_of_a_source_opens_the_records_and_the_old_one_none(
    crawled: Site, workspace: Workspace, tmp_path: Path
) -> None:
    desk = workspace.desk_at_the_machine()
    desk.erase.capture(captures(workspace)["macron-2025.jpg"].id, "asked")
    old, before, page_before = of_crawl(workspace), bodies(workspace, tmp_path), page_of(workspace, "obama.jpg")
    assert desk.key_rotation.source("press").damaged == 0
    new, record = of_crawl(workspace), captures(workspace)["obama.jpg"].provenance.record
    assert record is not None
    assert len(new.key) == len(old.key)
    assert bodies(workspace, tmp_path) == before
    assert page_of(workspace, "obama.jpg") == page_before
    for archive in old.archives():
        with pytest.raises(Damaged, match="under another key"):
            list(old.members(archive, archive.stat().st_size))
    with pytest.raises(KeyRotated):  # as a crawl does that began with the key before
        next(SiteConnector(crawled.crawl(again_after=0.0), old, MOST).items())
    before_second = len(crawled.web.log)
    items = taken_and_refused(SiteConnector(crawled.crawl(again_after=0.0), new, MOST))
    assert [type(item) for item in items] == [Item] * 3
    paths = [request.path for request in crawled.web.log[before_second:]]
    assert "/one" in paths
    assert "/macron-2025.jpg" not in paths, "what was erased is known after the rotation"


def test_the_key_of_a_source_is_not_rotated_under_a_running_crawl(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.sources.crawl.kept._PATIENCE", 0.0)
    desk, old, before = workspace.desk_at_the_machine(), of_crawl(workspace), bodies(workspace, tmp_path)
    with old.locked(), pytest.raises(WorkspaceBusy, match="crawl"):
        desk.key_rotation.source("press")
    assert of_crawl(workspace).key[len(old.key) :] == old.key, "both keys open until it is done"
    assert bodies(workspace, tmp_path) == before
    assert desk.key_rotation.source("press").damaged == 0
    assert len(of_crawl(workspace).key) == len(old.key)
    assert bodies(workspace, tmp_path) == before


def test_a_rotation_that_is_killed_between_two_records_loses_none(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, before, records = workspace.desk_at_the_machine(), bodies(workspace, tmp_path), []
    frame = Seal.frame

    def killed_at_the_third(*arguments: Any) -> bytearray:
        records.append(arguments)
        if len(records) == 3:
            raise Killed
        return frame(*arguments)

    monkeypatch.setattr(Seal, "frame", killed_at_the_third)
    with pytest.raises(Killed):
        desk.key_rotation.source("press")
    monkeypatch.undo()
    assert bodies(workspace, tmp_path) == before
    assert desk.key_rotation.source("press").damaged == 0
    assert bodies(workspace, tmp_path) == before


def test_an_erasure_deletes_what_a_killed_rotation_left_of_the_records(workspace: Workspace) -> None:
    (archive,) = of_crawl(workspace).archives()
    shutil.copy(archive, archive.with_name(f"{archive.name}.new"))
    workspace.desk_at_the_machine().erase.capture(captures(workspace)["obama.jpg"].id, "asked")
    assert list(archive.parent.glob("*.new")) == []


def page_of(workspace: Workspace, name: str) -> bytes:
    """Return the record of the page that showed a picture."""
    record = captures(workspace)[name].provenance.page_record
    assert record is not None
    page = of_crawl(workspace).page(record)
    assert page is not None
    return page


# ---------------------------------------------------------------- destroyed


def test_an_erased_picture_is_destroyed_with_its_page_and_others_stay(
    crawled: Site, workspace: Workspace, tmp_path: Path
) -> None:
    before = captures(workspace)
    erased = before["macron-2025.jpg"].provenance
    assert {"/macron-2025.jpg", "/one", "/both", "/obama.jpg"} <= set(bodies(workspace, tmp_path))
    workspace.desk_at_the_machine().erase.capture(before["macron-2025.jpg"].id, "asked")
    stored = of_crawl(workspace)
    for gone in (erased.record, erased.page_record):
        assert gone is not None
        with pytest.raises(NotRead, match="destroyed"):
            stored.exchange(gone.archive, gone.offset, gone.id)
    left = bodies(workspace, tmp_path)
    assert not {"/macron-2025.jpg", "/one"} & set(left)
    assert left["/obama.jpg"] == portrait("obama")
    assert not [path for path in stored.folder.iterdir() if b"macron-2025" in path.read_bytes()]

    before_second = len(crawled.web.log)
    items = taken_and_refused(SiteConnector(crawled.crawl(again_after=0.0), stored, MOST))
    assert [type(item) for item in items] == [Item] * 3
    assert not any("macron-2025" in request.path for request in crawled.web.log[before_second:]), (
        "it is never requested again"
    )
    assert [
        request.headers.get("if-none-match") for request in crawled.web.log[before_second:] if request.path == "/one"
    ] == [None]


def test_a_page_is_kept_as_long_as_one_of_its_pictures(workspace: Workspace, tmp_path: Path) -> None:
    found = captures(workspace)
    workspace.desk_at_the_machine().erase.capture(found["obama.jpg"].id, "asked")
    left = bodies(workspace, tmp_path)
    assert "/obama.jpg" not in left
    assert {"/both", "/sunak.jpg"} <= set(left)
    with workspace.store.read() as tx:
        (face,) = tx.faces.of_capture(found["sunak.jpg"].id)
    workspace.desk_at_the_machine().erase.face(face.id, "asked")
    left = bodies(workspace, tmp_path)
    assert not {"/both", "/sunak.jpg"} & set(left)
    assert {"/one", "/group", "/group.jpg"} <= set(left)


def test_erasing_a_face_destroys_the_picture_of_the_group(crawled: Site, workspace: Workspace, tmp_path: Path) -> None:
    group = captures(workspace)["group.jpg"]
    with workspace.store.read() as tx:
        face, _ = tx.faces.of_capture(group.id)
    workspace.desk_at_the_machine().erase.face(face.id, "asked")
    assert not {"/group", "/group.jpg"} & set(bodies(workspace, tmp_path))
    report = ingest(workspace, crawled, "other", crawled.crawl("/group"))
    assert report.outcomes == {IngestOutcome.ALREADY_THERE: 1, IngestOutcome.NO_PICTURE: 1}
    assert "/group.jpg" in bodies(workspace, tmp_path)
    workspace.desk_at_the_machine().erase.finish_deletions()
    assert "/group.jpg" not in bodies(workspace, tmp_path), "another crawl does not keep it either"


def test_a_later_crawl_does_not_keep_erased_pictures(crawled: Site, workspace: Workspace, tmp_path: Path) -> None:
    workspace.desk_at_the_machine().erase.capture(captures(workspace)["macron-2025.jpg"].id, "asked")
    report = ingest(workspace, crawled, "second", crawled.crawl("/another"))
    assert report.outcomes == {IngestOutcome.ERASED_BEFORE: 1, IngestOutcome.NO_PICTURE: 1}
    assert workspace.desk_at_the_machine().erase.erase_reserved("press", {}) == 0, "as the command does at its end"
    left = bodies(workspace, tmp_path)
    assert not {"/another", "/again.jpg"} & set(left)
    assert "/obama.jpg" in left


def test_known_abuse_material_is_not_kept_as_a_record(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.desk_at_the_machine().known_abuse.load([hashlib.sha256(portrait("obama")).hexdigest()]).barred == 1
    left = bodies(workspace, tmp_path)
    assert "/obama.jpg" not in left
    assert "/both" in left, "the page is shown with the face"


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Lock a database, so that nobody else writes to it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_opening_the_workspace_finishes_an_erasure_that_was_killed(home: Path, tmp_path: Path) -> None:
    with Workspace.open(settings(home)) as workspace:
        erased, stored = captures(workspace)["obama.jpg"], of_crawl(workspace)
    line = [
        sys.executable,
        "-m",
        "lineament",
        "--home",
        home,
        "erase",
        "--yes",
        "--capture",
        erased.id,
        "--reason",
        "asked",
    ]
    with locked(stored.folder / "crawl.db"), subprocess.Popen(list(map(str, line))) as process:
        query = "SELECT count(*) FROM captures WHERE id = ?"
        with raw_database(home) as database:
            end = time.monotonic() + 60
            while database.execute(query, (erased.id,)).fetchone() != (0,):
                assert time.monotonic() < end
                time.sleep(0.05)
        process.kill()
    record = erased.provenance.record
    assert record is not None
    assert stored.exchange(record.archive, record.offset, record.id), "the process was killed before"
    with Workspace.open(settings(home)) as workspace:
        with pytest.raises(NotRead, match="destroyed"):
            stored.exchange(record.archive, record.offset, record.id)
        assert "/obama.jpg" not in bodies(workspace, tmp_path)
        with workspace.store.read() as tx:
            assert tx.deletions.crawl_records(10) == []


def test_records_of_crawls_are_destroyed_with_the_source(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.crawls.folder(workspace.desk_at_the_machine().sources.get("press").id)
    shutil.copytree(folder, tmp_path / "copy")
    workspace.desk_at_the_machine().erase.source("press", "asked")
    assert not folder.exists()
    with pytest.raises(Refused):
        of_crawl(workspace)
    with refused(ReasonCode.NOTHING_CRAWLED):
        workspace.desk_at_the_machine().takeout.warc("press", tmp_path / "out.warc.gz")
    shutil.copytree(tmp_path / "copy", folder)  # as after a kill in between
    workspace.desk_at_the_machine().erase.finish_deletions()
    assert not folder.exists()


# ---------------------------------------------------------------- exported


def test_an_export_is_a_standard_warc_and_recorded(
    lineament: Run, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace.open(settings(home)) as workspace:
        workspace.desk_at_the_machine().erase.capture(captures(workspace)["macron-2025.jpg"].id, "asked")
    out = tmp_path / "out.warc.gz"
    exported = lineament("source", "warc", "press", out, "--json")
    assert exported.code == 0, exported.err
    assert exported.json["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert exported.json["bytes"] == out.stat().st_size
    assert out.stat().st_mode & 0o77 == 0
    checker = Checker(type("Options", (), {"inputs": [str(out)], "verbose": True}))
    assert checker.process_all() == 0, capsys.readouterr().out
    with out.open("rb") as file:
        uris = [record.headers.get("WARC-Target-URI") or "" for record in ArchiveIterator(file)]
    assert any(uri.endswith("/obama.jpg") for uri in uris)
    assert not any("macron-2025" in uri for uri in uris), "neither its answer nor its request"
    entry = json.loads(str(_newest(home)))
    assert (entry["source"], entry["sha256"]) == ("press", exported.json["sha256"])

    again = lineament("source", "warc", "press", out)
    assert again.code == AlreadyThere.exit_code
    assert hashlib.sha256(out.read_bytes()).hexdigest() == exported.json["sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.warc.gz", "ws"]


def _newest(home: Path) -> str | None:
    with Workspace.open(settings(home)) as workspace:
        entry = workspace.desk_at_the_machine().audit.page(limit=1).entries[0]
        assert entry.action == "warc_taken_out"
        return entry.details


def test_a_damaged_record_prevents_the_export(workspace: Workspace, tmp_path: Path) -> None:
    record = captures(workspace)["obama.jpg"].provenance.record
    assert record is not None
    with (of_crawl(workspace).folder / record.archive).open("r+b") as file:
        file.seek(record.offset + 100)
        file.write(b"!")
    with pytest.raises(Damaged):
        workspace.desk_at_the_machine().takeout.warc("press", tmp_path / "out.warc.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ws"]
    assert all(entry.action != "warc_taken_out" for entry in workspace.desk_at_the_machine().audit.page().entries)


def test_only_operators_with_a_second_factor_export_records(workspace: Workspace, tmp_path: Path) -> None:
    world = StaffedWorld(workspace, Clock(tick=TICK))
    with pytest.raises(NotAllowed):
        world.desk(world.join(HOME_AGENCY, Role.EXAMINER)).takeout.warc("press", tmp_path / "out.warc.gz")
    with pytest.raises(StepUpNeeded):
        world.operator_desk.takeout.warc("press", tmp_path / "out.warc.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ws"]
