"""Opens the gallery of a source with 1,000,000 faces: from its files to the first answer, without files, after erasing.

The first answer includes reading the index, following the store, and one search with exact scores. Beside it: how long
erasing one face takes, and how long reading every row takes, which a server does once a day beside its searches, with
what it costs them.

    python -m bench.opening [--faces 1000000] [--folder DIR]

The folder may be that of bench/search.py or bench/linear.py. bench/whole.py opens a whole workspace.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench import machine, templates
from bench.search import Shared, clocked
from bench.whole import faces as made_up
from lineament.index.scan import ScanIndex
from lineament.model.faces import CaptureId, SourceId, Template
from lineament.model.sources import Source
from lineament.services.gallery.indexes import Gallery
from lineament.store.db import Store

TARGETS = {1_000_000: 3.0, 10_000_000: 10.0}
"""Seconds to the first answer, by faces."""
_SEARCHES = 200


def main() -> int:
    """Print the seconds of each; return 1 if the first answer comes later than its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["build", "open"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        return _build(options.folder) if options.step == "build" else _open(options.folder)
    print(machine.line("numpy", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "store.db").exists():
            Shared(folder, options.faces, 100)
        for step in ("build", "open"):  # each in a new process
            command = [sys.executable, "-m", "bench.opening", "--step", step, "--folder", str(folder)]
            done = subprocess.run(command, check=False)
        return done.returncode


def _gallery(folder: Path) -> tuple[Store, Gallery, Source]:
    keys = templates.key_ring(folder)
    store = templates.opened(folder)[0]
    models = {templates.MODEL: templates.DIMENSION}
    gallery = Gallery(store, keys, folder / "opening", models=models, open_index=ScanIndex.open)
    return store, gallery, _source(store)


def _source(store: Store) -> Source:
    with store.read() as tx:
        return tx.sources.by_id(SourceId(1))


def _build(folder: Path) -> int:
    store, gallery, source = _gallery(folder)
    faces, taken = clocked(lambda: gallery.open([source]))
    written = clocked(gallery.close)[1]
    store.close()
    print(f"filled from the store: {faces:,} faces in {taken:.1f} s ({faces / taken:,.0f} a second)", end="")
    print(f"; written in {written:.1f} s", flush=True)
    return 0


def _open(folder: Path) -> int:
    began = time.perf_counter()
    store, gallery, source = _gallery(folder)
    gallery.load([source], templates.MODEL)
    loaded = time.perf_counter()
    today = datetime.now(UTC).date()
    random = np.random.default_rng(3)

    def search() -> bool:
        vector = random.standard_normal(templates.DIMENSION).astype(np.float32)
        probe = Template(templates.MODEL, vector / np.linalg.norm(vector))
        return gallery.search([_source(store)], probe, 50, today).whole

    whole = search()
    first = time.perf_counter() - began
    print(f"first answer of {source.faces:,} faces after {first:.2f} s, of which the index {loaded - began:.2f} s")
    alone = [clocked(search)[1] for _ in range(_SEARCHES)]
    print(f"erasing a face: {_erase_one(store, gallery, folder):.2f} s")
    beside, reading = _while_comparing(gallery, source, search)
    print(
        f"reading every row: {reading:.1f} s; a search takes {1000 * np.median(beside):.1f} ms meanwhile (p99"
        f" {1000 * np.percentile(beside, 99):.1f}), {1000 * np.median(alone):.1f} ms otherwise"
        f" (p99 {1000 * np.percentile(alone, 99):.1f})"
    )
    gallery.close()
    store.close()
    target = TARGETS.get(source.faces)
    return 0 if whole and (target is None or first < target) else 1


def _erase_one(store: Store, gallery: Gallery, folder: Path) -> float:
    """Enrol a face and erase it again; return the seconds from the erasure to its absence from the files."""
    key = templates.opened(folder)[1]
    with store.begin() as tx:
        ids = tx.faces.add_all(SourceId(1), made_up([CaptureId(1)], np.random.default_rng(4), templates.MODEL), key)
    gallery.open([_source(store)])
    gallery.sync()
    began = time.perf_counter()
    with store.begin() as tx:
        tx.faces.erase(SourceId(1), ids, key)
    gallery.forget(_source(store), ids)
    return time.perf_counter() - began


def _while_comparing(gallery: Gallery, source: Source, search: Callable[[], bool]) -> tuple[list[float], float]:
    """Search while every row is read in another thread; return the seconds of each search, and those of the reading."""
    comparing = threading.Thread(target=gallery.check, args=(source,))
    began = time.perf_counter()
    comparing.start()
    taken = [clocked(search)[1]]  # at toy size the reading may end before the first
    while comparing.is_alive():
        taken.append(clocked(search)[1])
    return taken, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
