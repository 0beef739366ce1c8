"""What every index must do; each implementation runs this suite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.ray_nodes import RunningShards
from tests.support.templates import DIMENSION, EVEN, TURN, Templates, as_ids, days_of, scan, vectors

from lineament.index.among import EVERY_FACE, Among
from lineament.index.base import VectorIndex
from lineament.index.exact import ExactIndex
from lineament.index.sharded import LocalShards, ShardedIndex
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import scores


@dataclass(frozen=True, slots=True)
class Filled:
    """An index and the store behind it."""

    index: VectorIndex
    templates: Templates

    def add(self, ids: FaceIds, some: Vectors) -> None:
        self.templates.add(ids, some)
        self.index.add(ids, some, days_of(ids))

    def found(self, probe: Vectors, k: int, **how: object) -> list[int]:
        [hits] = self.index.search(probe[np.newaxis, :], k, **how)  # type: ignore[arg-type]  # the mask of the test
        return [hit.face_id for hit in hits]


def _exact(_: Path) -> Filled:
    return Filled(ExactIndex(DIMENSION), Templates())


def _scan(folder: Path) -> Filled:
    templates = Templates()
    return Filled(scan(folder, templates), templates)


def _sharded(_: Path) -> Filled:
    templates = Templates()
    return Filled(ShardedIndex(LocalShards(3, DIMENSION), rotation=TURN, exact=templates), templates)


@pytest.fixture(params=[_exact, _scan, _sharded, "on Ray"], ids=["exact", "scan", "sharded", "ray"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Filled:
    if request.param == "on Ray":
        cluster: RunningShards = request.getfixturevalue("ray_shards")
        return Filled(*cluster.empty_index(tmp_path / "index"))
    make: Callable[[Path], Filled] = request.param
    return make(tmp_path / "index")


@pytest.fixture
def filled(empty: Filled) -> Filled:
    empty.add(as_ids(range(1, 201)), vectors(200))
    return empty


def test_is_the_port(empty: Filled) -> None:
    assert isinstance(empty.index, VectorIndex)


def test_an_empty_index_answers_with_empty_lists(empty: Filled) -> None:
    assert len(empty.index) == 0
    assert empty.index.ids.tolist() == []
    assert empty.index.search(vectors(3), 5) == [[], [], []]
    assert empty.index.search(vectors(1), 5, among=EVEN) == [[]]
    empty.index.sync()


def test_no_probe_no_list(filled: Filled) -> None:
    assert filled.index.search(vectors(0), 5) == []


def test_a_face_finds_itself_first(filled: Filled) -> None:
    for at, hits in enumerate(filled.index.search(vectors(200), 1)):
        assert [hit.face_id for hit in hits] == [at + 1]
        assert hits[0].score == pytest.approx(1, abs=1e-6)
        assert hits[0].score <= 1


@pytest.mark.parametrize("masked", [False, True])
def test_a_shortlist_has_the_best_faces_with_scores_close_to_theirs(filled: Filled, masked: bool) -> None:
    probe = vectors(1, seed=5)[0]
    among = EVEN if masked else EVERY_FACE
    [best] = filled.index.search(probe[np.newaxis, :], 10, among=among)
    ids, rough, uncompared = filled.index.shortlist(probe, max(60, filled.index.rescored(10)), among=among)
    assert uncompared == 0
    assert {hit.face_id for hit in best} <= set(ids.tolist())
    exact = scores(probe, filled.templates(ids)[1])
    assert np.abs(exact - rough).max() < 0.2  # codes of 16 dimensions are coarse
    assert len(filled.index.shortlist(probe, 5).ids) >= 5


def test_scores_are_those_of_the_one_formula(filled: Filled) -> None:
    probe = vectors(1, seed=9)
    [hits] = filled.index.search(probe, 20)
    expected = scores(probe[0], vectors(200))
    order = np.lexsort((np.arange(200), -expected))[:20]
    assert [hit.face_id for hit in hits] == [at + 1 for at in order]
    assert [hit.score for hit in hits] == expected[order].tolist()


def test_many_probes_are_answered_as_one_by_one(filled: Filled) -> None:
    probes = vectors(7, seed=5)
    together = filled.index.search(probes, 10)
    assert together == [filled.index.search(probe[np.newaxis, :], 10)[0] for probe in probes]


def test_equal_scores_come_in_the_order_of_ids(empty: Filled) -> None:
    same = np.repeat(vectors(1), 6, axis=0)
    empty.add(as_ids([40, 10, 60, 20, 50, 30]), same)
    empty.add(as_ids([5]), vectors(1, seed=1))
    assert empty.found(same[0], 4) == [10, 20, 30, 40]


def test_a_list_longer_than_the_index_holds_all(filled: Filled) -> None:
    assert sorted(filled.found(vectors(1)[0], 1000)) == list(range(1, 201))


@pytest.mark.parametrize("k", [0, -1])
def test_a_list_holds_at_least_one(filled: Filled, k: int) -> None:
    with pytest.raises(ValueError, match="the best"):
        filled.index.search(vectors(1), k)


def test_ids_are_those_of_the_stored_faces(filled: Filled) -> None:
    before = filled.index.ids
    filled.index.remove(as_ids([3, 4]))
    assert sorted(before.tolist()) == list(range(1, 201))
    assert sorted(filled.index.ids.tolist()) == [1, 2, *range(5, 201)]


def test_removed_faces_are_not_found(filled: Filled) -> None:
    filled.index.remove(as_ids([1, 200, 17, 999]))
    filled.index.remove(as_ids([]))
    assert len(filled.index) == 197
    assert not {1, 17, 200} & set(filled.found(vectors(1)[0], 200))
    for at in (1, 100, 198):  # the others are unaffected
        assert filled.found(vectors(200)[at], 1) == [at + 1]


def test_all_can_be_removed_and_added_again(filled: Filled) -> None:
    filled.index.remove(as_ids(range(1, 201)))
    assert filled.index.search(vectors(1), 5) == [[]]
    filled.add(as_ids([7]), vectors(1, seed=3))
    assert filled.found(vectors(1, seed=3)[0], 5) == [7]


def test_ids_may_come_in_any_order(empty: Filled) -> None:
    empty.add(as_ids([500, 2]), vectors(2))
    empty.add(as_ids([100]), vectors(3)[2:])
    assert [empty.found(vector, 1)[0] for vector in vectors(3)] == [500, 2, 100]


@pytest.mark.parametrize(
    ("ids", "some"),
    [
        (as_ids([201, 100]), vectors(2)),  # 100 is there
        (as_ids([201, 201]), vectors(2)),
        (as_ids([201, 202]), vectors(1)),
        (as_ids([201]), vectors(1, dimension=24)),
        (as_ids([201]), vectors(1)[0]),
        (as_ids([201, 202]), vectors(2) * np.array([[1], [1.1]], dtype=np.float32)),
        (as_ids([201, 202]), vectors(2) * np.array([[1], [np.nan]], dtype=np.float32)),
        (as_ids([201]), np.zeros((1, DIMENSION), dtype=np.float32)),
    ],
    ids=["there", "twice", "one too many", "dimension", "shape", "length", "not a number", "nought"],
)
def test_refused_faces_leave_the_index_unchanged(filled: Filled, ids: FaceIds, some: Vectors) -> None:
    with pytest.raises(ValueError, match=r"id|vector"):
        filled.index.add(ids, some, days_of(ids))
    assert sorted(filled.index.ids.tolist()) == list(range(1, 201))
    assert len(filled.index) == 200


def test_probes_are_checked_too(filled: Filled) -> None:
    for wrong in (vectors(1, dimension=8), vectors(1) * np.float32(2), vectors(1)[0]):
        with pytest.raises(ValueError, match="vector"):
            filled.index.search(wrong, 5)


def test_a_mask_leaves_only_what_it_allows(filled: Filled) -> None:
    probe = vectors(1, seed=2)[0]
    everything = filled.found(probe, 200)
    assert filled.found(probe, 200, among=EVEN) == [face_id for face_id in everything if face_id % 2 == 0]
    assert filled.found(probe, 5, among=replace(EVEN, after=199)) == [200]
    assert filled.found(probe, 5, among=Among(first_day=2)) == []
    assert filled.found(probe, 5, among=Among(last_day=-1)) == []
    new = filled.found(probe, 200, among=Among(after=120))
    assert new == [face_id for face_id in everything if face_id > 120]
    for among, faces in ((EVERY_FACE, 200), (EVEN, 100), (Among(after=120), 80), (replace(EVEN, after=199), 1)):
        assert filled.index.within(among) == faces


def test_days_are_those_of_the_faces(filled: Filled) -> None:
    filled.index.remove(as_ids([1, 50, 200]))
    assert filled.index.days.tolist() == days_of(filled.index.ids).tolist()


def test_searching_while_another_thread_adds_and_removes(empty: Filled) -> None:
    """Every list is correct at some moment: exact scores, and no face under another's id."""
    some = vectors(600)
    empty.add(as_ids(range(100)), some[:100])
    stop = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        probes = vectors(4, seed=8)
        while not stop.is_set():
            for probe, hits in zip(probes, empty.index.search(probes, 20, among=EVEN), strict=True):
                right = {at: float(exact) for at, exact in enumerate(scores(probe, some))}
                if len(hits) < 20 or any(hit.face_id % 2 or right[hit.face_id] != hit.score for hit in hits):
                    wrong.append(hits)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(100, 600, 10):
        empty.add(as_ids(range(start, start + 10)), some[start : start + 10])
        empty.index.remove(as_ids(range(start - 60, start - 55)))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(empty.index) == 350
