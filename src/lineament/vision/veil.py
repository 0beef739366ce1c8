"""A face on a blurred background: all that is shown of a picture that must not be seen."""

from __future__ import annotations

import cv2
import numpy as np

from lineament.errors import Damaged
from lineament.vision.derive import CROP_QUALITY, MARGIN

_INNER = 1 / (1 + 2 * MARGIN)
"""Side of the face's box, in sides of its crop."""
_GRAIN = 10
"""Pixels of the background that are merged into one, so that only a colour is left."""


def veil(crop: bytes) -> bytes:
    """Return a face crop, as JPEG, with everything outside the face's oval blurred beyond recognition.

    Raises:
        Damaged: It is no JPEG.
    """
    pixels = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Damaged(what="A face crop", why="it is not a JPEG", remedy="erase its capture and ingest it again")
    height, width = pixels.shape[:2]
    small = cv2.resize(
        pixels, (max(1, width // _GRAIN // 4), max(1, height // _GRAIN // 4)), interpolation=cv2.INTER_AREA
    )
    ground = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    oval = np.zeros((height, width), np.uint8)
    axes = (round(width * _INNER * 0.5), round(height * _INNER * 0.6))
    cv2.ellipse(oval, (width // 2, height // 2), axes, 0, 0, 360, 255, -1)
    shown = np.where(oval[:, :, np.newaxis] > 0, pixels, ground).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    if not done:
        raise Damaged(what="A face crop", why="it cannot be encoded", remedy="erase its capture and ingest it again")
    return encoded.tobytes()
