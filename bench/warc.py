"""Reading a web archive: pictures joined with their pages, beside fastwarc that reads every payload and drops it.

    python -m bench.warc [--gigabytes 1] [--rounds 3] [--plain]

The file is made by repetition of the portraits of the demonstration: to each page of about 14 KB the six of them,
every page and picture with an address of its own. Both read the same file in turns, each in a process of its own, so
that peak memory is theirs alone. “with digests” is fastwarc's reading plus SHA-256 of each payload, in one thread:
what provenance asks of any reader.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lineament
from bench import machine

DEMO = Path(lineament.__file__).parent / "demo"

_READER = """
import hashlib, json, os, resource, sys, threading, time
from pathlib import Path
what, path = sys.argv[1:]
from fastwarc.warc import ArchiveIterator
from lineament.sources.base import Item
from lineament.sources.warc import WarcConnector
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = memory()
began, worked, own = time.perf_counter(), time.process_time(), time.thread_time()
count = joined = 0
early = None
size = 0
if what == "lineament":
    for one in WarcConnector([Path(path)], 2**25).items():
        assert isinstance(one, Item), one
        count += 1
        joined += one.provenance.page_record is not None
        early = memory() if count == 600 else early
else:
    for record in ArchiveIterator(path):
        payload = record.reader.read()
        if what == "with digests":
            hashlib.sha256(payload).hexdigest()
        count += record.http_content_type == "image/jpeg"
        early = memory() if count == 600 else early
print(json.dumps({
    "seconds": time.perf_counter() - began, "processor": time.process_time() - worked,
    "reading": time.thread_time() - own, "pictures": count, "joined": joined, "before": before, "early": early,
    "peak": memory(),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="not compressed")
    parser.add_argument("--folder", type=Path, help="where the file is made; beside temporary files by default")
    given = parser.parse_args()
    print(machine.line("fastwarc", "lxml"))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / ("bench.warc" if given.plain else "bench.warc.gz")
        pictures = make(path, given.gigabytes, packed=not given.plain)
        size = path.stat().st_size
        print(f"{path.name}: {size / 1e9:.2f} GB, {pictures} pictures")
        compare(path, size, pictures, given.rounds)


def compare(path: Path, size: int, pictures: int, rounds: int) -> None:
    names = ("fastwarc", "with digests", "lineament")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):  # in turns, so that other work on the machine meets all
        for name in names:
            runs[name].append(read(name, path))
    for name in names:
        last = runs[name][-1]
        assert last["pictures"] == pictures
        wall, processor, reading = (
            statistics.median(run[what] for run in runs[name]) for what in ("seconds", "processor", "reading")
        )
        print(
            f"{name:13} {size / wall / 1e6:6.0f} MB/s, {wall:.2f} s (processor {processor:.2f} s, of which the reading"
            f" thread {reading:.2f} s); peak memory {max(run['peak'] for run in runs[name]):.0f} MiB,"
            f" after 600 pictures {last['early']} MiB, before {last['before']:.0f} MiB"
        )
    print(f"joined with a page: {runs['lineament'][-1]['joined']} of {pictures}")
    for other in names[:2]:
        shares = [one["seconds"] / ours["seconds"] for one, ours in zip(runs[other], runs["lineament"], strict=True)]
        best = min(one["seconds"] for one in runs[other]) / min(one["seconds"] for one in runs["lineament"])
        by_thread = statistics.median(
            one["reading"] / ours["reading"] for one, ours in zip(runs[other], runs["lineament"], strict=True)
        )
        print(
            f"lineament beside {other}: {statistics.median(shares):.0%} (median of pairs), {best:.0%} (best rounds),"
            f" {by_thread:.0%} by the reading thread's processor time"
        )


def read(name: str, path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", _READER, name, str(path)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def make(path: Path, gigabytes: float, *, packed: bool) -> int:
    """Write the archive with warcio; returns how many pictures are in it."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    portraits = [portrait.read_bytes() for portrait in sorted(DEMO.glob("*.jpg"))]
    began = time.perf_counter()
    count = page = 0
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=packed)

        def add(uri: str, body: bytes, media_type: str) -> None:
            headers = StatusAndHeaders("200 OK", [("Content-Type", media_type)], protocol="HTTP/1.1")
            record = writer.create_warc_record(
                uri, "response", payload=io.BytesIO(body), length=len(body), http_headers=headers
            )
            writer.write_record(record)

        while file.tell() < gigabytes * 1e9:
            add(f"https://bench.example/{page}", html(page, len(portraits)), "text/html; charset=utf-8")
            for number, portrait in enumerate(portraits):
                add(f"https://bench.example/i/{page}/{number}.jpg", portrait, "image/jpeg")
            count += len(portraits)
            page += 1
    print(f"made in {time.perf_counter() - began:.0f} s")
    return count


def html(page: int, pictures: int) -> bytes:
    shown = "".join(
        f'<p>Somebody speaks, number {number}.</p><div><img src="/i/{page}/{number}.jpg" alt="A portrait"></div>'
        for number in range(pictures)
    )
    words = f"<p>{'words of the page ' * 40}</p>" * 18
    return f"<html><head><title>Page {page}</title></head><body>{shown}{words}</body></html>".encode()


if __name__ == "__main__":
    main()
