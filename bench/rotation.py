"""Rotates the key of a source with as many pictures as are asked for, while a second process searches it.

    python -m bench.rotation [--pictures 20000] [--size 50000]

Each picture has an original of the given size, a thumbnail, one face, its template and its crop, all of them random.
Prints how fast the rotation is and what it costs on disk, and what searches take before and during it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import machine
from bench.many_sources import ROOT
from bench.whole import CASE, PROBES, batch_ingested, captures, faces, made_up
from lineament.model.search import SearchRequest
from lineament.services.keyholder import source_key
from lineament.settings import Settings
from lineament.testing import unsynced
from lineament.workspace import Workspace

SOURCE = "made"
BATCH = 500
SMALL = 10_000
"""Bytes of a thumbnail and of a crop."""


def build(home: Path, pictures: int, size: int) -> None:
    """Build a workspace with one source."""
    with unsynced(), Workspace.create(Settings(home=home)) as workspace:
        desk = workspace.desk_at_the_machine()
        desk.casework.open(CASE)
        source, random, blobs = desk.sources.add(made_up(SOURCE)), np.random.default_rng(1), workspace.blobs
        with workspace.store.read() as tx:
            key = source_key(tx, workspace.keys, source)
        for start in range(0, pictures, BATCH):
            count = min(BATCH, pictures - start)
            new = [
                replace(
                    capture, original=blobs.put(key, random.bytes(size)), thumbnail=blobs.put(key, random.bytes(SMALL))
                )
                for capture in captures(source, random, start, count)
            ]
            crops = [blobs.put(key, random.bytes(SMALL)) for _ in new]
            blobs.flush()
            with desk.record.change() as change:
                ids = change.tx.captures.add_all(new)
                enrolled = [
                    (id_, day, tuple(replace(face, crop=crop) for face in its))
                    for (id_, day, its), crop in zip(faces(ids, random, workspace.pack.model), crops, strict=True)
                ]
                change.tx.faces.add_all(source.id, enrolled, key)
                change.record(batch_ingested(SOURCE, int(ids[0]), int(ids[-1])))
        workspace.gallery.open(desk.sources.list())


def searching(home: Path) -> None:
    """Search until standard input ends; print the seconds of each search. Runs in its own process."""
    with Workspace.open(Settings(home=home)) as workspace:
        desk = workspace.desk_at_the_machine()
        probe = desk.probes.take("B-1", PROBES[0].read_bytes())
        desk.search.run(probe.id, SearchRequest(case="B-1", reason="bench"), face=1)
        print("ready", flush=True)
        os.set_blocking(sys.stdin.fileno(), False)
        taken, found = [], set()
        while sys.stdin.buffer.read() != b"":
            began = time.perf_counter()
            result = desk.search.run(probe.id, SearchRequest(case="B-1", reason="bench"), face=1)
            taken.append(time.perf_counter() - began)
            assert result.whole
            found.add(tuple((int(each.face_id), each.score) for each in result.candidates))
            time.sleep(0.05)
    print(json.dumps({"seconds": taken, "lists": len(found)}))


@contextmanager
def searches(home: Path, what: str) -> Iterator[None]:
    """Search in another process, and print what the searches took."""
    line = [sys.executable, "-m", "bench.rotation", "--searching", str(home)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        found = json.loads(other.communicate()[0])
    seconds = sorted(found["seconds"])
    print(
        f"searches {what}: {len(seconds)}, p50 {statistics.median(seconds) * 1e3:.0f} ms,"
        f" longest {seconds[-1] * 1e3:.0f} ms, {found['lists']} different list"
    )


def on_disk(home: Path) -> float:
    """Return the megabytes of all files."""
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6


def main() -> int:
    """Build, rotate, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=50_000, help="bytes of an original")
    parser.add_argument("--searching", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.searching:
        searching(given.searching)
        return 0
    print(machine.line("sqlalchemy", "cryptography"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "ws"
        build(home, given.pictures, given.size)
        with searches(home, "before it"):
            time.sleep(5)
        before = on_disk(home)
        with Workspace.open(Settings(home=home)) as workspace, searches(home, "during it"):
            began = time.monotonic()
            report = workspace.desk_at_the_machine().key_rotation.source(SOURCE)
            took = time.monotonic() - began
        print(
            f"{given.pictures:,} pictures: {report.resealed:,} values sealed again in {took:.1f} s"
            f" ({report.resealed / took:,.0f}/s, {given.pictures / took:,.0f} pictures/s)"
        )
        print(f"{before:,.0f} MB before it, {on_disk(home):,.0f} MB after it")
    return 0 if report.damaged == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
