"""Running a cluster: its nodes by Ray's own launcher, its copies of shards, and what it holds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lineament.errors import ClusterUnavailable, NotFound
from lineament.index import ray_cluster
from lineament.index.cluster_keys import is_named
from lineament.index.placement import Placed, steps
from lineament.index.ray_cluster import Access, Layout

_STARTING = 120.0
"""Seconds that a node or a copy may take to start."""
_MOVING = 3600.0
"""Seconds that a copy may take to get the files of another one."""
_OBJECTS = 256 * 2**20
"""Bytes of shared memory of a node, through which files of shards travel."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node, and how many copies of shards it holds."""

    id: str
    address: str
    capacity: int  # how many copies it may hold
    copies: int


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """A copy of a shard."""

    name: str
    shard: int
    node: str  # empty while Ray restarts it
    faces: int
    state: str  # “ready”, “filling” while it holds fewer faces than another copy, “restarting”


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What runs in a cluster."""

    layout: Layout
    nodes: tuple[NodeStatus, ...]
    copies: tuple[CopyStatus, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """The shards of which no copy is ready."""
        ready = {copy.shard for copy in self.copies if copy.state == "ready"}
        return tuple(shard for shard in range(self.layout.shards) if shard not in ready)


def start_node(access: Access, at: str, *, head: bool, capacity: int, scratch: Path | None) -> None:
    """Start Ray on this machine, as the first node of a cluster or as a further one. Raises ClusterUnavailable.

    Args:
        access: The address of the cluster; that of the first node is its own. Keys are needed: Ray listens on every
            address of a machine.
        at: The address of this machine, which its certificate names.
        head: Whether it is the first one.
        capacity: How many copies of shards it may hold; 0 for a machine that only searches.
        scratch: A folder with a short path for Ray's sockets and logs; None: its own choice.
    """
    if access.keys is None:
        why = "LINEAMENT_CLUSTER_KEYS names no folder; see lineament cluster keys"
        raise ClusterUnavailable(address=access.address, why=why)
    ray_cluster.secure(access)
    if ray_cluster.is_loopback(f"{at}:0"):
        raise ClusterUnavailable(address=access.address, why=f"Ray takes another address than {at}; give the machine's")
    if not is_named(access.keys, at):
        why = f"the certificate in {access.keys} names no {at}; make it again with lineament cluster keys"
        raise ClusterUnavailable(address=access.address, why=why)
    port = access.address.rpartition(":")[2]
    where = ["--head", f"--port={port}", "--include-dashboard=false"] if head else [f"--address={access.address}"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, f"--node-ip-address={at}"]
    command += [f"--num-cpus={capacity}", f"--object-store-memory={_OBJECTS}", "--disable-usage-stats"]
    command += ["--no-monitor", "--include-log-monitor=false"]  # nobody reads them, and each takes seconds to start
    command += [f"--temp-dir={scratch}"] if scratch and head else []
    with tempfile.TemporaryFile() as said:  # not a pipe, which the daemons would keep open
        try:
            ended = subprocess.run(  # noqa: S603 - a fixed command
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=_STARTING, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise ClusterUnavailable(address=access.address, why=f"Ray did not start in {_STARTING:.0f} s") from None
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if ended:
        raise ClusterUnavailable(address=access.address, why=f"{_why(lines)}; run ray stop before you try again")


def spread(layout: Layout, on_step: Callable[[str], object], *, without: str = "") -> int:
    """Start and move copies until they are spread evenly over the nodes; return how many steps that took.

    ``without`` is a node that is to hold none.
    """
    described = ray_cluster.nodes()
    there = [node for node in ray_cluster.holders(described) if node != without]
    planned = steps(layout.shards, layout.copies, there, ray_cluster.placed())
    for step in planned:
        address = described[step.node]["NodeManagerAddress"]
        on_step(f"Shard {step.shard} {'moves' if step.instead else 'starts'} at {address}")
        ray_cluster.carry_out(step, layout, seconds=_MOVING)
    return len(planned)


def drain(access: Access, layout: Layout, node: str, on_step: Callable[[str], object]) -> int:
    """Move every copy off a node, so that it can be stopped; return how many were moved.

    ``node`` begins the id of one, or is its address. Raises NotFound if none or several are meant, ClusterUnavailable
    if a shard would be left without a copy.
    """
    described = ray_cluster.nodes()
    meant = [id_ for id_, about in described.items() if id_.startswith(node) or about["NodeManagerAddress"] == node]
    if len(meant) != 1:
        raise NotFound(what="single node", name=node, hint="lineament cluster status")
    moved = spread(layout, on_step, without=meant[0])
    placed = ray_cluster.placed()
    left = [copy for copy in placed if copy.node == meant[0]]
    for copy in left:
        if not any(other.shard == copy.shard and other.node not in {"", meant[0]} for other in placed):
            why = f"no other node can hold shard {copy.shard}; add one first"
            raise ClusterUnavailable(address=access.address, why=why)
    for copy in left:  # every other node has one of that shard
        ray_cluster.stop_copy(copy.name, seconds=_STARTING)
    return moved + len(left)


def status(layout: Layout) -> ClusterStatus:
    """Return what runs in the cluster that this process has joined."""
    placed = ray_cluster.placed()
    actors = {name: actor for found in ray_cluster.copies().values() for name, actor in found.items()}
    states = ray_cluster.gathered({name: actor.states.remote() for name, actor in actors.items()}, 30)
    faces = {name: sum(part.faces for part in parts.values()) for name, parts in states.items()}
    fullest: dict[int, int] = {}
    for copy in placed:
        fullest[copy.shard] = max(fullest.get(copy.shard, 0), faces.get(copy.name, 0))
    copies = tuple(
        CopyStatus(copy.name, copy.shard, copy.node, faces.get(copy.name, 0), _state(copy, faces, fullest))
        for copy in sorted(placed, key=lambda copy: copy.name)
    )
    nodes = tuple(
        NodeStatus(
            id=id_,
            address=about["NodeManagerAddress"],
            capacity=int(about["Resources"].get("CPU", 0)),
            copies=sum(1 for copy in placed if copy.node == id_),
        )
        for id_, about in sorted(ray_cluster.nodes().items())
    )
    return ClusterStatus(layout, nodes, copies)


def _state(copy: Placed, faces: dict[str, int], fullest: dict[int, int]) -> str:
    if not copy.node or copy.name not in faces:
        return "restarting"
    return "ready" if faces[copy.name] == fullest[copy.shard] else "filling"


def _why(lines: list[str]) -> str:
    """Return the last line in which Ray says what is wrong."""
    telling = [line for line in lines if "rror" in line] or lines or ["Ray does not say why"]
    return telling[-1].strip()[:200].rstrip(".")
