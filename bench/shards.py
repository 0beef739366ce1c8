"""Compares four Ray shards on this machine with one process that holds the same faces: one probe, and 64 together.

Templates are made by bench/templates.py and kept in memory, so that only the index is measured: turning the probes,
comparing codes, the way to the shards and back, and the exact scores of the best. Both answer each probe in turn, so
that what else runs on the machine slows both. The lists must be equal; it ends with 1 if one differs, or if the median
of one probe at a million faces is above TARGET times that of one process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tests.support.ray_nodes import ray_nodes, shards_at, wait_until

from bench import machine, templates
from lineament.index.base import VectorIndex
from lineament.index.ray_shards import RayCluster, RayShards
from lineament.index.rotation import rotation
from lineament.index.scan import ScanIndex
from lineament.index.sharded import ShardedIndex
from lineament.model.faces import FaceIds, Vectors
from lineament.model.search import Hit

K = 50
SHARDS = 4
TOGETHER = 64
TARGET = 1.5
_PIECE = 2**16

Answers = list[list[list[Hit]]]


def compared(
    indexes: Sequence[VectorIndex], probes: Sequence[Vectors], most: float
) -> tuple[list[Answers], list[list[float]]]:
    """Search all indexes with each batch of probes in turn, for so many seconds; return answers and seconds of each."""
    answers: list[Answers] = [[] for _ in indexes]
    seconds: list[list[float]] = [[] for _ in indexes]
    until = time.perf_counter() + most
    for some in probes:
        for index, found, took in zip(indexes, answers, seconds, strict=True):
            began = time.perf_counter()
            found.append(index.search(some, K))
            took.append(time.perf_counter() - began)
        if time.perf_counter() > until:
            break
    return answers, seconds


def filled(index: VectorIndex, gallery: Vectors) -> float:
    """Add the whole gallery; return the seconds that took."""
    began = time.perf_counter()
    for start in range(0, len(gallery), _PIECE):
        ids = np.arange(start, min(start + _PIECE, len(gallery)), dtype=np.int64) + 1
        index.add(ids, gallery[ids - 1], (ids % templates.DAYS).astype(np.int32))
    return time.perf_counter() - began


def row(name: str, seconds: Sequence[Sequence[float]], each: int) -> float:
    """Print percentiles of one process and of the shards, for ``each`` probes a call; return the ratio of medians."""
    one, shards = (np.percentile(np.array(took[1:]) * 1000 / each, [50, 99]) for took in seconds)
    ratio = shards / one
    print(
        f"{name:20}{one[0]:10.2f}{one[1]:10.2f}{shards[0]:10.2f}{shards[1]:10.2f}{ratio[0]:10.2f}{ratio[1]:10.2f}"
        f"  ({len(seconds[0]) - 1} calls)"
    )
    return float(ratio[0])


def measure(given: argparse.Namespace, folder: Path) -> int:
    """Fill both, compare them and print the figures; return how the script ends."""
    made = templates.generate(given.faces, given.probes)

    def exact(ids: FaceIds) -> tuple[FaceIds, Vectors]:
        return ids, made.gallery[ids - 1]

    turn = rotation(b"a secret of the bench", templates.DIMENSION)
    one = ScanIndex(folder / "one", model=templates.MODEL, rotation=turn, exact=exact)
    print(f"one process: {given.faces / filled(one, made.gallery):,.0f} faces added a second")
    with ray_nodes(1) as nodes:
        shards_at(folder / "shards", shards=SHARDS, copies=1)
        cluster = RayCluster(nodes.access, folder / "index", deadline=30)
        try:
            sharded = cluster.open(
                folder / "index" / "source" / "model", model=templates.MODEL, rotation=turn, exact=exact
            )
            print(f"shards: {given.faces / filled(sharded, made.gallery):,.0f} faces added a second", flush=True)
            wait_until(whole(sharded))
            return ended([one, sharded], made.probes, given)
        finally:
            cluster.close()


def whole(index: ShardedIndex) -> Callable[[], bool]:
    """Return what says whether every shard holds every face."""
    assert isinstance(index.shards, RayShards)
    return index.shards.whole


def ended(indexes: Sequence[VectorIndex], probes: Vectors, given: argparse.Namespace) -> int:
    """Compare both with probes one by one and together; return 1 if a list differs, or the shards are too slow."""
    print(f"{'ms a probe':20}{'one p50':>10}{'p99':>10}{'shards p50':>10}{'p99':>10}{'ratio p50':>10}{'p99':>10}")
    answers, seconds = compared(indexes, [probes[at : at + 1] for at in range(len(probes))], given.seconds)
    ratio = row("one probe", seconds, 1)
    batches = [np.roll(probes, -at, axis=0)[:TOGETHER] for at in range(0, len(probes), 8)]
    together, seconds = compared(indexes, batches, given.seconds)
    row(f"{len(batches[0])} together", seconds, len(batches[0]))
    differ = sum(a != b for some in (answers, together) for a, b in zip(*some, strict=True))
    print(f"lists that differ: {differ}")
    missed = ratio > TARGET and given.faces >= 1_000_000
    print(f"{'MISSED' if missed else 'target'}: one probe within {TARGET} times one process")
    return 1 if differ or missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0, help="of searching, one by one and together")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder is not None:
        return measure(given, given.folder)
    print(machine.line("ray"))
    print(f"load before: {os.getloadavg()[0]:.1f}; {given.faces:,} faces, {SHARDS} shards, k = {K}", flush=True)
    with tempfile.TemporaryDirectory() as folder:  # a process of its own, which Ray changes beyond repair
        command = [sys.executable, "-m", "bench.shards", *sys.argv[1:], "--folder", folder]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
