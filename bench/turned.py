"""Turned faces beside an upright one in a picture of 640 × 480 pixels: how many are found.

Photographs of LFW are shrunk until their faces have a given height, turned, and put beside another photograph as it is,
in which a face is surely upright. Found: a face lies there, with its eyes in that turn.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator

import cv2
import numpy as np

from bench import lfw, machine
from bench.degraded import shrink
from lineament.model.faces import Pixels
from lineament.vision.align import rotate_counterclockwise
from lineament.vision.detect import FACE_SCORE, UPRIGHT, Detector
from lineament.vision.detections import Detections
from lineament.vision.runtime import sessions

WIDTH, HEIGHT = 640, 480
TURNS = {90: -1, 180: 2, 270: 1}
"""Degrees clockwise by which a photograph is turned, and the quarters counterclockwise that they are."""


def pairs(chosen: lfw.Photographs, detector: Detector, many: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield photographs of different people with one face each, the first surely upright."""
    alone = []
    for at in np.random.default_rng(1).permutation(len(chosen.paths)):
        read = cv2.imread(str(chosen.paths[at]))
        if read is None:
            raise SystemExit(f"{chosen.paths[at]} cannot be read")
        picture = cv2.cvtColor(read, cv2.COLOR_BGR2RGB).astype(np.uint8)
        found = detector.find(picture, FACE_SCORE)
        if len(found) == 1 and found.scores[0] >= UPRIGHT:
            alone.append(picture)
        if len(alone) > many:
            break
    yield from itertools.pairwise(alone)


def scene(upright: Pixels, turned: Pixels) -> tuple[Pixels, int, int]:
    """Return a picture of both, and where the second begins: x and y."""
    ground = cv2.GaussianBlur(cv2.resize(upright, (WIDTH, HEIGHT)), (0, 0), 30).astype(np.uint8)
    ground[10 : 10 + upright.shape[0], 10 : 10 + upright.shape[1]] = upright
    x, y = WIDTH - 10 - turned.shape[1], HEIGHT - 10 - turned.shape[0]
    ground[y:, x:][: turned.shape[0], : turned.shape[1]] = turned
    return ground, x, y


def is_found(found: Detections, x: int, y: int, side: int, quarters: int) -> bool:
    """Return whether one of the faces lies in the square, turned by so many quarters counterclockwise."""
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    eyes = found.points[:, 1] - found.points[:, 0]
    turned = np.round(np.arctan2(eyes[:, 1], eyes[:, 0]) / (np.pi / 2)).astype(int)
    within = ((middles > (x, y)) & (middles < (x + side, y + side))).all(axis=1)
    return bool((within & ((turned + quarters) % 4 == 0)).any())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--heights", type=int, nargs="+", default=[100, 80, 60, 40])
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    detector = Detector(sessions("openvino", "f32", 1)(lfw.shipped_pack().detector))
    several = list(pairs(lfw.photographs(given.lfw), detector, given.pictures))
    print(machine.line("openvino", "opencv-python-headless"), f"{len(several)} pictures each", sep="; ")
    for height in given.heights:
        shares = []
        for degrees, quarters in TURNS.items():
            found = 0
            for upright, other in several:
                small = rotate_counterclockwise(shrink(other, height), quarters)
                picture, x, y = scene(upright, small)
                found += is_found(detector.find(picture, FACE_SCORE), x, y, small.shape[0], quarters)
            shares.append(f"turned {degrees}° {found / len(several):.1%}")
        print(f"faces of {height} px:", ", ".join(shares), flush=True)


if __name__ == "__main__":
    main()
