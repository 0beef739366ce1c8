"""What is shown of pictures that must not be seen: a face on a blurred background, or a blurred face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged
from lineament.vision.derive import CROP_QUALITY, MARGIN

_INNER = 1 / (1 + 2 * MARGIN)
"""Side of the face's box, in sides of its crop."""
_GRAIN = 10
"""Pixels of the background that are merged into one, so that only a colour is left."""
_BLUR = 0.08
"""Standard deviation of a blurred picture, in its longer sides: 20 pixels of 256, as on the pages."""


def veil(crop: bytes) -> bytes:
    """Return a face crop, as JPEG, with everything outside the face's oval blurred beyond recognition.

    Raises:
        Damaged: It is no JPEG.
    """
    pixels = _decoded(crop)
    height, width = pixels.shape[:2]
    small = cv2.resize(
        pixels, (max(1, width // _GRAIN // 4), max(1, height // _GRAIN // 4)), interpolation=cv2.INTER_AREA
    )
    ground = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    oval = np.zeros((height, width), np.uint8)
    axes = (round(width * _INNER * 0.5), round(height * _INNER * 0.6))
    cv2.ellipse(oval, (width // 2, height // 2), axes, 0, 0, 360, 255, -1)
    shown = np.where(oval[:, :, np.newaxis] > 0, pixels, ground).astype(np.uint8)
    return _encoded(shown)


def blur(crop: bytes) -> bytes:
    """Return a face crop, as JPEG, blurred as pages blur pictures of distressing cases. Raises Damaged as ``veil``."""
    pixels = _decoded(crop)
    deviation = _BLUR * max(pixels.shape[:2])
    return _encoded(cv2.GaussianBlur(pixels, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE))


def _decoded(crop: bytes) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Damaged(what="A face crop", why="it is not a JPEG", remedy="erase its capture and ingest it again")
    return np.asarray(pixels, np.uint8)


def _encoded(pixels: cv2.typing.MatLike) -> bytes:
    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    if not done:
        raise Damaged(what="A face crop", why="it cannot be encoded", remedy="erase its capture and ingest it again")
    return encoded.tobytes()
