"""Measures how long commands take, compared with ``python -c pass`` and importing Typer and Rich.

    python -m bench.startup [--faces 10000] [--times 5]

The commands alternate, so that a busy machine slows all of them alike; the least of the runs counts. The search has one
photograph as its probe, in a gallery of that many faces.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, whole

BASE = "import typer, rich"
TIMES_BASE = 3.0  # most times the base, for help, version and a usage error
CASE_LIST, SEARCH = 0.5, 1.5  # most seconds, of CPU time and of wall time


def commands(home: Path) -> dict[str, list[str]]:
    """Return the commands to measure, by name."""
    lineament = [sys.executable, "-m", "lineament"]
    probe = str(whole.PROBES[0])
    search = ["search", probe, "--face", "1", "--case", "B-1", "--reason", "bench", "--home", str(home)]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        f"python -c '{BASE}'": [sys.executable, "-c", BASE],
        "lineament --help": [*lineament, "--help"],
        "lineament --version": [*lineament, "--version"],
        "a usage error": [*lineament, "search", "--no-such-option"],
        "lineament case list": [*lineament, "case", "list", "--home", str(home)],
        "lineament search": [*lineament, *search],
        "of which loading the models": [sys.executable, "-c", _MODELS, str(home)],
    }


_MODELS = """
import sys
from pathlib import Path
from lineament.settings import Settings
from lineament.vision.packs import shipped_pack
from lineament.vision.runtime import sessions
settings = Settings()
pack = shipped_pack("sface-yunet", settings.cache)
opened = sessions(settings.runtime.value, settings.precision.value, 2)
side = pack.recognisers[0].side
opened(pack.recognisers[0].net).prepare((2, side, side, 3))
opened(pack.detector).prepare((1, 480, 640, 3))
"""


def seconds(command: list[str]) -> tuple[float, float]:
    """Run a command; return its CPU time and its wall time, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


def main() -> int:
    """Print a table; return 1 if a command takes longer than its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(machine.line("typer", "sqlalchemy", "openvino"))
    print(f"load {os.getloadavg()[0]:.1f}; the least of {options.times} runs")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "ws"
        whole.build(home, options.faces)
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.times):
            for name, command in commands(home).items():
                found.setdefault(name, []).append(seconds(command))
    least = {name: (min(cpu for cpu, _ in runs), min(took for _, took in runs)) for name, runs in found.items()}
    base = least[f"python -c '{BASE}'"][0]
    for name, (cpu, took) in least.items():
        print(f"{name:32} {cpu:7.3f} s of CPU time, {cpu / base:5.1f} times the base, {took:7.3f} s of wall time")
    quick = ("lineament --help", "lineament --version", "a usage error")
    slow = any(least[name][0] > TIMES_BASE * base for name in quick)
    slow |= least["lineament case list"][0] > CASE_LIST or least["lineament search"][1] > SEARCH
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
