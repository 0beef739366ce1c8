"""A workspace whose pictures are in a bucket, from ``init`` to an erasure, while the service is there and while not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.processes import vary_portraits
from tests.support.s3_service import BUCKET, SECRET, S3Service, s3_service_running
from tests.support.serving import serving
from tests.support.world import SOURCE, gallery, ingest, search_portraits, settings

from lineament.errors import KeyExposed, PicturesElsewhere, PicturesNotDeleted, PicturesUnavailable, WorkspaceExists
from lineament.model.faces import CaptureId
from lineament.model.jobs import JobProgress
from lineament.services.doctor import Verdict
from lineament.store.blobs_s3 import CHECK, MARK
from lineament.store.bucket import Bucket, BucketPlace
from lineament.workspace import Workspace

Run = Callable[..., Ran]


@pytest.fixture
def place(s3_service: S3Service) -> BucketPlace:
    return s3_service.place()


@pytest.fixture
def in_s3(place: BucketPlace, tmp_path: Path) -> dict[str, Any]:
    """The settings for pictures in a place of their own."""
    secret = tmp_path / "s3-secret"
    secret.write_text(f"{place.access_key}\n{SECRET}\n")
    secret.chmod(0o600)
    return {"pictures": place.url, "pictures_endpoint": place.endpoint, "pictures_secret": secret}


def pictures_in(place: BucketPlace) -> dict[str, bytes]:
    """Return every picture of a place by its address, as the bucket holds it."""
    names = [listed.name for listed in Bucket(place).list() if listed.name not in {MARK, CHECK}]
    return {name.rpartition("/")[2]: Bucket(place).get(name) or b"" for name in names}


def test_from_the_first_picture_to_the_last(place: BucketPlace, in_s3: dict[str, Any], tmp_path: Path) -> None:
    with gallery(tmp_path / "ws", **in_s3) as workspace:
        stored, desk = pictures_in(place), workspace.desk_at_the_machine()
        assert len(stored) == 15, "original, thumbnail and crop of five portraits"
        assert not (workspace.home / "blobs").exists()
        portraits = [path.read_bytes() for path in PORTRAITS.glob("*.jpg")]
        assert all(portrait[100:200] not in sealed for sealed in stored.values() for portrait in portraits)

        search = search_portraits(workspace)
        with serving(workspace) as served, served.client() as browser:
            shown = browser.get(f"{search}/candidates/1/crop")
            assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
            assert browser.get("/readyz").status_code == 200

        with workspace.store.read() as tx:
            erased, kept = (tx.captures.get(CaptureId(number)) for number in (1, 2))
        stored = pictures_in(place)
        desk.erase.capture(erased.id, "asked")
        left = pictures_in(place)
        assert len(stored) - len(left) == 3
        assert {erased.original, erased.thumbnail}.isdisjoint(left)

        desk.key_rotation.source(SOURCE)
        rotated = pictures_in(place)
        assert len(rotated) == len(left)
        assert kept.original not in rotated

        checks = {check.name: check for check in desk.doctor.run(pictures=True)}
        assert [check for check in checks.values() if check.verdict is Verdict.BAD] == []
        assert place.url in checks["storage"].detail
        assert checks["pictures"].detail.startswith("12 pictures of the gallery opened, 0 damaged, 0 orphaned")
        assert desk.doctor.mend().detail.startswith("0 files"), "none is old enough"

        with workspace.store.read() as tx:
            missing = tx.captures.get(kept.id).original or ""
        Bucket(place).delete([f"{missing[:2]}/{missing}"])
        *_, last = desk.doctor.run(pictures=True)
        assert last.verdict is Verdict.BAD
        assert missing in last.detail

        desk.erase.source(SOURCE, "the agreement has ended")
        assert len(pictures_in(place)) == 1, "the photograph of the case"
        desk.erase.receipt(SOURCE)


def test_the_workspace_refuses_other_places(place: BucketPlace, in_s3: dict[str, Any], tmp_path: Path) -> None:
    Workspace.create(settings(tmp_path / "ws", **in_s3)).close()
    with pytest.raises(PicturesElsewhere, match=f"set LINEAMENT_PICTURES={place.url}"):
        Workspace.open(settings(tmp_path / "ws"))
    with pytest.raises(PicturesElsewhere, match="not in s3://another"):
        Workspace.open(settings(tmp_path / "ws", **{**in_s3, "pictures": "s3://another"}))
    with pytest.raises(WorkspaceExists, match=place.url):
        Workspace.create(settings(tmp_path / "second", **in_s3))
    assert not (tmp_path / "second").exists()
    Workspace.create(settings(tmp_path / "third")).close()
    with pytest.raises(PicturesElsewhere, match="unset LINEAMENT_PICTURES"):
        Workspace.open(settings(tmp_path / "third", **in_s3))
    with Workspace.open(settings(tmp_path / "ws", **in_s3, workers=1)) as workspace:
        assert "s3://" in workspace.blobs.examine()


def test_the_commands_say_what_is_wrong(
    lineament: Run, s3_service: S3Service, in_s3: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.store.bucket.PATIENT", timedelta(seconds=1))
    monkeypatch.setattr("lineament.store.bucket.BRISK", timedelta(seconds=1))
    monkeypatch.setenv("LINEAMENT_PICTURES", in_s3["pictures"])
    monkeypatch.setenv("LINEAMENT_PICTURES_ENDPOINT", "http://127.0.0.1:9")
    ran = lineament("init")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "LINEAMENT_PICTURES_SECRET" in ran.err
    monkeypatch.setenv("LINEAMENT_PICTURES_SECRET", str(in_s3["pictures_secret"]))
    ran = lineament("init")
    assert (ran.code, ran.err.count("\n")) == (PicturesUnavailable.exit_code, 1)
    assert "no connection" in ran.err
    assert not (tmp_path / "ws").exists()

    s3_service.keep_versions("kept")
    monkeypatch.setenv("LINEAMENT_PICTURES_ENDPOINT", s3_service.endpoint)
    monkeypatch.setenv("LINEAMENT_PICTURES", "s3://kept/pictures")
    ran = lineament("init")
    assert ran.code == PicturesUnavailable.exit_code
    assert ran.err.startswith("lineament: Nothing can be erased in s3://kept/pictures at 127.0.0.1")

    monkeypatch.setenv("LINEAMENT_PICTURES", in_s3["pictures"])
    assert lineament("init").code == 0
    in_s3["pictures_secret"].chmod(0o644)
    ran = lineament("doctor")
    assert (ran.code, ran.err.count("\n")) == (KeyExposed.exit_code, 1)
    assert "chmod 600" in ran.err
    monkeypatch.delenv("LINEAMENT_PICTURES_SECRET")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lineament")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    ran = lineament("doctor", "--json")
    assert [check["verdict"] for check in ran.json["checks"] if check["name"] == "storage"] == ["good"]
    assert SECRET not in ran.out


def test_a_service_that_dies_loses_nothing_and_is_never_taken_for_empty(
    in_s3: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_service_running() as service:
        mortal = in_s3 | {"pictures": f"s3://{BUCKET}/mortal", "pictures_endpoint": service.endpoint}
        home, photos = tmp_path / "ws", vary_portraits(tmp_path / "varied", 6)
        gallery(home, **mortal).close()
        with Workspace.open(settings(home, **mortal)) as workspace:
            search = search_portraits(workspace)
        with monkeypatch.context() as impatient, Workspace.open(settings(home, **mortal)) as workspace:
            for patience in ("PATIENT", "BRISK"):
                impatient.setattr(f"lineament.store.bucket.{patience}", timedelta(seconds=2))
            with monkeypatch.context() as patch:
                patch.setattr(Bucket, "put", killing(service, after=4))
                with pytest.raises(PicturesUnavailable, match="no connection"):
                    ingest(workspace, SOURCE, [photos])
            assert_nothing_is_believed(home, mortal, search)
        with Workspace.open(settings(home, **mortal)) as workspace:
            desk, told, left = workspace.desk_at_the_machine(), [], workspace_deletions(workspace)
            assert len(left) == 3

            def start_again(progress: JobProgress) -> None:
                told.append(progress.words)
                service.start()
                assert left <= set(pictures_in(service.place(prefix="mortal")))

            monkeypatch.setattr("lineament.services.gallery.erase.RETRY_EVERY", 0)
            assert desk.erase.finish_job(start_again) == {"deleted": 3}
            assert ["no connection" in words for words in told] == [True]
            assert left.isdisjoint(pictures_in(service.place(prefix="mortal")))
            ingest(workspace, SOURCE, [photos])
            with workspace.store.read() as tx:
                assert tx.sources.get(SOURCE).captures == 4 + 6
            *_, last = desk.doctor.run(pictures=True)
            assert last.verdict is Verdict.GOOD
            assert " 0 damaged" in last.detail


def killing(service: S3Service, after: int) -> Callable[..., None]:
    """Return a ``put`` that kills the service after so many objects."""
    put, many = Bucket.put, threading.Semaphore(after)

    def counted(bucket: Bucket, name: str, content: bytes, *, new: bool = False) -> None:
        if not many.acquire(blocking=False):
            service.kill()
        put(bucket, name, content, new=new)

    return counted


def assert_nothing_is_believed(home: Path, mortal: dict[str, Any], search: str) -> None:
    """While the service is away, nothing is said to be missing, deleted or done."""
    with Workspace.open(settings(home, **mortal)) as workspace:
        desk = workspace.desk_at_the_machine()
        with serving(workspace) as served, served.client() as browser:
            shown = browser.get(f"{search}/candidates/1/crop")
            assert shown.status_code == 503
            assert "pictures" in shown.text
            unready = browser.get("/readyz")
            assert (unready.status_code, unready.text) == (503, "pictures-unavailable\n")
        with pytest.raises(PicturesNotDeleted, match="no connection"):
            desk.erase.capture(CaptureId(1), "asked")
        with pytest.raises(PicturesNotDeleted):
            desk.retain.sweep()
        with pytest.raises(PicturesUnavailable):
            desk.doctor.mend()
        checks = {check.name: check for check in desk.doctor.run(pictures=True)}
        assert {name for name, check in checks.items() if check.verdict is Verdict.BAD} == {"storage", "pictures"}
        assert "damaged" not in checks["pictures"].detail


def workspace_deletions(workspace: Workspace) -> set[str]:
    with workspace.store.read() as tx:
        return set(tx.deletions.all())
