"""How long ``lineament evaluate`` takes: photographs from file to report, again from its cache, made-up templates."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench import lfw, machine

TARGETS = {"photographs": 240, "templates": 120}
"""Seconds, for 5,000 photographs and for a million templates, on two processors."""


def timed(*arguments: str) -> tuple[float, dict[str, object]]:
    """Run ``lineament evaluate`` in a process of its own; return the seconds and its answer."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "lineament", "evaluate", *arguments, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return time.perf_counter() - began, answer


def make_templates(path: Path, count: int) -> None:
    """Write ``count`` made-up templates of 128 numbers, of 0.6 times as many people at random."""
    random = np.random.default_rng(1)
    people = np.sort(random.integers(0, max(2, int(0.6 * count)), count))
    middles = random.normal(size=(people[-1] + 1, 128)).astype(np.float32)
    np.savez(path, vectors=middles[people] + random.normal(size=(count, 128)).astype(np.float32), people=people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", type=int, default=1_000_000)
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen = lfw.photographs(given.lfw)
    print(machine.line("openvino", "opencv-python-headless", "fpdf2"))
    with tempfile.TemporaryDirectory(prefix="bench-evaluate-") as name:
        folder = Path(name)
        photographs = (str(given.lfw), "--cache", str(folder / "c.npz"), "--to", str(folder / "out"))
        seconds, _ = timed(*photographs)
        print(f"{len(chosen):,} photographs, with page and PDF: {seconds:.0f} s (target {TARGETS['photographs']})")
        seconds, _ = timed(*photographs, "--force")
        print(f"the same from the cache: {seconds:.0f} s")
        make_templates(folder / "t.npz", given.templates)
        seconds, _ = timed("--templates", str(folder / "t.npz"))
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(
            f"{given.templates:,} templates: {seconds:.0f} s (target {TARGETS['templates']} for a million), "
            f"peak memory {most / 2**20:.1f} GiB"
        )


if __name__ == "__main__":
    main()
