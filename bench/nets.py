"""The nets' own time for a photograph of 640 x 480 pixels with one face: the limit that nothing around them can beat.

One look at the whole picture, one second look at the face, one embedding of the face and its mirror image; nothing
else, on pictures that are ready in memory.
"""

from __future__ import annotations

import os
import threading
import time
from itertools import count

import numpy as np

from bench import machine
from bench.lfw import CACHE
from lineament.vision.detect import LOOK_SIZE
from lineament.vision.packs import default_pack
from lineament.vision.runtime import InferenceSession, bf16_is_native, sessions

WIDTH, HEIGHT = 640, 480
SECONDS = 1.5


def limit(precision: str, threads: int | None = None) -> float:
    """Photographs a second on all processors, or with so many threads, if there were nothing but the nets."""
    threads = threads or len(os.sched_getaffinity(0))
    return 1000 / sum(times(precision, threads).values())


def times(precision: str, threads: int) -> dict[str, float]:
    """Milliseconds a photograph in each step, with so many photographs under way at once."""
    pack = default_pack(CACHE)
    open_session = sessions("openvino", precision, threads)
    detector, recogniser = open_session(pack.detector), open_session(pack.recogniser)
    return {
        "first look": _time(detector, (1, HEIGHT, WIDTH, 3), threads),
        "second look": _time(detector, (1, LOOK_SIZE, LOOK_SIZE, 3), threads),
        "two embeddings": _time(recogniser, (2, pack.side, pack.side, 3), threads),
    }


def _time(session: InferenceSession, shape: tuple[int, ...], threads: int) -> float:
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    for _ in range(3):
        session.run(images)
    end = time.perf_counter() + SECONDS
    done = [0] * threads

    def work(number: int) -> None:
        for done[number] in count(1):
            session.run(images)
            if time.perf_counter() > end:
                return

    began = time.perf_counter()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / sum(done) * 1000


def main() -> None:
    print(machine.line("openvino"))
    processors = len(os.sched_getaffinity(0))
    for precision in ["f32", "bf16"] if bf16_is_native() else ["f32"]:
        for threads in sorted({1, processors}):
            steps = times(precision, threads)
            told = ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in steps.items())
            total = sum(steps.values())
            print(f"{precision}, {threads} at once: {told}; {total:.2f} ms a photograph, {1000 / total:.1f}/s at most")


if __name__ == "__main__":
    main()
