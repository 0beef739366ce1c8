"""Whose turn it is in a crawl: one address of a host at a time, and none of a host that is to be left alone."""

from __future__ import annotations

import time

from lineament.sources.crawl.plan import Crawl
from lineament.sources.crawl.rows import Ask
from lineament.sources.crawl.state import SiteState

LONGEST_BACK_OFF = 600.0
"""Seconds that a host is left alone after it has failed, if it does not ask for more."""
GIVEN_UP = 10
"""Failures in a row after which a host is left alone for the rest of the run."""
_WORTH_KEEPING = 60.0  # seconds of rest that the next process should know of


class Queue:
    """The hosts of a crawl, and when each may be asked next."""

    def __init__(self, state: SiteState, crawl: Crawl) -> None:
        self._state, self._delay = state, crawl.delay
        self._waiting = dict.fromkeys(state.hosts())
        self._resting = state.resting()
        self._busy: set[str] = set()
        self._failures: dict[str, int] = {}
        self._paces: dict[str, float] = {}
        self.given_up: dict[str, None] = {}

    def next(self) -> Ask | None:
        """The next address that may be asked for now."""
        self._listen()
        now = time.time()
        for host in list(self._waiting):
            if host in self._busy or self._resting.get(host, 0.0) > now:
                continue
            del self._waiting[host]
            ask = self._state.next(host)
            if ask is not None:
                self._waiting[host] = None  # behind the others
                self._busy.add(host)
                return ask
        return None

    def has_more(self) -> bool:
        """Whether any host is asked, or has something left."""
        self._listen()
        return bool(self._waiting or self._busy)

    def pace(self, host: str, seconds: float) -> None:
        """Leave so much time between two requests to a host, for it wants that."""
        self._paces[host] = max(seconds, self._paces.get(host, 0.0))

    def came_back(self, host: str, *, failed: bool, rest: float = 0.0) -> None:
        """A host has answered, or not. It is left alone for ``rest`` seconds, and longer if it has failed."""
        self._busy.discard(host)
        failures = self._failures[host] = self._failures.get(host, 0) + 1 if failed else 0
        if failed:
            rest = max(rest, min(max(self._delay, 0.1) * 2**failures, LONGEST_BACK_OFF))
        if self._paces.get(host, 0.0) > self._delay:
            rest = max(rest, self._paces[host])
        if rest:
            self._resting[host] = time.time() + rest
        if rest > _WORTH_KEEPING:
            self._state.rest(host, self._resting[host])
        if failures >= GIVEN_UP:
            self.given_up[host] = None
            self._waiting.pop(host, None)

    def _listen(self) -> None:
        """Hear of the hosts of which an address has been added."""
        while self._state.fresh:
            host = self._state.fresh.pop()
            if host not in self.given_up:
                self._waiting.setdefault(host, None)
