"""Two crops with their eyes in the same places, so that one can be overlaid on the other.

Crops are only rotated, scaled and moved: nothing changes the shape of a face (FISWG, Facial Comparison Overview).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import cv2
import numpy as np

from lineament.errors import Damaged
from lineament.model.faces import Box, Landmarks
from lineament.vision.derive import CROP_QUALITY, CROP_SIDE, MARGIN

SIDE = CROP_SIDE
"""Units of a crop's side in the drawing (compare.html)."""
EYES = (complex(0.4, 0.44), complex(0.6, 0.44))
"""Where the eyes go, in sides of the crop: their average position in an unchanged crop."""
MIDDLE = complex(0.5, 0.5)
_AROUND = 224
"""The grey around a picture that was turned."""
SCALES = (0.75, 1.35)
"""The least and the largest scale. In a turned head the eyes are closer together, which must not enlarge it further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levelling:
    """The transform that brings the eyes of a crop to where the other's are."""

    degrees: float  # clockwise
    scale: float
    x: float  # translation after that, in units of SIDE
    y: float

    @property
    def transform(self) -> str:
        """The value of an SVG ``transform`` attribute."""
        turn = cmath.rect(self.scale, math.radians(self.degrees))
        numbers = (turn.real, turn.imag, -turn.imag, turn.real, self.x, self.y)
        return f"matrix({' '.join(f'{number:.5g}' for number in numbers)})"


def level(box: Box, landmarks: Landmarks) -> Levelling:
    """Return how to rotate, scale and move the crop of a face with that box; the crop shows a turned face upright."""
    side = max(box.width, box.height) * (1 + 2 * MARGIN)
    corner = complex(box.x + (box.width - side) / 2, box.y + (box.height - side) / 2)
    left, right = ((complex(*eye) - corner) / side for eye in (landmarks.left_eye, landmarks.right_eye))
    upright = (-1j) ** (round(math.degrees(cmath.phase(right - left)) / 90) % 4)
    left, right = (MIDDLE + upright * (eye - MIDDLE) for eye in (left, right))
    if abs(right - left) < 0.01:
        return Levelling(degrees=0, scale=1, x=0, y=0)
    turn = (EYES[1] - EYES[0]) / (right - left)
    scale = min(max(abs(turn), SCALES[0]), SCALES[1])
    turn *= scale / abs(turn)
    move = SIDE * ((EYES[0] + EYES[1]) / 2 - turn * (left + right) / 2)
    return Levelling(degrees=math.degrees(cmath.phase(turn)), scale=scale, x=move.real, y=move.imag)


def levelled(jpeg: bytes, levelling: Levelling, side: int = 2 * SIDE) -> bytes:
    """Return a face crop as JPEG, rotated, scaled and moved so; what it does not show is grey.

    Raises:
        Damaged: It is no JPEG.
    """
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Damaged(what="A face crop", why="it is not a JPEG", remedy="erase its capture and ingest it again")
    turn = cmath.rect(levelling.scale, math.radians(levelling.degrees))
    larger, from_crop = side / SIDE, SIDE / max(pixels.shape[:2])
    matrix = np.array(
        [
            [turn.real * larger * from_crop, -turn.imag * larger * from_crop, levelling.x * larger],
            [turn.imag * larger * from_crop, turn.real * larger * from_crop, levelling.y * larger],
        ]
    )
    grey = (_AROUND, _AROUND, _AROUND)
    turned = cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_CUBIC, borderValue=grey)
    done, encoded = cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    if not done:
        raise Damaged(what="A face crop", why="it cannot be encoded", remedy="erase its capture and ingest it again")
    return encoded.tobytes()
