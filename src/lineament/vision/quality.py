"""How well a face can be compared, with named reasons against it."""

from __future__ import annotations

import cv2
import numpy as np

from lineament.model.faces import Pixels, Quality, QualityReason
from lineament.vision.align import Points

LEAST_HEIGHT = 32.0  # pixels in the original
LEAST_SCORE = 0.8
LEAST_NORM = 10.0
LEAST_SHARPNESS = 100.0
DARKEST = 0.15
BRIGHTEST = 0.85
MOST_YAW = 45.0
MOST_CROPPED = 0.1


def measured(aligned: Pixels) -> tuple[float, float]:
    """Sharpness (variance of the Laplacian of the luminance) and exposure (mean luminance, 0 to 1)."""
    light = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(light, cv2.CV_16S))
    return float(deviation[0, 0] ** 2), cv2.mean(light)[0] / 255


def yaw(points: Points) -> float:
    """How far the head is turned, in degrees, positive to the viewer's right; a rough estimate.

    Where the nose stands before the line from between the eyes to between the corners of the mouth, in distances of the
    eyes, is the tangent of the turn times the nose's protrusion, which is about half the distance of the eyes.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across = points[1] - points[0]
    distance = float(np.hypot(*across)) or 1.0
    down = mouth - eyes
    length = float(down @ down) or 1.0
    nose = points[2] - eyes
    aside = nose - down * (float(nose @ down) / length)
    offset = float(aside @ across) / distance**2
    return float(np.degrees(np.arctan2(offset, 0.5)))


def reasons(quality: Quality) -> tuple[QualityReason, ...]:
    """What speaks against comparing a face that measures so."""
    checks = {
        QualityReason.SMALL: quality.face_height < LEAST_HEIGHT,
        QualityReason.UNSURE: quality.detector_score < LEAST_SCORE,
        QualityReason.WEAK: quality.norm < LEAST_NORM,
        QualityReason.BLURRED: quality.sharpness < LEAST_SHARPNESS,
        QualityReason.DARK: quality.exposure < DARKEST,
        QualityReason.BRIGHT: quality.exposure > BRIGHTEST,
        QualityReason.TURNED: abs(quality.yaw) > MOST_YAW,
        QualityReason.CROPPED: quality.cropped > MOST_CROPPED,
    }
    return tuple(reason for reason, speaks in checks.items() if speaks)
