"""Small faces in a picture of 24 megapixels: found, and found again by another photograph of the person; and the time.

Photographs of LFW are shrunk until their faces have a given height, and put into pictures of 6000 × 4000 pixels,
twenty in each. Found: a face that can be compared overlaps the place. Found again: another photograph of the person, as
it is, finds that face first among one photograph of everybody.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np

from bench import lfw, machine
from bench.degraded import as_shipped, shrink
from bench.lfw import Photographs
from lineament.model.faces import Pixels
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder

WIDTH, HEIGHT = 6000, 4000
IN_EACH = 20


def scene(pieces: list[Pixels], seed: int) -> tuple[Pixels, list[tuple[int, int]]]:
    """Return a picture with the pieces on a ground of soft noise, each in a cell of its own, and where they begin."""
    random = np.random.default_rng(seed)
    ground = cv2.resize(random.integers(60, 190, (40, 60, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture = ground.astype(np.uint8, copy=False)
    across, down = 5, 4
    places = []
    for at, piece in enumerate(pieces):
        side = piece.shape[0]
        column, row = at % across, at // across
        x = column * (WIDTH // across) + int(random.integers(0, WIDTH // across - side))
        y = row * (HEIGHT // down) + int(random.integers(0, HEIGHT // down - side))
        picture[y : y + side, x : x + side] = piece
        places.append((x, y))
    return picture, places


def scenes(chosen: Photographs, shown: np.ndarray, face: int) -> Iterator[tuple[bytes, list[tuple[int, int]], int]]:
    """Yield each picture as JPEG, the places in it, and the side of its pieces."""
    for begin in range(0, len(shown), IN_EACH):
        read = [cv2.imread(str(chosen.paths[at])) for at in shown[begin : begin + IN_EACH]]
        pieces = [shrink(piece.astype(np.uint8), face) for piece in read if piece is not None]
        picture, places = scene(pieces, begin)
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        yield encoded, places, pieces[0].shape[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--heights", type=int, nargs="+", default=[60, 40, 32])
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen = lfw.photographs(given.lfw)
    pack = lfw.shipped_pack()
    known = as_shipped(chosen, pack)
    first, counts = np.unique(chosen.people, return_index=True, return_counts=True)[1:]
    shown = first[counts > 1][: given.people]
    print(machine.line("openvino", "opencv-python-headless"), f"one thread, {len(shown)} people", sep="; ")
    decoder = Decoder(workers=1, **lfw.LIMITS)
    analyser = Analyser(pack=pack, decoder=decoder, runtime="openvino", precision="f32", threads=1)
    for face in given.heights:
        found = again = 0
        seconds = []
        for number, (file, places, side) in enumerate(scenes(chosen, shown, face)):
            began = time.perf_counter()
            faces = analyser.analyse(file, enrolling=True).faces
            seconds.append(time.perf_counter() - began)
            for at, (x, y) in enumerate(places):
                middle = np.array([x, y]) + side / 2
                near = [
                    seen
                    for seen in faces
                    if seen.comparable
                    and abs(seen.box.x + seen.box.width / 2 - middle[0]) < side / 4
                    and abs(seen.box.y + seen.box.height / 2 - middle[1]) < side / 4
                ]
                if near:
                    found += 1
                    person = shown[number * IN_EACH + at]
                    probe = known[person + 1]
                    others = np.delete(known[first], np.searchsorted(first, person), axis=0) @ probe
                    again += float(probe @ near[0].template.vector) > float(others.max())
        print(
            f"faces of {face} px: {found / len(shown):.1%} found, {again / len(shown):.1%} found again; "
            f"{np.median(seconds):.2f} s a picture with {IN_EACH} faces"
        )
    analyser.close()


if __name__ == "__main__":
    main()
