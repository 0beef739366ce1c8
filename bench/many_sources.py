"""Searches a gallery of 1,000 sources, half of them empty, and one of a single source with as many faces.

    python -m bench.many_sources [--sources 1000] [--faces 1000000] [--rounds 40] [--home DIR]

A search is everything between the stored probe and the committed list: gate, comparison, ledger. Each gallery is
searched in a process of its own, first with all indexes closed, then with all open. The faces are random unit vectors.
Ends with 1 if a search of many sources takes more than twice as long as one of the single source. The seconds of CPU
are printed too: they depend less on what else the machine does, and not on its disk.
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
from pathlib import Path

import numpy as np

from bench import machine
from bench.whole import CASE, PROBES, batch_ingested, captures, faces, made_up
from lineament.model.search import SearchRequest
from lineament.model.sources import Source
from lineament.services.keyholder import source_key
from lineament.settings import Settings
from lineament.testing import unsynced
from lineament.workspace import Workspace

ROOT = Path(__file__).parents[1]
BATCH = 10_000
MOST = 2.0
"""How many times as long a search of many sources may take."""


def build(home: Path, sources: int, total: int) -> None:
    """Build a workspace whose every second source has an equal share of the faces; the others stay empty."""
    with unsynced(), Workspace.create(Settings(home=home)) as workspace:
        desk = workspace.desk_at_the_machine()
        desk.casework.open(CASE)
        random = np.random.default_rng(1)
        filled = (sources + 1) // 2
        for number in range(sources):
            source = desk.sources.add(made_up(f"made-{number}"))
            if number % 2 == 0:
                share = total // filled + (number // 2 < total % filled)
                enrol(workspace, source, random, number * total, share)
        workspace.gallery.open(desk.sources.list())


def enrol(workspace: Workspace, source: Source, random: np.random.Generator, start: int, count: int) -> None:
    """Enrol so many faces, up to 10,000 in a picture; the pictures are numbered from ``start``."""
    for first in range(0, count, BATCH):
        with workspace.desk_at_the_machine().record.change() as change:
            key = source_key(change.tx, workspace.keys, source)
            [capture] = change.tx.captures.add_all(captures(source, random, start + first, 1))
            batch = faces([capture] * min(BATCH, count - first), random, workspace.pack.model)
            change.tx.faces.add_all(source.id, batch, key)
            change.record(batch_ingested(source.name, int(capture), int(capture)))


def searching(home: Path, rounds: int) -> None:
    """Search again and again; print the seconds of each as one JSON object. Runs in its own process."""
    taken, worked, compared = [], [], []
    with Workspace.open(Settings(home=home)) as workspace:
        desk = workspace.desk_at_the_machine()
        probe = desk.probes.take("B-1", PROBES[0].read_bytes() + os.urandom(8))
        for _ in range(rounds + 1):
            began, before = time.perf_counter(), time.process_time()
            result = desk.search.run(probe.id, SearchRequest(case="B-1", reason="bench"), face=1)
            taken.append(time.perf_counter() - began)
            worked.append(time.process_time() - before)
            compared.append(result.gallery_faces)
            assert result.whole
    print(json.dumps({"faces": compared[0], "first": taken[0], "later": taken[1:], "cpu": worked[1:]}))


def measured(home: Path, sources: int, total: int, rounds: int) -> tuple[float, float]:
    """Print what searches of a gallery take; return the medians of the later ones: seconds, and seconds of CPU."""
    if not home.exists():
        build(home, sources, total)
    inner = [sys.executable, "-m", "bench.many_sources", "--inner", "--home", str(home), "--rounds", str(rounds)]
    found = json.loads(subprocess.run(inner, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    later = sorted(found["later"])
    median, cpu = statistics.median(later), statistics.median(found["cpu"])
    at95 = later[min(len(later) - 1, int(0.95 * len(later)))]
    print(
        f"{sources:,} sources, {found['faces']:,} faces: first search {found['first']:.2f} s;"
        f" later p50 {median * 1e3:.0f} ms, p95 {at95 * 1e3:.0f} ms, CPU p50 {cpu * 1e3:.0f} ms ({len(later)} searches)"
    )
    return median, cpu


def main() -> int:
    """Print both; return 1 if many sources cost more than twice as much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sources", type=int, default=1_000)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--home", type=Path, help="keep the workspaces below it, or use existing ones")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inner:
        searching(given.home, given.rounds)
        return 0
    print(machine.line("sqlalchemy"))
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder: Path = given.home or Path(temporary)
        one, one_cpu = measured(folder / "one", 1, given.faces, given.rounds)
        many, many_cpu = measured(folder / "many", given.sources, given.faces, given.rounds)
    print(
        f"a search of many sources takes {many / one:.2f} times as long (at most {MOST:g})"
        f" and {many_cpu / one_cpu:.2f} times the CPU; load average {os.getloadavg()[0]:.1f}"
    )
    return 0 if many <= MOST * one else 1


if __name__ == "__main__":
    sys.exit(main())
