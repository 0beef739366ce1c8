"""Degrades pictures as investigators find them; the degraded picture goes through the whole pipeline as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import cv2
import numpy as np

from lineament.errors import InvalidValue
from lineament.model.faces import Box, Pixels

GREY = (128, 128, 128)
LIGHT = 0.12
"""Share of the light that is left in a dark picture, in linear light (three stops)."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way in which probes are degraded."""

    name: str
    change: Callable[[Pixels, Box | None], Pixels]
    quality: int | None = None  # of the JPEG it is stored as; None: without loss
    at_face: bool = False  # whether it depends on where the face is

    def apply(self, pixels: Pixels, face: Box | None) -> bytes:
        """Return the degraded picture as a file; ``face`` is the face that counts, in pixels of the picture."""
        changed = cv2.cvtColor(np.ascontiguousarray(self.change(pixels, face)), cv2.COLOR_RGB2BGR)
        options = [] if self.quality is None else [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        done, encoded = cv2.imencode(".png" if self.quality is None else ".jpg", changed, options)
        if not done:
            raise InvalidValue(what="The picture", value=pixels.shape, why="it cannot be encoded")
        return encoded.tobytes()


def _turned(degrees: int, pixels: Pixels, _: Box | None) -> Pixels:
    """Turn clockwise about the middle; nothing is cut off, and the corners are grey."""
    if degrees % 90 == 0:
        return np.rot90(pixels, -degrees // 90)
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    across, down = round(height * sin + width * cos), round(height * cos + width * sin)
    turn[:, 2] += (across - width) / 2, (down - height) / 2
    return cast("Pixels", cv2.warpAffine(pixels, turn, (across, down), flags=cv2.INTER_CUBIC, borderValue=GREY))


def _small(face_height: int, pixels: Pixels, face: Box | None) -> Pixels:
    """Reduce the picture until the face has that height; a face that is smaller already is left as it is."""
    if face is None or face.height <= face_height:
        return pixels
    scale = face_height / face.height
    size = tuple(max(1, round(side * scale)) for side in (pixels.shape[1], pixels.shape[0]))
    return cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _blurred(sigma: int, pixels: Pixels, _: Box | None) -> Pixels:
    return cast("Pixels", cv2.GaussianBlur(pixels, (0, 0), sigma))


def _dark(pixels: Pixels, _: Box | None) -> Pixels:
    linear = (np.arange(256) / 255) ** 2.2 * LIGHT
    return cast("Pixels", cv2.LUT(pixels, np.round(255 * linear ** (1 / 2.2)).astype(np.uint8)))


def _covered(pixels: Pixels, face: Box | None) -> Pixels:
    """Cover the lower half of the face, from the middle of its box down."""
    if face is None:
        return pixels
    covered = pixels.copy()
    top, bottom = max(0, round(face.y + face.height / 2)), max(0, round(face.y + face.height * 1.1))
    left, right = max(0, round(face.x - 0.1 * face.width)), max(0, round(face.x + 1.1 * face.width))
    covered[top:bottom, left:right] = GREY
    return covered


def _same(pixels: Pixels, _: Box | None) -> Pixels:
    return pixels


KINDS: dict[str, tuple[Degradation, ...]] = {
    "turned": tuple(Degradation(f"turned {degrees}°", partial(_turned, degrees)) for degrees in (90, 180, 270, 30, 45)),
    "size": tuple(Degradation(f"face {height} px", partial(_small, height), at_face=True) for height in (64, 48, 32)),
    "blur": tuple(Degradation(f"blur σ {sigma}", partial(_blurred, sigma)) for sigma in (1, 2, 3)),
    "jpeg": tuple(Degradation(f"JPEG {quality}", _same, quality) for quality in (20, 10)),
    "dark": (Degradation("dark", _dark),),
    "covered": (Degradation("half covered", _covered, at_face=True),),
}
"""The degradations of each kind that can be chosen."""
ALL = "all"
"""Stands for every kind."""


def chosen_degradations(chosen: Sequence[str]) -> tuple[Degradation, ...]:
    """Return degradations by kind or by name, in the order of ``KINDS``. Raises InvalidValue if there is none."""
    every = [(kind, each) for kind, several in KINDS.items() for each in several]
    known = {ALL, *KINDS, *(each.name for _, each in every)}
    for name in chosen:
        if name not in known:
            why = f"it is one of {', '.join(KINDS)}, {ALL}, or a single one such as “{every[-3][1].name}”"
            raise InvalidValue(what="--degrade", value=name[:40], why=why)
    return tuple(each for kind, each in every if {ALL, kind, each.name} & set(chosen))
