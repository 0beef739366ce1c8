"""Probes of several searches, compared together: one pass over the codes costs less than one pass for each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lineament.index.among import Among
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

MOST = 64
"""Probes that are compared together, at most."""
Nearest = Callable[[Vectors, Sequence[tuple[int, Among]]], list[tuple[FaceIds, Scores]]]


@dataclass(slots=True)
class WaitingProbe:
    """A probe, shape (1, d), and what came of it."""

    probe: Vectors
    wanted: tuple[int, Among]
    turn: threading.Event = field(default_factory=threading.Event)  # it was compared, or is to compare those that wait
    found: tuple[FaceIds, Scores] | None = None
    error: BaseException | None = None


class Joined:
    """Compares whatever probes wait, by one thread at a time; no probe waits for further ones to come."""

    def __init__(self, nearest: Nearest) -> None:
        self._nearest = nearest
        self._lock = threading.Lock()
        self.waiting: list[WaitingProbe] = []  # those whose turn has not come
        self._comparing = False

    def nearest(self, probe: Vectors, most: int, among: Among) -> tuple[FaceIds, Scores]:
        """Return the ``most`` faces closest to a probe, shape (1, d), with their approximate scores."""
        mine = WaitingProbe(probe, (most, among))
        with self._lock:
            self.waiting.append(mine)
            leads, self._comparing = not self._comparing, True
        if not leads:
            mine.turn.wait()
        if mine.found is None and mine.error is None:
            self._compare()
        if mine.error is not None:
            raise mine.error
        assert mine.found is not None  # noqa: S101 - what _compare sees to
        return mine.found

    def _compare(self) -> None:
        """Compare those that wait, this thread's own among them, and let the first of the rest go on."""
        with self._lock:
            some, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
        try:
            probes = np.concatenate([waiting.probe for waiting in some])
            found = self._nearest(probes, [waiting.wanted for waiting in some])
            for waiting, its in zip(some, found, strict=True):
                waiting.found = its
        except BaseException as error:  # noqa: BLE001 - raised by those that wait, who must not wait for ever
            for waiting in some:
                waiting.error = error
        with self._lock:
            following = self.waiting[0] if self.waiting else None
            self._comparing = following is not None
        for waiting in some:
            waiting.turn.set()
        if following is not None:
            following.turn.set()
