"""Faces and their landmarks in a picture, by YuNet.

W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20 (2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Pixels
from lineament.vision.align import resize, window_around
from lineament.vision.expand import GRIDS
from lineament.vision.runtime import InferenceSession, Outputs

SIDES = (320, 384, 448, 480, 512, 640, 768, 896, 960, 1024, 1280)
"""Sides of the net's input in pixels, multiples of 32; few, because each size is compiled. Pictures of 2:1, 16:9, 3:2,
4:3, 5:4 and 1:1 need little padding."""
OVERLAP = 0.3
"""If two detections overlap more (intersection over union), the weaker is dropped."""
SEARCHED = 0.6
"""The lowest detector score of a face in a probe."""
ENROLLED = 0.8
"""The lowest detector score of a face that is enrolled."""

LONG_SIDE = 640
"""Pixels of the longer side in the first pass."""
LONGEST_SIDE = 1280
"""Pixels of the longer side in the finer pass, for groups."""
SMALL = 30.0
"""Height in pixels of the net's input below which faces are missed: the shares found with a score of at least
ENROLLED are 1.00 at 30 pixels, 0.99 at 23, 0.96 at 19, 0.83 at 16 and 0.17 at 11 (mosaics of LFW faces)."""
LARGE = 400.0
"""Height in pixels of the net's input above which faces are missed: 1.00 found at 385, 0.97 at 510, 0.60 at 640; at
half the size all are found again (close-ups cut from LFW)."""

LOOK_ENLARGED = 1.6
"""Side of the crop of the second look, in heights of the face."""
LOOK_SIZE = 320
"""Pixels of the second look. On LFW it raises d' of the scores from 5.8 to 6.1; 160 pixels raise it to 5.9, and 640
no further (docs/adr/0005-models-and-runtimes.md)."""
LOOK_FLOOR = 0.3
"""The lowest score of the detections that are averaged in the second look."""
LOOK_OVERLAP = 0.5
"""The least overlap of those detections with the best of them."""
DRAWN_ENLARGED = (1.0, 1.6, 3.0)
"""Sides of the squares searched around a box that somebody drew, in its longer sides."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces of one picture, best score first."""

    boxes: Floats  # (n, 4): x, y, width, height in pixels
    points: Floats  # (n, 5, 2)
    scores: Floats  # (n,), 0 to 1

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, which: NDArray[np.intp]) -> Detections:
        """Return those at the indices ``which``."""
        return Detections(self.boxes[which], self.points[which], self.scores[which])

    def merge(self, other: Detections) -> Detections:
        """Merge with ``other``; of two that overlap, the better stays."""
        pairs = zip((self.boxes, self.points, self.scores), (other.boxes, other.points, other.scores), strict=True)
        return suppress_overlaps(Detections(*(np.concatenate(pair) for pair in pairs)))

    def transformed(self, scale: float, x: float = 0, y: float = 0) -> Detections:
        """Return them in a picture ``scale`` times as large, then shifted by (x, y)."""
        shift = np.array([x, y], np.float32)
        boxes = self.boxes * np.float32(scale)
        boxes[:, :2] += shift
        return Detections(boxes, self.points * np.float32(scale) + shift, self.scores)


def decode_outputs(outputs: Outputs, height: int, width: int, floor: float) -> Detections:
    """Return all detections that reach ``floor`` (0 to 1) in the outputs of YuNet for an input of that size.

    Boxes (centre, logarithm of the sides) and points are relative to the cells of the grids, in units of their stride.
    """
    scores = outputs["scores"].ravel()
    at = np.flatnonzero(scores >= floor)
    cells = _cells(height, width)[at]
    strides = cells[:, 2:]
    boxes = outputs["bbox"][0, at]
    boxes[:, :2] += cells[:, :2]
    boxes[:, 2:] = np.exp(boxes[:, 2:])
    boxes[:, :2] -= boxes[:, 2:] / 2
    points = outputs["kps"][0, at].reshape(-1, 5, 2) + cells[:, None, :2]
    return Detections(boxes * strides, points * strides[:, None], scores[at])


@lru_cache(maxsize=64)
def _cells(height: int, width: int) -> Floats:
    """Return column, row and stride of every cell of the three grids, shape (n, 3)."""
    grids = []
    for stride in GRIDS:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([columns, rows, np.full_like(rows, stride)], axis=2).reshape(-1, 3))
    return np.concatenate(grids).astype(np.float32)


def suppress_overlaps(found: Detections, overlap: float = OVERLAP) -> Detections:
    """Keep the best of detections that overlap by more than ``overlap`` (greedy non-maximum suppression)."""
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlaps(found.boxes[order], found.boxes[best]) <= overlap]
    return found.select(np.array(kept, np.intp))


def average_detections(found: Detections, box: Floats) -> tuple[Floats, Floats] | None:
    """Return box and points of the face at ``box``, averaged over its detections by score; None if there are none.

    Neighbouring cells of the grid detect a face independently, so their mean varies less than the best of them: d' of
    the scores on LFW rises from 6.0 to 6.1.
    """
    overlapping = overlaps(found.boxes, box) > OVERLAP
    if not overlapping.any():
        return None
    best = int(np.where(overlapping, found.scores, 0).argmax())
    same = overlaps(found.boxes, found.boxes[best]) > LOOK_OVERLAP
    weights = found.scores[same] / found.scores[same].sum()
    return weights @ found.boxes[same], np.tensordot(weights, found.points[same], 1)


def overlaps(boxes: Floats, box: Floats) -> Floats:
    """Return the intersection over union of each of ``boxes``, shape (n, 4), with ``box``."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    sides = np.minimum(high, box[:2] + box[2:]) - np.maximum(low, box[:2])
    shared = np.maximum(sides, 0).prod(axis=1)
    return cast("Floats", shared / (boxes[:, 2:].prod(axis=1) + box[2] * box[3] - shared))


class Detector:
    """Finds faces; safe to use from several threads."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def prepare(self) -> None:
        """Prepare the net before the first picture."""
        self._session.prepare((1, LOOK_SIZE, LOOK_SIZE, 3))

    def find(self, pixels: Pixels, floor: float) -> Detections:
        """Return the faces of at least that score (0 to 1), each with landmarks from a second look."""
        return self.refine(pixels, self.first_look(pixels, floor))

    def first_look(self, pixels: Pixels, floor: float) -> Detections:
        """Return the faces of at least that score, found in one pass or several.

        The first pass has a longer side of at most LONG_SIDE. If that may miss faces, another pass is twice as fine
        (small faces in a larger picture, or none) or half as fine (very large faces, or none).
        """
        longer = max(pixels.shape[:2])
        size = min(longer, LONG_SIDE)
        found = self.look(pixels, size, SEARCHED)
        heights = found.boxes[:, 3] * (size / longer)
        none = not (found.scores >= ENROLLED).any()
        finer = min(2 * size, max(longer, LONG_SIDE), LONGEST_SIDE)
        if finer > size and (none or (longer > size and heights.min() < SMALL)):
            found = found.merge(self.look(pixels, finer, SEARCHED))
        if none or heights.max() > LARGE:
            found = found.merge(self.look(pixels, size // 2, SEARCHED))
        return found.select(np.flatnonzero(found.scores >= floor))

    def find_within(self, pixels: Pixels, box: Floats) -> Detections:
        """Return the face whose centre lies in ``box`` (x, y, width, height) and that fits it best, or none.

        Somebody has seen a face there, so a low score is enough. Boxes are drawn tight or wide, so the surroundings are
        searched in several sizes.
        """
        found = Detections(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32))
        for enlarged in DRAWN_ENLARGED:
            window = window_around(box, enlarged)
            candidates = suppress_overlaps(self._detections(window.cut(pixels, LOOK_SIZE), LOOK_FLOOR))
            found = found.merge(candidates.transformed(window.side / LOOK_SIZE, window.x, window.y))
        middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2 - box[:2]
        inside = np.flatnonzero(((middles >= 0) & (middles <= box[2:])).all(axis=1))
        fits = found.scores[inside] * overlaps(found.boxes[inside], box)
        best = inside[np.argsort(-fits, kind="stable")[:1]]
        return self.refine(pixels, found.select(best))

    def look(self, pixels: Pixels, long_side: int, floor: float) -> Detections:
        """Return the faces of at least that score in the picture scaled to ``long_side``."""
        scale = long_side / max(pixels.shape[:2])
        height, width = (max(round(side * scale), 1) for side in pixels.shape[:2])
        return suppress_overlaps(self._detections(resize(pixels, width, height), floor)).transformed(1 / scale)

    def refine(self, pixels: Pixels, found: Detections) -> Detections:
        """Return the faces with boxes and landmarks from a second, enlarged look at each."""
        boxes, points = found.boxes.copy(), found.points.copy()
        for at, box in enumerate(found.boxes):
            window = window_around(box, LOOK_ENLARGED)
            close_up = self._detections(window.cut(pixels, LOOK_SIZE), LOOK_FLOOR)
            mean = average_detections(close_up.transformed(window.side / LOOK_SIZE, window.x, window.y), box)
            if mean is not None:
                boxes[at], points[at] = mean
        return Detections(boxes, points, found.scores)

    def _detections(self, pixels: Pixels, floor: float) -> Detections:
        """Return every detection, in pixels of the net's input; pictures are padded to the next of SIDES."""
        down, across = (next(side for side in SIDES if side >= extent) - extent for extent in pixels.shape[:2])
        if down or across:
            pixels = cast("Pixels", cv2.copyMakeBorder(pixels, 0, down, 0, across, cv2.BORDER_CONSTANT))
        return decode_outputs(self._session.run(pixels[None]), pixels.shape[0], pixels.shape[1], floor)
