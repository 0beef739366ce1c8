"""Measures 30 searches at once beside an ingest, in one process that has the workspace open as ``serve`` does.

Every search must give what it gives alone: of the faces that were there before, the same candidates with the same
scores, in the same order. Ends with 1 if one differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import machine
from bench.whole import PROBES, build, made_up
from lineament.model.search import Mode, SearchRequest
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Workspace

MADE = "made"
"""The source that ``build`` fills."""
Shown = list[tuple[int, float]]
"""A candidate list: ids of faces and scores, best first."""


def probes(workspace: Workspace, count: int) -> list[str]:
    """Store as many photographs as probes and return their ids."""
    desk = workspace.desk_at_the_machine()
    return [
        desk.probes.take("B-1", PROBES[number % len(PROBES)].read_bytes() + os.urandom(8)).id for number in range(count)
    ]


def shown(workspace: Workspace, probe: str) -> tuple[Shown, float]:
    """Search with a probe; return the candidates of the source that does not change, and the seconds that it took."""
    request = SearchRequest(case="B-1", reason="bench", limit=50, mode=Mode.MANUAL, min_score=-1.0)
    began = time.perf_counter()
    found = workspace.desk_at_the_machine().search.run(probe, request, face=1)
    seconds = time.perf_counter() - began
    return [(one.face_id, one.score) for one in found.candidates if one.source == MADE], seconds


def ingesting(workspace: Workspace, folder: Path, over: threading.Event) -> int:
    """Ingest copies of photographs, each with other bytes, until the searches are over; return how many."""
    count = 0
    while not over.is_set():
        batch = folder / str(count)
        batch.mkdir(parents=True)
        for path in PROBES:
            (batch / path.name).write_bytes(path.read_bytes() + os.urandom(8))
        connector = FolderConnector([batch], page_base="https://example.org/", max_bytes=2**24)
        workspace.desk_at_the_machine().ingest.run("growing", connector, workers=1)
        count += len(PROBES)
    return count


def differ(alone: Shown, beside: Shown) -> bool:
    """Return whether a list of faces that were there before is no beginning of the list that the search gave alone."""
    return not beside or beside != alone[: len(beside)]


def measure(workspace: Workspace, folder: Path, at_once: int) -> tuple[list[float], list[float], int, int]:
    """Return the seconds of each search alone and beside the others, how many lists differ, and pictures ingested."""
    names = probes(workspace, at_once)
    alone = [shown(workspace, probe) for probe in names]
    over = threading.Event()
    with ThreadPoolExecutor(at_once + 1) as pool:
        ingest = pool.submit(ingesting, workspace, folder, over)
        try:
            beside = list(pool.map(lambda probe: shown(workspace, probe), names))
        finally:
            over.set()
        ingested = ingest.result()
    wrong = sum(differ(before[0], now[0]) for before, now in zip(alone, beside, strict=True))
    return [one[1] for one in alone], [one[1] for one in beside], wrong, ingested


def summary(name: str, seconds: list[float]) -> str:
    """Return median and 99th percentile."""
    ordered = sorted(seconds)
    at99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return f"{name}: p50 {statistics.median(ordered):.2f} s, p99 {at99:.2f} s ({len(ordered)} searches)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=30, help="at once")
    given = parser.parse_args()
    print(machine.line("openvino", "sqlalchemy"))
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        build(folder / "ws", given.faces)
        with Workspace.open(Settings(home=folder / "ws")) as workspace:
            workspace.desk_at_the_machine().sources.add(made_up("growing"))
            workspace.warm()
            alone, beside, wrong, ingested = measure(workspace, folder / "photographs", given.searches)
    finally:
        shutil.rmtree(folder)
    print(summary(f"one after the other, {given.faces:,} faces", alone))
    print(summary(f"all at once beside an ingest of {ingested} photographs", beside))
    print(f"candidate lists that differ from those of the search alone: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
