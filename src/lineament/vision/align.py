"""Geometry between a picture and the small upright pictures that the nets take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Pixels

Points = NDArray[np.float32]
"""Landmarks, shape (5, 2), (x, y) in pixels: left eye, right eye, nose, left and right corner of the mouth."""
Transform = NDArray[np.float32]
"""A similarity, shape (2, 3): turns, scales and shifts (x, y, 1) to (x, y)."""

FINE = 2.0
"""A face more than so many times larger than its aligned picture is shrunk by averaging first, against aliasing."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square of a picture, in whole pixels; it may reach over the border."""

    x: int
    y: int
    side: int

    def cut(self, pixels: Pixels, size: int) -> Pixels:
        """The square as a picture of ``size`` × ``size`` pixels, black where it lies outside."""
        top, left = max(self.y, 0), max(self.x, 0)
        inside = pixels[top : max(self.y + self.side, 0), left : max(self.x + self.side, 0)]
        if inside.shape[:2] != (self.side, self.side):
            whole = np.zeros((self.side, self.side, 3), np.uint8)
            whole[top - self.y :, left - self.x :][: inside.shape[0], : inside.shape[1]] = inside
            inside = whole
        how = cv2.INTER_AREA if self.side > size else cv2.INTER_LINEAR
        return cast("Pixels", cv2.resize(inside, (size, size), interpolation=how))


def window_around(box: NDArray[np.float32], enlarged: float) -> Window:
    """The square about the middle of ``box`` (x, y, width, height) whose side is ``enlarged`` times its longer side."""
    x, y, width, height = (float(v) for v in box)
    side = max(round(enlarged * max(width, height)), 1)
    return Window(round(x + width / 2 - side / 2), round(y + height / 2 - side / 2), side)


def similarity(points: Points, template: Points) -> Transform:
    """The similarity that brings ``points`` closest to ``template`` in the sense of least squares.

    After S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991); in two
    dimensions and without mirroring it has this closed form.
    """
    middle, goal = points.mean(axis=0), template.mean(axis=0)
    (x, y), (u, v) = (points - middle).T.astype(np.float64), (template - goal).T.astype(np.float64)
    spread = float((x * x + y * y).sum())
    if spread == 0:
        spread = 1.0
    cosine = float((x * u + y * v).sum()) / spread
    sine = float((x * v - y * u).sum()) / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, goal - turn @ middle]).astype(np.float32)


def aligned(pixels: Pixels, points: Points, template: Points, side: int) -> Pixels:
    """The face turned and scaled so that its landmarks lie on ``template``, shape (side, side, 3).

    Args:
        pixels: The picture.
        points: The landmarks of the face in it.
        template: Where they belong, in pixels of the answer.
        side: Of the answer, pixels.
    """
    transform = similarity(points, template)
    zoom = float(np.hypot(transform[0, 0], transform[0, 1]))
    if zoom * FINE < 1:
        pixels, transform = _shrunk(pixels, points, transform, zoom)
    return cast("Pixels", cv2.warpAffine(pixels, transform, (side, side), flags=cv2.INTER_LINEAR))


def _shrunk(pixels: Pixels, points: Points, transform: Transform, zoom: float) -> tuple[Pixels, Transform]:
    """The neighbourhood of the face at about ``FINE`` times the scale of the answer, and the transform from there."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.concatenate([low, high - low]).astype(np.float32)
    window = window_around(extent, 4.0)
    size = max(round(window.side * zoom * FINE), 1)
    ratio = window.side / size
    onward = transform.copy()
    onward[:, :2] *= ratio
    corner = np.array([window.x + ratio / 2 - 0.5, window.y + ratio / 2 - 0.5], np.float32)
    onward[:, 2] += transform[:, :2] @ corner
    return window.cut(pixels, size), onward
