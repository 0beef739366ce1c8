"""Shards on a Ray cluster do what every index must do, while copies and nodes are killed, hang, and are added."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.contract.test_index import *  # noqa: F403 - the suite
from tests.contract.test_index import Filled
from tests.support.ray_nodes import RayNodes, ray_nodes, shards_at, spread, wait_until
from tests.support.templates import DIMENSION, Templates, as_ids, vectors

from lineament.errors import IndexUnwritable
from lineament.index import ray_cluster
from lineament.index.exact import ExactIndex
from lineament.index.placement import Placed
from lineament.index.ray_cluster import Layout
from lineament.index.ray_shards import RayCluster, RayShards
from lineament.index.rotation import rotation
from lineament.index.sharded import ShardedIndex, homes
from lineament.model.faces import FaceIds, Vectors
from lineament.model.search import Hit

FACES = 400
PROBES = vectors(3, seed=77)


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster of two nodes with two copies of each of two shards."""

    nodes: RayNodes
    layout: Layout
    cluster: RayCluster

    def placed(self, shard: int | None = None) -> list[Placed]:
        return [copy for copy in ray_cluster.placed() if shard is None or copy.shard == shard]

    def processes(self, shard: int) -> dict[str, int]:
        """Return the process of each copy of a shard that runs."""
        actors = ray_cluster.copies()[shard]
        return ray_cluster.gathered({name: actor.process.remote() for name, actor in actors.items()}, 30)


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
        index.add(self.ids[stay], self.vectors[stay])
        return index.search(PROBES, 20)

    def is_whole(self) -> bool:
        return self.shards.whole() and self.index.shortlist(PROBES[0], 5).uncompared == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ray_nodes(2) as nodes:
        layout = shards_at(tmp_path_factory.mktemp("shards"), shards=2, copies=2)
        cluster = RayCluster(nodes.access, deadline=4, patience=4)
        yield Running(nodes, layout, cluster)
        cluster.close()


@pytest.fixture(name="empty")  # instead of that of the suite
def empty_on_ray(running: Running, tmp_path: Path) -> Filled:
    templates = Templates()
    turn = rotation(secrets.token_bytes(32), DIMENSION)
    return Filled(running.cluster.open(tmp_path / "index", model="test/1", rotation=turn, exact=templates), templates)


@pytest.fixture
def searched(empty: Filled) -> Searched:
    ids, some = as_ids(range(1, FACES + 1)), vectors(FACES)
    empty.add(ids, some)
    assert isinstance(empty.index, ShardedIndex)
    assert isinstance(empty.index.shards, RayShards)
    found = Searched(empty.index, empty.index.shards, empty.templates, ids, some)
    wait_until(found.is_whole)
    assert found.index.search(PROBES, 20) == found.expected()
    return found


def test_a_second_process_sees_what_the_first_added_and_adds_it_again(searched: Searched, running: Running) -> None:
    other = RayShards(running.cluster, searched.shards.key, searched.shards.refill)
    assert [other.ids(shard).tolist() for shard in range(2)] == [
        searched.shards.ids(shard).tolist() for shard in range(2)
    ]
    more = as_ids(range(FACES + 1, FACES + 101))
    later = vectors(100, seed=5)
    searched.templates.add(more, later)
    searched.index.add(more, later)
    second = ShardedIndex(other, rotation=searched.index.rotation, exact=searched.templates)
    assert second.search(PROBES, 20) == searched.expected()  # as long as it has not followed the store
    second.add(more, later)
    assert second.search(PROBES, 20) == searched.index.search(PROBES, 20)
    second.remove(more[:50])
    assert second.shortlist(PROBES[0], 5).uncompared == 0
    assert searched.index.shortlist(PROBES[0], 5).uncompared == 50  # it has not heard of it, and says so
    searched.index.remove(more[:50])
    assert second.search(PROBES, 20) == searched.index.search(PROBES, 20)


def test_one_copy_killed_changes_no_answer_and_it_is_filled_again(searched: Searched, running: Running) -> None:
    name, process = next(iter(running.processes(0).items()))
    shutil.rmtree(Path(running.layout.folder) / name)  # as if it came back on another machine
    os.kill(process, signal.SIGKILL)
    for _ in range(5):
        assert searched.index.search(PROBES, 20) == searched.expected()
    wait_until(lambda: running.processes(0).get(name, process) != process and searched.is_whole())


def test_with_every_copy_of_a_shard_killed_answers_say_what_they_cover(searched: Searched, running: Running) -> None:
    lost = searched.ids[homes(searched.ids, 2) == 1]
    for name, process in running.processes(1).items():
        shutil.rmtree(Path(running.layout.folder) / name)
        os.kill(process, signal.SIGKILL)
    first = searched.index.shortlist(PROBES[0], FACES)
    assert first.uncompared == len(lost)
    assert sorted(first.ids.tolist()) == np.setdiff1d(searched.ids, lost).tolist()
    wait_until(searched.is_whole)
    assert searched.index.search(PROBES, 20) == searched.expected()


def test_a_shard_that_hangs_is_waited_for_until_the_deadline(searched: Searched, running: Running) -> None:
    lost = searched.ids[homes(searched.ids, 2) == 0]
    processes = running.processes(0).values()
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


def test_a_node_is_lost_and_another_added_while_searches_go_on(searched: Searched, running: Running) -> None:
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
        [node] = {copy.node for copy in running.placed(0)} - {running.nodes.nodes[1].node_id}
        running.nodes.kill(node)
        wait_until(lambda: searched.is_whole() and all(copy.node not in {node, ""} for copy in running.placed()))
        added = running.nodes.add()
        spread(running.layout)
    finally:
        stop.set()
        looking.join()
    assert {copy.node for copy in running.placed(0)} == {copy.node for copy in running.placed(1)} >= {added}
    assert answers
    assert all(answer == expected for answer in answers)
    assert not broken
    wait_until(searched.is_whole)
