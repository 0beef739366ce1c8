"""Ingests a web archive, compared with a folder: the same pictures, once with their pages, once with side-cars.

    python -m bench.warc_ingest [--photographs 600] [--rounds 3]

Both are complete ingests, alternating, each into a new workspace and in its own process. The archive has one page for
six photographs; its records are compressed one by one, as crawlers write them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, photographs
from bench.archives import Archive, Body
from bench.warc import html
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import Task
from lineament.settings import Settings
from lineament.sources.choose import choose
from lineament.sources.registry import Terms
from lineament.workspace import Workspace

ROOT = Path(__file__).parents[1]
ON_A_PAGE = 6


def make(folder: Path, path: Path) -> None:
    """Write side-cars for the photographs in ``folder``, and an archive of the same photographs."""
    paths = sorted(folder.glob("*.jpg"))
    with Archive(path) as archive:
        for page, begin in enumerate(range(0, len(paths), ON_A_PAGE)):
            shown, page_uri = paths[begin : begin + ON_A_PAGE], f"https://bench.example/{page}"
            archive.add(page_uri, Body(html(page, len(shown)), "text/html; charset=utf-8"))
            for number, photograph in enumerate(shown):
                uri = f"https://bench.example/i/{page}/{number}.jpg"
                archive.add(uri, Body(photograph.read_bytes(), "image/jpeg"))
                side_car = {"uri": uri, "page_uri": page_uri, "page_title": f"Page {page}"}
                photograph.with_name(f"{photograph.name}.json").write_text(json.dumps(side_car))


def ingest(location: str) -> dict[str, float]:
    """Measure one ingest of a file or folder into a new workspace."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        settings = Settings(home=Path(home) / "ws")
        with Workspace.create(settings) as workspace:
            workspace.desk_at_the_machine().sources.add(
                SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR")
            )
            first = next((ROOT / "src" / "lineament" / "demo").glob("*.jpg")).read_bytes()
            for _ in range(workspace.workers):
                workspace.analyser.analyse(first, enrolling=True)
            (chosen,) = choose([location], Terms(max_bytes=settings.max_file_bytes))
            task = Task(connector=chosen.connector, kind=chosen.kind, what=chosen.locations, page=chosen.page)
            worked = time.process_time()
            report = workspace.desk_at_the_machine().ingest.run("bench", task, workers=workspace.workers)
            worked = time.process_time() - worked
    return {"rate": report.seen / report.seconds, "faces": report.faces, "processor": worked}


def apart(location: Path) -> dict[str, float]:
    """Run ``ingest`` in its own process."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.warc_ingest", "--inner", str(location)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photographs", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inner", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inner:
        print(json.dumps(ingest(given.inner)))
        return
    print(machine.line("openvino", "fastwarc", "lxml"))
    with tempfile.TemporaryDirectory(prefix="bench-photos-") as name:
        folder, path = Path(name) / "photographs", Path(name) / "bench.warc.gz"
        print(photographs.make(folder, given.photographs))
        make(folder, path)
        compare(folder, path, given.rounds)


def compare(folder: Path, path: Path, rounds: int) -> None:
    """Ingest both alternately, and print the comparison."""
    runs = [(apart(folder), apart(path)) for _ in range(rounds)]
    for number, name in enumerate(("folder", "web archive")):
        rate, processor = (statistics.median(pair[number][key] for pair in runs) for key in ("rate", "processor"))
        faces = runs[-1][number]["faces"]
        print(f"{name:11} {rate:.1f} photographs/s, {faces:.0f} faces; CPU {processor:.1f} s without the decoders")
    share = statistics.median(pair[1]["rate"] / pair[0]["rate"] for pair in runs)
    worked = statistics.median(pair[0]["processor"] / pair[1]["processor"] for pair in runs)
    print(f"archive at {share:.0%} of the folder's rate (median of pairs; target 90 %), in CPU time {worked:.0%}")


if __name__ == "__main__":
    main()
