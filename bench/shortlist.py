"""Measures how many of the best codes must be scored exactly so that none of the exact best 50 is lost.

Also how far the coarse code of a face may be wrong without losing it: a narrow margin compares fewer fine codes.

    python -m bench.shortlist [--faces 1000000] [--folder DIR]

The folder may be that of bench/search.py. docs/adr/0046-codes-of-our-own.md has the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import machine, templates
from bench.contenders import K
from bench.search import Shared, clocked
from lineament.index import native
from lineament.index.among import EVERY_FACE
from lineament.index.codes import Codes
from lineament.index.rotation import rotation

LENGTHS = [50, 75, 100, 150, 200, 300, 500]
SPREADS = [1.5, 2.0, 2.5, 3.0, native.SPREAD, 5.0]


def main() -> int:
    """Print a table for each margin."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    print(machine.line("numpy"))
    print(f"{options.faces:,} faces, {options.probes} probes: share of the exact best {K} that is lost")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        shared = Shared(folder, options.faces, options.probes)
        codes, probes = _filled(shared)
        print(f"{'shortlist':>42} " + " ".join(f"{length:>9}" for length in LENGTHS))
        for spread in SPREADS:
            native.SPREAD = spread
            _measure(codes, shared, probes)
    return 0


def _filled(shared: Shared) -> tuple[Codes, np.ndarray]:
    turn = rotation(b"of the bench, not secret", templates.DIMENSION)
    codes = Codes(templates.DIMENSION)
    for start in range(0, len(shared.gallery), 65_536):
        vectors = np.array(shared.gallery[start : start + 65_536])
        codes.add(np.arange(start, start + len(vectors)) + 1, vectors @ turn, np.zeros(len(vectors), dtype=np.int32))
    return codes, shared.probes @ turn


def _measure(codes: Codes, shared: Shared, probes: np.ndarray) -> None:
    lost, taken, looked = [], [], []
    for length in LENGTHS:
        seconds = 0.0
        missed = compared = 0
        for probe, best in zip(probes, shared.best, strict=True):
            [(ids, _)], elapsed = clocked(lambda: codes.nearest(probe[np.newaxis], [(length, EVERY_FACE)]))  # noqa: B023 - called here
            missed += K - int(np.isin(best, ids).sum())
            seconds += elapsed
        for probe in probes[:20]:
            compared += sum(native.CodeScan(probe[np.newaxis], [(length, EVERY_FACE)]).run(codes.segments).looked)
        lost.append(missed / shared.best.size)
        taken.append(1000 * seconds / len(probes))
        looked.append(compared / min(20, len(probes)) / len(codes))
    print(f"a margin of {native.SPREAD} standard deviations")
    print(f"{'lost':>42} " + " ".join(f"{100 * share:8.3f}%" for share in lost))
    print(f"{'compared by both codes, one thread':>42} " + " ".join(f"{100 * share:8.2f}%" for share in looked))
    print(f"{'mean ms':>42} " + " ".join(f"{ms:9.2f}" for ms in taken), flush=True)


if __name__ == "__main__":
    sys.exit(main())
