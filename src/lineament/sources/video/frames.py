"""Samples the frames of a video: the first of each scene, key frames, and some during a scene.

Also the messages in which the worker (``video.worker``) sends them.
"""

from __future__ import annotations

import struct
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

SCENE = 0.30
"""Share of the picture's light that changes between two frames when a scene begins."""
EVERY = 0.5
"""Seconds after which a frame is sampled although nothing has happened."""
APART = 0.2
"""Least seconds between a key frame and the previous sample: some videos consist of key frames."""
FLICKER = 0.08
"""Least seconds of a scene: a flash is not a new scene each time."""

LONGEST = 12 * 3600
"""Most seconds of video that are read."""

FRAME = b"F"
"""A message: FRAME_HEADER and a JPEG."""
DAMAGED = b"D"
"""A message: COUNT packets could not be decoded; 0 if there were no frames at all."""
BROKEN_OFF = b"B"
"""A message: LENGTHS; the video ends early."""
FRAME_HEADER = struct.Struct("<ddc")
"""Time code and length of the whole video in seconds (0: unknown), and a FrameReason."""
LENGTHS = struct.Struct("<dd")
"""Actual and expected end of the video, in seconds."""
COUNT = struct.Struct("<I")

_BINS = 32
_ROUNDING = 1e-3  # seconds; time codes are fractions


class FrameReason(StrEnum):
    """Why a frame was sampled."""

    SCENE = "s"
    KEY = "k"
    GOES_ON = "g"


class Chooser:
    """Chooses frames, given all of them in order, small and grey."""

    def __init__(self) -> None:
        self._last: NDArray[np.float64] | None = None  # histogram
        self._taken = -np.inf  # seconds

    def why(self, grey: NDArray[np.uint8], seconds: float, *, key: bool) -> FrameReason | None:
        """Return why to sample a frame, None to skip it; ``seconds`` is its time code."""
        histogram = np.bincount(grey.reshape(-1) // (256 // _BINS), minlength=_BINS) / max(1, grey.size)
        changed = np.inf if self._last is None else np.abs(histogram - self._last).sum() / 2
        self._last = histogram
        since = seconds - self._taken + _ROUNDING
        reason = None
        if changed > SCENE and since >= FLICKER:
            reason = FrameReason.SCENE
        elif key and since >= APART:
            reason = FrameReason.KEY
        elif since >= EVERY or since < -EVERY:  # a clock that was set back continues from there
            reason = FrameReason.GOES_ON
        if reason is not None:
            self._taken = seconds
        return reason
