"""A Ray cluster of several nodes on this machine, for tests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineament.index import ray_cluster
from lineament.index.placement import steps
from lineament.index.ray_cluster import Access, Layout

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
        node = self.cluster.add_node(num_cpus=shards, **SMALL)
        self.nodes.append(node)
        return str(node.node_id)

    def kill(self, node_id: str) -> None:
        """Kill a node as if its machine were gone."""
        [node] = [node for node in self.nodes if node.node_id == node_id]
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


@contextlib.contextmanager
def ray_nodes(count: int) -> Iterator[RayNodes]:
    """Run a cluster with so many nodes for shards; this process has joined it."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": QUICKLY, **SMALL}, shutdown_at_exit=False
    )
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
