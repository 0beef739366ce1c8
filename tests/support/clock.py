"""The clock of a workspace under test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = NOON.date()
TICK = timedelta(milliseconds=1)


@dataclass(slots=True)
class Clock:
    """A clock that a test moves. It stands still, or advances by ``tick`` at each call."""

    at: datetime = NOON
    tick: timedelta = timedelta()

    def __call__(self) -> datetime:
        self.at += self.tick
        return self.at

    def advance(self, **by: float) -> None:
        """Move the clock by a timedelta of these arguments, such as ``days=1``."""
        self.at += timedelta(**by)
