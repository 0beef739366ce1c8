"""From a folder of photographs to a gallery, and from a photograph to a candidate list, on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CASE, PORTRAITS, SOURCE, Ran, two_people
from tests.support.database import raw_database

Run = Callable[..., Ran]
SEARCH = ("--case", "K-1", "--reason", "the child was seen with him", "--json")


def search(run: Run, tmp_path: Path, *more: object) -> Ran:
    return run("search", tmp_path / "probe.jpg", *SEARCH, *more)


def test_the_other_picture_of_the_same_person_comes_first(ready: Run, tmp_path: Path) -> None:
    answer = search(ready, tmp_path).json
    assert answer["outcome"] == "candidates"
    assert answer["gallery_faces"] == 5
    assert answer["mode"] == "identification"
    first = answer["candidates"][0]
    assert first["page_title"] == "Emmanuel Macron, 2025"
    assert first["page_uri"].startswith("https://commons.wikimedia.org/")
    assert first["rank"] == 1
    assert first["expected_false"] < 0.1
    assert first["score"] >= answer["threshold"]
    keys = "rank score expected_false face_id capture_id source uri page_uri page_title captured_at sha256 box"
    keys += " connector words record page_record time_code part parts incomplete missing extrapolated group"
    assert set(keys.split()) | {"near_duplicates", "further", "unlisted", "drawn", "person"} == set(first)
    assert {"search_id", "case", "model", "gallery_faces", "sources", "threshold", "outcome", "probe"} <= set(answer)


def test_the_same_search_gives_the_same_list_byte_for_byte(ready: Run, tmp_path: Path) -> None:
    lists = [json.dumps(search(ready, tmp_path, "--investigate").json["candidates"]) for _ in range(2)]
    assert lists[0] == lists[1]
    shutil.rmtree(tmp_path / "ws" / "index")
    assert json.dumps(search(ready, tmp_path, "--investigate").json["candidates"]) == lists[0]


def test_a_second_ingest_adds_nothing(ready: Run, photos: Path) -> None:
    before = ready("source", "show", "press", "--json").json
    again = ready("ingest", "press", photos, "--json").json
    assert (again["enrolled"], again["already_there"]) == (0, 5)
    assert ready("source", "show", "press", "--json").json == before
    assert (before["captures"], before["faces"]) == (5, 5)


def test_a_person_who_is_not_in_the_gallery_is_no_candidate(lineament: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "sunak.jpg").rename(tmp_path / "probe.jpg")
    lineament("init")
    lineament("source", "add", "press", *SOURCE)
    lineament("ingest", "press", photos)
    lineament("case", "open", "K-1", *CASE)
    ran = search(lineament, tmp_path, "--min-score", "0.5")
    assert ran.code == 0
    assert (ran.json["outcome"], ran.json["candidates"], ran.json["mode"]) == ("no_candidate", [], "manual")
    assert "No candidate" in lineament("search", tmp_path / "probe.jpg", *SEARCH[:-1], "--min-score", "0.5").out


def test_investigation_lists_the_best_whatever_their_score(ready: Run, tmp_path: Path) -> None:
    answer = search(ready, tmp_path, "--investigate", "--limit", "3").json
    assert [candidate["rank"] for candidate in answer["candidates"]] == [1, 2, 3]
    scores = [candidate["score"] for candidate in answer["candidates"]]
    assert scores == sorted(scores, reverse=True)


def test_each_search_says_how_many_would_be_missing_from_its_list(ready: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    low, high = (search(ready, tmp_path, "--min-score", score).json["missed"] for score in ("0.3", "0.6"))
    assert 0 < low < 0.1 < high < 0.6
    assert search(ready, tmp_path, "--investigate").json["missed"] is None
    assert search(ready, tmp_path, "--until", "1990-01-01").json["missed"] is None
    answer = ready("search", tmp_path / "probe.jpg", *SEARCH[:-1], "--min-score", "0.6", "--report", report)
    words = f"Of 100 people in the gallery, about {100 * high:.0f} would be missing from a list"
    assert words in " ".join(answer.out.split())
    assert words in " ".join(report.read_text().split())


def test_dates_narrow_the_gallery(ready: Run, tmp_path: Path) -> None:
    answer = search(ready, tmp_path, "--since", "2022-01-01", "--until", "2022-12-31", "--investigate").json
    assert [candidate["page_title"] for candidate in answer["candidates"]] == ["Jacinda Ardern, May 2022"]
    assert answer["gallery_faces"] == 1


def test_near_identical_pictures_are_folded(ready: Run, photos: Path, tmp_path: Path) -> None:
    import cv2

    picture = cv2.imread(str(photos / "macron-2025.jpg"))
    assert picture is not None
    cv2.imwrite(str(photos / "copy.jpg"), cv2.resize(picture, None, fx=0.8, fy=0.8))
    assert ready("ingest", "press", photos, "--json").json["enrolled"] == 1
    answer = search(ready, tmp_path, "--investigate").json
    every = pictures(answer)
    assert len([candidate for candidate in every if candidate["near_duplicates"]]) == 1
    assert len(every) == 5
    assert answer["gallery_faces"] == 6


def pictures(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every candidate of an answer, also those that share an entry with another."""
    return [candidate for entry in answer["candidates"] for candidate in (entry, *entry["further"])]


def test_several_pictures_of_one_face_share_an_entry_until_they_are_erased(
    ready: Run, photos: Path, tmp_path: Path
) -> None:
    import cv2

    whole = cv2.imread(str(photos / "macron-2025.jpg"))
    assert whole is not None
    height, width = whole.shape[:2]
    cv2.imwrite(str(photos / "mirrored.jpg"), whole[:, ::-1])
    cv2.imwrite(str(photos / "cropped.jpg"), whole[: height * 7 // 10, width // 6 : width * 5 // 6])
    assert ready("ingest", "press", photos, "--json").json["enrolled"] == 2
    answer = search(ready, tmp_path, "--limit", "1").json
    (entry,) = answer["candidates"]
    listed = [entry, *entry["further"]]
    assert [candidate["rank"] for candidate in listed] == [1, 2, 3]
    assert [candidate["group"] for candidate in listed] == [1, 1, 1]
    scores = [candidate["score"] for candidate in listed]
    assert scores == sorted(scores, reverse=True)
    report = tmp_path / "report.html"
    shown = ready("search", tmp_path / "probe.jpg", *SEARCH[:-1], "--report", report).out
    assert shown.count("further picture of the face of rank 1") == 2
    assert report.read_text().count("A further picture of the face of candidate 1") == 2
    assert ready("erase", "--yes", "--face", entry["face_id"], "--reason", "asked for").code == 0
    (left,) = search(ready, tmp_path, "--limit", "1").json["candidates"]
    assert {left["face_id"], *(other["face_id"] for other in left["further"])} == {
        candidate["face_id"] for candidate in entry["further"]
    }
    with raw_database(tmp_path / "ws") as database:
        kept = database.execute(
            "SELECT rank, face_id, snapshot FROM candidates WHERE search_id = ?", (answer["search_id"],)
        )
        assert [(row[0], row[1] is None, row[2] is None) for row in kept] == [
            (1, True, True),
            (2, False, False),
            (3, False, False),
        ]


def test_a_picture_of_several_people_needs_a_choice(ready: Run, tmp_path: Path) -> None:
    two_people(tmp_path / "probe.jpg", "macron-2014.jpg", "obama.jpg")
    ran = search(ready, tmp_path)
    assert ran.code == 6
    assert "2 faces" in ran.err
    assert "--face N" in ran.err
    titles = {search(ready, tmp_path, "--face", n).json["candidates"][0]["page_title"] for n in (1, 2)}
    assert titles == {"Emmanuel Macron, 2025", "Barack Obama"}
    assert search(ready, tmp_path, "--face", 3).code == 3


def test_a_picture_without_a_face_says_so(ready: Run, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "probe.jpg"), np.full((400, 400, 3), 120, np.uint8))
    ran = search(ready, tmp_path)
    assert ran.code == 6
    assert "No face" in ran.err


def test_the_report_stands_alone(ready: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    assert search(ready, tmp_path, "--report", report).code == 0
    text = report.read_text()
    assert "Emmanuel Macron, 2025" in text
    assert text.count("data:image/jpeg;base64,") == 2
    assert 'src="http' not in text
    assert "Traceback" not in text


def test_the_ledger_has_every_step_and_verifies(ready: Run, tmp_path: Path) -> None:
    search(ready, tmp_path)
    found = ready("verify", "--json").json
    assert found["sound"]
    with raw_database(tmp_path / "ws") as database:
        actions = [row[0] for row in database.execute("SELECT action FROM ledger_entries ORDER BY seq")]
    assert found["entries"] == len(actions)
    assert list(dict.fromkeys(actions)) == [
        "source_registered",
        "run_begun",
        "batch_ingested",
        "run_ended",
        "case_opened",
        "probe_added",
        "search",
    ]


def test_a_ledger_that_was_changed_is_detected(ready: Run, tmp_path: Path) -> None:
    search(ready, tmp_path)
    with raw_database(tmp_path / "ws") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE ledger_details SET sealed = zeroblob(length(sealed)) WHERE seq = 4")
    ran = ready("verify")
    assert ran.code == 10
    assert "entry 4" in ran.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("source", "suspend", "press"), "no source may be searched"),
        (("case", "close", "K-1"), "the case K-1 is closed"),
    ],
)
def test_the_gate_refuses(ready: Run, tmp_path: Path, change: tuple[str, ...], says: str) -> None:
    assert ready(*change).code == 0
    ran = search(ready, tmp_path)
    assert ran.code == 4
    assert says in ran.err


def test_a_suspended_source_is_searched_again_after_it_is_resumed(ready: Run, tmp_path: Path) -> None:
    ready("source", "suspend", "press")
    assert "suspended" in ready("ingest", "press", PORTRAITS).err
    assert search(ready, tmp_path, "--source", "press").code == 4
    ready("source", "resume", "press")
    assert search(ready, tmp_path).json["gallery_faces"] == 5


def test_an_expired_source_is_not_searched(ready: Run, tmp_path: Path) -> None:
    ready("source", "add", "old", *SOURCE, "--expires", "2020-01-01")
    assert "expired" in ready("ingest", "old", PORTRAITS).err
    assert search(ready, tmp_path).json["sources"] == ["press"]
    ran = search(ready, tmp_path, "--source", "old")
    assert ran.code == 4
    assert "expired on 2020-01-01" in ran.err
    assert ready("source", "show", "old", "--json").json["state"] == "expired"


def test_a_blank_reason_is_refused_before_anything_is_stored(ready: Run, tmp_path: Path) -> None:
    before = ready("verify", "--json").json
    ran = ready("search", tmp_path / "probe.jpg", "--case", "K-1", "--reason", " ")
    assert ran.code == 4
    assert ready("verify", "--json").json == before


def test_comparing_two_pictures(ready: Run, tmp_path: Path) -> None:
    same = ready("compare", PORTRAITS / "macron-2014.jpg", PORTRAITS / "macron-2025.jpg", "--json").json
    other = ready("compare", PORTRAITS / "macron-2014.jpg", PORTRAITS / "obama.jpg", "--json").json
    assert same["score"] > 0.4 > other["score"]
    assert same["false_match_rate"] < 1e-3 < other["false_match_rate"]
    assert all(crop.startswith("data:image/jpeg;base64,") for crop in same["crops"])
    assert ready("compare", PORTRAITS / "obama.jpg", PORTRAITS / "sunak.jpg", "--crops", tmp_path / "c").code == 0
    assert (tmp_path / "c" / "a.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_the_home_option_may_stand_anywhere(lineament: Run, tmp_path: Path) -> None:
    assert lineament("init", tmp_path / "other").code == 0
    for line in (("--home", tmp_path / "other", "source", "list"), ("source", "list", f"--home={tmp_path / 'other'}")):
        assert lineament(*line).code == 0
    assert lineament("source", "list").code == 7


def test_the_doctor_finds_nothing(ready: Run) -> None:
    found = ready("doctor", "--pictures", "--json").json
    assert found["healthy"], found
    assert {check["name"] for check in found["checks"]} >= {"vision", "database", "indexes", "ledger", "pictures"}


def test_the_demo_finds_the_other_picture(lineament: Run, tmp_path: Path) -> None:
    for _ in range(2):
        ran = lineament("demo")
        assert ran.code == 0, ran.err
        assert "Emmanuel Macron, 2025" in ran.out
        assert "sound" in ran.out
    assert (tmp_path / "ws" / "report.html").exists() or (tmp_path / "lineament-demo" / "report.html").exists()
