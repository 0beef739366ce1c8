"""Searches 1, 2, 5 and 10 million templates in one run: the time of each, and how well a line goes through the times.

The galleries are the first faces of the largest, and share its encrypted SQLite store, in which every search looks up
its shortlist. Each is indexed in one process and searched in another, one probe at a time on all processors with a list
of 50, and 64 probes together. Ten million faces take 20 GB of disk.

    python -m bench.linear [--faces 1000000 2000000 5000000 10000000] [--folder DIR]

--folder keeps the templates, the store and the indexes for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine, templates
from bench.contenders import K, Lineament
from bench.search import clocked, memory, times

TOGETHER = 64
LARGEST = 10_000_000
TARGETS = {"p50": 25.0, "p99": 80.0, "together": 8.0, "bytes": 90.0, "first_s": 10.0}


def make(folder: Path, faces: int, probes: int) -> None:
    """Write the templates and their store, part by part."""
    made = templates.write(folder / "making.npy", faces, probes)
    np.savez(folder / "made.npz", people=made.people, probes=made.probes, probe_people=made.probe_people)
    templates.store(folder, made.gallery)
    (folder / "making.npy").rename(folder / "gallery.npy")


def best(folder: Path, faces: int) -> np.ndarray:
    """Return the rows of the exact best 50 of the first ``faces`` for each probe."""
    path = folder / f"best-{faces}.npy"
    if not path.exists():
        with np.load(folder / "made.npz") as made:
            np.save(
                path, templates.exact_best(np.load(folder / "gallery.npy", mmap_mode="r")[:faces], made["probes"], K)
            )
    return np.asarray(np.load(path))


def measure(folder: Path, faces: int, seconds: float) -> dict[str, float]:
    """Return the figures of one size, or how long indexing took if that had to come first."""
    ours = Lineament(folder / f"index-{faces}", faces)
    ours.start()
    if not ours.folder.exists():
        return {"build_s": clocked(lambda: ours.build(np.load(folder / "gallery.npy", mmap_mode="r")[:faces]))[1]}
    with np.load(folder / "made.npz") as made:
        probes, probe_people, people = made["probes"], made["probe_people"], made["people"][:faces]
    rows = best(folder, faces)
    mated = people[rows] == probe_people[:, np.newaxis]
    before = memory()[0]
    opening = clocked(ours.open)[1]
    opening += clocked(lambda: ours.search(probes[0], None))[1]
    found = [ours.search(probe, None) for probe in probes]
    each = float(memory()[0] - before) / faces
    hit = np.stack([np.isin(wanted + 1, list(listed)) for wanted, listed in zip(rows, found, strict=True)])
    taken = times(lambda probe: ours.search(probe, None), probes, seconds)
    many = np.resize(probes, (TOGETHER, probes.shape[1]))
    together = [1000 * clocked(lambda: ours.index.search(many, K))[1] / TOGETHER for _ in range(5)]
    figures = ours.details(probes[:50])
    ours.close()
    return figures | {
        "p50": float(np.median(taken)),
        "p99": float(np.percentile(taken, 99)),
        "together": float(np.median(together)),
        "bytes": each,
        "genuine": float(hit[mated].mean()) if mated.any() else 1.0,
        "all": float(hit.mean()),
        "first_s": opening,
    }


def main() -> int:
    """Print a row for each size and the line; return 1 if ten million faces miss a target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[1_000_000, 2_000_000, 5_000_000, LARGEST])
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing for each")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(measure(options.folder, options.stage, options.seconds)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return _run(folder, sorted(options.faces), options.probes, options.seconds)


def _run(folder: Path, sizes: list[int], probes: int, seconds: float) -> int:
    print(machine.line("numpy"))
    print(f"load before: {os.getloadavg()[0]:.1f}; k = {K}, {probes} probes", flush=True)
    if not (folder / "gallery.npy").exists():
        making = clocked(lambda: make(folder, sizes[-1], probes))[1]
        print(f"templates and store: {making:.0f} s", flush=True)
    comparing = clocked(lambda: [best(folder, faces) for faces in sizes])[1]
    print(f"exact results: {comparing:.0f} s", flush=True)
    heads = ("p50 ms", "p99 ms", "scan ms", "look-up", "64: ms", "genuine", "best 50", "B/face", "first s", "build s")
    print(f"{'faces':>12}" + "".join(f"{head:>9}" for head in heads))
    measured = {}
    for faces in sizes:
        measured[faces] = of = _child(folder, faces, seconds)
        cells = [f"{of[name]:.2f}" for name in ("p50", "p99", "scan_p50", "look_up_p50", "together")]
        cells += [f"{of['genuine']:.4f}", f"{of['all']:.4f}", f"{of['bytes']:.0f}", f"{of['first_s']:.2f}"]
        cells += [f"{of['build_s']:.0f}" if "build_s" in of else "kept"]
        print(f"{faces:>12,}" + "".join(f"{cell:>9}" for cell in cells), flush=True)
    if len(sizes) > 1:
        for name, of_what in (("p50", "a probe"), ("scan_p50", "the scan alone"), ("together", "one of 64 probes")):
            print(_line(sizes, [measured[faces][name] for faces in sizes], of_what))
    return _verdict(measured[sizes[-1]]) if sizes[-1] == LARGEST else 0


def _child(folder: Path, faces: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.linear", "--folder", str(folder)]
    command += ["--stage", str(faces), "--seconds", str(seconds)]
    figures: dict[str, Any] = {}
    while "p50" not in figures:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    return figures


def _line(sizes: list[int], taken: list[float], of_what: str) -> str:
    """Return the line of least squares through the times, and the share of their variance that it explains."""
    millions, y = np.array(sizes) / 1e6, np.array(taken)
    slope, start = np.polyfit(millions, y, 1)
    left = y - (start + slope * millions)
    explained = 1 - float(left @ left) / float(((y - y.mean()) ** 2).sum())
    return f"{of_what}: {start:.2f} ms + {slope:.2f} ms for each million faces, R² {explained:.4f}"


def _verdict(of: dict[str, float]) -> int:
    checks = {f"{name} {of[name]:.2f} < {most:g}": of[name] < most for name, most in TARGETS.items()}
    checks[f"genuine recall@50 {of['genuine']:.4f} ≥ 0.999"] = of["genuine"] >= 0.999
    for target, reached in checks.items():
        print(f"{'reached' if reached else 'MISSED'}: {target}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
