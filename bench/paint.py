"""Measures when each page shows its first content in Chromium on the loopback, and whether anything moves afterwards.

    python -m bench.paint [--times 5] [--worlds NAME ...] [--only NAME ...]

It opens the pages of ``screenshots.py``, each as the person who opens it there, and prints the median and the largest
of the times from the navigation to the first contentful paint (W3C Paint Timing), and the layout shift (W3C Layout
Instability). Style and scripts come from the browser's cache, as on any page but the first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page
from tests.support.browsers import open_chromium

from bench import machine
from bench.screenshots import WORLDS

LIMIT_MS = 300.0
_PAINT = """() => new Promise((painted) => new PerformanceObserver((list, observer) => {
    const first = list.getEntriesByName("first-contentful-paint")[0];
    if (first) { observer.disconnect(); painted(first.startTime); }
}).observe({ type: "paint", buffered: true }))"""
_SHIFT = """() => new Promise((moved) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => moved(sum), 100);
})"""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Opens pages as the camera of ``screenshots.py`` does, and prints what it measures."""

    times: int
    only: frozenset[str]
    medians: list[float] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)  # or moving

    def __call__(self, page: Page, name: str, address: str) -> None:
        """Open a page several times."""
        if not self.wants(name):
            return
        taken, moved = [], 0.0
        for _ in range(self.times):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            taken.append(page.evaluate(_PAINT))
            moved = max(moved, page.evaluate(_SHIFT))
        self.medians.append(statistics.median(taken))
        print(f"{name:28}{self.medians[-1]:11.0f}{max(taken):9.0f}{moved:8.3f}")
        if self.medians[-1] > LIMIT_MS or moved:
            self.slow.append(name)

    def wants(self, name: str) -> bool:
        """Return whether a page is measured."""
        return not self.only or name in self.only

    def take(self, page: Page, name: str) -> None:
        """Leave out a page that answers a form: it cannot be opened again by its address."""


def main() -> int:
    """Print the table; return 1 if a page is slower than the limit, or anything moves on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME")
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS, help="only these workspaces")
    given = parser.parse_args()
    print(machine.line("playwright"))
    watch = Stopwatch(given.times, frozenset(given.only))
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        print(f"Chromium {browser.version}, first contentful paint")
        print(f"{'page':28}{'median ms':>11}{'max ms':>9}{'shift':>8}   ({given.times} times each)")
        for name in given.worlds:
            (Path(folder) / name).mkdir()
            WORLDS[name](browser, Path(folder) / name, watch)
    print(f"slowest median {max(watch.medians):.0f} ms, of {len(watch.medians)} pages")
    if watch.slow:
        print(f"slower than {LIMIT_MS:.0f} ms, or moving: {', '.join(watch.slow)}")
    return 1 if watch.slow else 0


if __name__ == "__main__":
    sys.exit(main())
