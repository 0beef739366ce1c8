"""Searches, comparisons and probes as JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import AT, ENTRY, ISO, QUALITY, WARNING, candidate, result

from lineament.model.faces import FaceId, QualityReason
from lineament.model.search import Edit, EditKind, ProbeFace
from lineament.services.compare import Comparison
from lineament.services.probes import Replay
from lineament.store.searches import StoredSearch
from lineament.views.comparisons import comparison_json
from lineament.views.probes import approvals_json, replay_json, replay_words
from lineament.views.quality import iso_json
from lineament.views.searches import candidate_json, listed_search_json, named_search_json, quality_json, search_json
from lineament.views.values import counted, iso, sides, upper_first

QUALITY_JSON = {
    "face_height": 120.0,
    "detector_score": 0.9,
    "norm": 12.0,
    "sharpness": 300.0,
    "exposure": 0.5,
    "yaw": 2.0,
    "cropped": 0.0,
    "roll": 0.0,
    "grade": 0,
    "reasons": [],
    "reliable": True,
    "iso_29794_5": iso_json(QUALITY),
}
CANDIDATE_JSON = {
    "rank": 1,
    "score": 0.6,
    "expected_false": 0.01,
    "extrapolated": None,
    "group": None,
    "person": None,
    "face_id": 9,
    "capture_id": 4,
    "source": "press",
    "uri": "file:///a.jpg",
    "page_uri": None,
    "page_title": None,
    "captured_at": None,
    "connector": None,
    "words": None,
    "record": None,
    "page_record": None,
    "time_code": None,
    "part": None,
    "parts": None,
    "incomplete": False,
    "missing": None,
    "sha256": "c" * 64,
    "box": [1.0, 2.0, 30.0, 40.0],
    "drawn": False,
    "near_duplicates": [],
}
SEARCH_JSON = {
    "search_id": "s1",
    "case": "K-1",
    "model": "sface-yunet",
    "gallery_faces": 1200,
    "uncompared": 0,
    "altered": [],
    "sources": ["press"],
    "mode": "identification",
    "threshold": 0.5,
    "strangers": None,
    "signed": None,
    "missed": None,
    "outcome": "candidates",
    "probe": {
        "id": "p1",
        "sha256": "d" * 64,
        "face": 1,
        "part": 1,
        "parts": 1,
        "incomplete": False,
        "missing": None,
        "edits": [],
        "kind": "other photograph",
        "origin": None,
        "erased": False,
        "box": [1.0, 2.0, 30.0, 40.0],
        "quality": QUALITY_JSON,
    },
    "others": [],
    "together": None,
    "people": [],
    "newest_face": None,
    "after": None,
    "watch": None,
    "whole_faces": None,
    "candidates": [CANDIDATE_JSON | {"further": [], "unlisted": 0}],
    "hidden": [],
    "ledger_entry": 12,
    "commitment": "ab" * 32,
    "warnings": [WARNING],
    "seconds": 0.012346,
}


def test_a_search_is_json_with_its_probe_and_its_candidates() -> None:
    assert search_json(result(), ENTRY) == SEARCH_JSON
    assert list(search_json(result(), ENTRY)) == list(SEARCH_JSON)


def test_one_of_several_searches_is_named_by_its_file() -> None:
    shown = named_search_json("a.jpg", result(), ENTRY)
    assert shown == {"file": "a.jpg", **SEARCH_JSON}
    assert next(iter(shown)) == "file"


def test_an_entry_holds_further_pictures_of_the_face_and_how_many_are_left_out() -> None:
    several = (candidate(group=1, unlisted=2), candidate(rank=2, group=1, unlisted=2, extrapolated=(0.01, 0.03)))
    (listed,) = search_json(result(candidates=several), ENTRY)["candidates"]
    assert (listed["rank"], listed["group"], listed["unlisted"]) == (1, 1, 2)
    assert listed["further"] == [CANDIDATE_JSON | {"rank": 2, "group": 1, "extrapolated": [0.01, 0.03]}]


def test_a_search_without_candidates_has_another_outcome_and_fused_photographs_are_named() -> None:
    found = result(candidates=(), others=(ProbeFace(probe_id="p2", face=1),))
    shown = search_json(found, replace(ENTRY, number=None))
    assert (shown["outcome"], shown["candidates"], shown["ledger_entry"]) == ("no_candidate", [], None)
    assert shown["others"] == [{"id": "p2", "face": 1}]


def test_a_candidate_names_the_near_duplicates_folded_into_it() -> None:
    assert candidate_json(candidate()) == CANDIDATE_JSON
    shown = candidate_json(candidate(near_duplicates=(FaceId(11),), captured_at=AT))
    assert (shown["near_duplicates"], shown["captured_at"]) == ([11], ISO)


def test_a_poor_face_says_why_it_is_not_reliable() -> None:
    assert quality_json(QUALITY) == QUALITY_JSON
    poor = replace(QUALITY, reasons=(QualityReason.SMALL,))
    assert quality_json(poor) == {**QUALITY_JSON, "reasons": ["the face is small"], "reliable": False}


def test_a_comparison_gives_the_number_of_its_entry_only_if_asked() -> None:
    compared = Comparison(
        score=0.7,
        false_match_rate=1e-6,
        model="sface-yunet",
        crops=(b"a", b"b"),
        qualities=(QUALITY, QUALITY),
        sha256=("a" * 64, "b" * 64),
        ledger_entry=5,
    )
    shown = {
        "score": 0.7,
        "false_match_rate": 1e-6,
        "model": "sface-yunet",
        "sha256": ["a" * 64, "b" * 64],
        "quality": [QUALITY_JSON, QUALITY_JSON],
        "crops": ["data:a", "data:b"],
    }
    assert comparison_json(compared, ["data:a", "data:b"], numbered=True) == {**shown, "ledger_entry": 5}
    assert comparison_json(compared, ["data:a", "data:b"], numbered=False) == {**shown, "ledger_entry": None}


def test_edits_that_were_made_again_are_compared_step_by_step() -> None:
    edits = (Edit(kind=EditKind.ROTATE, degrees=90),)
    replay = Replay(steps=(("aa", "aa"), ("bb", "cc")), edits=edits)
    steps = [{"recorded": "aa", "now": "aa"}, {"recorded": "bb", "now": "cc"}]
    found = {"probe": "p1", "same": False, "steps": steps, "as_before": False, "decoded_otherwise": False}
    assert replay_json("p1", replay) == found


@pytest.mark.parametrize(
    ("replay", "words"),
    [
        (Replay(steps=(("aa", "aa"),), edits=()), "Every step gave the same pixels."),
        (Replay(steps=(("aa", "aa"),), edits=(), as_before=True), "as versions up to 0.2 did it"),
        (Replay(steps=(("aa", "bb"),), edits=()), "The original is unchanged"),
        (Replay(steps=(("aa", "aa"), ("bb", "cc")), edits=(Edit(kind=EditKind.ROTATE, degrees=90),)), "The edits gave"),
    ],
)
def test_a_replay_says_what_it_found(replay: Replay, words: str) -> None:
    assert words in replay_words(replay)


def test_approvals_name_everybody_who_gave_one() -> None:
    assert approvals_json("p1", ["Sue", "Rob"]) == {"probe": "p1", "approved_by": ["Sue", "Rob"]}


def test_a_listed_search_tells_how_many_candidates_it_has_and_not_which() -> None:
    stored = StoredSearch(result=result(candidates=()), examiner="Eve", erased=())
    assert listed_search_json(stored) == {
        "search_id": "s1",
        "made_at": ISO,
        "reason": "a sighting",
        "outcome": "no_candidate",
        "candidates": 0,
        "erased": 0,
    }


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 faces"), (1, "1 face"), (2, "2 faces"), (1200, "1,200 faces"), (-1, "-1 faces")]
)
def test_a_number_has_its_noun(number: int, words: str) -> None:
    assert counted(number, "face") == words
    assert counted(number, "entry", "entries") == words.replace("faces", "entries").replace("face", "entry")


def test_moments_and_days_are_iso_8601_and_boxes_four_numbers() -> None:
    assert [iso(AT), iso(AT.date()), iso(None)] == [ISO, "2026-03-01", None]
    assert sides(result().face_box) == [1.0, 2.0, 30.0, 40.0]


def test_only_the_first_letter_of_a_text_is_changed() -> None:
    assert upper_first("the C2PA claim of OP/ELM") == "The C2PA claim of OP/ELM"
    assert upper_first("") == ""
