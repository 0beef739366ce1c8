"""The clock of a workspace: it is not believed when it is behind what the ledger has recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from lineament.errors import ClockBehind, InvalidValue, Refused
from lineament.ledger.log import require_not_behind
from lineament.model.accounts import Permission
from lineament.model.events.ledger import ClockAccepted
from lineament.model.reasons import ReasonCode
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.db import Store

LOOK_EVERY = 5.0
"""Seconds after which the newest entry of the ledger is read again."""


class TrustedClock:
    """Returns the time, unless the clock is behind the newest entry of the ledger; any number of threads may use it.

    Under a clock that was set back, everything that ends by itself would live again: sources, retention, sessions,
    authorisations, urgent cases, training.
    """

    def __init__(self, clock: Callable[[], datetime], store: Store) -> None:
        self.unchecked = clock
        """Returns the time of the machine, UTC, whether it can be believed or not."""
        self._store = store
        self._newest: datetime | None = None
        self._given: datetime | None = None
        self._looked = -LOOK_EVERY
        self._looking = threading.Lock()

    def __call__(self) -> datetime:
        """Return the time now, UTC. Raises ClockBehind."""
        at = self.unchecked()
        self._check(at)
        return at

    def _check(self, at: datetime) -> None:
        goes_back = self._given is not None and at < self._given
        due = goes_back or time.monotonic() - self._looked >= LOOK_EVERY
        # One thread looks. The others go on with what is known: they may hold the connections that it waits for.
        if due and self._looking.acquire(blocking=self._given is None):
            try:
                with self._store.read() as tx:  # upkeep: a time is checked for every caller
                    self._newest = tx.ledger.newest_at()
                self._looked = time.monotonic()
            finally:
                self._looking.release()
        require_not_behind(at, self._newest)
        self._given = at


class AcceptClock:
    """The way out for a clock that was ahead, and is right now: somebody at the machine says so, on the record."""

    def __init__(self, record: Record, clock: TrustedClock) -> None:
        self._record = record
        self._clock = clock

    @needs(Permission.MACHINE)
    def accept(self, because: str) -> int:
        """Record that the clock is right although it is behind the newest entry; return the number of that entry.

        From then on this entry is the newest one, and its time the one that counts. Raises Refused if the clock is not
        behind, or InvalidValue without a reason.
        """
        if not because.strip():
            raise InvalidValue(what="The reason", value=because, why="write something")
        with replace(self._record, clock=self._clock.unchecked).change() as change:
            newest = change.tx.ledger.newest_at()
            try:
                require_not_behind(change.at, newest)
            except ClockBehind:
                assert newest is not None  # noqa: S101 - it was compared with the clock
                return change.record(ClockAccepted(newest=newest, because=because))
            raise Refused(ReasonCode.CLOCK_NOT_BEHIND.reason())
