"""Which frames of a video are looked at: the first of each scene, key frames, and some while a scene goes on.

And how the process that reads the video (``video.worker``) tells of them.
"""

from __future__ import annotations

import struct
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

SCENE = 0.30
"""Share of the picture's light that has changed between one frame and the next where a scene begins."""
EVERY = 0.5
"""Seconds after which a frame is taken although nothing has happened."""
APART = 0.2
"""Seconds that a key frame is from the last frame taken, at least: some videos have nothing but key frames."""
FLICKER = 0.08
"""Seconds that a scene lasts, at least: what flashes is not a new scene each time."""

LONGEST = 12 * 3600
"""Seconds of video that are read."""

FRAME = b"F"
"""A message: FRAME_HEADER and a JPEG."""
DAMAGED = b"D"
"""A message: COUNT packets could not be decoded, or there was nothing at all."""
BROKEN_OFF = b"B"
"""A message: LENGTHS; it ends before it should."""
FRAME_HEADER = struct.Struct("<ddc")
"""Time code and length of the whole video in seconds (0: it does not say), and a Why."""
LENGTHS = struct.Struct("<dd")
"""Where it ends and where it should, in seconds."""
COUNT = struct.Struct("<I")

_BINS = 32
_ROUNDING = 1e-3  # seconds; time codes are fractions


class FrameReason(StrEnum):
    """Why a frame was taken."""

    SCENE = "s"
    KEY = "k"
    GOES_ON = "g"


class Chooser:
    """Sees all frames in their order, small and grey, and says which to take."""

    def __init__(self) -> None:
        self._last: NDArray[np.float64] | None = None  # histogram
        self._taken = -np.inf  # seconds

    def why(self, grey: NDArray[np.uint8], seconds: float, *, key: bool) -> FrameReason | None:
        """Why to take a frame, None where it is passed over; ``seconds`` is its time code."""
        histogram = np.bincount(grey.reshape(-1) // (256 // _BINS), minlength=_BINS) / max(1, grey.size)
        changed = np.inf if self._last is None else np.abs(histogram - self._last).sum() / 2
        self._last = histogram
        since = seconds - self._taken + _ROUNDING
        reason = None
        if changed > SCENE and since >= FLICKER:
            reason = FrameReason.SCENE
        elif key and since >= APART:
            reason = FrameReason.KEY
        elif since >= EVERY or since < -EVERY:  # a clock that was set back goes on from there
            reason = FrameReason.GOES_ON
        if reason is not None:
            self._taken = seconds
        return reason
