"""Evaluations through ``/v1``: measured on an archive, enrolled nowhere, and kept for a week."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.conftest import PORTRAITS
from tests.support.described import described
from tests.support.programs import Program, program
from tests.support.world import World, solo

from lineament.errors import NotEvaluable
from lineament.model.accounts import Permission
from lineament.model.sources import SourceTerms
from lineament.services.evaluate import packed
from lineament.services.evaluate.asked import KEPT_FOR
from lineament.services.evaluate.packed import labelled_in

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def tester(world: World) -> Iterator[Program]:
    made = program(world, Permission.MANAGE_SOURCES)
    yield made
    made.close()


def archive(*files: tuple[str, bytes]) -> bytes:
    """Return a ZIP archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packing:
        for name, content in files:
            packing.writestr(name, content)
    return written.getvalue()


def of_people() -> bytes:
    """Return an archive with two pictures of each of three people."""
    files = []
    for path in sorted(PORTRAITS.glob("*.jpg"))[:3]:
        picture = cv2.imread(str(path))
        assert picture is not None
        darker = cv2.imencode(".jpg", np.clip(picture.astype(np.int16) - 20, 0, 255).astype(np.uint8))[1].tobytes()
        files += [(f"set/{path.stem}/1.jpg", path.read_bytes()), (f"set/{path.stem}/2.jpg", darker)]
    return archive(*files, ("set/readme.txt", b"of three people"))


def test_an_archive_is_measured_and_nothing_of_it_stays(world: World, tester: Program) -> None:
    client, home = tester.client, world.workspace.home
    asked = client.post("/v1/evaluations", content=of_people())
    job = described(asked)
    place = f"/v1/evaluations/{job['job']}"
    assert (asked.status_code, asked.headers["location"]) == (202, place)
    assert (described(client.get(place))["state"], described(client.get(place))["report"]) == ("queued", None)
    (kept,) = (home / "evaluations").iterdir()
    assert [path.name for path in kept.iterdir()] == ["archive"]
    assert b"PK\x03\x04" not in (kept / "archive").read_bytes()
    assert world.workspace.worker.drain() == 1
    done = described(client.get(place))
    assert (done["state"], done["why"]) == ("done", None)
    assert done["report"]["set"] == "archive"
    assert described(client.get(f"/v1/jobs/{job['job']}"))["result"] == {"pictures": 6, "people": 3}
    assert [path.name for path in kept.iterdir()] == ["report"]
    assert b"depends_on" not in (kept / "report").read_bytes()
    with world.workspace.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM faces").scalar() == 0
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert not kept.exists()


def test_an_archive_that_cannot_be_measured_fails_its_job_and_is_deleted(world: World, tester: Program) -> None:
    client = tester.client
    assert client.post("/v1/evaluations", content=b"no archive").status_code == 422
    job = described(client.post("/v1/evaluations", content=archive(("one/1.jpg", b"x"))))["job"]
    world.workspace.worker.drain()
    told = described(client.get(f"/v1/evaluations/{job}"))
    assert told["state"] == "failed"
    assert "two people" in told["why"]
    (kept,) = (world.workspace.home / "evaluations").iterdir()
    assert list(kept.iterdir()) == []


def test_a_report_is_kept_for_a_week(world: World, tester: Program) -> None:
    tester.client.post("/v1/evaluations", content=of_people())
    folder = world.workspace.home / "evaluations"
    world.clock.advance(seconds=KEPT_FOR.total_seconds() - 60)
    world.machine.retain.sweep()
    assert len(list(folder.iterdir())) == 1
    world.clock.advance(seconds=120)
    world.machine.retain.sweep()
    assert list(folder.iterdir()) == []


def test_keys_of_sources_and_without_the_right_measure_nothing(world: World, tester: Program) -> None:
    world.machine.sources.add(SourceTerms(name="press", controller="x", basis="x", jurisdiction="FR"))
    asked = described(tester.client.post("/v1/evaluations", content=of_people()))["job"]
    reader = program(world, Permission.READ_SOURCES)
    bound = program(world, Permission.MANAGE_SOURCES, sources=("press",))
    for made, seen in ((reader, 403), (bound, 404)):
        assert made.client.post("/v1/evaluations", content=of_people()).status_code == 403
        assert made.client.get(f"/v1/evaluations/{asked}").status_code == seen
        made.close()


@pytest.mark.parametrize(
    "untrusted",
    [b"", b"PK\x03\x04", of_people()[:-40], archive(), archive(("1.jpg", b"x"), ("2.jpg", b"y"))],
    ids=["empty", "only a head", "cut off", "no file", "no folders"],
)
def test_what_is_no_set_is_refused(untrusted: bytes) -> None:
    with pytest.raises(NotEvaluable):
        labelled_in(untrusted, 1000)


def test_an_archive_is_unpacked_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = archive(("a/1.jpg", bytes(50)), ("b/1.jpg", bytes(50)), ("b/2.jpg", bytes(2000)), ("c/.hidden.jpg", b"x"))
    found = labelled_in(sent, 1000)
    assert [(picture.person, picture.untrusted) for picture in found.pictures] == [("a", bytes(50)), ("b", bytes(50))]
    assert found.skipped == 2
    monkeypatch.setattr(packed, "MOST_UNPACKED", 99)
    with pytest.raises(NotEvaluable, match="more than 99 bytes"):
        labelled_in(sent, 1000)
    monkeypatch.setattr(packed, "MOST_MEMBERS", 3)
    with pytest.raises(NotEvaluable, match="more than 3 files"):
        labelled_in(sent, 1000)
