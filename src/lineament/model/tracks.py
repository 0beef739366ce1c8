"""Faces of one video, followed from frame to frame: who stays is one track, of which the best few faces are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Box, Vector

ALIKE = 0.5
"""Cosine of two templates from which on two faces of a video belong together wherever they are."""
ALIKE_NEARBY = 0.25
"""The same for two faces whose boxes overlap by NEARBY or more: one that turns or blurs in its place."""
NEARBY = 0.3
"""Intersection over union."""
PATIENCE = 2.0
"""Seconds that a face may be out of sight before its track ends."""
BEST = 3
"""Faces of a track that are kept."""
APART = 1.0
"""Seconds between two of them, at least."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting(Generic[Kept]):
    """A face in a frame."""

    seconds: float  # the frame's time code
    box: Box
    vector: Vector
    norm: float  # quality, higher is better
    kept: Kept  # whatever is to be enrolled, should this face be chosen


@dataclass(slots=True, eq=False)
class Track(Generic[Kept]):
    """One person, as long as in sight."""

    first: float  # seconds
    last: float
    seen: int  # frames
    best: list[Sighting[Kept]] = field(default_factory=list)  # in the order of time


class Tracker(Generic[Kept]):
    """Follows the faces of one video. It keeps no more than the best few faces of the tracks that are not over."""

    def __init__(self, *, best: int = BEST, apart: float = APART, patience: float = PATIENCE) -> None:
        """At most ``best`` faces a track, ``apart`` seconds from each other; see PATIENCE for ``patience``."""
        self._best, self._apart, self._patience = best, apart, patience
        self._open: list[_Open[Kept]] = []
        self._now = -np.inf

    def add(self, seconds: float, faces: Sequence[Sighting[Kept]]) -> list[Track[Kept]]:
        """The faces of the next frame; returns the tracks that are over. ValueError where time goes backwards."""
        if seconds < self._now:
            raise ValueError("frames come in the order of time")
        self._now = seconds
        over = [one.track for one in self._open if seconds - one.track.last > self._patience]
        self._open = [one for one in self._open if seconds - one.track.last <= self._patience]
        taken = self._assigned(faces)
        for at, face in enumerate(faces):
            if at not in taken:
                self._open.append(_Open(Track(seconds, seconds, 0), face))
                taken[at] = self._open[-1]
            taken[at].see(face, self._best, self._apart)
        return over

    def held(self) -> list[Sighting[Kept]]:
        """The faces that may still be kept: the best so far of the tracks that are not over."""
        return [face for one in self._open for face in one.track.best]

    def end(self) -> list[Track[Kept]]:
        """The tracks that were not over."""
        over, self._open = [one.track for one in self._open], []
        return over

    def _assigned(self, faces: Sequence[Sighting[Kept]]) -> dict[int, _Open[Kept]]:
        """For faces, by their place, the tracks that they go on; the surest pairs first, each track once."""
        if not faces or not self._open:
            return {}
        alike = np.array([one.mean for one in self._open]) @ np.array([face.vector for face in faces]).T
        nearby = np.array([[one.box.overlap(face.box) for face in faces] for one in self._open])
        sure = (alike >= ALIKE) | ((alike >= ALIKE_NEARBY) & (nearby >= NEARBY))
        score = np.where(sure, alike + nearby, -np.inf)
        pairs: dict[int, _Open[Kept]] = {}
        while np.isfinite(score.max()):
            track, face = np.unravel_index(int(score.argmax()), score.shape)
            pairs[int(face)] = self._open[track]
            score[track, :] = score[:, face] = -np.inf
        return pairs


class _Open(Generic[Kept]):
    """A track that may go on."""

    def __init__(self, track: Track[Kept], face: Sighting[Kept]) -> None:
        self.track = track
        self.box = face.box
        self._sum: NDArray[np.float64] = np.zeros(len(face.vector))

    @property
    def mean(self) -> NDArray[np.float64]:
        """The direction of the faces seen so far, newer ones counting more."""
        return self._sum / (np.linalg.norm(self._sum) or 1.0)

    def see(self, face: Sighting[Kept], best: int, apart: float) -> None:
        self.track.last = face.seconds
        self.track.seen += 1
        self.box = face.box
        self._sum = 0.8 * self._sum + face.vector
        self.track.best = chosen(self.track.best, face, best, apart)


def chosen(so_far: list[Sighting[Kept]], new: Sighting[Kept], best: int, apart: float) -> list[Sighting[Kept]]:
    """The best faces with ``new`` among them if it is good enough; the best of all is always kept."""
    rivals = [one for one in so_far if abs(one.seconds - new.seconds) < apart]
    if any(one.norm >= new.norm for one in rivals):
        return so_far
    left = [one for one in so_far if one not in rivals] + [new]
    left.sort(key=lambda one: -one.norm)
    return sorted(left[:best], key=lambda one: one.seconds)
