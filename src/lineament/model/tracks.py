"""Follows the faces of one video from frame to frame; the best few faces of each track are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Box, Vector

ALIKE = 0.5
"""The least cosine of two templates for two faces of a video to be one track, wherever they are in the frame."""
ALIKE_NEARBY = 0.25
"""The least cosine if their boxes overlap by NEARBY or more: a face that turns or blurs in its place."""
NEARBY = 0.3
"""Intersection over union."""
PATIENCE = 2.0
"""Seconds that a face may be invisible before its track ends."""
BEST = 3
"""Most faces of a track that are kept."""
APART = 1.0
"""Least seconds between two kept faces."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting(Generic[Kept]):
    """A face in a frame."""

    seconds: float  # the frame's time code
    box: Box
    vector: Vector
    norm: float  # quality, higher is better
    kept: Kept  # the caller's value, returned if this face is chosen


@dataclass(slots=True, eq=False)
class Track(Generic[Kept]):
    """One person, for as long as they are visible."""

    first: float  # seconds
    last: float
    seen: int  # frames
    best: list[Sighting[Kept]] = field(default_factory=list)  # in the order of time


class Tracker(Generic[Kept]):
    """Follows the faces of one video. It holds only the best few faces of the tracks that have not ended."""

    def __init__(self, *, best: int = BEST, apart: float = APART, patience: float = PATIENCE) -> None:
        """Keep at most ``best`` faces of a track, ``apart`` seconds from each other; see PATIENCE for ``patience``."""
        self._best, self._apart, self._patience = best, apart, patience
        self._active: list[_ActiveTrack[Kept]] = []
        self._now = -np.inf

    def add(self, seconds: float, faces: Sequence[Sighting[Kept]]) -> list[Track[Kept]]:
        """Add the faces of the next frame; return the tracks that ended. Raises ValueError if time goes backwards."""
        if seconds < self._now:
            raise ValueError("frames come in the order of time")
        self._now = seconds
        over = [active.track for active in self._active if seconds - active.track.last > self._patience]
        self._active = [active for active in self._active if seconds - active.track.last <= self._patience]
        assigned = self._assign(faces)
        for at, face in enumerate(faces):
            if at not in assigned:
                self._active.append(_ActiveTrack(Track(seconds, seconds, 0), face))
                assigned[at] = self._active[-1]
            assigned[at].see(face, self._best, self._apart)
        return over

    def open_sightings(self) -> list[Sighting[Kept]]:
        """Return the faces that may still be kept: the best so far of the tracks that have not ended."""
        return [face for active in self._active for face in active.track.best]

    def end(self) -> list[Track[Kept]]:
        """End the video; return the tracks that had not ended yet."""
        over, self._active = [active.track for active in self._active], []
        return over

    def _assign(self, faces: Sequence[Sighting[Kept]]) -> dict[int, _ActiveTrack[Kept]]:
        """Return the active track of each face, by position in ``faces``; the closest pairs are assigned first."""
        if not faces or not self._active:
            return {}
        alike = np.array([active.mean for active in self._active]) @ np.array([face.vector for face in faces]).T
        nearby = np.array([[active.box.overlap(face.box) for face in faces] for active in self._active])
        sure = (alike >= ALIKE) | ((alike >= ALIKE_NEARBY) & (nearby >= NEARBY))
        score = np.where(sure, alike + nearby, -np.inf)
        pairs: dict[int, _ActiveTrack[Kept]] = {}
        while np.isfinite(score.max()):
            track, face = np.unravel_index(int(score.argmax()), score.shape)
            pairs[int(face)] = self._active[track]
            score[track, :] = score[:, face] = -np.inf
        return pairs


class _ActiveTrack(Generic[Kept]):
    """A track that has not ended."""

    def __init__(self, track: Track[Kept], face: Sighting[Kept]) -> None:
        self.track = track
        self.box = face.box
        self._sum: NDArray[np.float64] = np.zeros(len(face.vector))

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean direction of the faces so far; newer ones count more."""
        return self._sum / (np.linalg.norm(self._sum) or 1.0)

    def see(self, face: Sighting[Kept], best: int, apart: float) -> None:
        self.track.last = face.seconds
        self.track.seen += 1
        self.box = face.box
        self._sum = 0.8 * self._sum + face.vector
        self.track.best = choose_best(self.track.best, face, best, apart)


def choose_best(so_far: list[Sighting[Kept]], new: Sighting[Kept], best: int, apart: float) -> list[Sighting[Kept]]:
    """Return the best faces, with ``new`` among them if it is good enough; the best of all is always kept."""
    rivals = [sighting for sighting in so_far if abs(sighting.seconds - new.seconds) < apart]
    if any(sighting.norm >= new.norm for sighting in rivals):
        return so_far
    left = [sighting for sighting in so_far if sighting not in rivals] + [new]
    left.sort(key=lambda sighting: -sighting.norm)
    return sorted(left[:best], key=lambda sighting: sighting.seconds)
