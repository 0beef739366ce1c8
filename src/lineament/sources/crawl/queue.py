"""The queue of a crawl: hosts with waiting addresses take turns, with one request to each at a time."""

from __future__ import annotations

import time

from lineament.sources.crawl.rows import QueuedAddress
from lineament.sources.crawl.state import CrawlState
from lineament.sources.permission.policy import HostPolicy

SOON = 5.0
"""Longest pause in seconds for which a host's next address is taken early, because Scrapy polls no more often."""
_WORTH_KEEPING = 60.0  # seconds of rest that the next process should know about


class CrawlQueue:
    """The hosts of a crawl, in the order of their next requests."""

    def __init__(self, state: CrawlState, policy: HostPolicy) -> None:
        """Load the pauses that hosts asked an earlier process for."""
        self._state, self._policy = state, policy
        self._waiting = dict.fromkeys(state.hosts())
        self._under_way: set[str] = set()
        self.given_up: dict[str, None] = {}
        for host, until in state.resting().items():
            policy.leave_alone(host, until)

    def next(self) -> QueuedAddress | None:
        """Return the next address to request, now or soon."""
        self._add_fresh()
        while (host := self._turn()) is not None:
            del self._waiting[host]
            ask = self._state.next(host)
            if ask is not None:
                self._waiting[host] = None  # behind the others
                self._under_way.add(host)
                return ask
        return None

    def has_more(self) -> bool:
        """Return whether any address is waiting or being requested."""
        self._add_fresh()
        return bool(self._waiting or self._under_way)

    def came_back(self, host: str) -> None:
        """Note that an address of a host is done; the policy already knows the outcome."""
        self._under_way.discard(host)
        now = time.time()
        rest = self._policy.wait(host, now)
        if rest > _WORTH_KEEPING:
            self._state.leave_alone(host, now + rest)
        if self._policy.has_given_up(host):
            self.given_up[host] = None
            self._waiting.pop(host, None)

    def _turn(self) -> str | None:
        """Return the first host that may get a request now, or else the one that may get it soonest."""
        soonest, shortest, now = None, SOON, time.time()
        for host in self._waiting:
            if host in self._under_way:
                continue
            wait = self._policy.wait(host, now)
            if wait <= 0:
                return host
            if wait < shortest:
                soonest, shortest = host, wait
        return soonest

    def _add_fresh(self) -> None:
        """Add the hosts with new addresses."""
        while self._state.fresh:
            host = self._state.fresh.pop()
            if host not in self.given_up:
                self._waiting.setdefault(host, None)
