"""Erased bytes are gone: the tests look for them afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.conftest import PORTRAITS, SOURCE, Ran, two_people
from tests.support.database import raw_database

Run = Callable[..., Ran]
LINE = ("--case", "K-1", "--reason", "because", "--investigate", "--json")


def all_bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def first(run: Run, tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = run("search", tmp_path / "probe.jpg", *LINE).json["candidates"][0]
    return found


def pictures(run: Run, tmp_path: Path) -> list[dict[str, Any]]:
    """Return every candidate, also those that share an entry with another."""
    listed = run("search", tmp_path / "probe.jpg", *LINE).json["candidates"]
    return [candidate for entry in listed for candidate in (entry, *entry["further"])]


def erase_a_face_of(run: Run, tmp_path: Path, name: str) -> dict[str, Any]:
    """Erase the face that is found in a group picture; return the candidate that it was."""
    found = next(candidate for candidate in pictures(run, tmp_path) if candidate["uri"].endswith(name))
    assert run("erase", "--yes", "--face", found["face_id"], "--reason", "asked").code == 0
    return found


@pytest.mark.parametrize("kind", ["face", "capture"])
def test_an_erased_picture_is_gone_and_stays_gone(ready: Run, photos: Path, tmp_path: Path, kind: str) -> None:
    home = tmp_path / "ws"
    before = first(ready, tmp_path)
    with raw_database(home) as database:
        face = before["face_id"]
        (sealed,) = database.execute("SELECT sealed FROM templates WHERE face_id = ?", (face,)).fetchone()
        capture = before["capture_id"]
        row = database.execute("SELECT original, thumbnail FROM captures WHERE id = ?", (capture,)).fetchone()
        (crop,) = database.execute("SELECT crop FROM faces WHERE id = ?", (face,)).fetchone()
    addresses = [address.hex() for address in (*row, crop)]
    assert sealed in all_bytes(home)
    codes = {path: path.read_bytes() for path in (home / "index").rglob("*") if path.is_file()}

    done = ready("erase", "--yes", f"--{kind}", before[f"{kind}_id"], "--reason", "the person asked", "--json")
    assert done.code == 0, done.err

    left = all_bytes(home)
    assert sealed not in left
    assert str(before["sha256"]).encode() not in left
    assert b"Emmanuel_Macron_2025" not in left
    names = [path.name for path in home.rglob("*")]
    assert not any(name.endswith(address[-32:]) for address in addresses for name in names)
    assert len([name for name in names if len(name) >= 32 and "codes" not in name and "ids" not in name]) == 13
    assert {path: path.read_bytes() for path in (home / "index").rglob("*") if path.is_file()} != codes
    assert first(ready, tmp_path)["face_id"] != face
    assert ready("ingest", "press", photos, "--json").json["erased_before"] == 1
    assert ready("source", "show", "press", "--json").json["faces"] == 4
    assert ready("verify").code == 0


def test_erasing_a_face_erases_the_picture_of_the_group(ready: Run, photos: Path, tmp_path: Path) -> None:
    two_people(photos / "group.jpg", "macron-2014.jpg", "sunak.jpg")
    assert ready("ingest", "press", photos, "--json").json["faces"] == 2
    group = erase_a_face_of(ready, tmp_path, "group.jpg")
    found = pictures(ready, tmp_path)
    assert group["face_id"] not in [candidate["face_id"] for candidate in found]
    assert any(candidate["uri"].endswith("group.jpg") for candidate in found), "the other face stays"
    with raw_database(tmp_path / "ws") as database:
        query = "SELECT original, thumbnail FROM captures WHERE id = ?"
        assert database.execute(query, (group["capture_id"],)).fetchone() == (None, None)
    (photos / "group.jpg").rename(photos / "elsewhere.jpg")
    again = ready("ingest", "press", photos, "--json").json
    assert (again["faces"], again["another_place"]) == (0, 1), "no face is enrolled again, erased or not"


def test_a_picture_of_an_erased_face_is_not_kept_by_another_source_either(
    ready: Run, photos: Path, tmp_path: Path
) -> None:
    two_people(photos / "group.jpg", "macron-2014.jpg", "sunak.jpg")
    ready("ingest", "press", photos)
    group = erase_a_face_of(ready, tmp_path, "group.jpg")
    ready("source", "add", "other", *SOURCE)
    assert ready("ingest", "other", photos / "group.jpg", "--json").json["faces"] == 1
    with raw_database(tmp_path / "ws") as database:
        query = "SELECT original, thumbnail FROM captures JOIN sources ON sources.id = source_id WHERE name = 'other'"
        assert database.execute(query).fetchall() == [(None, None)]
    alike = next(candidate for candidate in pictures(ready, tmp_path) if candidate["capture_id"] == group["capture_id"])
    assert len(alike["near_duplicates"]) == 1, "the other face is found in both sources"


def test_no_picture_of_a_file_keeps_an_original_that_shows_an_erased_face(
    ready: Run, photos: Path, tmp_path: Path
) -> None:
    two_people(tmp_path / "group.jpg", "macron-2014.jpg", "sunak.jpg")
    pages = [Image.open(path).convert("RGB") for path in (tmp_path / "group.jpg", PORTRAITS / "obama.jpg")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert ready("ingest", "press", tmp_path / "pages.tif", "--json").json["faces"] == 3
    erase_a_face_of(ready, tmp_path, "pages.tif")
    ready("source", "add", "other", *SOURCE)
    assert ready("ingest", "other", tmp_path / "pages.tif", "--json").json["faces"] == 2
    with raw_database(tmp_path / "ws") as database:
        query = "SELECT part, original, thumbnail IS NULL FROM captures JOIN sources ON sources.id = source_id"
        query += " WHERE name = 'other' ORDER BY part"
        assert database.execute(query).fetchall() == [(1, None, True), (2, None, False)]


def test_a_withdrawn_source_is_destroyed(ready: Run, tmp_path: Path) -> None:
    home = tmp_path / "ws"
    assert ready("source", "withdraw", "press", "--yes").code == 0
    shown = ready("source", "show", "press", "--json").json
    assert (shown["state"], shown["faces"], shown["captures"]) == ("withdrawn", 0, 0)
    with raw_database(home) as database:
        for table in ("captures", "faces", "templates"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert database.execute("SELECT wrapped_key FROM sources").fetchone() == (None,)
    assert not [path for path in (home / "blobs").rglob("*") if path.is_file()]
    assert ready("search", tmp_path / "probe.jpg", *LINE).code == 4
    assert ready("ingest", "press", PORTRAITS).code == 4
    assert ready("source", "resume", "press").code == 4
    assert ready("verify").code == 0


def test_an_earlier_list_shows_that_a_candidate_was_erased(ready: Run, tmp_path: Path) -> None:
    before = ready("search", tmp_path / "probe.jpg", *LINE).json
    ready("erase", "--yes", "--capture", before["candidates"][0]["capture_id"], "--reason", "asked")
    shown = ready("case", "show", "K-1", "--json").json
    assert shown["list"][0]["search_id"] == before["search_id"]
    with raw_database(tmp_path / "ws") as database:
        rows = database.execute("SELECT * FROM candidates WHERE rank = 1").fetchall()
    assert "Macron" not in json.dumps(rows, default=str)


@pytest.mark.parametrize(
    "line",
    [("--reason", "r"), ("--face", "1", "--capture", "1", "--reason", "r"), ("--face", "1", "--reason", " ")],
)
def test_erasing_needs_one_target_and_a_reason(ready: Run, line: tuple[str, ...]) -> None:
    assert ready("erase", "--yes", *line).code == 2


def test_erasing_a_face_that_does_not_exist(ready: Run) -> None:
    assert ready("erase", "--yes", "--face", 999, "--reason", "asked").code == 3
