"""The key of a source: a rotated one opens nothing, nothing is lost on the way, and every search answers as before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import ExifTags, Image
from tests.conftest import PORTRAITS
from tests.support.database import raw_database
from tests.support.killed import Killed, killed_at
from tests.support.once import once
from tests.support.postgresql import owner_of
from tests.support.processes import vary_portraits
from tests.support.world import CASE, PROBE, SOURCE, gallery, ingest, settings

from lineament.errors import AccessAltered, Damaged, KeyRotated
from lineament.model.faces import Box, CaptureId, FaceId
from lineament.model.search import Mode, SearchRequest
from lineament.services.doctor import Check, Verdict
from lineament.services.gallery.items import IngestReport
from lineament.services.gallery.register import PermissionDocument
from lineament.services.keyholder import source_key
from lineament.services.photographs import Photograph
from lineament.services.rotation import source as source_rotation
from lineament.setting_values import Secret
from lineament.sources.base import Found
from lineament.sources.folder.connector import FolderConnector
from lineament.store.db import Store
from lineament.store.faces import template_about
from lineament.store.facts import facts_about
from lineament.store.keys import DataKey
from lineament.store.tables import captures, templates
from lineament.workspace import Workspace

PERMISSION = PermissionDocument(name="permission.pdf", untrusted=b"%PDF of the permission")


def build_gallery(home: Path, **changes: Any) -> None:
    """Make a gallery of five portraits and one that says when it was taken, whose index is on disk."""
    with gallery(home, permission=PERMISSION, **changes) as workspace:
        dated, folder = Image.open(PORTRAITS / "sunak.jpg"), home.parent / "dated"
        exif = dated.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:03:09 17:23:41"
        folder.mkdir()
        dated.save(folder / "dated.jpg", exif=exif, quality=95)
        assert ingest(workspace, SOURCE, [folder]).faces == 1
        assert len(found_by(workspace)) >= 5


@pytest.fixture
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with that gallery, which is built once a run and copied."""
    built = once(tmp_path_factory, "source-keys", lambda folder: build_gallery(folder / "ws"))
    return shutil.copytree(built / "ws", tmp_path / "ws")


def found_by(workspace: Workspace) -> list[tuple[int, float]]:
    """Return the faces that a search finds, and their scores."""
    request = SearchRequest(case=CASE.ref, reason="he was seen", mode=Mode.MANUAL, min_score=-1.0)
    photograph = Photograph(name="probe.jpg", read=PROBE.read_bytes)
    result = workspace.desk_at_the_machine().photographs.search(photograph, request)
    assert result.whole
    return [(int(each.face_id), each.score) for each in result.candidates]


def bad_in(workspace: Workspace) -> list[str]:
    """Return what the doctor finds bad, with the templates and pictures opened."""
    desk = workspace.desk_at_the_machine()
    assert desk.audit.verify().entries > 0
    return [f"{check.name}: {check.detail}" for check in desk.doctor.run(pictures=True) if check.verdict is Verdict.BAD]


def key_of(workspace: Workspace, name: str = SOURCE) -> DataKey:
    with workspace.store.read() as tx:
        return source_key(tx, workspace.keys, tx.sources.get(name))


def interrupt(workspace: Workspace, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin to rotate the key of the source, and be killed before write transaction number ``step``, from 0."""
    with killed_at(step, monkeypatch), pytest.raises(Killed):
        workspace.desk_at_the_machine().key_rotation.source(SOURCE)


def pictures(home: Path) -> set[str]:
    """Return the names of the sealed pictures and files."""
    return {path.name for path in (home / "blobs").glob("??/*")}


def sealed_by_source(store: Store) -> list[tuple[bytes, bytes]]:
    """Return every template of the database, and every facts of a photograph, with what it is bound to."""
    with store.read() as tx:
        rows = tx.connection.execute(sa.select(templates))
        found = [(bytes(row.sealed), template_about(row.source_id, row.face_id, row.model)) for row in rows]
        rows = tx.connection.execute(sa.select(captures).where(captures.c.facts.is_not(None)))
        return found + [(bytes(row.facts), facts_about(row.source_id, row.sha256, row.part)) for row in rows]


def opens_with(key: DataKey, sealed: bytes, about: bytes) -> bool:
    for opens in (key.templates.open, key.open):
        with suppress(Damaged):
            opens(sealed, about)
            return True
    return False


def check_rotated(home: Path, old: DataKey, before: list[tuple[int, float]], least: int = 7, **changes: Any) -> None:
    """Check with a new process that the new key alone opens everything, and that a search finds what it found.

    ``least``: how many templates and facts there are at least.
    """
    with Workspace.open(settings(home, **changes)) as workspace:
        new = key_of(workspace)
        assert new != old
        assert new.older is None
        sealed = sealed_by_source(workspace.store)
        assert len(sealed) >= least
        assert all(opens_with(new, *each) for each in sealed)
        assert not any(opens_with(old, *each) for each in sealed)
        assert found_by(workspace) == before
        assert bad_in(workspace) == []
        desk = workspace.desk_at_the_machine()
        assert desk.sources.permission(SOURCE) == (PERMISSION.untrusted, PERMISSION.name)


def test_the_rotated_key_of_a_source_opens_everything_of_it_and_the_old_one_nothing(home: Path) -> None:
    with Workspace.open(settings(home)) as workspace:
        before, old, addresses = found_by(workspace), key_of(workspace), pictures(home)
        sealed = sealed_by_source(workspace.store)
        with workspace.store.read() as tx:
            wrapped = tx.sources.wrapped_key(tx.sources.get(SOURCE).id)
        assert wrapped is not None
        codes = {path.name for path in home.glob("index/*/*/coarse-*")}
        desk = workspace.desk_at_the_machine()
        report = desk.key_rotation.source(SOURCE)
        assert report.damaged == 0
        assert report.resealed >= len(sealed) + len(addresses) - 1  # and the permission
        assert found_by(workspace) == before
        assert len(pictures(home)) == len(addresses)
        assert len(pictures(home) & addresses) == 1  # the probe, under the key of its case
        actions = [row.action for row in desk.audit.page().entries]
    assert {"key_rotation_begun", "key_rotated"} <= set(actions)
    assert codes.isdisjoint(path.name for path in home.glob("index/*/*/coarse-*"))
    kept = b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
    assert wrapped not in kept
    assert not [value for value, _ in sealed if value in kept]
    check_rotated(home, old, before)


def test_a_killed_rotation_of_a_source_answers_as_before_and_resumes_wherever_it_was_killed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(settings(home)) as workspace:
        before, old = found_by(workspace), key_of(workspace)
    monkeypatch.setattr(source_rotation, "BATCH", 2)
    kills = 0
    while True:
        copy = tmp_path / f"killed {kills}"
        shutil.copytree(home, copy)
        with Workspace.open(settings(copy)) as workspace:
            desk = workspace.desk_at_the_machine()
            with killed_at(kills, monkeypatch) as steps, suppress(Killed):
                desk.key_rotation.source(SOURCE)
                break
        with Workspace.open(settings(copy)) as workspace:
            assert bad_in(workspace) == []
            assert found_by(workspace) == before
            workspace.desk_at_the_machine().key_rotation.source(SOURCE)
        check_rotated(copy, old, before)
        shutil.rmtree(copy)
        kills += 1
    assert kills == len(steps) > 6
    check_rotated(copy, old, before)


def test_another_process_with_the_index_open_answers_the_same_while_a_source_is_rotated(
    fresh_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ws"
    changes: dict[str, Any] = {}
    if owner := owner_of(fresh_url):
        changes = {"database_url": Secret(fresh_url), "database_owner_url": Secret(owner)}
    build_gallery(home, **changes)
    monkeypatch.setattr(source_rotation, "BATCH", 1)
    with (
        Workspace.open(settings(home, **changes)) as other,
        Workspace.open(settings(home, **changes)) as rotating,
    ):
        before, old = found_by(other), key_of(other)
        during: list[list[tuple[int, float]]] = []
        rotating.desk_at_the_machine().key_rotation.source(SOURCE, lambda _: during.append(found_by(other)))
        assert len(during) > 4
        assert all(found == before for found in during)
        assert found_by(other) == before
        assert found_by(rotating) == before
    check_rotated(home, old, before, **changes)


def test_an_ingest_that_began_before_a_rotation_is_refused_and_resumes_with_the_new_key(
    home: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "more"
    vary_portraits(photos, 2, width=240)
    with Workspace.open(settings(home)) as workspace, Workspace.open(settings(home)) as rotating:
        before, old = found_by(workspace), key_of(workspace)

        class Rotates(FolderConnector):
            def items(self) -> Iterator[Found]:
                yield from super().items()
                rotating.desk_at_the_machine().key_rotation.source(SOURCE)

        with pytest.raises(KeyRotated):
            run_ingest(workspace, Rotates([photos], page_base=None, max_bytes=2**20))
        assert found_by(workspace) == before
        report = run_ingest(workspace, FolderConnector([photos], page_base=None, max_bytes=2**20))
        assert report.faces == 2
        before = found_by(workspace)
    check_rotated(home, old, before)


def test_a_face_that_is_drawn_while_the_key_is_rotated_is_not_stored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(settings(home)) as workspace, Workspace.open(settings(home)) as rotating:
        before, old = found_by(workspace), key_of(workspace)
        flush = workspace.blobs.flush

        def rotate_first() -> None:
            rotating.desk_at_the_machine().key_rotation.source(SOURCE)
            flush()

        monkeypatch.setattr(workspace.blobs, "flush", rotate_first)
        with pytest.raises(KeyRotated):
            workspace.desk_at_the_machine().draw_faces.add(SOURCE, 1, Box(x=1, y=1, width=60, height=60))
        monkeypatch.undo()
        assert len(found_by(workspace)) == len(before)
    check_rotated(home, old, before)


def run_ingest(workspace: Workspace, connector: FolderConnector) -> IngestReport:
    return workspace.desk_at_the_machine().ingest.run(SOURCE, connector, workers=1)


def test_what_is_damaged_is_counted_and_stops_no_rotation_of_a_source(home: Path) -> None:
    with Workspace.open(settings(home)) as workspace:
        with raw_database(home) as database:
            database.execute("UPDATE templates SET sealed = zeroblob(2076) WHERE face_id = 1")
            ((crop,),) = database.execute("SELECT lower(hex(crop)) FROM faces WHERE id = 2").fetchall()
        (home / "blobs" / crop[:2] / crop).write_bytes(b"damaged")
        report = workspace.desk_at_the_machine().key_rotation.source(SOURCE)
    assert report.damaged == 2
    with raw_database(home) as database:
        assert database.execute("SELECT sealed FROM templates WHERE face_id = 1").fetchall() == [(bytes(2076),)]


def test_the_key_of_a_source_whose_faces_were_altered_is_not_rotated(home: Path) -> None:
    """A rotation would vouch for what somebody changed."""
    with raw_database(home) as database:
        database.execute("UPDATE faces SET captured_day = captured_day + 1 WHERE id = 1")
    with Workspace.open(settings(home)) as workspace:
        old = key_of(workspace)
        with pytest.raises(Damaged, match="vouches"):
            workspace.desk_at_the_machine().key_rotation.source(SOURCE)
        assert key_of(workspace) == old


def test_the_keys_of_a_source_that_is_being_rotated_are_wrapped_anew_with_the_workspace_s_key(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(settings(home)) as workspace:
        before, old = found_by(workspace), key_of(workspace)
        desk = workspace.desk_at_the_machine()
        interrupt(workspace, 2, monkeypatch)
        assert desk.key_rotation.workspace().damaged == 0
    with Workspace.open(settings(home)) as workspace:
        assert key_of(workspace).older == old
        assert found_by(workspace) == before
        workspace.desk_at_the_machine().key_rotation.source(SOURCE)
    check_rotated(home, old, before)


def test_what_is_erased_while_a_rotation_is_interrupted_leaves_no_picture(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(settings(home)) as workspace:
        stored = pictures(home)
        interrupt(workspace, 4, monkeypatch)
        assert len(pictures(home)) >= 2 * len(stored) - 2, "sealed again, and no row refers to it yet"
    with Workspace.open(settings(home)) as workspace:
        desk = workspace.desk_at_the_machine()
        desk.erase.capture(CaptureId(1), "asked")
        assert orphans_of(workspace) == 0
        desk.key_rotation.source(SOURCE)
        assert orphans_of(workspace) == 0
        assert bad_in(workspace) == []


def orphans_of(workspace: Workspace) -> int:
    """Return how many files of the blob folder no row refers to."""
    with workspace.store.read() as tx:
        return sum(1 for _ in tx.deletions.unused(workspace.blobs.addresses()))


def test_a_picture_that_cannot_be_read_for_now_stops_a_rotation_before_the_old_key_is_gone(
    home: Path, tmp_path: Path
) -> None:
    with Workspace.open(settings(home)) as workspace:
        before, old = found_by(workspace), key_of(workspace)
        with workspace.store.read() as tx:
            crop = workspace.home / "blobs" / (address := tx.faces.get(FaceId(2)).crop)[:2] / address
        aside = crop.rename(tmp_path / "aside")
        crop.mkdir()
        for _ in range(2):
            with pytest.raises(Damaged, match="cannot be read"):
                workspace.desk_at_the_machine().key_rotation.source(SOURCE)
        crop.rmdir()
        aside.rename(crop)
        assert found_by(workspace) == before
        assert workspace.desk_at_the_machine().key_rotation.source(SOURCE).damaged == 0
    check_rotated(home, old, before)


def test_the_doctor_names_the_rotation_that_is_to_be_run_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.open(settings(home)) as workspace:
        desk = workspace.desk_at_the_machine()
        assert keys_check(workspace).verdict is Verdict.GOOD
        interrupt(workspace, 2, monkeypatch)
        assert keys_check(workspace).verdict is Verdict.WARNING
        assert keys_check(workspace).detail.endswith(f": lineament keys rotate-source {SOURCE}")
        desk.key_rotation.source(SOURCE)
        assert keys_check(workspace).verdict is Verdict.GOOD


def keys_check(workspace: Workspace) -> Check:
    (check,) = (check for check in workspace.desk_at_the_machine().doctor.run() if check.name == "keys")
    return check


def test_nobody_without_the_key_ends_a_rotation_early(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would destroy the key of what is not sealed again yet."""
    with Workspace.open(settings(home)) as workspace:
        desk, before, old = workspace.desk_at_the_machine(), found_by(workspace), key_of(workspace)
        interrupt(workspace, 2, monkeypatch)
        with raw_database(home) as database:
            database.execute("UPDATE sources SET rotated_up_to = 1000000")
        with pytest.raises(AccessAltered):
            desk.key_rotation.source(SOURCE)
        with raw_database(home) as database:
            database.execute("UPDATE sources SET rotated_up_to = 0")
        desk.key_rotation.source(SOURCE)
    check_rotated(home, old, before)


def test_a_rotation_signs_no_picture_that_somebody_changed_and_ends_once_it_is_erased(home: Path) -> None:
    with Workspace.open(settings(home)) as workspace:
        desk, old = workspace.desk_at_the_machine(), key_of(workspace)
        with raw_database(home) as database:
            database.execute("UPDATE captures SET uri = 'https://example.org/another.jpg' WHERE id = 2")
        with pytest.raises(AccessAltered, match="captures/2"):
            desk.key_rotation.source(SOURCE)
        desk.erase.capture(CaptureId(2), "it was changed from outside")
        assert desk.key_rotation.source(SOURCE).damaged == 0
        before = found_by(workspace)
    check_rotated(home, old, before, least=6)
