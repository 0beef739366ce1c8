"""Reads a web archive, joining pictures with their pages, compared with fastwarc reading and dropping every payload.

    python -m bench.warc [--gigabytes 1] [--rounds 3] [--plain]

The file repeats the demo's portraits: six for each page of about 14 KB, every page and picture with its own address.
Both read the same file alternately, each in its own process, so that peak memory is theirs alone. CPU time is of the
whole process, and more reliable on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import lineament
from bench import machine
from bench.archives import Archive, Body

DEMO = Path(lineament.__file__).parent / "demo"

_READER = """
import json, resource, sys, time
from pathlib import Path
reader, path = sys.argv[1:]
from fastwarc.warc import ArchiveIterator
from lineament.sources.base import Item, LeftOut
from lineament.sources.webarchive.connector import WarcConnector
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = memory()
began, worked = time.perf_counter(), time.process_time()
count = joined = 0
early = None
size = 0
if reader == "lineament":
    for item in WarcConnector([Path(path)], 2**25).items():
        if isinstance(item, LeftOut):
            continue
        assert isinstance(item, Item), item
        count += 1
        joined += item.provenance.page_record is not None
        early = memory() if count == 600 else early
else:
    for record in ArchiveIterator(path):
        record.reader.read()
        count += record.http_content_type == "image/jpeg"
        early = memory() if count == 600 else early
print(json.dumps({
    "seconds": time.perf_counter() - began, "processor": time.process_time() - worked,
    "pictures": count, "joined": joined, "before": before, "early": early, "peak": memory(),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="not compressed")
    parser.add_argument("--folder", type=Path, help="where to write the file; default: the temporary folder")
    given = parser.parse_args()
    print(machine.line("fastwarc", "lxml"))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / ("bench.warc" if given.plain else "bench.warc.gz")
        pictures = make(path, given.gigabytes, packed=not given.plain)
        size = path.stat().st_size
        print(f"{path.name}: {size / 1e9:.2f} GB, {pictures} pictures")
        compare(path, size, pictures, given.rounds)


def compare(path: Path, size: int, pictures: int, rounds: int) -> None:
    names = ("fastwarc", "lineament")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):  # alternating, so that other work on the machine affects both
        for name in names:
            runs[name].append(read(name, path))
    for name in names:
        last = runs[name][-1]
        assert last["pictures"] == pictures
        wall, processor = (statistics.median(run[key] for run in runs[name]) for key in ("seconds", "processor"))
        print(
            f"{name:9} {size / wall / 1e6:6.0f} MB/s, {wall:.2f} s (CPU {processor:.2f} s); peak memory"
            f" {max(run['peak'] for run in runs[name]):.0f} MiB, after 600 pictures {last['early']} MiB,"
            f" before {last['before']:.0f} MiB"
        )
    print(f"joined with a page: {runs['lineament'][-1]['joined']} of {pictures}")
    for key, measure in (("seconds", "in wall time"), ("processor", "in CPU time")):
        theirs, ours = ([run[key] for run in runs[name]] for name in names)
        pairs = statistics.median(peer / own for peer, own in zip(theirs, ours, strict=True))
        best = min(theirs) / min(ours)
        print(f"lineament at {pairs:.0%} of fastwarc {measure} (median of pairs; best rounds {best:.0%}; target 80 %)")


def read(name: str, path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", _READER, name, str(path)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def make(path: Path, gigabytes: float, *, packed: bool) -> int:
    """Write the archive; return the number of its pictures."""
    portraits = [Body(portrait.read_bytes(), "image/jpeg") for portrait in sorted(DEMO.glob("*.jpg"))]
    page = 0
    with Archive(path, packed=packed) as archive:
        while archive.size < gigabytes * 1e9:
            archive.add(f"https://bench.example/{page}", Body(html(page, len(portraits)), "text/html; charset=utf-8"))
            for number, portrait in enumerate(portraits):
                archive.add(f"https://bench.example/i/{page}/{number}.jpg", portrait)
            page += 1
    return page * len(portraits)


def html(page: int, pictures: int) -> bytes:
    shown = "".join(
        f'<p>Somebody speaks, number {number}.</p><div><img src="/i/{page}/{number}.jpg" alt="A portrait"></div>'
        for number in range(pictures)
    )
    words = f"<p>{'words of the page ' * 40}</p>" * 18
    return f"<html><head><title>Page {page}</title></head><body>{shown}{words}</body></html>".encode()


if __name__ == "__main__":
    main()
