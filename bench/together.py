"""What a search of several people costs, against one of a single person.

    python -m bench.together [--faces 1000000] [--rounds 20] [--home DIR]

A search is everything between the stored probes and the committed list: gate, comparison, ledger. The faces are random
unit vectors, up to 10,000 in a picture. Each person is compared with every face, so two people should take about twice
as long as one; what is above the thresholds is then put together by picture.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench import machine
from bench.many_sources import build
from bench.whole import PROBES
from lineament.model.search import ProbeFace, SearchRequest
from lineament.model.together import Together
from lineament.settings import Settings
from lineament.workspace import Desk, Workspace

PEOPLE = (1, 2, 3)


def request(others: list[str], together: Together | None) -> SearchRequest:
    """Return a search of the first person and of these others."""
    people = tuple(ProbeFace(probe_id=other, face=1) for other in others)
    return SearchRequest(case="B-1", reason="bench", people=people, together=together)


def seconds(desk: Desk, first: str, asked: SearchRequest, rounds: int) -> float:
    """Return the median of so many searches, after one that opens the indexes."""
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        assert desk.search.run(first, asked, 1).whole
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def main() -> int:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "ws"
        if not home.exists():
            build(home, 1, options.faces)
        with Workspace.open(Settings(home=home)) as workspace:
            desk = workspace.desk_at_the_machine()
            found = [desk.probes.take("B-1", path.read_bytes()).id for path in PROBES]
            print(f"{options.faces:,} faces, median of {options.rounds} searches; {machine.line()}\n")
            print("| people | any of them (ms) | all of them in one picture (ms) |\n| --- | --- | --- |")
            for people in PEOPLE[: len(found)]:
                ways = (Together.ANY, Together.ALL) if people > 1 else (None,)
                taken = [seconds(desk, found[0], request(found[1:people], way), options.rounds) for way in ways]
                print(
                    f"| {people} | "
                    + " | ".join(f"{1000 * one:.1f}" for one in taken)
                    + (" |" if people > 1 else " | |")
                )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
