"""Measures how the quality measures and the mated score react to LFW photographs that are degraded step by step.

The bounds in src/lineament/vision/quality.py come from these lines. A person's first photograph is degraded and
compared with the unchanged second; “missed” is the share of mated pairs below the score of one false match in 10,000.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np

from bench import lfw, machine
from bench.degraded import FACE, TOP, Degrade, as_shipped, blur, expose, shrink
from lineament.model.faces import Face, Pixels, Vectors
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder

SIDE, LEFT, WIDTH = 250, 81, 88
"""The side of a photograph in LFW, and where the box of a face begins and how wide it is, in pixels (medians)."""


def degradations() -> Iterator[tuple[str, Degrade]]:
    """Yield the name of each degradation and its function."""
    yield "unchanged", np.copy
    for height in (64, 48, 40, 32, 28, 24, 20):
        yield f"face {height} px", partial(shrink, face=height)
    for sigma in (1, 2, 3, 4, 5):
        yield f"blur {sigma} px", partial(blur, sigma=sigma)
    for gain in (0.5, 0.25, 0.15, 0.1, 0.06, 1.5, 2.0, 2.5, 3.0):
        yield f"light × {gain}", partial(expose, gain=gain)
    for share in (0.1, 0.2, 0.3, 0.4, 0.5):
        yield f"cut left {share:.0%}", partial(_cut, left=int(LEFT + share * WIDTH), low=SIDE)
    for share in (0.1, 0.2, 0.3, 0.4):
        yield f"cut below {share:.0%}", partial(_cut, left=0, low=int(TOP + (1 - share) * FACE))


def _cut(pixels: Pixels, left: int, low: int) -> Pixels:
    return pixels[:low, left:].copy()


def line(name: str, faces: list[Face | None], mates: Vectors, threshold: float) -> str:
    """Return the line of one degradation, with the median of every measure."""
    found = [(face, mate) for face, mate in zip(faces, mates, strict=True) if face is not None]
    scores = np.array([face.template.vector @ mate for face, mate in found])
    middle = {
        measure: float(np.median([getattr(face.quality, measure) for face, _ in found]))
        for measure in ("face_height", "detector_score", "norm", "sharpness", "exposure", "cropped")
    }
    flagged = np.mean([not face.quality.reliable for face, _ in found])
    text = ", ".join(f"{measure.replace('_', ' ')} {value:.2f}" for measure, value in middle.items())
    return (
        f"{name:14} no face {len(faces) - len(found):3}, mated score {np.median(scores):.3f}, "
        f"missed {np.mean(scores < threshold):4.0%}, flagged {flagged:4.0%}; {text}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=300)
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen = lfw.photographs(given.lfw)
    first, counts = np.unique(chosen.people, return_index=True, return_counts=True)[1:]
    first = first[counts > 1][: given.people]
    threads = len(os.sched_getaffinity(0))
    pack = lfw.shipped_pack()
    mates = as_shipped(chosen, pack)[first + 1]
    decoder = Decoder(workers=threads, **lfw.LIMITS)
    analyser = Analyser(pack=pack, decoder=decoder, runtime="openvino", precision="auto", threads=threads)
    print(machine.line("openvino"), f"{analyser.precision}, {len(first)} people, {lfw.WHOSE}", sep="; ")
    best = len(pack.rates.grades) - 1
    threshold = pack.rates.score_for(1, best, [0] * best + [10_000])

    def degraded_face(at: int, degrade: Degrade) -> Face | None:
        pixels = decoder.decode(chosen.paths[at].read_bytes()).pixels
        file = cv2.imencode(".png", cv2.cvtColor(degrade(pixels), cv2.COLOR_RGB2BGR))[1].tobytes()
        return next(iter(analyser.analyse(file).faces), None)

    with ThreadPoolExecutor(threads) as pool:
        for name, degrade in degradations():
            faces = list(pool.map(lambda at, degrade=degrade: degraded_face(int(at), degrade), first))
            print(line(name, faces, mates, threshold), flush=True)
    analyser.close()


if __name__ == "__main__":
    main()
