"""Moving windows: how often each client did something lately. In memory, or shared by the processes of a workspace."""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from lineament.errors import TooManyAttempts
from lineament.store.db import Store

MOST_CLIENTS = 20_000
"""Clients that are remembered; beyond them the one that was idle longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How often a client may do something."""

    name: str
    most: int
    seconds: float  # within which it may be done so often
    why: str  # it is refused beyond that


class Windows(Protocol):
    """Counts what clients do."""

    shared: bool
    """Whether other processes count as well, so that counting may take a moment."""

    def count(self, limit: Limit, client: str) -> str:
        """Count once; return an id by which it can be taken back. Raises TooManyAttempts, and then counts nothing."""

    def require_left(self, limit: Limit, client: str) -> None:
        """Raise TooManyAttempts if the client may not do it once more now."""

    def take_back(self, limit: Limit, client: str, counted: str) -> None:
        """Count something no longer."""


class MemoryWindows:
    """The windows of one process."""

    shared = False

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[str, OrderedDict[str, dict[str, float]]] = {}  # when, by limit, client and id
        self._ids = map(str, itertools.count())

    def count(self, limit: Limit, client: str) -> str:
        """Count once; see Windows."""
        with self._lock:
            self._require_left(limit, client)
            clients = self._counted.setdefault(limit.name, OrderedDict())
            new = next(self._ids)
            clients.setdefault(client, {})[new] = self._clock().timestamp()
            clients.move_to_end(client)
            if len(clients) > MOST_CLIENTS:
                clients.popitem(last=False)
            return new

    def require_left(self, limit: Limit, client: str) -> None:
        """Raise TooManyAttempts if the client may not do it once more now."""
        with self._lock:
            self._require_left(limit, client)

    def take_back(self, limit: Limit, client: str, counted: str) -> None:
        """Count something no longer."""
        with self._lock:
            self._times(limit, client).pop(counted, None)

    def _require_left(self, limit: Limit, client: str) -> None:
        times, now = self._times(limit, client), self._clock().timestamp()
        for old in [id_ for id_, time in times.items() if now - time >= limit.seconds]:
            del times[old]
        if len(times) >= limit.most:
            raise _too_many(limit, min(times.values()) + limit.seconds - now)

    def _times(self, limit: Limit, client: str) -> dict[str, float]:
        clients = self._counted.get(limit.name)
        return {} if clients is None else clients.get(client, {})


class StoredWindows:
    """The windows of all processes of a workspace, in its database.

    A client that was refused is refused from memory until it may do it again, so that a flood costs no transactions.
    """

    shared = True

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._full: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def count(self, limit: Limit, client: str) -> str:
        """Count once; see Windows."""
        now = self._require_unknown(limit, client)
        with self._store.begin_aside() as tx:
            until = now + timedelta(seconds=limit.seconds)
            counted = tx.short_lived.count(limit.name, client, limit.most, now, until)
        if isinstance(counted, datetime):
            raise self._refusal(limit, client, counted, now)
        return counted

    def require_left(self, limit: Limit, client: str) -> None:
        """Raise TooManyAttempts if the client may not do it once more now."""
        now = self._require_unknown(limit, client)
        with self._store.read() as tx:  # upkeep: strangers belong to no agency
            full = tx.short_lived.full_until(limit.name, client, limit.most, now)
        if full is not None:
            raise self._refusal(limit, client, full, now)

    def take_back(self, limit: Limit, client: str, counted: str) -> None:
        """Count something no longer."""
        with self._store.begin_aside() as tx:
            tx.short_lived.take_back(counted)
        self._full.pop((limit.name, client), None)

    def _require_unknown(self, limit: Limit, client: str) -> datetime:
        """Return the time. Raises TooManyAttempts if the client was refused already, and until later than that."""
        now = self._clock()
        full = self._full.get((limit.name, client), now)
        if full > now:
            raise _too_many(limit, (full - now).total_seconds())
        return now

    def _refusal(self, limit: Limit, client: str, until: datetime, now: datetime) -> TooManyAttempts:
        self._full[limit.name, client] = until
        if len(self._full) > MOST_CLIENTS:
            self._full.popitem(last=False)
        return _too_many(limit, (until - now).total_seconds())


def _too_many(limit: Limit, seconds: float) -> TooManyAttempts:
    return TooManyAttempts(why=limit.why, seconds=max(1, math.ceil(seconds)))
