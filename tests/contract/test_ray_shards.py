"""Shards on a Ray cluster while copies and nodes are killed, hang, and are added."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.support.ray_nodes import RunningShards, spread, wait_until
from tests.support.templates import DIMENSION, Templates, as_ids, days_of, vectors

from lineament.errors import IndexUnwritable
from lineament.index.exact import ExactIndex
from lineament.index.ray_shards import RayShards
from lineament.index.sharded import ShardedIndex, homes
from lineament.model.faces import FaceIds, Vectors
from lineament.model.search import Hit

FACES = 400
PROBES = vectors(3, seed=77)


@dataclass(frozen=True, slots=True)
class Searched:
    """An index in the cluster, and what its answers have to be."""

    index: ShardedIndex
    shards: RayShards
    templates: Templates
    ids: FaceIds
    vectors: Vectors

    def expected(self, without: FaceIds | None = None) -> list[list[Hit]]:
        """Return the answers of an exact index of these faces."""
        index = ExactIndex(DIMENSION)
        stay = ~np.isin(self.ids, as_ids([]) if without is None else without)
        index.add(self.ids[stay], self.vectors[stay], days_of(self.ids[stay]))
        return index.search(PROBES, 20)

    def is_whole(self) -> bool:
        return self.shards.whole() and self.index.shortlist(PROBES[0], 5).uncompared == 0


@pytest.fixture
def searched(ray_shards: RunningShards, tmp_path: Path) -> Searched:
    index, templates = ray_shards.empty_index(tmp_path / "index")
    ids, some = as_ids(range(1, FACES + 1)), vectors(FACES)
    templates.add(ids, some)
    index.add(ids, some, days_of(ids))
    assert isinstance(index.shards, RayShards)
    found = Searched(index, index.shards, templates, ids, some)
    wait_until(found.is_whole)
    assert found.index.search(PROBES, 20) == found.expected()
    return found


def test_a_second_process_sees_what_the_first_added_and_adds_it_again(
    searched: Searched, ray_shards: RunningShards
) -> None:
    other = RayShards(ray_shards.cluster, searched.shards.key, searched.shards.refill)
    assert [other.ids(shard).tolist() for shard in range(2)] == [
        searched.shards.ids(shard).tolist() for shard in range(2)
    ]
    more = as_ids(range(FACES + 1, FACES + 101))
    later = vectors(100, seed=5)
    searched.templates.add(more, later)
    searched.index.add(more, later, days_of(more))
    second = ShardedIndex(other, rotation=searched.index.rotation, exact=searched.templates)
    assert second.search(PROBES, 20) == searched.index.search(PROBES, 20)  # before it follows the store
    second.add(more, later, days_of(more))
    assert second.search(PROBES, 20) == searched.index.search(PROBES, 20)
    second.remove(more[:50])
    assert second.shortlist(PROBES[0], 5).uncompared == 0
    assert searched.index.shortlist(PROBES[0], 5).uncompared == 50  # it has not heard of it, and says so
    searched.index.remove(more[:50])
    assert second.search(PROBES, 20) == searched.index.search(PROBES, 20)


def test_copies_that_got_every_face_are_not_repaired_while_more_are_added(
    searched: Searched, ray_shards: RunningShards, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired: list[str] = []
    monkeypatch.setattr(ray_shards.cluster, "patience", 60.0)  # a copy that does not answer in time is repaired
    monkeypatch.setattr(searched.shards, "_repair", lambda _shard, view: repaired.append(view.name))
    ended = threading.Event()

    def search_and_look() -> None:
        while not ended.is_set():
            searched.index.shortlist(PROBES[0], 5)
            ray_shards.cluster.wake()

    searching = threading.Thread(target=search_and_look)
    searching.start()
    try:
        for start in range(FACES + 1, FACES + 4001, 100):
            more = as_ids(range(start, start + 100))
            searched.templates.add(more, vectors(100, seed=start))
            searched.index.add(more, vectors(100, seed=start), days_of(more))
    finally:
        ended.set()
        searching.join()
    wait_until(searched.is_whole)
    assert repaired == []


def test_adding_what_every_copy_has_gives_no_reason_for_a_repair(searched: Searched, ray_shards: RunningShards) -> None:
    other = RayShards(ray_shards.cluster, searched.shards.key, searched.shards.refill)
    ids, days = other.ids(0), other.days(0)
    assert other.whole()
    other.add(0, ids, np.zeros((len(ids), DIMENSION), dtype=np.float32), days)
    assert other.whole()
    assert searched.index.search(PROBES, 20) == searched.expected()


def test_shards_go_before_nobody_and_after_nobody(ray_shards: RunningShards) -> None:
    here = os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getpriority(os.PRIO_PROCESS, process) for process in ray_shards.processes(0).values()} == {here}


def test_one_copy_killed_changes_no_answer_and_it_is_filled_again(
    searched: Searched, ray_shards: RunningShards
) -> None:
    name, process = next(iter(ray_shards.processes(0).items()))
    shutil.rmtree(Path(ray_shards.layout.folder) / name)  # as if it came back on another machine
    os.kill(process, signal.SIGKILL)
    for _ in range(5):
        assert searched.index.search(PROBES, 20) == searched.expected()
    wait_until(lambda: ray_shards.processes(0).get(name, process) != process and searched.is_whole())


def test_with_every_copy_of_a_shard_killed_answers_say_what_they_cover(
    searched: Searched, ray_shards: RunningShards
) -> None:
    lost = searched.ids[homes(searched.ids, 2) == 1]
    for name, process in ray_shards.processes(1).items():
        shutil.rmtree(Path(ray_shards.layout.folder) / name)
        os.kill(process, signal.SIGKILL)
    first = searched.index.shortlist(PROBES[0], FACES)
    assert first.uncompared == len(lost)
    assert sorted(first.ids.tolist()) == np.setdiff1d(searched.ids, lost).tolist()
    wait_until(searched.is_whole)
    assert searched.index.search(PROBES, 20) == searched.expected()


def test_a_shard_that_hangs_is_waited_for_until_the_deadline(searched: Searched, ray_shards: RunningShards) -> None:
    lost = searched.ids[homes(searched.ids, 2) == 0]
    processes = ray_shards.processes(0).values()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        assert searched.index.shortlist(PROBES[0], 5).uncompared == len(lost)
        searched.index.remove(lost[:10])
        with pytest.raises(IndexUnwritable, match="erased"):
            searched.index.sync()
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    searched.templates.erase(lost[:10])
    wait_until(searched.is_whole)
    searched.index.sync()
    assert searched.index.search(PROBES, 20) == searched.expected(without=lost[:10])


def test_while_one_copy_hangs_the_other_answers(searched: Searched, ray_shards: RunningShards) -> None:
    process = next(iter(ray_shards.processes(0).values()))
    os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(2):
            assert searched.index.search(PROBES, 20) == searched.expected()
    finally:
        os.kill(process, signal.SIGCONT)
    wait_until(searched.is_whole)


def test_a_node_is_lost_and_another_added_while_searches_go_on(searched: Searched, ray_shards: RunningShards) -> None:
    expected = searched.expected()
    stop = threading.Event()
    answers: list[list[list[Hit]]] = []
    broken: list[int] = []

    def look() -> None:
        while not stop.is_set():
            found = searched.index.shortlist(PROBES[0], 5)
            if found.uncompared:
                broken.append(found.uncompared)
            else:
                answers.append(searched.index.search(PROBES, 20))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        [node] = {copy.node for copy in ray_shards.placed(0)} - {ray_shards.nodes.nodes[1].node_id}
        ray_shards.nodes.kill(node)
        wait_until(lambda: searched.is_whole() and all(copy.node not in {node, ""} for copy in ray_shards.placed()))
        added = ray_shards.nodes.add()
        spread(ray_shards.layout)
    finally:
        stop.set()
        looking.join()
    assert {copy.node for copy in ray_shards.placed(0)} == {copy.node for copy in ray_shards.placed(1)} >= {added}
    assert answers
    assert all(answer == expected for answer in answers)
    assert not broken
    wait_until(searched.is_whole)
