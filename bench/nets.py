"""The nets' own time for a photograph of 640 x 480 pixels with one face, which is a lower bound for an ingest.

A look at the whole picture, one at the picture turned both ways, a close look at the face, and one embedding of the
face and its mirror image, in that order, each time on other pixels that are ready in memory.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable
from itertools import count

import numpy as np

from bench import machine
from bench.lfw import shipped_pack
from lineament.vision.detect import LONG_SIDE, LOOK_SIZE
from lineament.vision.packs import Pack
from lineament.vision.runtime import Images, InferenceSession, bf16_is_native, sessions

WIDTH, HEIGHT = 640, 480
SECONDS = 2.0
PICTURES = 32
"""Number of different pictures, so that caches do not help more than in an ingest."""


def limit(precision: str, seconds: float = SECONDS) -> float:
    """Return the photographs a second on all processors with nothing but the nets."""
    threads = len(os.sched_getaffinity(0))
    pack = shipped_pack()
    open_session = sessions("openvino", precision, threads)
    detector, recogniser = open_session(pack.detector), open_session(pack.recognisers[0].net)
    whole, turned, face, pair = (_pixels(shape) for shape in _shapes(pack))

    def photograph(number: int) -> None:
        at = number % PICTURES
        detector.run(whole[at])
        detector.run(turned[at])
        detector.run(face[at])
        recogniser.run(pair[at])

    return 1000 / _time(photograph, threads, seconds)


def times(precision: str, threads: int, seconds: float) -> dict[str, float]:
    """Return the milliseconds per photograph of each step, with ``threads`` photographs at once."""
    pack = shipped_pack()
    open_session = sessions("openvino", precision, threads)
    detector, recogniser = open_session(pack.detector), open_session(pack.recognisers[0].net)
    names = ("first look", "turned look", "close look", "two embeddings")
    nets = (detector, detector, detector, recogniser)
    return {
        name: _alone(net, shape, threads, seconds) for name, net, shape in zip(names, nets, _shapes(pack), strict=True)
    }


def _shapes(pack: Pack) -> tuple[tuple[int, ...], ...]:
    return (
        (1, HEIGHT * LONG_SIDE // WIDTH, LONG_SIDE, 3),
        (1, LOOK_SIZE, LOOK_SIZE, 3),
        (1, LOOK_SIZE, LOOK_SIZE, 3),
        (2, pack.recognisers[0].side, pack.recognisers[0].side, 3),
    )


def _pixels(shape: tuple[int, ...]) -> Images:
    return np.random.default_rng(1).integers(0, 256, (PICTURES, *shape)).astype(np.uint8)


def _alone(session: InferenceSession, shape: tuple[int, ...], threads: int, seconds: float) -> float:
    pictures = _pixels(shape)
    return _time(lambda number: session.run(pictures[number % PICTURES]), threads, seconds)


def _time(call: Callable[[int], object], threads: int, seconds: float) -> float:
    """Return the milliseconds per call, with ``threads`` calls at once."""
    for number in range(3):
        call(number)
    end = time.perf_counter() + seconds
    done = [0] * threads

    def work(number: int) -> None:
        for done[number] in count(1):
            call(done[number])
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each figure")
    seconds: float = parser.parse_args().seconds
    print(machine.line("openvino"))
    processors = len(os.sched_getaffinity(0))
    for precision in ["f32", "bf16"] if bf16_is_native() else ["f32"]:
        for threads in sorted({1, processors}):
            steps = times(precision, threads, seconds)
            text = ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in steps.items())
            total = sum(steps.values())
            print(f"{precision}, {threads} at once: {text} ms, each alone; {total:.2f} ms a photograph")
        most = limit(precision, seconds)
        print(f"{precision}: at most {most:.1f} photographs/s, the four in turn on {processors} processors")


if __name__ == "__main__":
    main()
