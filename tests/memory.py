"""The most memory that a command and everything it starts take at once: ``python -m tests.memory make test``.

Linux only. Memory that processes share is divided among them (PSS), so that the sum is what the machine needs.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

SECONDS = 1.0
"""The time between two samples."""
SHOWN, WIDTH = 10, 100
"""Processes that are listed, and characters of a command line."""


def descendants(root: int) -> list[int]:
    """Return the ids of a process and of all below it."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            children[int(path.read_text().rpartition(")")[2].split()[1])].append(int(path.parent.name))
    found, pending = [], [root]
    while pending:
        found.append(pending.pop())
        pending += children[found[-1]]
    return found


def name(process: int) -> str:
    """Return the command of a process and the end of its command line; empty if it has ended."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_text(errors="replace").split("\0")
        return " ".join([Path(words[0]).name, *words[1:]])[:WIDTH]
    return ""


def memory(process: int) -> int:
    """Return the memory of a process in KiB, with its part of shared memory; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def main() -> int:
    """Run the command and print its peak, with the largest processes at that moment; return its exit code."""
    peak: list[tuple[int, str]] = []
    with subprocess.Popen(sys.argv[1:]) as running:
        while running.poll() is None:
            sample = [(memory(process), name(process)) for process in descendants(running.pid)]
            peak = max(peak, sample, key=lambda processes: sum(size for size, _ in processes))
            time.sleep(SECONDS)
    lines = [f"at most {sum(size for size, _ in peak) / 2**20:.2f} GiB at once"]
    lines += [f"{size / 2**10:8.0f} MiB  {command}" for size, command in sorted(peak, reverse=True)[:SHOWN]]
    sys.stdout.write("\n".join(lines) + "\n")
    return running.returncode


if __name__ == "__main__":
    sys.exit(main())
