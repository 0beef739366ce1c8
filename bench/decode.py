"""Measures decoding in a confined process, compared with Pillow in this process, and deriving pictures.

    python -m bench.decode [--rounds 200]

CPU time, of the worker and this process together, is the measure if other work runs on the machine.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pdqhash
from PIL import Image

import lineament
from bench import machine
from lineament.model.faces import Box
from lineament.testing import encoded
from lineament.vision.decode import Decoder
from lineament.vision.decode_process import DecodingProcess
from lineament.vision.derive import face_crop, perceptual_hash, thumbnail

PORTRAIT = Path(lineament.__file__).parent / "demo" / "obama.jpg"
SIZES = ((640, 480), (4032, 3024))
ROUNDS = 200
LARGE = (6000, 4000)
MEMORY = 3 * 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds: int = parser.parse_args().rounds
    print(machine.line("pillow", "opencv-python-headless", "pdqhash"))
    cv2.setNumThreads(1)
    started = time.perf_counter()
    with Decoder(workers=2, max_pixels=200_000_000, max_bytes=2**28, memory=MEMORY, seconds=20) as decoder:
        decoder.decode(photograph((64, 48)))
        print(f"a worker has read its first picture after {(time.perf_counter() - started) * 1e3:.0f} ms")
        started = time.perf_counter()
        guards = decoder.confinement
        print(f"one for rare formats is ready after {(time.perf_counter() - started) * 1e3:.0f} ms; both are under:")
        for guard in guards:
            print(f"  {guard}")
        for size in SIZES:
            compare(decoder, size, rounds if size[0] < 1000 else min(10, rounds))
        throughput(decoder, 3 * rounds)
    large(rounds)
    derived(rounds)


def large(rounds: int) -> None:
    """Print time and memory of pictures with 24 megapixels, or fewer at toy size."""
    width, height = LARGE if rounds >= 100 else (1500, 1000)
    image = Image.open(PORTRAIT).convert("RGB").resize((width, height))
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "JPEG": encoded(image, "JPEG", quality=90),
        "JPEG, progressive": encoded(image, "JPEG", quality=90, progressive=True),
        "JPEG, turned": encoded(image, "JPEG", quality=90, exif=turned),
        "PNG": encoded(image, "PNG", compress_level=1),
        "TIFF": encoded(image, "TIFF"),
        "WebP": encoded(image, "WEBP", quality=80, method=0),
        "AVIF": encoded(image, "AVIF", speed=10),
        "JPEG XL": imagecodecs.jpegxl_encode(np.asarray(image), distance=1.0, effort=1),
    }
    print(f"{width * height / 1e6:.1f} megapixels, the most memory that a worker has resident, the pixels included:")
    for name, data in files.items():
        with Decoder(workers=1, max_pixels=200_000_000, max_bytes=2**30, memory=MEMORY, seconds=60) as decoder:
            began = time.perf_counter()
            decoder.decode(bytes(data))
            seconds, most = time.perf_counter() - began, max(map(resident, decoder._slots[0].processes.values()))  # noqa: SLF001
        print(f"  {name:18} {seconds:.2f} s, {most >> 20} MiB, the start of the worker included")


def resident(process: DecodingProcess) -> int:
    """Return the most bytes that a process has had resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def photograph(size: tuple[int, int]) -> bytes:
    return encoded(Image.open(PORTRAIT).resize(size), "JPEG", quality=90)


def compare(decoder: Decoder, size: tuple[int, int], rounds: int) -> None:
    data = photograph(size)

    def in_process() -> None:
        np.asarray(Image.open(io.BytesIO(data)))

    def in_worker() -> None:
        decoder.decode(data)

    in_process()
    in_worker()
    pillow, worker = [], []
    pillow_wall, worker_wall = [], []
    for _ in range(5):  # alternating, so that other work on the machine affects both
        began = time.process_time()
        pillow_wall += [timed(in_process) for _ in range(rounds // 5)]
        pillow.append((time.process_time() - began) / (rounds // 5))
        began, worked = time.process_time(), worker_seconds(decoder)
        worker_wall += [timed(in_worker) for _ in range(rounds // 5)]
        worker.append((time.process_time() - began + worker_seconds(decoder) - worked) / (rounds // 5))
    print(f"JPEG {size[0]} × {size[1]}, {len(data) >> 10} KiB, median of {rounds}:")
    for name, ours, theirs in (
        ("CPU time", statistics.median(worker), statistics.median(pillow)),
        ("wall time", statistics.median(worker_wall), statistics.median(pillow_wall)),
    ):
        print(f"  {name:9}  Pillow {theirs * 1e3:.2f} ms, worker {ours * 1e3:.2f} ms: {ours / theirs:.2f} times")


def throughput(decoder: Decoder, count: int) -> None:
    data = photograph((640, 480))
    with ThreadPoolExecutor(4) as threads:
        began = time.perf_counter()
        list(threads.map(decoder.decode, [data] * count))
    print(f"two workers: {count / (time.perf_counter() - began):.0f} photographs of 640 × 480 a second")


def derived(rounds: int) -> None:
    with Decoder(workers=1, max_pixels=10**8, max_bytes=2**26, memory=2**29, seconds=20) as decoder:
        picture = decoder.decode(photograph((640, 480)))
    box = Box(x=250, y=80, width=120, height=160)
    for name, work in {
        "perceptual hash": lambda: perceptual_hash(picture.pixels),
        "perceptual hash by pdqhash": lambda: pdqhash.compute(picture.pixels),
        "face crop": lambda: face_crop(picture, box),
        "thumbnail": lambda: thumbnail(picture),
    }.items():
        print(f"{name} of 640 × 480: {processor_time(work, rounds) * 1e3:.2f} ms")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_time(work: Callable[[], object], rounds: int) -> float:
    work()
    began = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - began) / rounds


def worker_seconds(decoder: Decoder) -> float:
    """Return the CPU time of all workers so far, in seconds."""
    running = [slot.process.pid for slot in decoder._slots if slot.process is not None]  # noqa: SLF001 - only a benchmark
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in running) / 1e9


if __name__ == "__main__":
    main()
