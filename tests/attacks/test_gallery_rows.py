"""Where a face was found, which picture it is of and what was collected from where, made to say something else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS
from tests.support.clock import Clock
from tests.support.database import raw_database
from tests.support.store_rows import MODEL, NOW, RawSql, Rows
from tests.support.world import ingest, solo

from lineament.errors import AccessAltered
from lineament.model.faces import CaptureId, FaceId, Provenance, SourceId
from lineament.model.runs import RunId, Step
from lineament.model.sources import SourceTerms
from lineament.store import guard
from lineament.store.db import Store

NEXT = "another-model/0022ccdd"
CAPTURES = [
    "uri = 'https://example.org/elsewhere.jpg'",
    "page_uri = 'https://example.org/somebody-else'",
    "page_title = 'John Doe, wanted'",
    "captured_at = '2020-01-01 00:00:00.000000'",
    "licence = NULL",
    "sha256 = original",
    "original = thumbnail",
    "size = size + 1",
    "evidence = replace(evidence, 'alt', 'old')",
    "enrolled_at = '2036-01-01 00:00:00.000000'",
    "source_id = 2",
]
FACES = [
    "x = x + 1",
    "height = height * 2",
    "capture_id = 2",
    "source_id = 2",
    "grade = 1 - grade",
    "drawn = NOT drawn",
    "comparable = NOT comparable",
    "crop = (SELECT original FROM captures WHERE id = 2)",
    "quality = '{}'",
    "landmarks = '[[0,0],[0,0],[0,0],[0,0],[0,0]]'",
]


@pytest.fixture
def enrolled(store: Store, rows: Rows) -> FaceId:
    """A face of the first of two captures; the first has a second place, and its run refused a file."""
    with store.begin() as tx:
        keyed = rows.source(tx)
        rows.source(tx, "other")
        capture, (face,) = rows.enrolled(tx, keyed)
        rows.enrolled(tx, keyed)
        tx.places.add_all(keyed.source.id, [(capture, rows.sha256(), Provenance(uri="https://example.org/b.jpg"))])
        run = tx.runs.begin(keyed.source.id, "folder", "/data", NOW)
        tx.runs.advance(run.id, Step(counts={"enrolled": 2, "refused": 1}, refused=[("a.jpg", "it is empty")]), NOW)
        described = rows.face(NEXT)
        tx.prepared.put(keyed.source.id, [(face, described)], keyed.key)
        return face


def test_what_nobody_changed_is_shown(store: Store, enrolled: FaceId) -> None:
    with store.read() as tx:
        assert guard.altered(tx.connection, tx.vault) == []
        assert tx.faces.describe([enrolled])[enrolled].capture.id == CaptureId(1)
        assert [place.uri for place in tx.places.of_capture(CaptureId(1))] == ["https://example.org/b.jpg"]
        assert tx.runs.refusals(RunId(1)) == [("a.jpg", "it is empty")]
        assert tx.runs.get(RunId(1)).counts == {"enrolled": 2, "refused": 1}


@pytest.mark.parametrize("change", CAPTURES)
def test_a_capture_that_was_changed_is_not_shown(store: Store, enrolled: FaceId, raw: RawSql, change: str) -> None:
    raw(f"UPDATE captures SET {change} WHERE id = 1")
    with store.read() as tx:
        with pytest.raises(AccessAltered, match="captures/1"):
            tx.captures.get(CaptureId(1))
        assert tx.faces.describe([enrolled]) == {}, "a search sets it aside, and says so"
        assert guard.altered(tx.connection, tx.vault) == ["captures/1"]


@pytest.mark.parametrize("change", FACES)
def test_a_face_that_was_changed_is_not_shown(store: Store, enrolled: FaceId, raw: RawSql, change: str) -> None:
    raw(f"UPDATE faces SET {change} WHERE id = 1")
    with store.read() as tx:
        with pytest.raises(AccessAltered, match="faces/1"):
            tx.faces.get(enrolled)
        assert tx.faces.describe([enrolled]) == {}, "a search sets it aside, and says so"
        assert guard.altered(tx.connection, tx.vault) == ["faces/1"]


@pytest.mark.parametrize("change", ["uri = 'https://example.org/c.jpg'", "page_title = 'John Doe'", "capture_id = 2"])
def test_a_place_that_was_changed_is_not_shown(store: Store, enrolled: FaceId, raw: RawSql, change: str) -> None:
    raw(f"UPDATE places SET {change}")
    with store.read() as tx:
        with pytest.raises(AccessAltered, match="places/"):
            tx.places.of_capture(CaptureId(1)) + tx.places.of_capture(CaptureId(2))
        assert len(guard.altered(tx.connection, tx.vault)) == 1


@pytest.mark.parametrize("change", ["what = '/other'", "counts = '{}'", "ended_at = begun_at", "faces = 9"])
def test_a_run_that_was_changed_is_not_shown_and_not_resumed(
    store: Store, enrolled: FaceId, raw: RawSql, change: str
) -> None:
    raw(f"UPDATE runs SET {change}")
    with store.begin() as tx:
        with pytest.raises(AccessAltered, match="runs/1"):
            tx.runs.of_source(SourceId(1))
        with pytest.raises(AccessAltered, match="runs/1"):
            tx.runs.advance(RunId(1), Step(counts={"enrolled": 1}), NOW + timedelta(minutes=1))


@pytest.mark.parametrize("change", ["name = 'b.jpg'", "why = 'it was withdrawn'", "position = 2"])
def test_a_refusal_that_was_changed_is_not_shown(store: Store, enrolled: FaceId, raw: RawSql, change: str) -> None:
    raw(f"UPDATE run_refusals SET {change}")
    with store.read() as tx, pytest.raises(AccessAltered, match="run_refusals/1/"):
        tx.runs.refusals(RunId(1))


def test_a_prepared_face_that_was_changed_is_not_taken_over(
    store: Store, rows: Rows, enrolled: FaceId, raw: RawSql
) -> None:
    raw("UPDATE prepared_faces SET x = x + 40")
    with store.begin() as tx, pytest.raises(AccessAltered, match="prepared_faces/1"):
        tx.prepared.adopt(SourceId(1), NEXT, rows.source(tx, "third").key)


def test_rows_of_ones_own_making_are_refused(store: Store, enrolled: FaceId, raw: RawSql) -> None:
    values = "99, 1, 1, original, 'file:///alibi.jpg', '{}'"
    raw(
        "INSERT INTO places (id, source_id, capture_id, finding, uri, evidence) "
        f"SELECT {values} FROM captures WHERE id = 2"
    )
    with store.read() as tx, pytest.raises(AccessAltered, match="places/99"):
        tx.places.of_capture(CaptureId(1))


def test_a_picture_whose_rows_were_changed_is_still_erased(tmp_path: Path) -> None:
    """Whoever changes rows keeps no picture in the gallery that way: not from an erasure, and not from the sweep."""
    clock = Clock(tick=timedelta(milliseconds=1))
    with solo(tmp_path / "ws", clock) as world:
        desk = world.machine
        terms = SourceTerms(
            name="press", controller="Press agency", basis="LED Art. 8", jurisdiction="FR", retention_days=5
        )
        desk.sources.add(terms)
        ingest(world.workspace, "press", [PORTRAITS])
        pictures = desk.sources.get("press").captures
        assert pictures > 1
        with raw_database(tmp_path / "ws") as database:
            database.execute("UPDATE captures SET page_uri = 'https://example.org/somebody-else'")
            database.execute("UPDATE faces SET x = x + 1")
        assert desk.erase.capture(CaptureId(1), "asked").captures == [CaptureId(1)]
        clock.advance(days=6)
        assert desk.retain.sweep().pictures == pictures - 1
        assert list(world.workspace.blobs.addresses()) == []
        assert desk.audit.verify().rows


def test_a_capture_that_was_changed_is_not_signed_by_the_next_write(
    store: Store, rows: Rows, enrolled: FaceId, raw: RawSql
) -> None:
    raw("UPDATE captures SET page_uri = 'https://example.org/somebody-else' WHERE id = 1")
    with store.begin() as tx:
        tx.prepared.looked_at(MODEL, {CaptureId(1): None})
    with store.read() as tx, pytest.raises(AccessAltered, match="captures/1"):
        tx.captures.get(CaptureId(1))
