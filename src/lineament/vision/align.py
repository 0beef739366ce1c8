"""Geometry between a picture and the small upright crops that the nets take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Pixels

Points = NDArray[np.float32]
"""Landmarks, shape (5, 2), (x, y) in pixels: left eye, right eye, nose, left and right corner of the mouth."""
Transform = NDArray[np.float32]
"""A similarity transform, shape (2, 3): rotates, scales and shifts (x, y, 1) to (x, y)."""

NEIGHBOURHOOD = 4.0
"""Side of the square that is shrunk before alignment, in extents of the five landmarks."""
PADDED = 4096
"""Pixels of the longest side of a square that is made whole, although a part of it lies outside the picture."""
ENLARGED = 1.5
"""The scale above which a face is interpolated by cubic splines, with which fewer small faces of LFW are missed. Others
are interpolated linearly, which is three times as fast; cubic splines would also show the blocks of JPEG better."""
LEVEL = 1.0
"""Degrees of tilt that a close-up does not correct."""
ROOM = 1.42
"""Side of the square that is cut out to turn a close-up by any angle, in sides of the close-up."""

_QUARTERS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


@dataclass(frozen=True, slots=True)
class CropWindow:
    """A square of a picture, in whole pixels; it may extend past the border."""

    x: int
    y: int
    side: int

    def cut(self, pixels: Pixels, size: int) -> Pixels:
        """Return the square as a picture of ``size`` × ``size`` pixels, black outside the original."""
        top, left = max(self.y, 0), max(self.x, 0)
        inside = pixels[top : max(self.y + self.side, 0), left : max(self.x + self.side, 0)]
        down, across = inside.shape[:2]
        if (down, across) == (self.side, self.side):
            return resize(inside, size, size)
        if self.side <= PADDED:
            whole = np.zeros((self.side, self.side, 3), np.uint8)
            whole[top - self.y :, left - self.x :][:down, :across] = inside
            return resize(whole, size, size)
        whole = np.zeros((size, size, 3), np.uint8)  # a huge square is not made: what is inside is reduced alone
        scale = size / self.side
        columns, rows = (
            (round(at * scale), round((at + length) * scale))
            for at, length in ((left - self.x, across), (top - self.y, down))
        )
        if columns[1] > columns[0] and rows[1] > rows[0]:
            whole[slice(*rows), slice(*columns)] = resize(inside, columns[1] - columns[0], rows[1] - rows[0])
        return whole


def resize(pixels: Pixels, width: int, height: int, enlarging: int = cv2.INTER_LINEAR) -> Pixels:
    """Resize a picture: averaged down by a whole factor, which is fast, then interpolated.

    ``enlarging`` is OpenCV's interpolation if the result is higher than the picture; INTER_CUBIC for people to look at.
    """
    factor = min(pixels.shape[0] // height, pixels.shape[1] // width)
    if factor > 1:
        down, across = pixels.shape[0] // factor, pixels.shape[1] // factor
        whole = pixels[: down * factor, : across * factor]
        pixels = cast("Pixels", cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA))
    if pixels.shape[:2] == (height, width):
        return pixels
    interpolation = enlarging if pixels.shape[0] < height else cv2.INTER_LINEAR
    return cast("Pixels", cv2.resize(pixels, (width, height), interpolation=interpolation))


def rotate_counterclockwise(pixels: Pixels, quarters: int) -> Pixels:
    """Return the picture turned counterclockwise by that many quarters, clockwise if negative; itself if by none."""
    return cast("Pixels", cv2.rotate(pixels, _QUARTERS[quarters % 4])) if quarters % 4 else pixels


def window_around(box: NDArray[np.float32], enlarged: float) -> CropWindow:
    """Return the square around ``box`` (x, y, width, height), ``enlarged`` times as long as its longer side."""
    x, y, width, height = (float(v) for v in box)
    side = max(round(enlarged * max(width, height)), 1)
    return CropWindow(round(x + width / 2 - side / 2), round(y + height / 2 - side / 2), side)


class Surroundings:
    """The square around a face, from which it is shown in several sizes and turns; each size is cut out once."""

    def __init__(self, pixels: Pixels, box: NDArray[np.float32], enlarged: float) -> None:
        """Cut out nothing yet.

        Args:
            pixels: The picture.
            box: Of the face: x, y, width, height.
            enlarged: Side of the square, in longer sides of the box.
        """
        self._pixels, self.box, self._enlarged = pixels, box, enlarged
        self._cut: dict[tuple[int, int], tuple[CropWindow, Pixels]] = {}

    def close_up(self, size: int, roll: float = 0.0) -> tuple[Pixels, Transform]:
        """Return the square, levelled, as a picture of ``size`` × ``size`` pixels, and how to return from it.

        ``roll`` is how far the face is tilted clockwise, in degrees: the square is turned back by as much. The
        transform leads from its pixels to those of the picture.
        """
        quarter = round(roll / 90)
        level = abs(roll - 90 * quarter) < LEVEL
        wide = size if level else round(ROOM * size)
        window, seen = self._square(size, wide)
        if level:
            roll = 90.0 * quarter
            seen = rotate_counterclockwise(seen, quarter)
        else:
            turning = np.array(cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), roll, 1), np.float64)
            turning[:, 2] -= (wide - size) / 2
            seen = cast("Pixels", cv2.warpAffine(seen, turning, (size, size), flags=cv2.INTER_LINEAR))
        scale = window.side / wide
        cosine, sine = scale * cos(radians(roll)), scale * sin(radians(roll))
        x, y = window.x + window.side / 2, window.y + window.side / 2
        middle = size / 2
        back = [[cosine, -sine, x - (cosine - sine) * middle], [sine, cosine, y - (sine + cosine) * middle]]
        return seen, np.array(back, np.float32)

    def _square(self, size: int, wide: int) -> tuple[CropWindow, Pixels]:
        """Return the square that is as many times larger as ``wide`` is than ``size``, in ``wide`` pixels."""
        if (size, wide) not in self._cut:
            window = window_around(self.box, self._enlarged * wide / size)
            self._cut[size, wide] = window, window.cut(self._pixels, wide)
        return self._cut[size, wide]


def similarity(points: Points, template: Points) -> Transform:
    """Return the similarity that maps ``points`` closest to ``template``, by least squares.

    After S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991); in two
    dimensions and without mirroring it has this closed form.
    """
    sources, targets = points.tolist(), template.tolist()  # for five points plain numbers are faster
    x0, y0 = (sum(axis) / len(sources) for axis in zip(*sources, strict=True))
    u0, v0 = (sum(axis) / len(targets) for axis in zip(*targets, strict=True))
    cosine = sine = spread = 0.0
    for (x, y), (u, v) in zip(sources, targets, strict=True):
        cosine += (x - x0) * (u - u0) + (y - y0) * (v - v0)
        sine += (x - x0) * (v - v0) - (y - y0) * (u - u0)
        spread += (x - x0) ** 2 + (y - y0) ** 2
    cosine, sine = cosine / (spread or 1.0), sine / (spread or 1.0)
    turn = [[cosine, -sine, u0 - cosine * x0 + sine * y0], [sine, cosine, v0 - sine * x0 - cosine * y0]]
    return np.array(turn, np.float32)


def align(pixels: Pixels, points: Points, templates: Sequence[Points], side: int) -> list[Pixels]:
    """Return the face, rotated and scaled so that its landmarks lie on each template: pictures of (side, side, 3).

    Args:
        pixels: The picture.
        points: The landmarks of the face in it.
        templates: Where the landmarks belong, in pixels of the result; all of about the same size.
        side: Of the results, pixels.
    """
    transforms = [similarity(points, template) for template in templates]
    factor = int(1 / max(*(float(np.hypot(found[0, 0], found[0, 1])) for found in transforms), 1e-3))
    if factor > 1:
        pixels, transforms = _average_down(pixels, points, transforms, factor)
    return [_warped(pixels, found, side) for found in transforms]


def _warped(pixels: Pixels, transform: Transform, side: int) -> Pixels:
    """Return the picture moved by a transform, (side, side, 3)."""
    enlarged = float(np.hypot(transform[0, 0], transform[0, 1])) > ENLARGED
    interpolation = cv2.INTER_CUBIC if enlarged else cv2.INTER_LINEAR
    return cast("Pixels", cv2.warpAffine(pixels, transform, (side, side), flags=interpolation))


def _average_down(
    pixels: Pixels, points: Points, transforms: Sequence[Transform], factor: int
) -> tuple[Pixels, list[Transform]]:
    """Return the face's surroundings averaged down by ``factor``, against aliasing, and the transforms from there."""
    low, high = points.min(axis=0), points.max(axis=0)
    around = window_around(np.concatenate([low, high - low]), NEIGHBOURHOOD)
    window = CropWindow(around.x, around.y, max(around.side // factor, 1) * factor)
    middle = (factor - 1) / 2  # the centre of a large pixel, in small ones
    start = np.array([window.x + middle, window.y + middle], np.float32)
    onward = [
        np.column_stack([found[:, :2] * np.float32(factor), found[:, 2] + found[:, :2] @ start]) for found in transforms
    ]
    return window.cut(pixels, window.side // factor), onward
