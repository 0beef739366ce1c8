"""Opening an index of 1,000,000 faces: from its files and compared with the store, and built anew without files.

    python -m bench.opening [--faces 1000000] [--folder DIR]

The folder may be that of bench/search.py. The whole workspace is opened by bench/whole.py.
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

TARGET = 3.0  # seconds, for a million faces


def main() -> int:
    """Print the seconds of each way; 1 where opening takes longer than the target at a million faces."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["build", "open"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        return _built(options.folder) if options.step == "build" else _opened(options.folder, options.faces)
    print(machine.line("turbovec", "numpy", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Shared(folder, options.faces, 100)
        for step in ("build", "open"):  # each in a process that has opened nothing yet
            command = [sys.executable, "-m", "bench.opening", "--step", step, "--folder", str(folder)]
            done = subprocess.run([*command, "--faces", str(options.faces)], check=False)
        return done.returncode


def _nothing(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """No look-up: nothing is searched here."""
    return ids[:0], np.empty((0, 0), dtype=np.float32)


def _built(folder: Path) -> int:
    store, key = templates.opened(folder)
    turn = rotation(key.derive("rotation"), templates.DIMENSION)
    began = time.perf_counter()
    index = ScanIndex(folder / "opening", model=templates.MODEL, rotation=turn, exact=_nothing)
    with store.read() as tx:
        for ids, vectors in tx.faces.after(SourceId(1), templates.MODEL, 0, key):
            index.add(ids, vectors)
    taken = time.perf_counter() - began
    index.sync()
    print(f"built anew from the store: {len(index):,} faces in {taken:.1f} s ({len(index) / taken:,.0f} a second)")
    store.close()
    return 0


def _opened(folder: Path, faces: int) -> int:
    began = time.perf_counter()
    store, key = templates.opened(folder)
    turn = rotation(key.derive("rotation"), templates.DIMENSION)
    prepared = time.perf_counter()
    index = ScanIndex.load(folder / "opening", model=templates.MODEL, rotation=turn, exact=_nothing)
    loaded = time.perf_counter()
    with store.read() as tx:
        there = tx.faces.ids(SourceId(1), templates.MODEL)
    same = np.array_equal(np.sort(index.ids), there)
    compared = time.perf_counter()
    store.close()
    print(
        f"opened: {len(index):,} faces in {compared - began:.2f} s: store and rotation {prepared - began:.2f} s,"
        f" index {loaded - prepared:.2f} s, all ids of the store compared {compared - loaded:.2f} s"
    )
    return 0 if same and (compared - began < TARGET or faces != 1_000_000) else 1


if __name__ == "__main__":
    sys.exit(main())
