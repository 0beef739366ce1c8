"""The quality of a face under the names of ISO/IEC 29794-5 (docs/reference/quality.md tells what differs)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, dist, exp, radians
from typing import Any

from lineament.model.faces import Landmarks, Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoComponent:
    """A component of the standard that one of our measures comes close to."""

    name: str  # as in the standard and in its reference implementation, OFIQ
    measure: str  # the name of ours
    unit: str
    scaled: Callable[[float], float] | None = None  # to 0 to 100, as OFIQ scales it; None: ours is on another scale


def _of_angle(angle: float) -> float:
    return 100 * float(max(0.0, cos(radians(angle)))) ** 2


def _rising(value: float, middle: float, width: float) -> float:
    return 1 / (1 + exp((middle - value) / width))


def _of_luminance(mean: float) -> float:
    return 100 * _rising(mean, 0.2, 0.05) * (1 - _rising(mean, 0.8, 0.05))


def _of_eye_distance(pixels: float) -> float:
    return 100 * _rising(min(pixels, 1000.0), 70, 20)


COMPONENTS = (
    IsoComponent(name="UnifiedQualityScore", measure="norm", unit="length of the embedding"),
    IsoComponent(name="LuminanceMean", measure="exposure", unit="share, 0 to 1", scaled=_of_luminance),
    IsoComponent(name="Sharpness", measure="sharpness", unit="variance of the Laplacian"),
    IsoComponent(name="HeadPoseYaw", measure="yaw", unit="degrees", scaled=_of_angle),
    IsoComponent(name="HeadPoseRoll", measure="roll", unit="degrees", scaled=_of_angle),
)
"""The components that follow from ``Quality`` alone."""
EYES = IsoComponent(name="InterEyeDistance", measure="landmarks", unit="pixels", scaled=_of_eye_distance)
"""The component that needs the landmarks too."""
_MOST_TURNED = 89.0
"""Degrees of yaw above which the distance of the eyes is not corrected any further."""


def iso_json(measured: Quality, landmarks: Landmarks | None = None) -> dict[str, Any]:
    """Return the components of ISO/IEC 29794-5 that are measured, by their names, each with our value and OFIQ's scale.

    ``value`` is 0 to 100, higher is better; None if our measure is on a scale of its own. Without ``landmarks`` the
    distance of the eyes is left out.
    """
    found = {component.name: _json(component, getattr(measured, component.measure)) for component in COMPONENTS}
    if landmarks is not None:
        turned = cos(radians(min(abs(measured.yaw), _MOST_TURNED)))
        found[EYES.name] = _json(EYES, dist(landmarks.left_eye, landmarks.right_eye) / turned)
    return found


def _json(component: IsoComponent, native: float) -> dict[str, Any]:
    return {
        "measure": component.measure,
        "native": native,
        "unit": component.unit,
        "value": None if component.scaled is None else round(component.scaled(native)),
    }
