"""A Ray cluster of several nodes on this machine, for tests."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.templates import DIMENSION, Templates

from lineament.index import ray_cluster
from lineament.index.placement import Placed, steps
from lineament.index.ray_cluster import Access, Layout
from lineament.index.ray_shards import RayCluster
from lineament.index.rotation import rotation
from lineament.index.sharded import ShardedIndex

QUICKLY = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 5}
"""How a node that was killed is found within two seconds."""
SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@dataclass(slots=True)
class RayNodes:
    """A head without shards, and nodes that hold them."""

    access: Access
    cluster: Any  # ray.cluster_utils.Cluster
    nodes: list[Any] = field(default_factory=list)

    def add(self, shards: int = 4) -> str:
        """Start a node that can hold so many shards; return its id."""
        node = _started(self.cluster, num_cpus=shards)
        self.nodes.append(node)
        return str(node.node_id)

    def kill(self, node_id: str) -> None:
        """Kill a node as if its machine were gone."""
        [node] = [node for node in self.nodes if node.node_id == node_id]
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


def _started(cluster: Any, **options: Any) -> Any:
    """Start a node. Ray gives it 30 s, which a busy machine may need more than once."""
    for left in (2, 1, 0):
        try:
            return cluster.add_node(**options, **SMALL)
        except Exception:  # Ray raises nothing more special
            if not left:
                raise
    raise AssertionError


@contextlib.contextmanager
def ray_nodes(count: int) -> Iterator[RayNodes]:
    """Run a cluster with so many nodes for shards; this process has joined it."""
    import ray
    from ray.cluster_utils import Cluster

    ray_cluster.secure(Access("127.0.0.1:0"))  # what is set here, nodes inherit
    cluster = Cluster(shutdown_at_exit=False)
    _started(cluster, num_cpus=0, _system_config=QUICKLY)
    try:
        running = RayNodes(Access(f"127.0.0.1:{cluster.address.rpartition(':')[2]}"), cluster)
        ray_cluster.connect(running.access)
        for _ in range(count):
            running.add()
        yield running
    finally:
        ray.shutdown()
        cluster.shutdown()


def spread(layout: Layout) -> None:
    """Start and move copies until they are spread evenly."""
    for step in steps(layout.shards, layout.copies, ray_cluster.holders(ray_cluster.nodes()), ray_cluster.placed()):
        ray_cluster.carry_out(step, layout, seconds=60)


def wait_until(holds: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait until something holds. Raises AssertionError if that takes longer."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not hold"
        time.sleep(0.05)


def shards_at(folder: Path, shards: int, copies: int) -> Layout:
    """Begin shards whose files are in ``folder``, and wait until they run."""
    layout = Layout(shards, copies, str(folder))
    ray_cluster.begin(layout)
    spread(layout)
    return layout


@dataclass(frozen=True, slots=True)
class RunningShards:
    """A cluster of two nodes with two copies of each of two shards."""

    nodes: RayNodes
    layout: Layout
    cluster: RayCluster

    def placed(self, shard: int | None = None) -> list[Placed]:
        """Return the copies of one shard, or all, and their nodes."""
        return [copy for copy in ray_cluster.placed() if shard is None or copy.shard == shard]

    def processes(self, shard: int) -> dict[str, int]:
        """Return the process of each copy of a shard that runs."""
        actors = ray_cluster.copies()[shard]
        return ray_cluster.gathered({name: actor.process.remote() for name, actor in actors.items()}, 30)

    def empty_index(self, folder: Path) -> tuple[ShardedIndex, Templates]:
        """Return an index of a source of its own, and the store behind it."""
        templates = Templates()
        turn = rotation(secrets.token_bytes(32), DIMENSION)
        return self.cluster.open(folder, model="test/1", rotation=turn, exact=templates), templates


@pytest.fixture(scope="package")
def ray_shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShards]:
    with ray_nodes(2) as nodes:
        layout = shards_at(tmp_path_factory.mktemp("shards"), shards=2, copies=2)
        cluster = RayCluster(nodes.access, tmp_path_factory.mktemp("indexes"), deadline=4, patience=4)
        yield RunningShards(nodes, layout, cluster)
        cluster.close()
