"""PixelRoom for large pictures: how many of their pixels may be in use at once, over all threads."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

PATIENCE = 30.0
"""Seconds that a picture waits for room."""


class PixelRoom:
    """Bounds the pixels of the large pictures that are in use."""

    def __init__(self, most: int) -> None:
        """``most``: pixels; a single picture may always be used."""
        self._most = most
        self._used = 0
        self._holders: Counter[int] = Counter()  # pictures in use, by thread
        self._changed = threading.Condition(threading.RLock())  # a finaliser may run while this thread holds it

    def take(self, pixels: int) -> TakenRoom:
        """Wait until there is room for a picture, at most PATIENCE seconds.

        A thread that already holds one does not wait: two such threads would wait for each other. Nor does any wait for
        ever: it keeps a decoding process meanwhile, for which a thread with a picture may be waiting.
        """
        thread = threading.get_ident()
        with self._changed:
            self._changed.wait_for(
                lambda: not self._used or self._used + pixels <= self._most or self._holders[thread] > 0,
                PATIENCE,
            )
            self._used += pixels
            self._holders[thread] += 1
        return TakenRoom(self, pixels, thread)

    def give_back(self, pixels: int, thread: int) -> None:
        """Free the room of a picture that ``thread`` took."""
        with self._changed:
            self._used -= pixels
            self._holders[thread] -= 1
            if self._holders[thread] <= 0:
                del self._holders[thread]
            self._changed.notify_all()


@dataclass(frozen=True, slots=True, eq=False)
class TakenRoom:
    """The room of one picture."""

    of: PixelRoom
    pixels: int
    thread: int

    def give_back(self) -> None:
        """Free it, once."""
        self.of.give_back(self.pixels, self.thread)
