"""A process of the service whose index is in a cluster: it searches each time that it reads a line."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.support.templates import DIMENSION, TURN, Templates, as_ids, days_of, vectors

from lineament.index.ray_cluster import Access
from lineament.index.ray_shards import RayCluster

FACES = 400
DEADLINE = 4.0
"""Seconds that a search waits for a shard."""


def main() -> None:
    """Add faces, then print for each line what a search for one of them found, how much it lacks, and its seconds."""
    address, keys, folder = sys.argv[1:]
    cluster = RayCluster(Access(address, Path(keys)), Path(folder), deadline=DEADLINE)
    templates = Templates()
    index = cluster.open(Path(folder) / "source" / "model", model="test/1", rotation=TURN, exact=templates)
    ids, some = as_ids(range(1, FACES + 1)), vectors(FACES, dimension=DIMENSION)
    templates.add(ids, some)
    index.add(ids, some, days_of(ids))
    for _ in sys.stdin:
        began = time.monotonic()
        found = index.shortlist(some[0], FACES)
        answer = {"ids": sorted(found.ids.tolist()), "uncompared": found.uncompared}
        sys.stdout.write(json.dumps(answer | {"seconds": time.monotonic() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
