"""Measures how well a face can be compared, with the reasons against it."""

from __future__ import annotations

from dataclasses import replace
from math import atan2, degrees

import cv2

from lineament.model.faces import Box, Pixels, Quality, QualityReason
from lineament.vision.align import Points

LEAST_HEIGHT = 32.0  # pixels in the original
LEAST_SCORE = 0.8
LEAST_NORM = 10.5
LEAST_SHARPNESS = 10.0  # at USUAL_EXPOSURE; it grows with the square of the light
DARKEST = 0.06
USUAL_EXPOSURE = 0.45
BRIGHTEST = 0.75
MOST_YAW = 45.0  # degrees
MOST_CROPPED = 0.10
"""Chosen on LFW by the share of mated pairs below the score of one false match in 10,000, which is 2 % for unaltered
photographs; bench/quality.py degrades photographs in steps and prints these numbers and more:

height      40 px: 2 %     32 px: 4 %    28 px: 8 %    24 px: 13 %
norm        11.4: 3 %      10.8: 6 %     9.9: 20 % (dark);  10.7: 12 %, 9.5: 44 % (blurred)
sharpness   17: 4 %        8: 12 %       5: 44 % (blurred)
exposure    0.11: 3 %      0.07: 6 %     0.04: 20 %;  0.64: 2 %, 0.77: 12 %, 0.83: 32 %
cropped     0.06: 2 %      0.10: 4 %     0.14: 14 %  (cut from the side)

The detector's score predicts little of the later score and is flagged if it is too low for enrolment. Turned heads are
rare in LFW: for 32 over 47 degrees the median mated score is 0.62, for the rest 0.69; that bound is the least certain.
"""

PROTRUSION = 0.5
"""Protrusion of the nose, in distances between the eyes; an estimate."""


def sharpness_and_exposure(aligned: Pixels) -> tuple[float, float]:
    """Return the variance of the Laplacian and the mean (0 to 1) of the luminance of an aligned face."""
    light = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(light, cv2.CV_16S))
    return float(deviation[0, 0]) ** 2, cv2.mean(light)[0] / 255


def cropped_share(box: Box, width: int, height: int) -> float:
    """Return the share of ``box`` outside a picture of that size, 0 to 1."""
    across = min(box.x + box.width, width) - max(box.x, 0.0)
    down = min(box.y + box.height, height) - max(box.y, 0.0)
    return 1 - max(across, 0.0) * max(down, 0.0) / (box.width * box.height)


def yaw(points: Points) -> float:
    """Estimate roughly how far the head is turned, in degrees, positive to the viewer's right.

    The distance of the tip of the nose from the line between the eyes' midpoint and the mouth's, in distances between
    the eyes, is PROTRUSION times the tangent of the angle.
    """
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y), *mouth = points.tolist()
    eyes_x, eyes_y = (left_x + right_x) / 2, (left_y + right_y) / 2
    across_x, across_y = right_x - left_x, right_y - left_y
    down_x, down_y = (mouth[0][0] + mouth[1][0]) / 2 - eyes_x, (mouth[0][1] + mouth[1][1]) / 2 - eyes_y
    nose_x, nose_y = nose_x - eyes_x, nose_y - eyes_y
    along = (nose_x * down_x + nose_y * down_y) / ((down_x**2 + down_y**2) or 1.0)
    aside_x, aside_y = nose_x - along * down_x, nose_y - along * down_y
    offset = (aside_x * across_x + aside_y * across_y) / ((across_x**2 + across_y**2) or 1.0)
    return degrees(atan2(offset, PROTRUSION))


def roll(points: Points) -> float:
    """Return how far the face is tilted clockwise, in degrees, -180 to 180: the slope of the line between the eyes."""
    (left_x, left_y), (right_x, right_y) = points[:2].tolist()
    return degrees(atan2(right_y - left_y, right_x - left_x))


def with_reasons(measures: Quality) -> Quality:
    """Return the measures with the reasons that follow from them."""
    light = min(measures.exposure / USUAL_EXPOSURE, 1.0)
    checks = {
        QualityReason.SMALL: measures.face_height < LEAST_HEIGHT,
        QualityReason.UNSURE: measures.detector_score < LEAST_SCORE,
        QualityReason.WEAK: measures.norm < LEAST_NORM,
        QualityReason.BLURRED: measures.sharpness < LEAST_SHARPNESS * light**2,
        QualityReason.DARK: measures.exposure < DARKEST,
        QualityReason.BRIGHT: measures.exposure > BRIGHTEST,
        QualityReason.TURNED: abs(measures.yaw) > MOST_YAW,
        QualityReason.CROPPED: measures.cropped > MOST_CROPPED,
    }
    return replace(measures, reasons=tuple(reason for reason, speaks in checks.items() if speaks))
