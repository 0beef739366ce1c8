"""Measures how many of the best codes must be scored exactly so that none of the exact best 50 is lost.

Once with all bits of every code compared (as in Lineament), once with turbovec's default: one bit plane first.

    python -m bench.shortlist [--faces 1000000] [--folder DIR]

The folder may be that of bench/search.py. docs/adr/0001-every-search-looks-at-every-face.md has the figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import machine
from bench.search import K, Shared, clocked

LENGTHS = [50, 75, 100, 150, 200, 300, 500]
HOW = {"0": "all bits of every code", "1": "turbovec's default: one bit plane first"}


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--planes", choices=HOW, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.planes:
        return _measure(Shared(options.folder, options.faces, options.probes))
    print(machine.line("turbovec", "numpy"))
    print(f"{options.faces:,} faces, {options.probes} probes: share of the exact best {K} that is lost")
    print(f"{'shortlist':>42} " + " ".join(f"{length:>9}" for length in LENGTHS))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Shared(folder, options.faces, options.probes)
        for planes, how in HOW.items():
            print(how, flush=True)
            command = [sys.executable, "-m", "bench.shortlist", "--planes", planes, "--folder", str(folder)]
            environment = os.environ | {"TURBOVEC_4BIT_PLANES": planes}  # turbovec reads it once in a process
            subprocess.run(command, check=True, env=environment)
    return 0


def _measure(shared: Shared) -> int:
    from turbovec import TurboQuantIndex

    index = TurboQuantIndex(dim=shared.gallery.shape[1], bit_width=4)
    for start in range(0, len(shared.gallery), 65_536):
        index.add(np.array(shared.gallery[start : start + 65_536]), chunk_size=0)
    everyone = np.ones(len(index), dtype=np.bool_)
    for condition, mask in (("", None), (" with a mask of all faces", everyone)):
        lost, taken = [], []
        for length in LENGTHS:
            seconds = 0.0
            missed = 0
            for probe, best in zip(shared.probes, shared.best, strict=True):
                (_, slots), elapsed = clocked(lambda: index.search(probe[np.newaxis], length, mask=mask))  # noqa: B023 - called here
                missed += K - int(np.isin(best - 1, slots[0]).sum())
                seconds += elapsed
            lost.append(missed / shared.best.size)
            taken.append(1000 * seconds / len(shared.probes))
        print(f"{'lost' + condition:>42} " + " ".join(f"{100 * share:8.3f}%" for share in lost))
        print(f"{'mean ms':>42} " + " ".join(f"{ms:9.2f}" for ms in taken), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
