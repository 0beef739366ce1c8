"""One track for one person as long as in sight, and the best few faces of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lineament.model.faces import Box, Vector
from lineament.model.tracks import Sighting, Track, Tracker, choose_best


def person(seed: int, noise: float = 0.0, again: int = 0) -> Vector:
    """Return a template that depends only on the seed, plus noise."""
    vector = np.random.default_rng(seed).standard_normal(128)
    vector /= np.linalg.norm(vector)
    shaken = vector + noise * np.random.default_rng((seed, again)).standard_normal(128) / np.sqrt(128)
    return np.asarray(shaken / np.linalg.norm(shaken), np.float32)


def seen(seconds: float, vector: Vector, x: float = 0.0, norm: float = 1.0) -> Sighting[str]:
    box = Box(x=x, y=0, width=100, height=100)
    return Sighting(seconds=seconds, box=box, vector=vector, norm=norm, kept=f"{seconds:g}")


def tracks(frames: list[tuple[float, list[Sighting[str]]]], **options: float) -> list[Track[str]]:
    tracker: Tracker[str] = Tracker(**options)  # type: ignore[arg-type]
    over = [track for seconds, faces in frames for track in tracker.add(seconds, faces)]
    return over + tracker.end()


def test_one_person_who_crosses_the_picture_is_one_track() -> None:
    frames = [(n / 2, [seen(n / 2, person(1, 0.6, n), x=n * 60)]) for n in range(40)]
    (track,) = tracks(frames)
    assert (track.first, track.last, track.seen) == (0, 19.5, 40)


def test_two_who_pass_each_other_stay_two() -> None:
    frames = [
        (n / 2, [seen(n / 2, person(1, 0.5, n), x=n * 20), seen(n / 2, person(2, 0.5, n), x=400 - n * 20)])
        for n in range(21)
    ]
    found = tracks(frames)
    assert [track.seen for track in found] == [21, 21]


def test_a_face_that_turns_in_its_place_stays_the_same() -> None:
    turned = 0.35 * person(1) + 0.94 * person(7)
    (track,) = tracks([(0, [seen(0, person(1))]), (0.5, [seen(0.5, turned / np.linalg.norm(turned), x=10)])])
    assert track.seen == 2


def test_another_face_in_the_same_place_is_another_track() -> None:
    found = tracks([(0, [seen(0, person(1))]), (0.5, [seen(0.5, person(2))])])
    assert [track.seen for track in found] == [1, 1]


def test_a_face_that_returns_soon_continues_its_track() -> None:
    for gap, count in ((1.9, 1), (2.1, 2)):
        assert len(tracks([(0, [seen(0, person(1))]), (1, []), (gap, [seen(gap, person(1))])])) == count


def test_a_track_that_is_over_is_given_at_once() -> None:
    tracker: Tracker[str] = Tracker()
    assert tracker.add(0, [seen(0, person(1))]) == []
    assert [track.seen for track in tracker.add(3, [])] == [1]
    assert tracker.end() == []


def test_time_does_not_go_backwards() -> None:
    tracker: Tracker[str] = Tracker()
    tracker.add(1, [])
    with pytest.raises(ValueError, match="order of time"):
        tracker.add(0.5, [])


def test_the_best_faces_are_kept_and_they_are_apart() -> None:
    norms = [1, 2, 9, 8, 1, 5, 1, 1, 7, 1]
    (track,) = tracks([(n / 2, [seen(n / 2, person(1), norm=norm)]) for n, norm in enumerate(norms)], best=3)
    assert [sighting.kept for sighting in track.best] == ["1", "2.5", "4"]


def test_the_best_is_kept_and_none_too_near() -> None:
    drawn = np.random.default_rng(3)
    for _ in range(50):
        kept: list[Sighting[str]] = []
        norms = drawn.uniform(size=40)
        for n, norm in enumerate(norms):
            kept = choose_best(kept, seen(n / 4, person(1), norm=float(norm)), 4, 1.0)
        assert max(sighting.norm for sighting in kept) == pytest.approx(norms.max())
        times = [sighting.seconds for sighting in kept]
        assert times == sorted(times)
        assert all(later - earlier >= 1 for earlier, later in pairwise(times))
        assert 1 <= len(kept) <= 4


def test_all_faces_of_a_crowd_are_found() -> None:
    crowd = [[seen(n / 2, person(who, 0.5, n), x=who * 30.0) for who in range(40)] for n in range(4)]
    found = tracks([(n / 2, faces) for n, faces in enumerate(crowd)])
    assert len(found) == 40
    assert {track.seen for track in found} == {4}
