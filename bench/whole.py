"""Measures the whole service with 1,000,000 faces: opening the workspace, and a search from probe bytes to result.

The faces are random unit vectors that are enrolled through the store (captures, faces, sealed templates, counters), so
the database and the index have a realistic size; the probe is a real photograph.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from lineament.model.cases import CaseTerms
from lineament.model.events.sources import BatchIngested
from lineament.model.faces import Box, CaptureId, Face, Landmarks, NewCapture, Provenance, Quality, Template
from lineament.model.search import SearchRequest
from lineament.model.sources import Source, SourceTerms
from lineament.observe.stages import Fact, Level, Stage, Total, install
from lineament.services.gallery.opened import EPOCH
from lineament.services.keyholder import source_key
from lineament.settings import Settings
from lineament.store.faces import NewFace
from lineament.workspace import Workspace

ROOT = Path(__file__).parents[1]
PROBES = sorted((ROOT / "src" / "lineament" / "demo").glob("*.jpg"))
BATCH = 5_000
CASE = CaseTerms(ref="B-1", offence="none", purpose="bench", basis="none")
"""The case of the searches of a bench."""

SPLIT = (Stage.DECODE, Stage.DETECT, Stage.EMBED, Stage.GATE, Stage.SCAN, Stage.SCORE, Stage.COMMIT)
"""The parts of a search that are told apart; the rest is the probe's commit, its digests, and reading the list."""

Faces = tuple[CaptureId, int, tuple[NewFace, ...]]
"""A capture, its day, and its faces."""


def build(home: Path, faces: int) -> float:
    """Build a workspace with that many faces; return the seconds that it took."""
    began = time.perf_counter()
    with Workspace.create(Settings(home=home)) as workspace:
        source = workspace.desk_at_the_machine().sources.add(made_up("made"))
        workspace.desk_at_the_machine().casework.open(CASE)
        enrol_made_up(workspace, source, faces)
        workspace.gallery.open([source])
    return time.perf_counter() - began


def enrol_made_up(workspace: Workspace, source: Source, faces: int) -> None:
    """Enrol that many random unit vectors into a source."""
    random = np.random.default_rng(1)
    for start in range(0, faces, BATCH):
        _batch(workspace, source, random, start, min(BATCH, faces - start))


def made_up(name: str) -> SourceTerms:
    """Return the terms of a source whose faces are made up."""
    return SourceTerms(name=name, controller="bench", basis="made up", jurisdiction="FR")


def _batch(workspace: Workspace, source: Source, random: np.random.Generator, start: int, count: int) -> None:
    with workspace.desk_at_the_machine().record.change() as change:
        key = source_key(change.tx, workspace.keys, source)
        ids = change.tx.captures.add_all(captures(source, random, start, count))
        change.tx.faces.add_all(source.id, faces(ids, random, workspace.pack.model), key)
        change.record(batch_ingested(source.name, int(ids[0]), int(ids[-1])))


def batch_ingested(source: str, first: int, last: int) -> BatchIngested:
    """Return the event of a batch of these captures."""
    return BatchIngested(source=source, run=1, captures=(first, last), faces=(), places=0, barred=0, digest="")


def captures(source: Source, random: np.random.Generator, start: int, count: int) -> list[NewCapture]:
    """Return ``count`` captures, numbered from ``start``."""
    now = datetime.now(UTC)
    return [
        NewCapture(
            source_id=source.id,
            provenance=Provenance(uri=f"https://example.org/{number}.jpg", captured_at=now),
            sha256=f"{number:064x}",
            phash=int(random.integers(2**62)).to_bytes(32, "big"),
            media_type="image/jpeg",
            size=50_000,
            width=640,
            height=480,
            enrolled_at=now,
            original=f"{number:064x}",
            thumbnail=f"{number:064x}",
        )
        for number in range(start, start + count)
    ]


def faces(ids: list[CaptureId], random: np.random.Generator, model: str) -> list[Faces]:
    """Return one face for each capture, captured today."""
    vectors = random.standard_normal((len(ids), 128), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    box = Box(x=100, y=100, width=150, height=200)
    points = Landmarks(left_eye=(1, 1), right_eye=(2, 1), nose=(1, 2), left_mouth=(1, 3), right_mouth=(2, 3))
    quality = Quality(
        face_height=200, detector_score=0.9, norm=10, sharpness=100, exposure=0.5, yaw=0, cropped=0, reasons=()
    )
    day = (datetime.now(UTC).date() - EPOCH).days
    new_faces = [
        Face(box=box, landmarks=points, quality=quality, template=Template(model, vector)) for vector in vectors
    ]
    return [(id_, day, (NewFace(face=face, crop=f"{id_:064x}"),)) for id_, face in zip(ids, new_faces, strict=True)]


class Split:
    """Adds up the seconds of each stage: an observer."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def began(self, stage: Stage) -> None:
        """See Observer."""

    def ended(self, stage: Stage, begun: Any, seconds: float, facts: dict[Fact, str]) -> None:  # noqa: ARG002
        """Add the seconds of a stage."""
        if stage in SPLIT:
            self.seconds[stage] += seconds

    def counted(self, tally: Total, by: int, label: str) -> None:
        """See Observer."""

    def level(self, level: Level, value: int) -> None:
        """See Observer."""


def searching(home: Path, rounds: int) -> None:
    """Open the workspace, then search; print the times as one JSON object. Runs in its own process."""
    began = time.perf_counter()
    workspace = Workspace.open(Settings(home=home))
    faces = workspace.gallery.open(workspace.desk_at_the_machine().sources.list())
    opened = time.perf_counter() - began
    began = time.perf_counter()
    _ = workspace.analyser.analyse(PROBES[0].read_bytes())
    nets = time.perf_counter() - began
    whole, compared = [], []
    parts: dict[str, list[float]] = {name: [] for name in (*SPLIT, "rest")}
    split = Split()
    install(split)
    with workspace:
        for number in range(rounds):
            # Different bytes after the picture each time, so that it is analysed and stored as a new probe.
            untrusted = PROBES[number % len(PROBES)].read_bytes() + os.urandom(8)
            split.seconds.clear()
            began = time.perf_counter()
            probe = workspace.desk_at_the_machine().probes.take("B-1", untrusted)
            result = workspace.desk_at_the_machine().search.run(
                probe.id, SearchRequest(case="B-1", reason="bench"), face=1
            )
            whole.append(time.perf_counter() - began)
            for stage in SPLIT:
                parts[stage].append(split.seconds[stage])
            parts["rest"].append(whole[-1] - sum(split.seconds.values()))
            compared.append(result.seconds)
    figures = {"faces": faces, "opened": opened, "nets": nets, "whole": whole, "compared": compared, "parts": parts}
    print(json.dumps(figures))


def summary(name: str, seconds: list[float]) -> str:
    """Return median and 95th percentile, in ms."""
    ordered = sorted(seconds)
    at95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{name}: p50 {statistics.median(ordered) * 1e3:.1f} ms, p95 {at95 * 1e3:.1f} ms ({len(ordered)} searches)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--home", type=Path, help="keep the workspace there, or use an existing one")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inner:
        searching(given.home, given.rounds)
        return
    print(machine.line("openvino", "sqlalchemy"))
    folder = None if given.home else Path(tempfile.mkdtemp(prefix="bench-"))
    home: Path = given.home or folder / "ws"  # type: ignore[operator]
    if not home.exists():
        seconds = build(home, given.faces)
        print(f"built: {given.faces:,} faces in {seconds:.0f} s")
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    inner = [sys.executable, "-m", "bench.whole", "--inner", "--home", str(home), "--rounds", str(given.rounds)]
    found = json.loads(subprocess.run(inner, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    print(f"on disk: {size / found['faces']:.0f} bytes a face, without pictures")
    print(f"opening the workspace of {found['faces']:,} faces, ready to search: {found['opened']:.2f} s (target < 3 s)")
    print(f"first use of the nets: {found['nets']:.2f} s")
    print(summary("comparing (index, templates opened, exact re-scoring)", found["compared"][3:]))
    print(summary("whole search service, probe bytes to committed result (target < 150 ms)", found["whole"][3:]))
    medians = (f"{name} {statistics.median(times[3:]) * 1e3:.1f}" for name, times in found["parts"].items())
    print(f"of that, median ms of each part: {', '.join(medians)}")
    if folder is not None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
