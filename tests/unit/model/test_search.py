from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.samples import result

from lineament.errors import InvalidValue
from lineament.model.arranging import MOST_FURTHER, arrange, differing_bits, fold_duplicates, near_identical
from lineament.model.faces import Box, CaptureId, FaceId
from lineament.model.search import MOST_CANDIDATES, Candidate, Mode, SearchRequest, interval_words

ONE = Candidate(
    rank=1,
    score=0.7,
    expected_false=0.01,
    face_id=FaceId(1),
    capture_id=CaptureId(1),
    source="press",
    uri="file:///a.jpg",
    page_uri=None,
    page_title=None,
    captured_at=datetime(2026, 1, 1, tzinfo=UTC),
    sha256="00" * 32,
    phash=bytes(32),
    box=Box(x=10, y=10, width=50, height=60),
    width=200,
    height=100,
)


def another(face: int, **changes: object) -> Candidate:
    return replace(ONE, face_id=FaceId(face), capture_id=CaptureId(face), **changes)  # type: ignore[arg-type]


def far(face: int) -> Candidate:
    return another(face, phash=face.to_bytes(32, "big") if face > 255 else bytes([255 - face]) * 32)


def test_the_same_face_of_a_scaled_picture_is_folded_in() -> None:
    scaled = another(2, width=400, height=200, box=Box(x=20, y=20, width=100, height=120))
    (kept,) = fold_duplicates([ONE, scaled])
    assert kept.face_id == 1
    assert kept.near_duplicates == (2,)


def test_two_faces_of_one_picture_are_two_candidates() -> None:
    assert len(fold_duplicates([ONE, replace(ONE, face_id=FaceId(2))])) == 2


def test_another_face_of_a_near_identical_picture_is_a_candidate_of_its_own() -> None:
    elsewhere = another(2, box=Box(x=140, y=10, width=50, height=60))
    assert not near_identical(ONE, elsewhere)
    assert len(fold_duplicates([ONE, elsewhere])) == 2


def test_ranks_run_from_one_without_gaps_after_folding() -> None:
    kept = arrange([ONE, another(2), far(3), far(9)], {FaceId(1): 0, FaceId(2): 0, FaceId(3): 1, FaceId(9): 2}, limit=5)
    assert [candidate.rank for candidate in kept] == [1, 2, 3]
    assert [candidate.face_id for candidate in kept] == [1, 3, 9]
    assert [candidate.group for candidate in kept] == [1, 2, 3]


def test_alike_faces_share_an_entry_and_each_stays_a_candidate_with_its_rank() -> None:
    groups = {FaceId(3): 7, FaceId(4): 2, FaceId(5): 7, FaceId(6): 3}
    kept = arrange([far(3), far(4), far(5), far(6)], groups, limit=2)
    assert [(candidate.face_id, candidate.rank, candidate.group) for candidate in kept] == [
        (3, 1, 1),
        (4, 2, 2),
        (5, 3, 1),
    ]
    first, second = replace(result(), candidates=kept).entries
    assert (first.candidate.face_id, [other.face_id for other in first.further]) == (3, [5])
    assert (second.candidate.face_id, second.further) == (4, ())


def test_pictures_that_are_left_out_of_an_entry_are_counted() -> None:
    alike = [far(face) for face in range(1, MOST_FURTHER + 5)]
    kept = arrange(alike, dict.fromkeys([candidate.face_id for candidate in alike], 0), limit=1)
    (entry,) = replace(result(), candidates=kept).entries
    assert len(entry.further) == MOST_FURTHER
    assert entry.unlisted == 3
    without_its_best = replace(result(), candidates=kept[1:]).entries[0]
    assert without_its_best.unlisted == 3, "the count went with the face that was erased"


def test_a_list_of_an_older_version_has_an_entry_for_each_candidate() -> None:
    older = replace(result(), candidates=(far(3), replace(far(4), rank=2)))
    assert [(entry.candidate.face_id, entry.further) for entry in older.entries] == [(3, ()), (4, ())]


@given(st.lists(st.integers(0, 60), max_size=120), st.integers(1, MOST_CANDIDATES))
def test_a_list_is_never_longer_than_its_limit_and_leaves_nothing_out_uncounted(groups: list[int], limit: int) -> None:
    faces = [far(face) for face in range(1, len(groups) + 1)]
    kept = arrange(faces, {FaceId(face): group for face, group in enumerate(groups, 1)}, limit)
    entries = replace(result(), candidates=kept).entries
    assert len(entries) == min(limit, len(set(groups)))
    assert [candidate.rank for candidate in kept] == list(range(1, len(kept) + 1))
    first = list(dict.fromkeys(groups))[:limit]
    assert [1 + len(entry.further) + entry.unlisted for entry in entries] == [groups.count(group) for group in first]


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (None, ""),
        ((0.012, 0.034), "0.012 to 0.034"),
        ((9.5, 1234.4), "9.5 to 1,234"),
        ((1e-7, 2e-7), "<\N{NO-BREAK SPACE}0.0001"),
        ((0.5, 0.5), "interval not measured"),
    ],
)
def test_strangers_beyond_what_was_counted_have_an_interval(ends: tuple[float, float] | None, words: str) -> None:
    assert interval_words(replace(ONE, extrapolated=ends)) == words


def test_differing_bits_counts_bits() -> None:
    assert differing_bits(b"\x00\xff", b"\x01\xff") == 1
    assert differing_bits(bytes(32), b"\xff" * 32) == 256


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": MOST_CANDIDATES + 1},
        {"mode": Mode.MANUAL},
        {"min_score": 0.5},
        {"mode": Mode.MANUAL, "min_score": 1.5},
        {"since": date(2026, 2, 1), "until": date(2026, 1, 1)},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        SearchRequest(case="K-1", reason="why", **wrong)  # type: ignore[arg-type]
