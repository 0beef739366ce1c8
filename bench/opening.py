"""Opens an index of 1,000,000 faces from its files, comparing it with the store, and rebuilds it without files.

    python -m bench.opening [--faces 1000000] [--folder DIR]

The folder may be that of bench/search.py. bench/whole.py opens a whole workspace.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench import machine, templates
from bench.search import Shared
from lineament.index.rotation import rotation
from lineament.index.scan import ScanIndex
from lineament.model.faces import SourceId
from lineament.store.tally import count_rows

TARGET = 3.0  # seconds, for a million faces


def main() -> int:
    """Print the seconds of both; return 1 if opening a million faces is slower than the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["build", "open"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        return _build(options.folder) if options.step == "build" else _open(options.folder, options.faces)
    print(machine.line("numpy", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Shared(folder, options.faces, 100)
        for step in ("build", "open"):  # each in a new process
            command = [sys.executable, "-m", "bench.opening", "--step", step, "--folder", str(folder)]
            done = subprocess.run([*command, "--faces", str(options.faces)], check=False)
        return done.returncode


def _nothing(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return no vectors, because nothing is searched here."""
    return ids[:0], np.empty((0, 0), dtype=np.float32)


def _build(folder: Path) -> int:
    store, key = templates.opened(folder)
    turn = rotation(key.derive("rotation"), templates.DIMENSION)
    began = time.perf_counter()
    index = ScanIndex(folder / "opening", model=templates.MODEL, rotation=turn, exact=_nothing)
    with store.read() as tx:
        for ids, vectors in tx.faces.after(SourceId(1), templates.MODEL, 0, key):
            index.add(ids, vectors, (ids % templates.DAYS).astype(np.int32))
    taken = time.perf_counter() - began
    index.sync()
    print(f"rebuilt from the store: {len(index):,} faces in {taken:.1f} s ({len(index) / taken:,.0f} a second)")
    store.close()
    return 0


def _open(folder: Path, faces: int) -> int:
    began = time.perf_counter()
    store, key = templates.opened(folder)
    turn = rotation(key.derive("rotation"), templates.DIMENSION)
    prepared = time.perf_counter()
    index = ScanIndex.load(folder / "opening", model=templates.MODEL, rotation=turn, exact=_nothing)
    loaded = time.perf_counter()
    with store.read() as tx:
        rows = tx.tallies.rows(SourceId(1))
    counted = count_rows(rows, key)
    stored = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    same = np.array_equal(np.sort(index.ids), stored) and counted.faces == len(index)
    compared = time.perf_counter()
    store.close()
    print(
        f"opened: {len(index):,} faces in {compared - began:.2f} s: store and rotation {prepared - began:.2f} s,"
        f" index {loaded - prepared:.2f} s, all rows of the store counted and compared {compared - loaded:.2f} s"
    )
    return 0 if same and (compared - began < TARGET or faces != 1_000_000) else 1


if __name__ == "__main__":
    sys.exit(main())
