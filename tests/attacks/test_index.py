"""Faces that somebody hides without a key: in the files of an index, or in the rows of the database."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Ran
from tests.support.database import raw_database
from tests.support.world import PROBE, World, ingest, opened

from lineament.errors import AccessAltered
from lineament.model.events.searches import SearchRun
from lineament.model.faces import FaceIds
from lineament.model.search import Mode, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.services.doctor import Verdict
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.opened import COMPARED_AGAIN, COMPARED_SOON
from lineament.services.photographs import Photograph

PORTRAITS = 5
"""Faces in the gallery; the probe shows one of them."""
Tamper = Callable[[Path], object]


@pytest.fixture
def home(tmp_path: Path, prepared: Path) -> Path:
    """A workspace of five portraits with the open case K-1, whose index is on disk."""
    shutil.copytree(prepared, tmp_path / "ws")
    with opened(tmp_path / "ws") as world:
        assert search(world).whole
    return tmp_path / "ws"


def photograph() -> Photograph:
    return Photograph(name="probe.jpg", read=PROBE.read_bytes)


def search(world: World, **asked: Any) -> SearchResult:
    request = SearchRequest(case="K-1", reason="he was seen at the counter", **asked)
    return world.machine.photographs.search(photograph(), request)


def recorded(world: World) -> SearchRun:
    """Return what the ledger says of the newest search."""
    with world.workspace.store.read() as tx:
        every = [row for row in tx.ledger.entries(0, tx.ledger.size()) if row.action == "search"]
    return SearchRun.read(json.loads(every[-1].details or "{}"))


def changed(home: Path, *statements: str) -> None:
    """Change the database as somebody who can write to it and has no key."""
    with raw_database(home) as database:
        for statement in statements:
            assert database.execute(statement).rowcount, f"{statement} changes nothing"


def mate(home: Path) -> int:
    """Return the face that comes first for the probe."""
    with opened(home) as world:
        return int(search(world).candidates[0].face_id)


# ---------------------------------------------------------------- the files


def forged_head(folder: Path, **fields: object) -> None:
    """Write a head as whoever has no key can: with the digest of the line, as before 0.4."""
    line = (folder / "head").read_bytes().partition(b"\n")[0]
    line = json.dumps(json.loads(line) | fields, sort_keys=True).encode() + b"\n"
    (folder / "head").write_bytes(line + hashlib.sha256(line).hexdigest().encode() + b"\n")


FACE = np.dtype([("id", "<i8"), ("day", "<i4"), ("scale", "<f4")])


def with_ids(home: Path, change: Callable[[FaceIds], FaceIds]) -> None:
    """Change the ids in the files of an index, and the digest in its head with them."""
    (path,) = home.glob("index/*/*/faces-*")
    faces = np.frombuffer(path.read_bytes(), dtype=FACE).copy()
    faces["id"] = change(faces["id"])
    path.write_bytes(faces.tobytes())
    (coarse,), (fine,) = (path.parent.glob(f"{kind}-*") for kind in ("coarse", "fine"))
    digest = hashlib.sha256(coarse.read_bytes() + fine.read_bytes() + faces.tobytes()).hexdigest()
    (piece,) = in_head(path.parent)["pieces"]
    forged_head(path.parent, pieces=[piece | {"sha256": digest}])


def in_head(folder: Path) -> dict[str, Any]:
    """Return what the head of an index says."""
    said: dict[str, Any] = json.loads((folder / "head").read_bytes().partition(b"\n")[0])
    return said


def renamed(home: Path, face: int) -> None:
    """Give the code of a face an id that no face has."""
    with_ids(home, lambda ids: np.where(ids == face, 10**6, ids))


def exchanged(home: Path, face: int) -> None:
    """Exchange the ids of two codes, so that the code of a face is looked for under another's."""

    def exchange(ids: FaceIds) -> FaceIds:
        other = int(ids[ids != face][0])
        return np.select([ids == face, ids == other], [other, face], ids)

    with_ids(home, exchange)


def shortened(home: Path, face: int) -> None:
    """Let the index be that of no face."""
    (head,) = home.glob("index/*/*/head")
    forged_head(head.parent, pieces=[])


def test_the_digest_that_is_forged_here_is_the_right_one(home: Path) -> None:
    (head,) = home.glob("index/*/*/head")
    right = in_head(head.parent)["pieces"]
    with_ids(home, lambda ids: ids)
    assert in_head(head.parent)["pieces"] == right


@pytest.mark.parametrize("tamper", [renamed, exchanged, shortened])
def test_files_of_an_index_that_were_written_without_the_key_are_not_used(
    home: Path, tamper: Callable[[Path, int], None]
) -> None:
    first = mate(home)
    (head,) = home.glob("index/*/*/head")
    tamper(home, first)
    forged = head.read_bytes()
    with opened(home) as world:
        found = search(world)
        assert (found.candidates[0].face_id, found.gallery_faces, found.whole) == (first, PORTRAITS, True)
    assert head.read_bytes() != forged  # rebuilt


def test_a_head_of_an_older_version_is_replaced(home: Path) -> None:
    (head,) = home.glob("index/*/*/head")
    forged_head(head.parent)
    with opened(home) as world:
        assert search(world).whole
    line, authentication, _ = head.read_bytes().split(b"\n")
    assert hashlib.sha256(line + b"\n").hexdigest().encode() != authentication


# ---------------------------------------------------------------- the rows


def move_to_another_source(home: Path) -> None:
    with opened(home) as world:
        terms = SourceTerms(name="other", controller="Press", basis="LED 8", jurisdiction="FR")
        other = world.machine.sources.add(terms).id
    for statement in (
        "UPDATE faces SET source_id = {} WHERE id = 3",
        "UPDATE templates SET source_id = {} WHERE face_id = 3",
    ):
        changed(home, statement.format(other))


def exchange_templates(home: Path) -> None:
    with raw_database(home) as database:
        sealed = dict(database.execute("SELECT face_id, sealed FROM templates WHERE face_id IN (3, 4)").fetchall())
        for face, other in ((3, 4), (4, 3)):
            database.execute("UPDATE templates SET sealed = ? WHERE face_id = ?", (sealed[other], face))


def statements(*every: str) -> Tamper:
    return lambda home: changed(home, *every)


ROWS: dict[str, tuple[Tamper, int]] = {
    "template deleted": (statements("DELETE FROM templates WHERE face_id = 3"), 1),
    "face deleted": (statements("DELETE FROM templates WHERE face_id = 3", "DELETE FROM faces WHERE id = 3"), 1),
    "not comparable": (statements("UPDATE faces SET comparable = 0 WHERE id = 3"), 1),
    "of another model": (statements("UPDATE faces SET model = 'other/1' WHERE id = 3"), 1),
    "of another model, all of it": (
        statements(
            "UPDATE faces SET model = 'o/1' WHERE id = 3", "UPDATE templates SET model = 'o/1' WHERE face_id = 3"
        ),
        1,
    ),
    "templates exchanged": (exchange_templates, 2),
    "a bit of a template": (
        statements("UPDATE templates SET sealed = substr(sealed, 2) || X'00' WHERE face_id = 3"),
        1,
    ),
    "an empty template": (statements("UPDATE templates SET sealed = X'' WHERE face_id = 3"), 1),
    "a template of words": (statements("UPDATE templates SET sealed = 'words' WHERE face_id = 3"), 1),
    "moved to another source": (move_to_another_source, 1),
    "every face deleted": (statements("DELETE FROM templates", "DELETE FROM faces"), 5),
    "captured on another day": (statements("UPDATE faces SET captured_day = 0 WHERE id = 3"), 1),
    "captured on no day": (statements("UPDATE faces SET captured_day = 'never' WHERE id = 3"), 1),
    "of another grade": (statements("UPDATE faces SET grade = grade + 1 WHERE id = 3"), 1),
}


@pytest.mark.parametrize("kind", ROWS)
def test_faces_hidden_in_the_database_are_counted_and_named(home: Path, kind: str) -> None:
    tamper, uncompared = ROWS[kind]
    tamper(home)
    with opened(home) as world:
        found = search(world)
        assert not found.whole
        assert found.uncompared == uncompared
        assert found.mode is Mode.INVESTIGATION  # and no identification
        entry = recorded(world)
        assert (entry.uncompared, entry.altered, entry.mode) == (uncompared, found.altered, "investigation")
        assert world.machine.search.get(found.search_id) == found
        checks = {check.name: check for check in world.machine.doctor.run()}
        assert checks["indexes"].verdict is Verdict.BAD


SOURCES = {
    "face deleted and counted out": "faces = 4",
    "no later face": "last_face_id = 2",
    "no faces": "faces = 0",
    "no tally": "tally = NULL",
    "another tally": "tally = zeroblob(200)",
    "no key": "wrapped_key = zeroblob(60)",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_whose_numbers_were_changed_is_not_searched(home: Path, kind: str) -> None:
    changed(home, f"UPDATE sources SET {SOURCES[kind]}")
    with pytest.raises(AccessAltered, match="sources"), opened(home) as world:
        search(world)


@pytest.mark.parametrize("kind", ["template deleted", "face deleted", "captured on another day"])
def test_the_same_without_the_files_of_the_index(home: Path, kind: str) -> None:
    tamper, uncompared = ROWS[kind]
    tamper(home)
    shutil.rmtree(home / "index")
    with opened(home) as world:
        found = search(world)
        assert (found.whole, found.uncompared, found.mode) == (False, uncompared, Mode.INVESTIGATION)


@pytest.fixture
def seconds() -> list[float]:
    """The time by which galleries compare, in seconds; a test changes it."""
    return [0.0]


@pytest.fixture
def running(home: Path, seconds: list[float]) -> Iterator[World]:
    """The workspace while it stays open, having answered a search."""
    from lineament.index.scan import ScanIndex

    with opened(home) as world:
        workspace = world.workspace
        models = {workspace.pack.model: workspace.pack.dimension}
        workspace._gallery = Gallery(
            workspace.store,
            workspace.keys,
            home / "index",
            models=models,
            open_index=ScanIndex.open,
            now=lambda: seconds[0],
        )
        assert search(world).whole
        yield world


def test_a_running_workspace_compares_its_indexes_once_a_day(running: World, seconds: list[float]) -> None:
    changed(running.workspace.home, "UPDATE faces SET captured_day = 0 WHERE id = 3")
    long_ago = date(2000, 1, 1)
    assert search(running, until=long_ago).whole, "its row is not read, because it is not listed"
    seconds[0] += COMPARED_AGAIN
    assert search(running, until=long_ago).altered == ("press",)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM templates WHERE face_id = {face}",
        "UPDATE templates SET sealed = zeroblob(540) WHERE face_id = {face}",
        "DELETE FROM faces WHERE id = {face}",
        "UPDATE faces SET capture_id = 999999 WHERE id = {face}",
    ],
)
def test_a_listed_face_that_disappears_is_counted_at_once(running: World, statement: str) -> None:
    first = search(running).candidates[0].face_id
    changed(running.workspace.home, statement.format(face=first))
    found = search(running)
    assert (found.uncompared, found.gallery_faces, found.mode) == (1, PORTRAITS - 1, Mode.INVESTIGATION)
    assert first not in {candidate.face_id for candidate in found.candidates}


def test_a_face_that_is_restored_is_compared_again(running: World, seconds: list[float]) -> None:
    with raw_database(running.workspace.home) as database:
        ((sealed,),) = database.execute("SELECT sealed FROM templates WHERE face_id = 3").fetchall()
    changed(running.workspace.home, "UPDATE templates SET sealed = zeroblob(540) WHERE face_id = 3")
    assert search(running).uncompared == 1
    with raw_database(running.workspace.home) as database:
        database.execute("UPDATE templates SET sealed = ? WHERE face_id = 3", (sealed,))
    seconds[0] += COMPARED_SOON
    assert search(running).whole


def put_back(world: World) -> None:
    """Enrol a face, then restore the rows of the source as they were before."""
    home = world.workspace.home
    with raw_database(home) as database:
        cursor = database.execute("SELECT * FROM sources")
        (before,) = cursor.fetchall()
        columns = ", ".join(f"{column[0]} = ?" for column in cursor.description)
    photos = home.parent / "late"
    photos.mkdir()
    shutil.copy(PROBE, photos)
    assert ingest(world.workspace, "press", [photos]).faces == 1
    assert search(world).gallery_faces == PORTRAITS + 1
    with raw_database(home) as database:
        database.execute("DELETE FROM templates WHERE face_id = 6")
        database.execute("DELETE FROM faces WHERE id = 6")
        database.execute(f"UPDATE sources SET {columns}", before)


def test_an_older_tally_is_found_while_the_workspace_is_open(running: World) -> None:
    put_back(running)
    assert search(running).altered == ("press",)


def test_an_older_tally_is_found_by_the_doctor(home: Path) -> None:
    with opened(home) as world:
        put_back(world)
    with opened(home) as world:
        checks = {check.name: check for check in world.machine.doctor.run()}
    assert (checks["enrolments"].verdict, "press" in checks["enrolments"].detail) == (Verdict.BAD, True)


# ---------------------------------------------------------------- what people are told


def test_a_damaged_template_is_set_aside_and_everybody_is_told(ready: Callable[..., Ran], tmp_path: Path) -> None:
    changed(tmp_path / "ws", "UPDATE templates SET sealed = zeroblob(540) WHERE face_id = 3")
    asked = ("search", tmp_path / "probe.jpg", "--case", "K-1", "--reason", "seen at the counter")
    answer = ready(*asked, "--json")
    assert answer.code == 0
    assert (answer.json["uncompared"], answer.json["gallery_faces"], answer.json["mode"]) == (1, 4, "investigation")
    shown = ready(*asked, "--report", tmp_path / "report.html")
    assert "1 face was not compared" in " ".join(shown.out.split())
    assert "every one" not in shown.out
    assert "1 face was not compared" in (tmp_path / "report.html").read_text()
    examined = ready("doctor", "--json")
    assert examined.code == 9
    (templates,) = [check for check in examined.json["checks"] if check["name"] == "templates"]
    assert (templates["verdict"], "faces 3;" in templates["detail"]) == ("bad", True)


def test_no_candidate_is_no_answer_if_a_face_was_not_compared(ready: Callable[..., Ran], tmp_path: Path) -> None:
    changed(tmp_path / "ws", "UPDATE templates SET sealed = zeroblob(540)")
    shown = ready("search", tmp_path / "probe.jpg", "--case", "K-1", "--reason", "seen", "--min-score", "0.99")
    assert "No candidate among the faces that were compared" in shown.out
    assert "That is an answer" not in shown.out
