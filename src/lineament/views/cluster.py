"""A cluster as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.index.cluster_running import ClusterStatus


def cluster_json(found: ClusterStatus) -> dict[str, Any]:
    """Return the nodes of a cluster and the copies of its shards."""
    return {
        "shards": found.layout.shards,
        "copies_of_each": found.layout.copies,
        "nodes": [
            {"id": node.id, "address": node.address, "room": node.capacity, "copies": node.copies}
            for node in found.nodes
        ],
        "copies": [
            {"name": copy.name, "shard": copy.shard, "node": copy.node, "faces": copy.faces, "state": copy.state}
            for copy in found.copies
        ],
        "missing": list(found.missing),
    }
