"""Which node holds which copy of a shard; pure functions, which `lineament cluster` carries out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlacementStep:
    """A copy to be started on a node; with ``instead``, the copy that it takes the faces of and then replaces."""

    shard: int
    node: str
    peer: str | None = None  # another copy of the shard, whose files it begins with
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A copy of a shard and the node it is on."""

    name: str
    shard: int
    node: str


def steps(shards: int, copies: int, nodes: Collection[str], placed: Collection[Placed]) -> list[PlacementStep]:
    """Return what spreads ``copies`` copies of each shard evenly over ``nodes``, with as few moves as that takes.

    Two copies of a shard are never planned on one node, so with fewer nodes than copies there are fewer copies.
    A copy on a node that is not among ``nodes`` is moved off it; one on no node, which Ray is restarting, stays.
    """
    if not nodes:
        return []
    plan = _Plan(nodes, placed)
    for copy in sorted(placed, key=lambda copy: copy.name):
        double = plan.on(copy.shard).count(copy.node) > 1
        if copy.node and (copy.node not in nodes or double) and (node := plan.emptiest(copy.shard)) is not None:
            plan.move(copy, node)
    for shard in range(shards):
        while len(plan.on(shard)) < copies and (node := plan.emptiest(shard)) is not None:
            plan.start(shard, node)
    while (move := plan.evening()) is not None:
        plan.move(*move)
    return plan.steps


class _Plan:
    """Where copies will be once the steps so far are done."""

    def __init__(self, nodes: Collection[str], placed: Collection[Placed]) -> None:
        self.nodes = sorted(nodes)
        self.steps: list[PlacementStep] = []
        self._placed = list(placed)

    def on(self, shard: int) -> list[str]:
        """Return the nodes that have a copy of a shard."""
        return [copy.node for copy in self._placed if copy.shard == shard]

    def emptiest(self, shard: int) -> str | None:
        """Return the node with the fewest copies that has none of this shard."""
        there, load = self.on(shard), self._load()
        return min(
            (node for node in self.nodes if node not in there), key=lambda node: (load[node], node), default=None
        )

    def start(self, shard: int, node: str) -> None:
        """Start one copy more."""
        peer = next((copy.name for copy in self._placed if copy.shard == shard and copy.name), None)
        self.steps.append(PlacementStep(shard, node, peer))
        self._placed.append(Placed("", shard, node))

    def move(self, copy: Placed, node: str) -> None:
        """Start a copy elsewhere, which replaces this one."""
        self.steps.append(PlacementStep(copy.shard, node, peer=copy.name, instead=copy.name))
        self._placed.remove(copy)
        self._placed.append(Placed("", copy.shard, node))

    def evening(self) -> tuple[Placed, str] | None:
        """Return a copy that is there now and a node with at least two copies fewer than its own; None if none is."""
        load = self._load()
        for copy in sorted(self._placed, key=lambda copy: (-load[copy.node], copy.name)):
            node = self.emptiest(copy.shard)
            if copy.name and copy.node and node is not None and load[copy.node] - load[node] > 1:
                return copy, node
        return None

    def _load(self) -> Mapping[str, int]:
        return Counter(copy.node for copy in self._placed)
